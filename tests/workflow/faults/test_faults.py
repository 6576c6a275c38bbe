"""What goes wrong around a run ends in a message that names what to do, and then the run finishes."""

import os
import shutil
import signal
import subprocess
import threading
import time
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from copies import TINY, Copy
from jobs import POLL_S, find_jobs
from safetensors.numpy import load_file
from stembench.planning import Layout
from stembench.products import sha256

LAYOUT = Layout("tiny")
SHARD = LAYOUT.shard.path(dataset="physical", split="train", shard="00000")
NETWORK = {"network": "atomid_net", "task": "localise", "dataset": "physical", "seed": 0}
MODEL, TRAINED = LAYOUT.model.path(**NETWORK), LAYOUT.weights.path(**NETWORK)
IMAGE, ARCHIVE = LAYOUT.lab_image.path(image="mine"), LAYOUT.archive.path(distribution="mine")
GOLD = {"material": "Au", "zone": "001"}
EPOCHS = 60  # long enough to be interrupted in

thorough = partial(pytest.param, marks=pytest.mark.thorough)


def told(done: subprocess.CompletedProcess, *parts: str) -> None:
    """It failed, and said what is wrong and what to do, and nothing of where in the code."""
    assert done.returncode != 0
    assert "Traceback" not in done.stdout, done.stdout[-8000:]
    for part in parts:
        assert part in done.stdout, done.stdout[-8000:]


def finishes(copy: Copy, *targets: str, config: Path = TINY) -> None:
    done = copy.run(*targets, config=config)
    assert done.returncode == 0, done.stdout[-8000:]


@contextmanager
def mounted(folder: Path, kib: int):
    """A small disk of its own."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield partial(remount, folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)


def kib_used(folder: Path) -> int:
    return shutil.disk_usage(folder).used // 1024


@pytest.fixture(scope="session")
def long_training(tmp_path_factory) -> Path:
    """The tiny configuration with trainings of many epochs."""
    settings = yaml.safe_load(TINY.read_text())
    scale = settings["scales"]["tiny"]
    scale["epochs"] = EPOCHS
    scale["samples_seen"] = {task: 80 * EPOCHS for task in scale["samples_seen"]}
    path = tmp_path_factory.mktemp("config") / "long.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory, repository, long_training) -> Copy:
    """A copy in which a network has been trained."""
    copy = Copy(tmp_path_factory.mktemp("made"), repository)
    finishes(copy, TRAINED, config=long_training)
    return copy


@pytest.fixture
def mine(made, tmp_path) -> Copy:
    """The same for one test alone."""
    shutil.copytree(made.folder, tmp_path / "mine")
    return Copy(tmp_path / "mine")


@pytest.fixture
def untrained(mine) -> Copy:
    """The same before the training."""
    shutil.rmtree(mine.folder / MODEL)
    return mine


def wait_for(found, process: subprocess.Popen):
    while not (seen := found()):
        assert process.poll() is None, "it ended before"
        time.sleep(POLL_S)
    return seen


def checkpoints(copy: Copy) -> list[Path]:
    return list((copy.folder / MODEL).glob("checkpoints/*/last.ckpt"))


def kill_in_training(copy: Copy, config: Path) -> Path:
    """SIGKILL a training after an epoch; return its checkpoint."""
    snakemake = copy.start(TRAINED, config=config)
    (checkpoint,) = wait_for(lambda: checkpoints(copy), snakemake)
    (job,) = find_jobs(copy.folder, {})
    assert job.kill()
    snakemake.communicate()
    return checkpoint


def flip(path: Path, count: int = 1) -> None:
    """Turn some bytes in the middle of a file over."""
    content = bytearray(path.read_bytes())
    middle = slice(len(content) // 2, len(content) // 2 + count)
    content[middle] = bytes(byte ^ 0xFF for byte in content[middle])
    path.write_bytes(content)


def same_training(copy: Copy, made: Copy) -> None:
    found, expected = (load_file(one.folder / TRAINED) for one in (copy, made))
    assert set(found) == set(expected)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_full_disk_is_told(tmp_path, repository):
    folder = tmp_path / "small"
    with mounted(folder, 50_000) as remount:
        copy = Copy(folder, repository)
        remount(f"size={kib_used(folder) + 450}k")
        told(copy.run(SHARD), f"{SHARD}: cannot be written (No space left on device); free space and run again")
        remount(f"size={kib_used(folder) + 100}k")
        told(copy.run(SHARD), f"{folder}: the disk is full; free space and run again")
        remount("size=50000k")
        finishes(copy, SHARD)


@pytest.mark.thorough
def test_a_disk_that_fills_up_while_a_network_trains_is_told(untrained, made, long_training):
    with mounted(untrained.folder / MODEL, 24) as remount:
        told(untrained.run(TRAINED, config=long_training), ".ckpt: cannot be written (No space left on device)")
        remount("size=50000k")
        finishes(untrained, TRAINED, config=long_training)
        same_training(untrained, made)


@pytest.mark.parametrize("part", ["results", thorough(""), thorough(f"{LAYOUT.folder}/datasets")])
def test_a_read_only_disk_is_told(tmp_path, repository, part):
    copy = Copy(tmp_path / "whole", repository) if part else None
    folder = tmp_path / "whole" / part
    folder.parent.mkdir(exist_ok=True, parents=True)
    with mounted(folder, 50_000) as remount:
        copy = copy or Copy(folder, repository)
        remount("ro")
        told(copy.run(SHARD), f"{folder}: is read-only; make it writable and run again")
        remount("rw")
        finishes(copy, LAYOUT.projection.path(**GOLD))


class Index(SimpleHTTPRequestHandler):
    """An index of packages, which hands out the first half of each while it is `truncating`."""

    truncating = True

    def copyfile(self, source, outputfile):
        content = source.read()
        outputfile.write(content[: len(content) // 2] if self.truncating and self.path.endswith(".whl") else content)

    def log_message(self, *_):
        pass


@pytest.fixture
def wheel(tmp_path) -> tuple[Path, Path]:
    """A package with a lab image, and a configuration that fetches it."""
    image, path = tmp_path / "image.tif", tmp_path / "index" / "images" / "images-1.0-py3-none-any.whl"
    path.parent.mkdir(parents=True)
    tifffile.imwrite(image, np.random.default_rng(0).random((256, 256), np.float32))
    with zipfile.ZipFile(path, "w") as opened:
        opened.write(image, "image.tif")
        opened.writestr("images-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: images\nVersion: 1.0\n")
        opened.writestr("images-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    entry = {"requirement": "images==1.0", "file": path.name, "licence": "none", "sha256": sha256(path)}
    settings = yaml.safe_load(TINY.read_text())
    shown = {"distribution": "mine", "file": "image.tif", "pixel_size_A": 0.1}
    settings["lab"] = {"distributions": {"mine": entry}, "images": {"mine": shown}}
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump(settings))
    return path, config


def test_a_truncated_download_is_told_and_fetched_again(copy, wheel, monkeypatch):
    path, config = wheel
    server = HTTPServer(("127.0.0.1", 0), partial(Index, directory=path.parents[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    fetched = copy.folder / ARCHIVE
    try:
        told(copy.run(IMAGE, config=config), "could not be downloaded", "run again", f"images/{path.name}")
        assert not fetched.exists()
        monkeypatch.setattr(Index, "truncating", False)
        finishes(copy, IMAGE, config=config)
    finally:
        server.shutdown()
    assert fetched.read_bytes() == path.read_bytes()


@pytest.mark.thorough
def test_a_truncated_file_in_images_is_told(copy, wheel):
    path, config = wheel
    put = copy.folder / "images" / path.name
    put.write_bytes(path.read_bytes()[:-1000])
    told(copy.run(IMAGE, config=config), f"{path.name}: SHA-256 is", f"delete images/{path.name}")
    shutil.copy(path, put)
    finishes(copy, IMAGE, config=config)


@pytest.mark.thorough
def test_an_archive_that_was_damaged_later_is_told(copy, wheel):
    path, config = wheel
    shutil.copy(path, copy.folder / "images")
    finishes(copy, IMAGE, config=config)
    fetched = copy.folder / ARCHIVE
    os.truncate(fetched, 1000)
    told(copy.run(IMAGE, config=config), "mine.archive is damaged", "delete", "run again")
    fetched.unlink()
    finishes(copy, IMAGE, config=config)


@pytest.mark.parametrize(
    "name", ["data.zarr/image/c/0/0/0", thorough("columns.parquet"), thorough("data.zarr/zarr.json")]
)
def test_a_damaged_shard_is_told_and_made_again(untrained, made, long_training, name):
    flip(untrained.folder / SHARD / name)
    told(untrained.run(TRAINED, config=long_training), f"{SHARD}/{name} is damaged", f"delete {SHARD} and run again")
    shutil.rmtree(untrained.folder / SHARD)
    finishes(untrained, TRAINED, config=long_training)
    assert (untrained.folder / SHARD / name).read_bytes() == (made.folder / SHARD / name).read_bytes()
    same_training(untrained, made)


@pytest.mark.thorough
def test_damaged_weights_are_told_and_trained_again(mine, made, long_training):
    flip(mine.folder / TRAINED)
    shown = LAYOUT.validation_examples.path(**NETWORK)
    told(mine.run(shown, config=long_training), f"{TRAINED} is damaged", f"delete {MODEL} and run again")
    shutil.rmtree(mine.folder / MODEL)
    finishes(mine, shown, config=long_training)
    same_training(mine, made)


def test_a_damaged_checkpoint_is_set_aside_and_its_training_begins_anew(untrained, made, long_training):
    checkpoint = kill_in_training(untrained, long_training)
    flip(checkpoint, 64)  # more than what fills up between its records, which no checksum covers
    done = untrained.run(TRAINED, config=long_training)
    told(done, "last.ckpt is damaged and was set aside", "run again, and this training begins anew")
    finishes(untrained, TRAINED, config=long_training)
    same_training(untrained, made)


def test_inputs_dated_in_the_future_are_told_and_the_run_finishes(copy):
    cif = copy.folder / "structures" / "Au.cif"
    os.utime(cif, (time.time() + 86400,) * 2)
    wanted = LAYOUT.structure_figure.path(**GOLD)
    done = copy.run(wanted)
    assert done.returncode == 0, done.stdout[-8000:]
    assert "structures/Au.cif the first, were dated in the future" in done.stdout
    assert "set the clocks" in done.stdout
    assert "Nothing to be done" in copy.run(wanted).stdout


@pytest.mark.thorough
def test_a_clock_that_went_back_in_the_middle_of_a_run_makes_nothing_anew(untrained, made, long_training):
    """What was made before is dated in the future."""
    shard = untrained.folder / SHARD
    before = (shard / "samples.parquet").stat().st_ino
    for path in (untrained.folder / "results").rglob("*"):
        os.utime(path, (path.stat().st_mtime + 86400,) * 2)
    finishes(untrained, TRAINED, config=long_training)
    assert (shard / "samples.parquet").stat().st_ino == before, "made anew"
    assert "Nothing to be done" in untrained.run(TRAINED, config=long_training).stdout
    same_training(untrained, made)


def test_a_second_run_in_one_folder_is_refused_and_the_first_one_finishes(copy):
    first = copy.start(SHARD)
    wait_for(lambda: find_jobs(copy.folder, {}), first)
    told(copy.run(SHARD), "Directory cannot be locked", "no other Snakemake process", "--unlock")
    printed, _ = first.communicate()
    assert first.returncode == 0, printed
    assert "Nothing to be done" in copy.run(SHARD).stdout


def test_ctrl_c_in_training_is_told_and_the_next_call_goes_on(untrained, made, long_training):
    # What a shell runs in the background is deaf to Ctrl-C, and so is all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    snakemake = untrained.start(TRAINED, config=long_training)
    (checkpoint,) = wait_for(lambda: checkpoints(untrained), snakemake)
    os.killpg(snakemake.pid, signal.SIGINT)
    printed, _ = snakemake.communicate()
    told(
        subprocess.CompletedProcess([], snakemake.returncode, printed), "interrupted in epoch", "the next call goes on"
    )
    assert checkpoint.exists()
    assert not (untrained.folder / TRAINED).exists()
    finishes(untrained, TRAINED, config=long_training)
    log = untrained.folder / LAYOUT.log("train_network", "atomid_net_localise_physical_seed0")
    assert "going on from" in log.read_text()
    same_training(untrained, made)
