"""What a node is given in place of an input that could not be made in this run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class NotMade:
    """Something that a run should have made and has not.

    A function that has one as the default of an argument can do without that argument: the
    project's runners give it the reason in its place.

    Attributes:
        why: What failed, in one line.
        replaced: Whether it is there all the same, made from what an earlier run has left.
    """

    why: str = ""
    replaced: bool = False


NOT_MADE: Final = NotMade()
