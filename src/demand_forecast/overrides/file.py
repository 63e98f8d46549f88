"""A region's file of overrides: what a planner has dropped beside the raw files."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Final

import fsspec
from pydantic import ValidationError

from demand_forecast.exceptions import did_you_mean
from demand_forecast.modelling.decisions.overrides import (
    Override,
    Overrides,
    Problem,
    Refused,
    problem_of,
)

FILE: Final = "overrides.csv"
COLUMNS: Final = tuple(
    name for name in Override.model_fields if name not in ("id", "made_at", "ended_at", "made_in")
)
_MORE: Final = "cells without a column"
_FIRST_ROW: Final = 2  # as a spreadsheet counts


def read_overrides(path: str, segments: Collection[str]) -> Overrides:
    """The rows of a file; those that cannot be read are refused, and no row stops the others.

    Args:
        path: CSV in UTF-8, separated by commas or semicolons; any protocol of fsspec. A file that
            is not there has no rows.
        segments: Those that its rows may be about, at least one; what is wrong with a row that
            names none of them is told by the first.
    """
    fs, place = fsspec.core.url_to_fs(path)
    if not fs.exists(place):
        return Overrides()
    made_at = _written_at(fs, place)
    where = next(iter(segments))
    try:
        rows = list(_rows(fs.cat_file(place)))
    except (ValueError, OSError, csv.Error) as error:
        problem = Problem("file", path, f"It cannot be read: {' '.join(str(error).split())}.")
        return Overrides(refused=(_refused(path, where, FILE, made_at, problem),))
    made: dict[str, Override] = {}
    refused: list[Refused] = []
    for row, values, name in rows:
        made_in = f"{FILE} row {row}"
        try:
            override = _override(values, name, made_in, made_at, segments)
            if override.id in made:
                raise _RowError(Problem("row", row, f"{made[override.id].made_in} says the same."))
            made[override.id] = override
        except _RowError as error:
            told = values.get("segment", where)
            told = told if told in segments else where
            refused.append(_refused(f"{row} {name}", told, made_in, made_at, error.problem))
    return Overrides(tuple(made.values()), tuple(refused))


class _RowError(ValueError):
    """A row that is no override."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str], str]]:
    """Row number, what its cells hold, and all of it in a text; rows without any are left out."""
    text = content.decode("utf-8-sig")
    separator = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, restkey=_MORE)
    for name in reader.fieldnames or ():
        if name.strip() not in COLUMNS:
            raise ValueError(f"column '{name}' is unknown. {did_you_mean(name, COLUMNS)}")
    for row, cells in enumerate(reader, _FIRST_ROW):
        texts = {key.strip(): str(cell or "").strip() for key, cell in cells.items()}
        values = {key: text for key, text in texts.items() if text}
        if values:
            yield row, values, repr(sorted(values.items()))


def _override(
    values: dict[str, str], name: str, made_in: str, made_at: datetime, segments: Collection[str]
) -> Override:
    facts = {"id": _id(name), "made_in": made_in, "made_at": made_at}
    try:
        override = Override.model_validate(values | facts)
    except ValidationError as error:
        raise _RowError(problem_of(error)) from error
    if override.segment not in segments:
        hint = did_you_mean(override.segment, segments)
        raise _RowError(Problem("segment", override.segment, hint))
    return override


def _refused(name: str, segment: str, made_in: str, made_at: datetime, problem: Problem) -> Refused:
    return Refused(_id(name), segment, made_in, made_at, problem)


def _id(name: str) -> str:
    """Of the content, so that a row keeps it from run to run."""
    return hashlib.sha256(name.encode()).hexdigest()[:10]


def _written_at(fs: fsspec.AbstractFileSystem, place: str) -> datetime:
    try:
        moment: datetime = fs.modified(place)
    except NotImplementedError:  # a file system that keeps no times
        return datetime.fromtimestamp(0, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
