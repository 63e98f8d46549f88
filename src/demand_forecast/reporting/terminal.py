"""What all commands print looks alike: one width, plain tables."""

from __future__ import annotations

from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

WIDTH: Final = 120


def console(width: int = WIDTH) -> Console:
    """Standard output of a command; numbers in it are not coloured.

    Args:
        width: Characters of a line.
    """
    return Console(width=width, highlight=False)


def table(title: str | None = None, caption: str | None = None, gap: int = 1) -> Table:
    """A table without columns yet: no frame, a line below the heads.

    Args:
        title: Above it.
        caption: Below it.
        gap: Characters between columns.
    """
    return Table(
        title=title, caption=caption, box=box.SIMPLE_HEAD, padding=(0, gap, 0, 0),
        title_justify="left", caption_justify="left", show_edge=False, pad_edge=False,
    )  # fmt: skip
