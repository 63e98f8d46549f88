"""Guesses about columns: what they are, how sure that is, why, and what must be decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from demand_forecast.conditioning.drafting.samples import ReadValue
from demand_forecast.conditioning.layout import DECIDE

Confidence = Literal["sure", "likely", "a guess"]
Value = str | int | float | bool | list[str] | dict[str, str]

SURE: Final[Confidence] = "sure"
LIKELY: Final[Confidence] = "likely"
GUESS: Final[Confidence] = "a guess"


@dataclass(frozen=True)
class Question:
    """Something that the files do not say.

    Attributes:
        text: The question, with what speaks for each answer.
        shared: Name under which the same question is asked once for several columns; empty for a
            question of its own.
    """

    text: str
    shared: str = ""


@dataclass(frozen=True)
class Guess:
    """One line below ``columns`` of a layout.

    Attributes:
        name: Standard column, or the name of an extra one.
        keys: Keys of the column, such as ``from`` and ``date_format``.
        confidence: How sure it is.
        why: What speaks for it.
        questions: What must be decided, by key; these keys hold ``decide``.
    """

    name: str
    keys: Mapping[str, Value]
    confidence: Confidence
    why: str
    questions: Mapping[str, Question] = field(default_factory=dict)

    def ask(self, key: str, text: str, shared: str = "") -> Guess:
        """The guess with one more question."""
        return replace(
            self,
            keys={**self.keys, key: DECIDE},
            questions={**self.questions, key: Question(text, shared)},
        )

    def with_keys(self, **keys: Value) -> Guess:
        """The guess with further keys."""
        return replace(self, keys={**self.keys, **keys})

    def because(self, why: str) -> Guess:
        """The guess with a further reason."""
        return replace(self, why=f"{self.why}; {why}" if self.why else why)


@dataclass(frozen=True)
class SourceGuess:
    """One source of a layout.

    Attributes:
        source: Its standard table.
        files: Name or pattern of its files.
        read: Keys of ``read``; None asks for a decision.
        columns: Guesses about its columns.
        ignored: Headers that are left out, each with the reason.
        notes: Lines for a person, above the source.
        questions: What must be decided about ``read`` or ``files``, by key.
        melt: Keys of ``melt``.
    """

    source: str
    files: str
    read: Mapping[str, ReadValue]
    columns: tuple[Guess, ...]
    ignored: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    questions: Mapping[str, Question] = field(default_factory=dict)
    melt: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> Guess | None:
        """The guess about a column; None where there is none."""
        return next((c for c in self.columns if c.name == name), None)
