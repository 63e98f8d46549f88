"""Guesses as YAML for people: one line per column, with how sure it is and why beside it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Final

import yaml

from demand_forecast.conditioning.drafting.guesses import Guess, Question, SourceGuess
from demand_forecast.conditioning.layout import DECIDE

_WIDTH: Final = 100
_FILES: Final = (
    "# Drafted from the files. The word after each '#' says how sure a line is: sure, likely or",
    f"# a guess. Where the files leave something open, the key holds the word '{DECIDE}' and the",
    "# comment asks; `kedro layout check` stops there. Delete comments that you have read.",
)


class LayoutWriter:
    """Writes one layout; a question that several columns share is asked once, by a YAML anchor.

    Args:
        name: Name of the layout.
        country: ISO code for public holidays and what speaks for it, if it is known.
    """

    def __init__(self, name: str, country: tuple[str, str] | None = None) -> None:
        self.name = name
        self.country = country
        self._asked: set[str] = set()

    def write(self, sources: Iterable[SourceGuess], notes: Iterable[str] = ()) -> str:
        """The whole file.

        Args:
            sources: Guesses about the sources, in their order.
            notes: Lines for the head of the file.
        """
        guesses = list(sources)
        lines = [*_FILES, *(_comment(note) for note in notes), f"{self.name}:"]
        lines.append(_country(self.country))
        if any(c.keys.get("unit") == "days" for s in guesses for c in s.columns):
            lines.append("  units: {days: {divide: 7}}")
        lines.append("  sources:")
        for source in guesses:
            lines += self._source(source)
        return "\n".join(lines) + "\n"

    def _source(self, source: SourceGuess) -> list[str]:
        lines = [f"    # {note}" for note in source.notes]
        lines += [
            f"    {source.source}:",
            *self._line("      files", source.files, "files", source),
        ]
        if source.read:
            lines.append(self._read(source))
        if source.melt:
            lines.append(f"      melt: {flow(source.melt)}  # likely: its headers are dates")
        lines.append("      columns:")
        lines += [self._column(guess) for guess in source.columns]
        if source.ignored:
            lines.append("      ignore:")
            lines += [f"        - {flow(h)}  # {why}" for h, why in source.ignored.items()]
        return lines

    def _line(self, key: str, value: str, name: str, source: SourceGuess) -> list[str]:
        question = source.questions.get(name)
        comment = f"  # {DECIDE}: {question.text}" if question else ""
        return [f"{key}: {flow(value)}{comment}"]

    def _read(self, source: SourceGuess) -> str:
        asked = [q.text for k, q in source.questions.items() if k in source.read]
        comment = f"  # {DECIDE}: {' '.join(asked)}" if asked else ""
        return f"      read: {flow(source.read)}{comment}"

    def _column(self, guess: Guess) -> str:
        text = f"        {guess.name}: {self._keys(guess)}"
        if not guess.questions:
            return f"{text}  # {guess.confidence}: {guess.why}"
        asked = "; ".join(q.text for q in guess.questions.values())
        why = f" ({guess.why})" if guess.why else ""
        return f"{text}  # {DECIDE}: {asked}{why}"

    def _keys(self, guess: Guess) -> str:
        if set(guess.keys) == {"from"} and not guess.questions:
            return flow(guess.keys["from"])
        parts = [
            f"{key}: {self._value(value, guess.questions.get(key))}"
            for key, value in guess.keys.items()
        ]
        return "{" + ", ".join(parts) + "}"

    def _value(self, value: object, question: Question | None) -> str:
        if question is None:
            return flow(value)
        if not question.shared:
            return DECIDE
        if question.shared in self._asked:
            return f"*{question.shared}"
        self._asked.add(question.shared)
        return f"&{question.shared} {DECIDE}"


def _country(country: tuple[str, str] | None) -> str:
    if country is None:
        return "  country: null  # the ISO code of the country, such as US, for its public holidays"
    return f"  country: {country[0]}  # likely: {country[1]}"


def flow(value: object) -> str:
    """A value as YAML on one line."""
    plain = dict(value) if isinstance(value, Mapping) else value
    text = yaml.safe_dump(
        [plain], default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True
    )
    return text.strip()[1:-1]


def _comment(text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH - 2, subsequent_indent="  ")
    return "\n".join(f"# {line}" for line in lines)
