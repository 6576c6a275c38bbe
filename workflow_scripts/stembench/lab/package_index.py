"""Downloading a file from the package indexes that pip is configured with, without building or running it.

`pip download` builds a source distribution to read its metadata. Here the list of files that an index gives for a
project (PEP 503 and PEP 691) is read instead, and the one file is fetched as it is.
"""

import ast
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from html.parser import HTMLParser
from http.client import HTTPException, HTTPResponse
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib import request
from urllib.parse import unquote, urljoin, urlsplit

#: The longest list of files and the largest file that are read [bytes].
MAX_LIST_BYTES = 2**26
MAX_FILE_BYTES = 2**32

_ATTEMPTS = 3
_PAUSE_S = 1.0
_ACCEPTED = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1, */*;q=0.01"
)


def download_file(project: str, file: str, destination: str | Path) -> None:
    """Download a file of a project from the first place of pip's configuration that lists it.

    The places are those of `find-links`, `index-url` and `extra-index-url`, in this order. pip's `proxy`, `cert`,
    `client-cert`, `timeout` and `no-index` count, as do the proxies of the environment and credentials in the
    addresses or in the user's netrc file. Content is not verified; compare its hash.

    Parameters
    ----------
    project : str
        Name of the project, in any spelling.
    file : str
        Name of the file in the list of the index.
    destination : str or Path
        Where the file is written.

    Raises
    ------
    OSError
        That says for each place why it did not give the file.
    """
    settings, reasons = _pip_settings(), []
    for address in _lists(settings, project):
        try:
            _Place(address, settings).fetch(file, Path(destination))
            return
        except (OSError, HTTPException, ValueError) as error:
            reasons.append(f"{_without_secrets(address)}: {error or type(error).__name__}")
    raise OSError("; ".join(reasons) or "pip is configured with no index")


def _pip(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments],
        env=os.environ | {"COLUMNS": "1000"},  # no line of the help is broken
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise OSError((done.stderr.strip() or "pip failed").splitlines()[-1])
    return done.stdout


def _pip_settings() -> dict[str, str]:
    """Return the settings of `pip download`: the environment goes before [download], and that before [global]."""
    listed = [line.partition("=") for line in _pip("config", "list").splitlines()]
    return {
        key.removeprefix(section): ast.literal_eval(value)
        for section in ("global.", "download.", ":env:.")
        for key, _, value in listed
        if key.startswith(section)
    }


def _default_index() -> str:
    """Return the index that pip has built in; only its help tells."""
    found = re.search(r"--index-url <url>.*?\(default (\S+?)\)", _pip("download", "--help"), re.DOTALL)
    if not found:
        raise OSError("pip names no index; set one by `pip config set global.index-url`")
    return found[1]


def _lists(settings: dict[str, str], project: str) -> Iterator[str]:
    """Addresses of the lists that may name a file of a project."""
    yield from map(_address, settings.get("find-links", "").split())
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return
    name = re.sub(r"[-_.]+", "-", project).lower()
    for index in (settings.get("index-url") or _default_index(), *settings.get("extra-index-url", "").split()):
        yield f"{_address(index).rstrip('/')}/{name}/"


def _address(place: str) -> str:
    return place if "://" in place else Path(place).expanduser().absolute().as_uri()


def _without_secrets(address: str) -> str:
    return re.sub("//[^/]*@", "//", address.partition("?")[0])


def _local(address: str) -> Path:
    return Path(request.url2pathname(urlsplit(address).path))


class _Place:
    """A list of files, and how to reach it and what it lists."""

    def __init__(self, address: str, settings: dict[str, str]) -> None:
        parts = urlsplit(address)
        self.address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self.timeout_s = float(settings.get("timeout") or settings.get("default-timeout") or 15)
        if parts.scheme == "file":
            return
        certificates = ssl.create_default_context(cafile=settings.get("cert") or os.environ.get("REQUESTS_CA_BUNDLE"))
        if settings.get("client-cert"):
            certificates.load_cert_chain(settings["client-cert"])
        proxy = settings.get("proxy")
        self.opener = request.OpenerDirector()  # that of urllib would also follow a redirect to ftp
        for handler in (
            request.ProxyHandler(dict.fromkeys(("http", "https"), proxy) if proxy else None),
            request.HTTPHandler(),
            request.HTTPSHandler(context=certificates),
            request.HTTPDefaultErrorHandler(),
            request.HTTPRedirectHandler(),
            request.HTTPErrorProcessor(),
            request.UnknownHandler(),
            _Credentials(address),
        ):
            self.opener.add_handler(handler)

    def fetch(self, file: str, destination: Path) -> None:
        """Write the file of a name, where the list names one, to `destination`."""
        address = self._find(file)
        scheme = urlsplit(address).scheme
        if scheme == "file" and self.address.startswith("file:"):
            shutil.copyfile(_local(address), destination)
        elif scheme not in ("http", "https"):
            raise OSError(f"{file} is offered by {scheme or 'no scheme'}, which is not followed")
        else:
            with self._open(address, "*/*") as response, open(destination, "wb") as target:
                size = 0
                while part := response.read(2**20):
                    size += len(part)
                    if size > MAX_FILE_BYTES:
                        raise OSError(f"{file} takes more than {MAX_FILE_BYTES:,} bytes")
                    target.write(part)
                if response.length:  # of a file whose length is known, what did not come
                    raise OSError(f"{file} ended {response.length:,} bytes early")

    def _find(self, file: str) -> str:
        """Address of the file of a name."""
        if self.address.startswith("file:"):
            path = _local(self.address)
            if path.is_dir() and (path / file).is_file():
                return (path / file).as_uri()
            page = path / "index.html" if path.is_dir() else path
            found = _in_html(page.read_text(errors="replace"), page.as_uri(), file) if page.is_file() else None
        else:
            with self._open(self.address, _ACCEPTED) as response:
                body, at, kind = response.read(MAX_LIST_BYTES + 1), response.url, response.headers.get_content_type()
            if len(body) > MAX_LIST_BYTES:
                raise OSError(f"the list of files takes more than {MAX_LIST_BYTES:,} bytes")
            found = (_in_json if kind.endswith("json") else _in_html)(body.decode(errors="replace"), at, file)
        if found is None:
            raise OSError(f"lists no {file}")
        return found

    def _open(self, address: str, accepted: str) -> HTTPResponse:
        """Open an address; a server that fails or does not answer is asked again."""
        asked = request.Request(address, headers={"Accept": accepted, "User-Agent": "stembench"})
        attempts = 1
        while True:
            try:
                return self.opener.open(asked, timeout=self.timeout_s)
            except OSError as error:
                if attempts == _ATTEMPTS or getattr(error, "code", 500) < 500:
                    raise
            attempts += 1
            time.sleep(_PAUSE_S)


class _Credentials(request.BaseHandler):
    """Send user and password to the host they are meant for, and to no other that it leads to."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        user, password = parts.username, parts.password or ""
        if user is None and parts.hostname:
            try:
                user, _, password = netrc(os.environ.get("NETRC")).authenticators(parts.hostname) or (None, "", "")
            except (OSError, NetrcParseError):
                pass
        self.host = (parts.scheme, parts.netloc.rpartition("@")[2])
        self.sent = user and b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()

    def http_request(self, asked: request.Request) -> request.Request:
        """Add what the host asks for; urllib calls this for every address, one redirected to as well."""
        if self.sent and (asked.type, asked.host) == self.host:
            asked.add_unredirected_header("Authorization", f"Basic {self.sent}")
        return asked

    https_request = http_request


class _Links(HTMLParser):
    """The links of a page, and the address they start from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.base = page
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if link := dict(attrs).get("href"):
            if tag == "a":
                self.links.append(link)
            elif tag == "base":
                self.base = urljoin(self.base, link)


def _in_html(page: str, at: str, file: str) -> str | None:
    """Address of a file in a page of links (PEP 503)."""
    parser = _Links(at)
    parser.feed(page)
    for link in parser.links:
        if unquote(re.split("[?#]", link)[0].rpartition("/")[2]) == file:
            return urljoin(parser.base, link)
    return None


def _in_json(page: str, at: str, file: str) -> str | None:
    """Address of a file in a list in JSON (PEP 691)."""
    try:
        for entry in json.loads(page)["files"]:
            if entry["filename"] == file:
                return urljoin(at, str(entry["url"]))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise OSError("what it sends is no list of files") from error
    return None
