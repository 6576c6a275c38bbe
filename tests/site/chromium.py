"""A headless Chromium, driven through a pipe by the protocol of its developer tools."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TIMEOUT_S = 60


class Chromium:
    """One browser with one tab; `visit` opens a page in it.

    Parameters
    ----------
    profile : Path
        A folder of its own.
    """

    def __init__(self, profile: Path) -> None:
        taken, self._commands = os.pipe()
        self._answers, given = os.pipe()
        taken, given = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (taken, given))

        def as_three_and_four() -> None:
            os.dup2(taken, 3)
            os.dup2(given, 4)

        command = [EXECUTABLE, "--headless", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--no-first-run", "--hide-scrollbars"]
        command += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has no sandbox for root
        self._process = subprocess.Popen(
            command, close_fds=False, preexec_fn=as_three_and_four, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(taken)
        os.close(given)
        self._read, self._number, self._session = b"", 0, ""
        self._events: list[dict] = []
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self._send(f"{domain}.enable")

    def visit(self, url: str, width: int, height: int, phone: bool = False) -> list[str]:
        """Open a page at a width [CSS px] and return the addresses that it asked for."""
        self._send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        for address in ("about:blank", url):  # else another heading of the same page would load nothing
            self._events.clear()
            self._send("Page.navigate", url=address)
            self._wait_for("Page.loadEventFired")
        self.evaluate("new Promise(done => setTimeout(done, 100))")  # what scripts fetch after the page is loaded
        requests = (event for event in self._events if event["method"] == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in requests]

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in JavaScript; if the page redirects meanwhile, in the next page."""
        ends = time.monotonic() + TIMEOUT_S
        while True:
            try:
                answer = self._send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
                return answer["result"].get("value")
            except RuntimeError as error:
                left = any(told in str(error) for told in ("navigated", "context"))
                if not left or time.monotonic() > ends:
                    raise
                time.sleep(0.05)

    def wait_until(self, condition: str) -> None:
        """Wait for an expression in JavaScript to become true."""
        ends = time.monotonic() + TIMEOUT_S
        while not self.evaluate(condition):
            if time.monotonic() > ends:
                raise TimeoutError(f"{condition} is not true within {TIMEOUT_S} s")
            time.sleep(0.05)

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def _send(self, method: str, **parameters: Any) -> dict:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        for answer in self._messages():
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
        raise AssertionError

    def _wait_for(self, event: str) -> None:
        if not any(seen["method"] == event for seen in self._events):
            next(seen for seen in self._messages() if seen.get("method") == event)

    def _messages(self) -> Iterator[dict]:
        """Yield messages as they come, and keep those that are events."""
        ends = time.monotonic() + TIMEOUT_S
        while True:
            while b"\0" not in self._read:
                if not select.select([self._answers], [], [], max(ends - time.monotonic(), 0))[0]:
                    raise TimeoutError(f"Chromium gave no answer within {TIMEOUT_S} s")
                if not (part := os.read(self._answers, 1 << 20)):
                    raise RuntimeError("Chromium has ended")
                self._read += part
            message, _, self._read = self._read.partition(b"\0")
            message = json.loads(message)
            if "method" in message:
                self._events.append(message)
            yield message
