"""Takes the pictures of the dashboard: ``python docs/screens.py orders value``; without names, all.

They are of the results store of the last run on the sample, or of ``--database``. *What if* asks
the service of ``kedro serve``, which has to run.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "dashboard"))
from browser import READY, Browser, browser  # noqa: E402 - the tests' own

VIEWS = {
    "today": "",
    "training": "training",
    "health": "model-health",
    "quality": "data-quality",
    "forecast": "forecast?region=north_texas&store=NTX001&product=10103",
    "orders": "orders?region=north_texas",
    "overrides": "overrides?region=north_texas",
    "value": "value",
    "experiments": "experiments?experiment=no_borrowing",
    "what-if": "what-if?region=north_texas&store=NTX001&product=10001",
}
PLAN = {"Price": "-20%", "Promotion": "20%", "Another column": "feature=on", "Of the next": "2"}
_SERVE = "from demand_forecast.dashboard.server.launch import serve; serve({!r}, {})"
_SECONDS = 60


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(VIEWS))
    parser.add_argument("--database", default=f"sqlite:///{ROOT}/data/results.db")
    parser.add_argument("--height", type=int, default=1000, help="of the window, pixels")
    given = parser.parse_args()
    if unknown := set(given.names) - VIEWS.keys():
        parser.error(f"{sorted(unknown)}; valid: {', '.join(VIEWS)}")
    with (
        tempfile.TemporaryDirectory() as profile,
        dashboard(given.database) as url,
        browser(Path(profile)) as tab,
    ):
        for name in given.names or VIEWS:
            take(tab, f"{url}/{VIEWS[name]}", name, given.height)


def take(tab: Browser, url: str, name: str, height: int) -> None:
    """The picture of one view."""
    tab.resize(1600, height)
    tab.open(url)
    if name == "what-if":
        ask(tab)
    file = ROOT / "docs" / "assets" / f"dashboard-{name}.png"
    tab.picture(file, height=height)
    with Image.open(file) as picture:  # 256 colours take half of the room
        picture.convert("RGB").quantize(256).save(file, optimize=True)


def ask(tab: Browser) -> None:
    """Fill in the form of *What if*, and wait for the answer."""
    for label, text in PLAN.items():
        box = f"document.querySelector('input[aria-label*={json.dumps(label)}]')"
        tab.wait(f"!!{box}")
        tab.evaluate(f"{box}.focus(); {box}.select()")
        tab.call("Input.insertText", text=text)
        tab.evaluate(f"{box}.blur()")
    tab.evaluate("document.querySelector('[data-testid=stFormSubmitButton] button').click()")
    tab.wait(f"document.body.innerText.includes('Expected margin, ') && {READY}")


@contextmanager
def dashboard(database: str) -> Iterator[str]:
    """A dashboard on this machine; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-c", _SERVE.format(database, port)]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL) as process:
        try:
            wait(url := f"http://127.0.0.1:{port}")
            yield url
        finally:
            process.terminate()


def wait(url: str) -> None:
    """Wait until a dashboard answers.

    Raises:
        SystemExit: If it does not.
    """
    for _ in range(10 * _SECONDS):
        try:
            urlopen(f"{url}/_stcore/health").close()  # our own server
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"the dashboard has not started in {_SECONDS} s")


if __name__ == "__main__":
    main()
