"""Stores that close, reopen or change their format: a row for each time."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from demand_forecast.conditioning.rows.draft import Draft
from demand_forecast.conditioning.weeks import Days

_LOGGER = logging.getLogger(__name__)

_EARLIEST, _LATEST = np.datetime64("0001-01-01", "D"), np.datetime64("9999-12-31", "D")


def check_overlaps(stores: Draft) -> None:
    """Reject the later of two rows of a store that hold at the same time.

    A row without a last day, and every row where there is no column ``valid_until``, ends where the
    next one of its store begins.
    """
    if not {"valid_from", "valid_until"} <= set(stores.frame):
        return
    _end_open_rows(stores)
    table = _times(stores)
    latest = table.groupby("store_id")["until"].transform(lambda ends: ends.cummax().shift())
    overlaps = table.index[(table["start"] <= latest).to_numpy(bool)]
    if len(overlaps):
        _say_overlaps(table.loc[overlaps], latest[overlaps])
    stores.reject(stores.mask(overlaps), "overlapping_times", "valid_from, valid_until")


def _end_open_rows(stores: Draft) -> None:
    """Let rows without a last day end on the day before the next one of their store begins."""
    table = _times(stores)
    following = table.groupby("store_id")["start"].shift(-1)
    ends = (table["until"] == pd.Timestamp(_LATEST)) & (following > table["start"])
    if not ends.any():
        return
    rows = table.index[ends.to_numpy(bool)]
    last = stores.frame["valid_until"].copy()
    last.iloc[rows] = (following[rows] - pd.Timedelta(days=1)).astype(last.dtype)
    stores.frame["valid_until"] = last
    _LOGGER.info(
        "source 'stores': %s rows have no last day and end where the next row of their store "
        "begins (such as store '%s' on %s)",
        len(rows),
        table["store_id"].loc[rows[0]],
        following[rows[0]].date(),
    )


def _say_overlaps(later: pd.DataFrame, latest: pd.Series) -> None:
    store, start = later["store_id"].iloc[0], later["start"].iloc[0]
    _LOGGER.warning(
        "source 'stores': %s rows begin before another row of their store has ended and are in "
        "quarantine (such as store '%s': a row begins on %s, one before it ends on %s). Mend "
        "valid_from or valid_until.",
        len(later),
        store,
        start.date(),
        latest.iloc[0].date(),
    )


def choose_valid(stores: Draft, as_of: np.datetime64) -> None:
    """Leave the row of each store that holds at ``as_of``, else its last one.

    The others are set aside: the history stays with the store whatever row it began under.

    Args:
        stores: Several good rows for a store must not overlap.
        as_of: Last week of the history.
    """
    if "valid_from" not in stores.frame:
        return
    table = _times(stores)
    day = pd.Timestamp(as_of)
    holds = (table["start"] <= day) & (day <= table["until"])
    ranked = table.assign(holds=holds).sort_values(["holds", "start"], kind="stable")
    chosen = ranked.groupby("store_id").tail(1).index
    stores.reject(stores.good & ~stores.mask(chosen), "not_valid_now", "valid_from")


def last_days(stores: Draft) -> dict[str, np.datetime64]:
    """Last day of each store that is declared to be closed for good."""
    if "valid_until" not in stores.frame:
        return {}
    until = _times(stores).groupby("store_id")["until"].max()
    closed = until[until < pd.Timestamp(_LATEST)]
    return dict(zip(closed.index, closed.to_numpy().astype("datetime64[D]"), strict=True))


def say_sales_after_end(stores: Draft, shipments: Draft) -> None:
    """Tell of stores that are declared to be closed and have shipments all the same."""
    last = last_days(stores)
    if not last:
        return
    ends = shipments.frame["store_id"].map(last).to_numpy().astype("datetime64[D]")
    begun = shipments.frame["week"].to_numpy().astype("datetime64[D]") - np.timedelta64(6, "D")
    late = shipments.good & (begun > ends) & (shipments.frame["units_shipped"] > 0).to_numpy(bool)
    if late.any():
        _LOGGER.warning(
            "source 'shipments': %s rows are of weeks after the valid_until of their store (such "
            "as store '%s', closed on %s). They stay; mend valid_until if the store is open.",
            f"{int(late.sum()):,}",
            shipments.frame["store_id"].iloc[int(np.argmax(late))],
            ends[late][0],
        )


def _times(stores: Draft) -> pd.DataFrame:
    """First and last day of each good row, by store and first day; the index is its place."""
    rows = np.flatnonzero(stores.good)
    frame = stores.frame.iloc[rows]
    times = {
        "store_id": frame["store_id"].to_numpy(),
        "start": _days(frame, "valid_from", _EARLIEST),
        "until": _days(frame, "valid_until", _LATEST),
    }
    table = pd.DataFrame(times, index=rows)
    return table.sort_values(["store_id", "start"], kind="stable")


def _days(frame: pd.DataFrame, name: str, empty: np.datetime64) -> Days:
    if name not in frame:
        return np.full(len(frame), empty).astype("datetime64[s]")
    days = frame[name].to_numpy().astype("datetime64[s]")
    return np.asarray(np.where(np.isnat(days), empty, days))
