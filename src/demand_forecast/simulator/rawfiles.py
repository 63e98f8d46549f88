"""From standard tables to a region's raw files: its layout, read backwards."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from demand_forecast.conditioning.layout import Column, SourceLayout
from demand_forecast.exceptions import ConfigurationError

_NOT_A_NUMBER = ("twelve", "#REF!", "1O", "--")
_MONDAY, _WEDNESDAY = 5, 3


def to_raw(table: pa.Table, source: SourceLayout, *, typed: bool) -> pa.Table:
    """Turn a standard table into what a region delivers.

    Args:
        table: Standard table; null numbers and dates stand for unreadable ones. A column
            ``pack_size`` is needed where the layout counts cases.
        source: Layout of the source.
        typed: True where the file type has typed columns (Parquet, JSON, Excel), so that an
            unreadable number can only be missing.

    Returns:
        The table under the raw headers.

    Raises:
        ConfigurationError: If the layout uses a rule that cannot be read backwards.
    """
    raw = {}
    for name, column in source.columns.items():
        if column.from_ is None or column.cut is not None:
            raise ConfigurationError(
                f"column '{name}': the simulator cannot write 'constant', 'pick' or 'cut' columns, "
                "only 'from' with date formats, units and maps."
            )
        raw[column.from_] = _encode(table, name, column, typed)
    for header in source.ignore:
        known = header.lower().replace(" ", "_").replace("storename", "store_name")
        if known in table.column_names:
            raw[header] = table[known]
    return pa.table(raw)


def _encode(table: pa.Table, name: str, column: Column, typed: bool) -> pa.ChunkedArray:
    values = table[name]
    if column.map is not None:
        return _unmap(values, column.map)
    if pa.types.is_date(values.type):
        return _dates(values, column, moved=name == "week")
    if column.unit is not None:
        values = _UNITS[column.unit](values, table)
    return values if typed or not values.null_count else _with_text(values)


def _dates(values: pa.ChunkedArray, column: Column, moved: bool) -> pa.ChunkedArray:
    """Dates as text or week numbers; a week as a day in it unless the header says "end"."""
    coded = values.combine_chunks().dictionary_encode()
    days = np.asarray(coded.dictionary.to_numpy(zero_copy_only=False), dtype="datetime64[D]")
    header = (column.from_ or "").lower()
    if column.week_number_since is not None:
        since = np.datetime64(column.week_number_since, "D")
        number = (days - since).astype(np.int64) // 7 + 1
        text, impossible = number.astype(str), "53A"
    else:
        shift = 0 if not moved or "end" in header else _MONDAY if "start" in header else _WEDNESDAY
        form = column.date_format or "%Y-%m-%d"
        text = pd.DatetimeIndex(days - shift).strftime(form).to_numpy(dtype=object)
        impossible = form.replace("%d", "30").replace("%m", "02").replace("%Y", "2018")
    words = pa.array(list(text), pa.string()).take(coded.indices)
    return pa.chunked_array([words.fill_null(impossible)])


def _with_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    words = pa.array(
        np.resize(np.array(_NOT_A_NUMBER, dtype=object), values.null_count), pa.string()
    )
    text = values.cast(pa.string()).combine_chunks()
    return pa.chunked_array([pc.replace_with_mask(text, pc.is_null(text), words)])


def _unmap(values: pa.ChunkedArray, mapping: dict[str, str]) -> pa.ChunkedArray:
    raw = {standard: code for code, standard in mapping.items()}
    return pa.chunked_array([pa.array([raw.get(v, v) for v in values.to_pylist()], pa.string())])


def _cases(values: pa.ChunkedArray, table: pa.Table) -> pa.ChunkedArray:
    return pc.divide(values.cast(pa.float64()), table["pack_size"].cast(pa.float64()))


def _scaled(
    values: pa.ChunkedArray, table: pa.Table, factor: float, offset: float, digits: int
) -> pa.ChunkedArray:
    return pc.round(pc.add(pc.multiply(values.cast(pa.float64()), factor), offset), ndigits=digits)


_UNITS: dict[str, Callable[[pa.ChunkedArray, pa.Table], pa.ChunkedArray]] = {
    "cases": _cases,
    "fahrenheit": partial(_scaled, factor=1.8, offset=32.0, digits=1),
    "inches": partial(_scaled, factor=1 / 25.4, offset=0.0, digits=2),
    "percent": partial(_scaled, factor=100.0, offset=0.0, digits=1),
}
