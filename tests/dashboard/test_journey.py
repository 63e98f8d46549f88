"""A planner's way through the dashboard in a real browser, where there is one."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from browser import CHROMIUM, READY, Browser, browser

from demand_forecast.dashboard.pages import PAGES

_SERVE = "from demand_forecast.dashboard.server.launch import serve; serve({address!r}, {port})"
_TABLES = """
document.querySelector('h1').innerText.endsWith('?') &&
document.querySelectorAll('[data-testid=stDataFrame] canvas').length > 0
"""
_CHARTS = "document.querySelectorAll('[data-testid=stVegaLiteChart] svg').length > 0"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]


@pytest.fixture(scope="module")
def url(several: Path) -> Iterator[str]:
    """A dashboard over three segments."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = _SERVE.format(address=f"sqlite:///{several}", port=port)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as process:
        try:
            yield _up(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def _up(url: str, seconds: float = 60) -> str:
    until = time.monotonic() + seconds
    while True:
        try:
            urlopen(f"{url}/_stcore/health").close()  # our own server
            return url
        except OSError:
            assert time.monotonic() < until, "the dashboard has not started"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser's tab."""
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        tab.resize(1600, 1000)
        yield tab


def test_a_planner_finds_an_order_and_why(url: str, tab: Browser) -> None:
    tab.open(url)
    assert "10 Jan 2026" in tab.text()

    tab.evaluate("document.querySelector('a[href$=\"/orders\"]').click()")
    tab.wait("document.body.innerText.includes('which orders deserve a look')")
    tab.wait("document.body.innerText.includes('60 units')")  # of three stores, 12 and 8

    tab.choose("Region", "ohio")
    tab.wait("document.body.innerText.includes('20 units')")
    tab.wait("location.search === '?region=ohio'")

    tab.open(f"{url}/forecast?region=ohio&store=OH-large&product=P2")
    assert {"13.0 units", "6 to 20 units", "baseline"} <= set(tab.text().splitlines())


def test_every_page_draws_its_tables_and_charts(url: str, tab: Browser) -> None:
    tab.open(url)
    for name in [*PAGES][1:]:
        path = name.lower().replace(" ", "-")
        tab.evaluate(f"document.querySelector('a[href$=\"/{path}\"]').click()")
        drawn = _TABLES if name == "What if" else f"{_TABLES} && {_CHARTS}"  # it has no chart
        tab.wait(f"document.title.startsWith('{name}') && {READY} && {drawn}")
        assert not tab.evaluate("!!document.querySelector('[data-testid=stException]')")
