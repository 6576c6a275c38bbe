import hashlib
import os
import tarfile
import zipfile

import pytest
from stembench.config import Distribution, LabImage
from stembench.errors import InputError
from stembench.lab import fetching


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "offered" / "images-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images/one.txt", "an image")
    return path


def distribution(path, sha256=None):
    digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
    return Distribution(requirement="images==1.0", file=path.name, sha256=digest)


def test_an_offered_file_is_taken_without_a_network(wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "download_file", lambda *_: pytest.fail("the index was asked"))
    fetching.fetch_distribution(distribution(wheel), tmp_path / "archive", wheel.parent)
    assert (tmp_path / "archive").read_bytes() == wheel.read_bytes()
    fetching.extract(tmp_path / "archive", "images/one.txt", tmp_path / "one.txt")
    assert (tmp_path / "one.txt").read_text() == "an image"


def test_a_wrong_hash_stops_it(wheel, tmp_path):
    with pytest.raises(InputError, match="SHA-256"):
        fetching.fetch_distribution(distribution(wheel, "0" * 64), tmp_path / "archive", wheel.parent)
    assert not (tmp_path / "archive").exists()


def test_a_truncated_file_is_told_where_it_lies(wheel, tmp_path):
    wanted = distribution(wheel)
    wheel.write_bytes(wheel.read_bytes()[:-20])
    with pytest.raises(InputError, match=f"not whole.*delete {wheel} and run again"):
        fetching.fetch_distribution(wanted, tmp_path / "archive", wheel.parent)
    assert not (tmp_path / "archive").exists()


def test_a_damaged_archive_is_named(wheel, tmp_path):
    content = bytearray(wheel.read_bytes())
    content[content.index(b"an image")] ^= 1
    for spoilt in (content, content[:-30], b""):
        wheel.write_bytes(spoilt)
        with pytest.raises(InputError, match=f"{wheel.name} is damaged.*delete"):
            fetching.extract(wheel, "images/one.txt", tmp_path / "one.txt")


def test_without_a_network_it_says_which_file_to_put_where(wheel, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(InputError, match=r"file of images 1\.0 on PyPI\) and put it at") as refused:
        fetching.fetch_distribution(distribution(wheel), tmp_path / "archive", tmp_path / "images")
    assert str(tmp_path / "images" / wheel.name) in str(refused.value)


def test_a_file_of_the_index_that_pip_is_configured_with_is_fetched_and_checked(wheel, tmp_path, monkeypatch):
    project = tmp_path / "simple" / "images"
    project.mkdir(parents=True)
    (project / "index.html").write_text(f'<a href="../../offered/{wheel.name}#sha256=0">{wheel.name}</a>')
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    fetching.fetch_distribution(distribution(wheel), tmp_path / "archive", tmp_path / "images")
    assert (tmp_path / "archive").read_bytes() == wheel.read_bytes()
    with pytest.raises(InputError, match=r"SHA-256.*put the file at"):
        fetching.fetch_distribution(distribution(wheel, "0" * 64), tmp_path / "other", tmp_path / "images")
    assert not (tmp_path / "other").exists()


def test_a_source_distribution_is_read_like_a_wheel(tmp_path):
    (tmp_path / "one.txt").write_text("an image")
    with tarfile.open(tmp_path / "archive", "w:gz") as archive:
        archive.add(tmp_path / "one.txt", "images-1.0/one.txt")
    fetching.extract(tmp_path / "archive", "images-1.0/one.txt", tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "an image"
    with pytest.raises(InputError, match=r"two\.txt"):
        fetching.extract(tmp_path / "archive", "images-1.0/two.txt", tmp_path / "out.txt")


def test_a_missing_member_is_named(wheel, tmp_path):
    with pytest.raises(InputError, match=r"two\.txt"):
        fetching.extract(wheel, "images/two.txt", tmp_path / "two.txt")


def test_every_missing_file_of_ones_own_is_named_with_its_key(tmp_path):
    (tmp_path / "there.tif").touch()
    images = {
        "fetched": LabImage(file="a/image.dm3", distribution="temul"),
        "first": LabImage(file="there.tif", columns="first.csv"),
        "second": LabImage(file="second.tif"),
    }
    with pytest.raises(InputError) as refused:
        fetching.check_own_files(images, tmp_path)
    for part in ("lab.images.first.columns", "first.csv", "lab.images.second.file", "second.tif", "put it into"):
        assert part in str(refused.value)
    for part in ("there.tif", "fetched"):
        assert part not in str(refused.value)
    (tmp_path / "first.csv").touch()
    (tmp_path / "second.tif").touch()
    fetching.check_own_files(images, tmp_path)


def tar_with_ways_out(path):
    with tarfile.open(path, "w:gz") as archive:
        for name in ("../escaped.txt", "/tmp/escaped.txt", "images/../../escaped.txt"):
            archive.addfile(tarfile.TarInfo(name))
        for name, target in (("images/absolute", "/etc/passwd"), ("images/up", "../../secret.txt")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)


def test_a_member_is_written_to_its_destination_wherever_it_points(tmp_path):
    inside = tmp_path / "inside" / "deeper"
    inside.mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    tar_with_ways_out(inside / "archive")
    fetching.extract(inside / "archive", "../escaped.txt", inside / "out.txt")
    for member in ("images/absolute", "images/up"):
        with pytest.raises(InputError, match="does not hold"):
            fetching.extract(inside / "archive", member, inside / "out.txt")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["archive", "deeper", "inside", "out.txt", "secret.txt"]


def test_a_member_that_unpacks_to_more_than_an_image_takes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "MAX_BYTES", 2**20)
    with zipfile.ZipFile(tmp_path / "archive", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(2**20 + 1))
    with pytest.raises(InputError, match="unpacked"):
        fetching.extract(tmp_path / "archive", "bomb", tmp_path / "out")
    assert not (tmp_path / "out").exists()
