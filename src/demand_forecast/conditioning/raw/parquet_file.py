"""Parquet files: typed columns as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.packed import check_rows, check_size
from demand_forecast.conditioning.raw.rows import Rows, cell_text, make_malformed, make_notes


def read_parquet(path: Path, options: ReadOptions) -> Rows:
    """Read a Parquet file.

    Raises:
        SourceError: If it is larger than the layout allows.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        facts = file.metadata
        check_rows(path, facts.num_rows, options)
        groups = [facts.row_group(i) for i in range(facts.num_row_groups)]
        size = sum(g.total_byte_size for g in groups)
        if size > options.max_bytes:  # how well columns are packed tells nothing of a bomb
            check_size(path, size, options)
        table = file.read()
    names = [str(n).strip() for n in table.column_names]
    columns = [_text(c) for c in table.columns]
    frame = pa.table(columns, [str(j) for j in range(len(names))]).to_pandas()
    row = np.arange(2, facts.num_rows + 2)
    return Rows(
        frame.set_axis(names, axis=1), row, make_malformed(), facts.num_rows, make_notes(), {}
    )


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_nested(kind):
        cells = [cell_text(v) for v in column.to_pylist()]
        return pa.chunked_array([pa.array(cells, pa.string())])
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = pc.local_timestamp(column)  # the date as it was written
    if pa.types.is_float16(kind):
        column = column.cast(pa.float32())
    if pa.types.is_floating(column.type) or pa.types.is_decimal(kind):
        column = _whole_numbers(column)
    return column.cast(pa.large_string() if pa.types.is_large_string(kind) else pa.string())


def _whole_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Integers that a null turned into floats: ``12.0`` is the store ``12``."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column
