"""Indexes on this machine, honest and hostile ones, and the file that is asked of them."""

import base64
import io
import json
import os
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from stembench.lab import package_index
from stembench.lab.package_index import download_file

FILE = "some-images-1.0.tar.gz"
CONTENT = b"an archive"
HTML, JSON = "text/html", "application/vnd.pypi.simple.v1+json"
PROJECT = "/simple/some-images/"


class Index:
    """A server that gives prepared answers (status, headers, body) by path and notes what it was asked."""

    def __init__(self):
        answers, asked = {f"/files/{FILE}": (200, {}, CONTENT)}, []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append((self.path, self.headers.get("Authorization")))
                answer = answers.get(self.path, (404, {}, b""))
                status, headers, body = answer() if callable(answer) else answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.answers, self.asked = answers, asked
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # a client that hung up
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/simple"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def lists(self, link, kind=HTML, name=FILE):
        text = f'<a href="{link}">{name}</a>'
        if kind == JSON:
            text = json.dumps(
                {"meta": {"api-version": "1.0"}, "files": [{"filename": name, "url": link, "hashes": {}}]}
            )
        self.answers[PROJECT] = (200, {"Content-Type": kind}, text.encode())


@pytest.fixture
def start_index():
    started = []

    def start() -> Index:
        started.append(Index())
        return started[-1]

    yield start
    for index in started:
        index.server.shutdown()
        index.server.server_close()


@pytest.fixture
def index(start_index):
    return start_index()


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    """Downloads FILE by settings that stand for pip's."""
    monkeypatch.setattr(package_index, "_PAUSE_S", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    def fetched(**settings) -> bytes:
        given = {key.replace("_", "-"): value for key, value in settings.items()}
        monkeypatch.setattr(package_index, "_pip_settings", lambda: given)
        download_file("Some_images", FILE, tmp_path / "fetched")
        return (tmp_path / "fetched").read_bytes()

    return fetched


@pytest.mark.parametrize("kind", [HTML, JSON])
@pytest.mark.parametrize("link", [f"../../files/{FILE}#sha256=0", f"/files/{FILE}"])
def test_a_file_is_found_in_the_list_of_its_project(index, fetch, kind, link):
    index.lists(link, kind)
    assert fetch(index_url=index.url) == CONTENT


def test_a_file_that_ends_early_is_told(index, fetch):
    index.lists(f"/files/{FILE}")
    index.answers[f"/files/{FILE}"] = (200, {"Content-Length": str(len(CONTENT) + 5)}, CONTENT)
    with pytest.raises(OSError, match="ended 5 bytes early"):
        fetch(index_url=index.url)


def test_links_start_from_the_base_that_a_page_names(index, fetch):
    index.answers[PROJECT] = (200, {"Content-Type": HTML}, f'<base href="/files/"><a href="{FILE}">x</a>'.encode())
    assert fetch(index_url=f"{index.url}/") == CONTENT


def test_links_start_from_where_the_index_moved_to(index, fetch):
    index.lists(FILE)
    index.answers["/moved/list"] = index.answers[PROJECT]
    index.answers[f"/moved/{FILE}"] = (200, {}, CONTENT)
    index.answers[PROJECT] = (301, {"Location": "/moved/list"}, b"")
    assert fetch(index_url=index.url) == CONTENT


def test_nothing_of_a_source_distribution_is_run(index, fetch, tmp_path):
    trace = tmp_path / "trace"
    script = f"open({str(trace)!r}, 'w').write('run')".encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("some-images-1.0/setup.py")
        member.size = len(script)
        archive.addfile(member, io.BytesIO(script))
    index.lists(f"/files/{FILE}")
    index.answers[f"/files/{FILE}"] = (200, {}, packed.getvalue())
    assert fetch(index_url=index.url) == packed.getvalue()
    assert not trace.exists()


@pytest.mark.parametrize("name", [f"x{FILE}", f"{FILE}.asc", f"{FILE}/", FILE.upper(), f"..%2f{FILE}"])
def test_a_file_of_another_name_is_not_taken(index, fetch, name):
    index.lists(f"/files/{name}", name=name)
    index.answers[f"/files/{name}"] = (200, {}, CONTENT)
    with pytest.raises(OSError, match=f"lists no {FILE}"):
        fetch(index_url=index.url)


@pytest.mark.parametrize("kind", [HTML, JSON])
def test_an_index_cannot_lead_to_files_of_this_machine(index, fetch, tmp_path, kind):
    secret = tmp_path / FILE
    secret.write_text("secret")
    for address in (secret.as_uri(), f"ftp://127.0.0.1/{FILE}", f"data:,x/{FILE}"):
        index.lists(address, kind)
        with pytest.raises(OSError, match="not followed"):
            fetch(index_url=index.url)
    for moved in (secret.as_uri(), f"ftp://127.0.0.1/{FILE}"):
        index.lists(f"/files/{FILE}", kind)
        index.answers[f"/files/{FILE}"] = (302, {"Location": moved}, b"")
        with pytest.raises(OSError, match=r"not allowed|unknown url type"):
            fetch(index_url=index.url)
        index.answers[PROJECT] = index.answers[f"/files/{FILE}"]
        with pytest.raises(OSError, match=r"not allowed|unknown url type"):
            fetch(index_url=index.url)


def test_answers_without_end_are_cut_off(index, fetch, monkeypatch):
    monkeypatch.setattr(package_index, "MAX_LIST_BYTES", 1000)
    monkeypatch.setattr(package_index, "MAX_FILE_BYTES", 1000)
    index.lists(f"/files/{FILE}")
    index.answers[f"/files/{FILE}"] = (200, {}, bytes(1001))
    with pytest.raises(OSError, match="takes more than 1,000 bytes"):
        fetch(index_url=index.url)
    index.answers[PROJECT] = (200, {"Content-Type": HTML}, bytes(1001))
    with pytest.raises(OSError, match=r"list of files takes more than 1,000 bytes"):
        fetch(index_url=index.url)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"files": 3}', b'{"files": [3]}', b'{"files": [{}]}', b"[" * 100_000]
)
def test_json_that_lists_no_files_is_told(index, fetch, body):
    index.answers[PROJECT] = (200, {"Content-Type": JSON}, body)
    with pytest.raises(OSError, match="no list of files"):
        fetch(index_url=index.url)


@pytest.mark.parametrize("link", [f"http://[/{FILE}", f"http://127.0.0.1:port/{FILE}", f"http:///{FILE}"])
def test_an_address_that_is_none_is_told(index, fetch, link):
    index.lists(link)
    with pytest.raises(OSError, match=index.url):
        fetch(index_url=index.url)


@pytest.mark.parametrize(
    "settings", [{"timeout": "soon"}, {"cert": "/none.pem"}, {"proxy": "none://x"}, {"index_url": "http://[/"}]
)
def test_settings_that_lead_nowhere_are_told(index, fetch, settings):
    with pytest.raises(OSError, match=r"some-images/: \S"):
        fetch(**{"index_url": index.url} | settings)


def test_a_server_that_does_not_answer_is_given_up(index, fetch, monkeypatch):
    monkeypatch.setattr(package_index, "_ATTEMPTS", 1)
    index.answers[PROJECT] = lambda: time.sleep(0.5) or (404, {}, b"")
    with pytest.raises(OSError, match="timed out"):
        fetch(index_url=index.url, timeout="0.1")


def test_a_server_that_fails_for_a_moment_is_asked_again(index, fetch):
    index.lists(f"/files/{FILE}")
    page, failures = index.answers[PROJECT], iter([503, 500])
    index.answers[PROJECT] = lambda: next(((status, {}, b"") for status in failures), page)
    assert fetch(index_url=index.url) == CONTENT


def test_what_the_first_index_has_not_the_next_one_gives(start_index, fetch):
    first, second = start_index(), start_index()
    second.lists(f"/files/{FILE}")
    assert fetch(index_url=first.url, extra_index_url=f"\n{second.url}\n") == CONTENT
    with pytest.raises(OSError, match=f"{first.url}/some-images/: HTTP Error 404"):
        fetch(index_url=first.url)


def test_a_folder_of_files_is_looked_at_first_and_alone_where_pip_uses_no_index(index, fetch, tmp_path):
    (tmp_path / "wheels").mkdir()
    with pytest.raises(OSError, match=f"lists no {FILE}"):
        fetch(find_links=str(tmp_path / "wheels"), no_index="true")
    (tmp_path / "wheels" / FILE).write_bytes(b"local")
    assert fetch(find_links=str(tmp_path / "wheels"), index_url=index.url) == b"local"
    assert not index.asked


def test_an_index_of_files_may_list_files(fetch, tmp_path):
    page = tmp_path / "simple" / "some-images" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="../../{FILE}">{FILE}</a>')
    (tmp_path / FILE).write_bytes(b"local")
    assert fetch(index_url=(tmp_path / "simple").as_uri()) == b"local"


def credentials(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_credentials_go_to_their_host_and_no_other_and_into_no_message(start_index, fetch):
    index, other = start_index(), start_index()
    index.lists(f"/files/{FILE}")
    address = f"http://user:p%40ss@{index.host}/simple"
    assert fetch(index_url=address) == CONTENT
    assert [sent for _, sent in index.asked] == [credentials("user", "p@ss")] * 2
    index.answers[f"/files/{FILE}"] = (302, {"Location": f"http://{other.host}/files/{FILE}"}, b"")
    assert fetch(index_url=address) == CONTENT
    index.lists(f"http://{other.host}/files/{FILE}")
    assert fetch(index_url=address) == CONTENT
    assert [sent for _, sent in other.asked] == [None, None]
    index.answers[PROJECT] = (403, {}, b"")
    with pytest.raises(OSError, match="403") as refused:
        fetch(index_url=address)
    assert "p%40ss" not in str(refused.value)
    assert "user" not in str(refused.value)


def test_credentials_are_taken_from_netrc(index, fetch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    index.lists(f"/files/{FILE}")
    assert fetch(index_url=index.url) == CONTENT
    assert {sent for _, sent in index.asked} == {credentials("user", "secret")}


def test_a_proxy_of_pip_is_asked_for_every_address(index, fetch, monkeypatch):
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.delenv("NO_PROXY", raising=False)
    page = f'<a href="/files/{FILE}">x</a>'.encode()
    index.answers["http://no-such-host.invalid/simple/some-images/"] = (200, {"Content-Type": HTML}, page)
    index.answers[f"http://no-such-host.invalid/files/{FILE}"] = (200, {}, CONTENT)
    assert fetch(index_url="http://no-such-host.invalid/simple", proxy=f"http://{index.host}") == CONTENT


def test_settings_are_those_of_pip_download(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    written = tmp_path / "pip.conf"
    written.write_text(
        "[global]\ntimeout = 1\nindex-url = http://global\nproxy = http://global\n"
        "[download]\nindex-url = http://download\nproxy = http://download\n[install]\ntimeout = 2\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(written))
    monkeypatch.setenv("PIP_PROXY", "http://environment")
    found = package_index._pip_settings()
    named = {key: found[key] for key in ("timeout", "index-url", "proxy")}
    assert named == {"timeout": "1", "index-url": "http://download", "proxy": "http://environment"}


def test_pip_tells_the_index_that_it_has_built_in(monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    of_pip = pytest.importorskip("pip._internal.models.index", reason="this pip keeps its default index elsewhere")
    assert package_index._default_index() == of_pip.PyPI.simple_url
