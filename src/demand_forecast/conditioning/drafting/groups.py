"""Files of one kind: ``shipments_large_1.csv.gz`` and ``shipments_small_1.csv.gz`` are one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pandas as pd

from demand_forecast.conditioning.drafting.profile import NumberSigns, Profile, number_signs
from demand_forecast.conditioning.drafting.samples import (
    SAMPLE_ROWS,
    ReadValue,
    Sample,
    suffix,
    take_samples,
)
from demand_forecast.conditioning.drafting.words import SOURCE_WORDS, tokens
from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.exceptions import SourceError

_TEXT: Final = ".csv"
_WIDE: Final = 4


@dataclass(frozen=True)
class FileGroup:
    """Files, or one sheet, that hold the same columns.

    Attributes:
        files: Name or pattern for the layout.
        title: Words that say what is in it.
        names: Names of the files.
        columns: Profiles of the columns, by header.
        signs: How numbers are written.
        read: Keys of ``read``.
        notes: What was noticed about the files.
        n_rows: Rows in the sample.
        melt: Keys of ``melt``, where weeks are columns.
    """

    files: str
    title: str
    names: tuple[str, ...]
    columns: dict[str, Profile]
    signs: NumberSigns
    read: dict[str, ReadValue]
    notes: tuple[str, ...]
    n_rows: int
    melt: dict[str, str] = field(default_factory=dict)

    @property
    def stem_words(self) -> frozenset[str]:
        """Words of the title."""
        return tokens(self.title)


def read_folder(folder: Path) -> tuple[list[FileGroup], list[str]]:
    """Groups of the files in a folder, and what was left out and why.

    Args:
        folder: A region's raw files.
    """
    samples: list[Sample] = []
    left_out = [
        f"{p.name}: a folder; files: {p.name} reads all files in it"
        for p in sorted(folder.iterdir())
        if p.is_dir() and p.name[0] not in "._"
    ]
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] not in "._"):
        try:
            samples += take_samples(path)
        except SourceError as error:
            left_out.append(str(error).replace(str(path), path.name))
    names = sorted({s.path.name for s in samples})
    return [_group(g, names) for g in _alike(samples)], left_out


def _alike(samples: Iterable[Sample]) -> list[list[Sample]]:
    groups: dict[tuple[object, ...], list[Sample]] = {}
    for sample in samples:
        first = re.split(r"[^A-Za-z]+", sample.path.name)[0].lower()
        words = tokens(sample.path.name.partition(".")[0])
        meant = tuple(s for s, names in SOURCE_WORDS.items() if words & names)
        headers = tuple(sample.frame.columns)
        key = (suffix(sample.path), headers, first, meant, sample.read.get("sheet"))
        groups.setdefault(key, []).append(sample)
    return list(groups.values())


def _group(samples: Sequence[Sample], all_names: Sequence[str]) -> FileGroup:
    frame = pd.concat([s.frame for s in samples], ignore_index=True)
    if len(frame) > SAMPLE_ROWS:
        frame = frame.iloc[:: -(-len(frame) // SAMPLE_ROWS)].reset_index(drop=True)
    melt, frame = _stack(frame)
    names = tuple(dict.fromkeys(s.path.name for s in samples))
    read = dict(samples[0].read)
    typed = not suffix(samples[0].path).startswith(_TEXT)
    plain = {str(h): Profile(str(h), frame[h]) for h in frame}
    numeric = [p.words for p in plain.values() if p.dates is None]
    signs = NumberSigns() if typed else number_signs(numeric)
    options = ReadOptions(
        decimal=signs.decimal or ("," if signs.unclear == "." else "."),
        thousands=signs.thousands or signs.unclear,
        currency=signs.currency,
        percent=signs.percent,
        na_values=signs.na_values,
    )
    notes = dict.fromkeys(note for s in samples for note in s.notes)
    return FileGroup(
        files=_pattern(names, all_names),
        title=samples[0].title,
        names=names,
        columns={str(h): Profile(str(h), frame[h], options) for h in frame},
        signs=signs,
        read=read,
        notes=tuple(notes),
        n_rows=len(frame),
        melt=melt,
    )


def _stack(frame: pd.DataFrame) -> tuple[dict[str, str], pd.DataFrame]:
    """A wide file with a row for each week, and how it was stacked; others as they are."""
    kinds = {h: re.sub(r"\d+", r"\\d+", re.escape(str(h))) for h in frame}
    most = max(set(kinds.values()), key=list(kinds.values()).count, default="")
    wide = [h for h, kind in kinds.items() if kind == most]
    words = Profile("date", pd.Series(wide, dtype="str"))
    if len(wide) < _WIDE or len(wide) == len(kinds) or words.dates is None:
        return {}, frame
    long = frame.melt([h for h in frame if h not in wide], wide, "Week", "Units").dropna()
    return {"columns": most, "variable": "Week", "value": "Units"}, long.reset_index(drop=True)


def _pattern(names: Sequence[str], all_names: Sequence[str]) -> str:
    """A pattern for the files of a group that matches no other file of the folder."""
    if len(names) == 1:
        return _numbered(names[0], all_names)
    begin = _prefix(names)
    end = _prefix([n[::-1] for n in names])[::-1]
    begin = begin.rstrip("_-. 0123456789") or begin
    end = "." + end.partition(".")[2] if "." in end else end
    if {n for n in all_names if fnmatch(n, f"{begin}*{end}")} == set(names):
        return f"{begin}*{end}"
    return f"{_prefix(names)}*{end}"


def _numbered(name: str, all_names: Sequence[str]) -> str:
    """``sales_2024.csv`` will be followed by ``sales_2025.csv``: ``sales*.csv`` matches both."""
    stem, dot, rest = name.partition(".")
    short = re.sub(r"[-_ ]?\d[\d\-_]*$", "", stem)
    pattern = f"{short}*{dot}{rest}"
    if short in ("", stem) or [n for n in all_names if fnmatch(n, pattern)] != [name]:
        return name
    return pattern


def _prefix(names: Sequence[str]) -> str:
    """What all names begin with."""
    columns = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in columns)
