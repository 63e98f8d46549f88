"""What a layout does to the rows of a file before its columns are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote

import numpy as np
import pandas as pd

from demand_forecast.conditioning.layout.files import Melt
from demand_forecast.conditioning.raw.lines import Mask
from demand_forecast.conditioning.raw.rows import Rows
from demand_forecast.exceptions import ConfigurationError, SourceError, did_you_mean

OTHER_ROWS, EMPTY_CELL = "other_rows", "empty_cell"
_NO_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"


def add_partition_keys(path: Path, rows: Rows, name: str) -> Rows:
    """Add the columns that folders such as ``week=2024-01-06`` name.

    Args:
        path: The file, for messages.
        rows: Its rows.
        name: Its path below the region's folder.

    Raises:
        SourceError: If the file has such a column with something else in it.
    """
    pairs = [p.split("=", 1) for p in PurePosixPath(name).parts[:-1] if "=" in p]
    frame = rows.frame
    for key, written in pairs:
        value = None if written == _NO_PARTITION else unquote(written)
        if key in frame and not frame[key].isin([value]).all():
            raise SourceError(
                f"{path}: the folder says {key}={written}, but the file's column '{key}' says "
                f"something else, such as {frame[key][~frame[key].isin([value])].iloc[0]!r}."
            )
        frame = frame.assign(**{key: pd.Series(value, index=frame.index, dtype="str")})
    return rows._replace(frame=frame)


def keep_rows(path: Path, rows: Rows, wanted: Mapping[str, Sequence[str]], region: str) -> Rows:
    """Set aside the rows that do not have the values that a layout wants.

    Args:
        path: The file, for messages.
        rows: Its rows.
        wanted: Patterns of values by header.
        region: Name that stands for ``{region}``; blanks, case and signs do not matter in it.

    Raises:
        SourceError: If the file lacks one of the headers.
    """
    keep = np.ones(len(rows.frame), bool)
    for header, patterns in wanted.items():
        if header not in rows.frame:
            hint = did_you_mean(header, rows.frame.columns).replace("Valid", "Found")
            raise SourceError(f"{path}: column '{header}' (for rows:) is missing. {hint}")
        keep &= _matches(rows.frame[header], patterns, region)
    return rows if keep.all() else _take(rows, keep, OTHER_ROWS)


def _take(rows: Rows, keep: Mask, reason: str) -> Rows:
    count = rows.set_aside.get(reason, 0) + int(np.count_nonzero(~keep))
    return rows._replace(
        frame=rows.frame[keep].reset_index(drop=True),
        row=rows.row[keep],
        set_aside=rows.set_aside | {reason: count},
    )


def _matches(cells: pd.Series, patterns: Sequence[str], region: str) -> Mask:
    codes, distinct = pd.factorize(cells)
    words = [*(str(w).strip() for w in distinct), ""]
    fits = [any(_fits(word, pattern, region) for pattern in patterns) for word in words]
    return np.array(fits, bool)[codes]  # code -1, an empty cell, is the last


def _fits(word: str, pattern: str, region: str) -> bool:
    if "{region}" in pattern:
        word, pattern = _fold(word), _fold(pattern.replace("{region}", region))
    parts = [re.escape(p) for p in pattern.split("*")]
    return re.fullmatch(".*".join(parts), word, re.DOTALL) is not None


def _fold(text: str) -> str:
    return re.sub(r"[^\w*]+", "_", text.casefold()).strip("_")


def melt(path: Path, rows: Rows, how: Melt, empty: Sequence[str]) -> Rows:
    """Stack the columns of a wide file: one row for each cell that says something.

    Args:
        path: The file, for messages.
        rows: Its rows.
        how: Which columns, and what their headers and cells are called after it.
        empty: Words for an empty cell, beside no text at all.

    Raises:
        SourceError: If no column matches, or two become the same.
        ConfigurationError: If the pattern is no regular expression.
    """
    labels = _labels(path, list(rows.frame.columns), how)
    rest = [h for h in rows.frame.columns if h not in labels]
    taken = {how.variable, how.value} & set(rest)
    if taken:
        raise SourceError(f"{path}: the file has a column '{taken.pop()}' already; rename melt's.")
    n, m = len(rows.frame), len(labels)
    cells = pd.concat([rows.frame[h] for h in labels], ignore_index=True)
    order = np.arange(n * m).reshape(m, n).T.ravel()  # cells of a row one after the other
    order = order[~_is_empty(cells, empty)[order]]
    frame = rows.frame[rest].take(order % n if n else order).reset_index(drop=True)
    names = pd.Series(list(labels.values()), dtype="str")
    frame[how.variable] = names.take(order // max(n, 1)).reset_index(drop=True)
    frame[how.value] = cells.take(order).reset_index(drop=True)
    left_out = {EMPTY_CELL: n * m - len(order)} if len(order) < n * m else {}
    return rows._replace(
        frame=frame, row=rows.row[order % n if n else order], set_aside=rows.set_aside | left_out
    )


def _labels(path: Path, headers: list[str], how: Melt) -> dict[str, str]:
    """What the header says of each column that is stacked."""
    try:
        pattern = re.compile(how.columns)
    except re.error as error:
        raise ConfigurationError(f"melt, key 'columns': '{how.columns}': {error}.") from error
    matches = {h: m for h in headers if (m := pattern.fullmatch(h))}
    labels = {h: m.group(1 if pattern.groups else 0) or h for h, m in matches.items()}
    if not labels:
        raise SourceError(
            f"{path}: no column matches '{how.columns}' (melt). Found: {', '.join(headers[:12])}."
        )
    if len(set(labels.values())) < len(labels):
        raise SourceError(f"{path}: '{how.columns}' (melt) says the same of several columns.")
    return labels


def _is_empty(cells: pd.Series, words: Sequence[str]) -> Mask:
    codes, distinct = pd.factorize(cells)
    nothing = {"", *(w.strip().lower() for w in words)}
    return np.array([*(str(w).strip().lower() in nothing for w in distinct), True])[codes]
