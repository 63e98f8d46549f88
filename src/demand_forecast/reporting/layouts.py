"""What ``kedro layout`` writes and prints."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.console import Console

from demand_forecast.conditioning.drafting import DraftedFile, draft_environment
from demand_forecast.conditioning.layout import DECIDE
from demand_forecast.exceptions import ConfigurationError

_QUESTION: Final = f"# {DECIDE}: "


def write_draft(folder: Path, name: str, output: Path, force: bool = False) -> None:
    """Write an environment drafted from raw files, and print what it leaves open.

    Args:
        folder: Raw files of one region, or a folder per region.
        name: Name of the environment and of its layout.
        output: Folder to write into.
        force: Whether to replace files that are there.

    Raises:
        SourceError: If no file can be read.
        ConfigurationError: If a file to write is there.
    """
    files = draft_environment(folder, name)
    there = [f.path for f in files if (output / f.path).exists()]
    if there and not force:
        raise ConfigurationError(
            f"{output}: {', '.join(there)} would be replaced. Choose another --name or --output, "
            "or say --force."
        )
    console = Console(soft_wrap=True, highlight=False)
    for file in files:
        path = output / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
        console.print(f"written: {path}", markup=False)
    _print_questions(console, files)
    console.print(f"next: kedro layout check --env={name}", markup=False)


def _print_questions(console: Console, files: list[DraftedFile]) -> None:
    questions = [q for file in files for q in open_questions(file)]
    if not questions:
        console.print("nothing is left to decide; read the lines that are a guess")
    for question in questions:
        console.print(f"to decide in {question}", markup=False)


def open_questions(file: DraftedFile) -> list[str]:
    """Lines of a file that hold ``decide``, with the question beside it; each question once.

    Args:
        file: A file of an environment.
    """
    asked = {
        line.partition(_QUESTION)[2]: f"{file.path}, line {number}: {line.partition(_QUESTION)[2]}"
        for number, line in reversed(list(enumerate(file.text.split("\n"), 1)))
        if _QUESTION in line and DECIDE in line.partition("#")[0]
    }
    return list(reversed(asked.values()))
