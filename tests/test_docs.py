"""The documentation is built strictly, links only to what is there, and names every key."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from demand_forecast.conditioning.layout import Column, Cut, Layout, ReadOptions, SourceLayout
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.framework.parameters import GROUPS
from demand_forecast.modelling.evaluation.metrics import METRICS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
TEXTS += sorted(ROOT.glob("src/**/README.md")) + [ROOT / f"{n}/README.md" for n in ("conf", "data")]
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class _Page(HTMLParser):
    """What a page refers to, what it loads, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.words: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        for name in ("src", "href") if tag in ("script", "img", "link") else ():
            if given.get(name) and given.get("rel") != "canonical":
                self.loaded.append(str(given[name]))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def _pages(site: Path) -> dict[Path, _Page]:
    return {path: _Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def test_every_page_is_there(site: Path) -> None:
    sources = {p.relative_to(DOCS).with_suffix("") for p in DOCS.rglob("*.md")}
    assert sources == {path.relative_to(site).with_suffix("") for path in _pages(site)}


def test_pages_link_and_load_only_what_is_there(site: Path) -> None:
    for path, page in _pages(site).items():
        for link in page.links + page.loaded:
            target = urlparse(link)
            if not target.scheme and target.path:
                assert (path.parent / unquote(target.path)).exists(), f"{path.name}: {link}"


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path, page in _pages(site).items():
        assert not [x for x in page.loaded if urlparse(x).scheme or x.startswith("//")], path


def test_the_layout_page_has_every_key(site: Path) -> None:
    text = _Page(site / "reference" / "layouts.html").text
    for model in (Layout, SourceLayout, Column, Cut, ReadOptions):
        for name, field in model.model_fields.items():
            if name != "name":
                assert (field.alias or name) in text
                assert " ".join((field.description or "?").split())[:40].split("`")[0] in text
    for name, table in TABLES.items():
        assert {name, *table.columns} <= set(re.findall(r"\w+", text))


@pytest.mark.parametrize("group", GROUPS)
def test_every_parameter_says_what_it_is(group: str) -> None:
    flat = runpy.run_path(str(DOCS / "hooks" / "reference.py"))["flat"]
    assert not [key for key, field in flat(GROUPS[group]) if not field.description]


def test_the_page_of_outputs_has_every_metric(site: Path) -> None:
    text = _Page(site / "reference" / "outputs.html").text
    for metric in METRICS:
        assert {metric.name, *metric.columns[:1]} <= set(re.findall(r"\w+", text))
        assert metric.what in text


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_texts_link_only_to_what_is_there(path: Path) -> None:
    for link in _LINK.findall(path.read_text()):
        if not urlparse(link).scheme and not link.startswith("#"):
            assert (path.parent / link.partition("#")[0]).exists(), link
