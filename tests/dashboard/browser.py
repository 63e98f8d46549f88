"""A headless Chromium, spoken to by its own protocol: opens pages, reads them, takes pictures."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
READY = """(() => {
  const app = document.querySelector('[data-testid="stApp"]');
  return !!app && app.getAttribute('data-test-script-state') === 'notRunning'
    && !!document.querySelector('[data-testid="stMain"] h1')
    && !document.querySelector('[data-testid="stSkeleton"]')
    && !document.querySelector('[data-testid="stFullScreenFrame"] [role="progressbar"]');
})()"""


class Browser:
    """One tab.

    Args:
        socket: To the tab.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, and its answer."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def evaluate(self, script: str) -> Any:
        """What a script says in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def open(self, url: str, seconds: float = 60) -> None:
        """Open a page and wait until Streamlit has drawn it."""
        self.call("Page.navigate", url=url)
        self.wait(READY, seconds)

    def wait(self, script: str, seconds: float = 60) -> None:
        """Wait until a script is true."""
        until = time.monotonic() + seconds
        while not self.evaluate(script):
            assert time.monotonic() < until, f"not in {seconds} s: {script}"
            time.sleep(0.1)

    def choose(self, label: str, option: str) -> None:
        """Type an option into a box and press enter."""
        box = f"document.querySelector('input[aria-label*=\"{label}\"]')"
        self.wait(f"!!{box}")
        self.evaluate(f"{box}.focus()")
        self.call("Input.insertText", text=option)
        for kind in ("rawKeyDown", "keyUp"):
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
            self.call("Input.dispatchKeyEvent", type=kind, **key)

    def text(self) -> str:
        """What a person reads in the page."""
        return str(self.evaluate("document.body.innerText"))

    def picture(self, path: Path, width: int = 1600, height: int = 1000) -> None:
        """A screenshot."""
        self.resize(width, height)
        time.sleep(2)  # charts are drawn anew, and nothing says when
        picture = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(picture["data"]))

    def resize(self, width: int, height: int) -> None:
        """Another size of the window."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, ended afterwards."""
    assert CHROMIUM is not None
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    options += ["--disable-background-networking", "--disable-component-update"]
    options += ["--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen([CHROMIUM, *options], stderr=subprocess.DEVNULL) as process:
        try:
            with connect(_tab(profile), max_size=None) as socket:
                yield Browser(socket)
        finally:
            process.terminate()


def _tab(profile: Path, seconds: float = 30) -> str:
    """Address of the first tab, as soon as the browser is up."""
    noted, until = profile / "DevToolsActivePort", time.monotonic() + seconds
    while not noted.exists() or not noted.read_text():
        assert time.monotonic() < until, "the browser has not started"
        time.sleep(0.1)
    port = noted.read_text().splitlines()[0]
    with urlopen(f"http://127.0.0.1:{port}/json") as answer:  # of the browser itself
        tabs = json.load(answer)
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
