"""The bad rows that real files contain, in a realistic share, at places decided by the seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from demand_forecast.simulator.world.calendar import FIRST_WEEK

SHARE = 0.003
"""Bad rows against good ones in the files that people and scanners fill."""

_YEARS_TOO_LATE = 20
_MEASURE = {"shipments": "units_shipped", "returns": "units_returned"}

Positions = npt.NDArray[np.int64]


def spoil(
    table: pa.Table, source: str, rng: np.random.Generator
) -> tuple[pa.Table, dict[str, int]]:
    """Spoil some rows of a table of shipments or returns and add some that should not be there.

    A null number or date stands for something unreadable; the writer finds the text for it.

    Args:
        table: Standard table of the source.
        source: ``shipments`` or ``returns``.
        rng: Decides how many and which.

    Returns:
        The table and the number of bad rows by kind.
    """
    spoilers = {
        kind: f for kind, f in _SPOILERS.items() if kind != "not_delivered" or source == "returns"
    }
    counts = rng.poisson(len(table) * SHARE / len(spoilers), len(spoilers))
    counts = np.minimum(counts, len(table) // len(spoilers))
    chosen = rng.permutation(len(table))[: counts.sum()]
    parts = np.split(chosen, np.cumsum(counts)[:-1])
    extra = []
    for (kind, spoiler), rows in zip(spoilers.items(), parts, strict=True):
        if kind in _IN_PLACE:
            table = spoiler(table, np.sort(rows), _MEASURE[source])
        else:
            extra.append(spoiler(table.take(pa.array(np.sort(rows))), rows, _MEASURE[source]))
    kinds = {kind: int(n) for kind, n in zip(spoilers, counts, strict=True) if n}
    return pa.concat_tables([table, *extra]), kinds


def _negative(table: pa.Table, rows: Positions, measure: str) -> pa.Table:
    return _set(
        table, measure, pc.if_else(_mask(table, rows), pc.negate(table[measure]), table[measure])
    )


def _unreadable_number(table: pa.Table, rows: Positions, measure: str) -> pa.Table:
    return _set(table, measure, pc.if_else(_mask(table, rows), None, table[measure]))


def _unreadable_date(table: pa.Table, rows: Positions, measure: str) -> pa.Table:
    return _set(table, "week", pc.if_else(_mask(table, rows), None, table["week"]))


def _unknown_store(table: pa.Table, rows: Positions, measure: str) -> pa.Table:
    prefix = pc.utf8_slice_codeunits(table["store_id"], 0, 3)
    return _set(table, "store_id", pc.binary_join_element_wise(prefix, "9999", ""))


def _unknown_product(table: pa.Table, rows: Positions, measure: str) -> pa.Table:
    return _set(table, "product_id", pa.array(["99999"] * len(table), pa.string()))


def _duplicate(table: pa.Table, rows: Positions, measure: str) -> pa.Table:
    return table


def _future(table: pa.Table, rows: Positions, measure: str) -> pa.Table:
    # 52 weeks are not a year, but they end on the same day of the week
    days = table["week"].cast(pa.int32()).to_numpy() + 7 * 52 * _YEARS_TOO_LATE
    return _set(table, "week", pa.array(days.astype(np.int32)).cast(pa.date32()))


def _not_delivered(table: pa.Table, rows: Positions, measure: str) -> pa.Table:
    """Credited for weeks before the first delivery in the files."""
    weeks = FIRST_WEEK - 7 * (1 + rows % 8)
    return _set(table, "week", pa.array(np.sort(weeks)))


_SPOILERS: dict[str, Callable[[pa.Table, Positions, str], pa.Table]] = {
    "unknown_store": _unknown_store,
    "unknown_product": _unknown_product,
    "duplicate": _duplicate,
    "future_week": _future,
    "not_delivered": _not_delivered,
    "negative_units": _negative,
    "text_in_number": _unreadable_number,
    "impossible_date": _unreadable_date,
}
_IN_PLACE = {"negative_units", "text_in_number", "impossible_date"}


def _mask(table: pa.Table, rows: Positions) -> pa.Array:
    mask = np.zeros(len(table), dtype=np.bool_)
    mask[rows] = True
    return pa.array(mask)


def _set(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)
