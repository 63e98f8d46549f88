"""Carries out the steps of a how-to page in a copy of the project, as they stand on the page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import yaml
from omegaconf import OmegaConf
from project import ROOT, Project

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<head>[^\n]*)\n(?P<text>.*?)\n(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_VALUE = re.compile(r'([\w-]+)="([^"]*)"')

_QUICK = {
    "training": {"network": {"seeds": 1, "mape_seeds": 1, "min_steps": 5, "epochs": 0}},
    "validation": {"min_reduction": -1000.0, "simple_margin": None, "bias_floor": None},
    "forecast": {"origins": 2},
}


class Block(NamedTuple):
    """A block of a page.

    Attributes:
        language: ``yaml``, ``python`` or ``bash``.
        text: What is in it.
        title: File that it belongs to; empty for what is to be run.
        after: Beginning of the line after which it is put; empty for a whole file.
        before: Beginning of the line before which it is put.
    """

    language: str
    text: str
    title: str = ""
    after: str = ""
    before: str = ""


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page below ``docs/how-to``, in order."""
    for match in _FENCE.finditer((ROOT / "docs" / "how-to" / f"{page}.md").read_text()):
        head = match["head"].strip("{} .")
        values = dict(_VALUE.findall(head))
        indent = match["indent"]
        text = "\n".join(line.removeprefix(indent) for line in match["text"].split("\n"))
        language = head.partition(" ")[0]
        where = (values.get(key, "") for key in ("title", "data-after", "data-before"))
        yield Block(language, text, *where)


def run(project: Project, line: str) -> str:
    """Run one line; what is before ``kedro`` are environment variables."""
    words = shlex.split(line, comments=True)
    start = words.index("kedro")
    settings = dict(word.split("=", 1) for word in words[:start])
    with project.settings(settings):
        result = project.command(*words[start + 2 :], of=words[start + 1])
    assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"
    return result.output


def carry_out(
    project: Project,
    page: str,
    replaced: Mapping[str, str] | None = None,
    command: Callable[[Project, str], str] = run,
) -> list[str]:
    """Do all steps of a page.

    Args:
        project: Where.
        page: Name of the page.
        replaced: Words of the page that are others here, such as the name of a product.
        command: What is done with each command line.

    Returns:
        What ``command`` has returned for each line; what it has printed where lines are run.
    """
    returned = []
    for block in blocks(page):
        text, title = block.text, block.title
        for old, new in (replaced or {}).items():
            text, title = text.replace(old, new), title.replace(old, new)
        if title:
            put(project.root / title, text, block.after, block.before)
        elif block.language == "python":
            with project.inside():
                exec(compile(dedent(text), page, "exec"), {})
        elif block.language == "bash":
            returned += [command(project, line) for line in text.splitlines()]
    return returned


def put(file: Path, text: str, after: str = "", before: str = "") -> None:
    """Write a file, or put lines into one after or before the first line that begins so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not after + before:
        file.write_text(f"{text}\n")
        return
    lines = file.read_text().splitlines()
    wanted = after or before
    [place, *_] = [n for n, line in enumerate(lines, 1) if line.strip().startswith(wanted)]
    place -= bool(before)
    file.write_text("\n".join([*lines[:place], text, *lines[place:], ""]))


def run_own_code(project: Project, line: str) -> str:
    """Run one ``kedro run`` line in a process that imports the project's own ``src``."""
    words = shlex.split(line, comments=True)
    process = project.start(*words[2:], PYTHONPATH=str(project.root / "src"))
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"{line}\n{out}\n{err}"
    return out


def hurry(project: Project) -> Project:
    """Make a project quick, and let any model pass: what is tried are the steps of a page."""
    (project.root / "conf/oj/parameters/training.yml").unlink()  # it asks for more than the base
    for group, values in _QUICK.items():
        file = project.root / "conf/base/parameters" / f"{group}.yml"
        settings = OmegaConf.merge(yaml.safe_load(file.read_text()), {group: values})
        file.write_text(OmegaConf.to_yaml(settings))
    return project
