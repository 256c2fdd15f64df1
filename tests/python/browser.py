"""A real browser without a window, driven through a pipe: no driver, no network, no port."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAM = shutil.which("chromium")
_PATIENCE = 30.0  # seconds


class Browser:
    """A headless Chromium with one page; what goes wrong on the page is kept in ``errors``."""

    def __init__(self, folder: Path) -> None:
        """Start the browser; ``folder`` takes its profile."""
        assert PROGRAM, "tools/packages-test.txt names chromium: tools/install-packages.sh"
        here, there = os.pipe(), os.pipe()
        options = [
            "--headless=new",
            "--no-sandbox",  # the tests may run as root
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
            "--remote-debugging-pipe",
            f"--user-data-dir={folder}",
            "about:blank",
        ]
        # The browser reads commands from descriptor 3 and writes answers to 4.
        line = f'exec "$0" "$@" 3<&{here[0]} 4>&{there[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", line, PROGRAM, *options],
            pass_fds=(here[0], there[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(here[0])
        os.close(there[1])
        self._write, self._read = here[1], there[0]
        self._buffer, self._last, self._session = b"", 0, ""
        self._events: list[dict[str, Any]] = []
        self.errors: list[str] = []
        targets = self._send("Target.getTargets")["targetInfos"]
        page = next(each["targetId"] for each in targets if each["type"] == "page")
        attached = self._send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")
        # Whatever is not a file is out of reach, as on a machine without a network.
        offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self._send("Network.emulateNetworkConditions", offline=True, **offline)

    def __enter__(self) -> Browser:
        """Return the browser."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the browser."""
        try:
            self._session = ""
            self._send("Browser.close")
            self._process.wait(_PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._write)
            os.close(self._read)

    def open(self, page: Path, width: int = 1280, height: int = 900) -> float:
        """Open a page, wait until it is drawn, and return how many seconds that took."""
        self.errors.clear()
        self.resize(width, height)
        self._events.clear()
        start = time.perf_counter()
        self._send("Page.navigate", url=page.resolve().as_uri())
        self._wait("Page.loadEventFired")
        self.settle()
        return time.perf_counter() - start

    def settle(self) -> None:
        """Wait until the browser has painted what the page has drawn."""
        painted = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.evaluate(f"{painted}.then(() => 0)")

    def resize(self, width: int, height: int) -> None:
        """Give the window another size, in pixels."""
        scale = {"deviceScaleFactor": 1, "mobile": False}
        self._send("Emulation.setDeviceMetricsOverride", width=width, height=height, **scale)

    def prefer(self, scheme: str) -> None:
        """Prefer a ``light`` or a ``dark`` page."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._send("Emulation.setEmulatedMedia", features=features)

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression of JavaScript on the page."""
        wanted = {"returnByValue": True, "awaitPromise": True}
        answer = self._send("Runtime.evaluate", expression=script, **wanted)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        """Press a key."""
        which = {"key": key, "windowsVirtualKeyCode": code}
        self._send("Input.dispatchKeyEvent", type="keyDown", text=text, **which)
        self._send("Input.dispatchKeyEvent", type="keyUp", **which)

    def screenshot(self, place: Path) -> None:
        """Write a picture (.png) of the whole page."""
        answer = self._send("Page.captureScreenshot", captureBeyondViewport=True)
        place.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self, place: Path) -> None:
        """Print the page to a file."""
        answer = self._send("Page.printToPDF", printBackground=True)
        place.write_bytes(base64.b64decode(answer["data"]))

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its answer; what else is told meanwhile is kept."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            told = self._receive()
            if told.get("id") == self._last:
                assert "error" not in told, (method, told["error"])
                return dict(told["result"])
            self._note(told)

    def _wait(self, event: str) -> None:
        while not any(told.get("method") == event for told in self._events):
            self._note(self._receive())

    def _note(self, told: dict[str, Any]) -> None:
        self._events.append(told)
        method, about = told.get("method"), told.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.errors.append(str(details.get("exception", details).get("description", details)))
        elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning"):
            self.errors.append(" ".join(str(each.get("value")) for each in about["args"]))
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")

    def _receive(self) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self._read, 1 << 20)
            assert part, "the browser has gone"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))
