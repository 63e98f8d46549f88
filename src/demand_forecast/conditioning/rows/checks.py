"""Checks between sources: what a row says must fit what the other sources say."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.rows.draft import Draft, Mask
from demand_forecast.conditioning.weeks import Days

SALE_KEY = ["store_id", "product_id", "week"]
_DIGITS = 6
_LEAST_SHARE = 0.2  # fewer of the typical rows may be typing errors: such weeks end no history
_FEW_AFTER_A_GAP = 0.05
_WEEKS_AROUND = 8
_WEEKS_AFTER = 3  # weeks after which few rows are no late file, but all that there is
_EVERYWHERE = {"all", "*", ""}
_UNCLEAR = ("not_a_number", "missing_value", "negative_units", "return_exceeds_delivery")


def slug(name: str) -> str:
    """Name as it is written in configuration: ``North Texas`` is ``north_texas``."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _slugs(column: pd.Series) -> pd.Series:
    names = {n: slug(n) for n in column.dropna().unique()}
    return column.map(names).astype("str")


def check_stores(stores: Draft, region: str, store_formats: Sequence[str]) -> None:
    """Reject stores of another region, and those of a format that no segment has."""
    frame = stores.frame
    if "region" in frame:
        stores.reject(~_slugs(frame["region"]).isin([region]), "other_region", "region")
    frame["region"] = pd.Series(region, index=frame.index, dtype="str")
    by_slug = {slug(f): f for f in store_formats}
    formats = _slugs(frame["store_format"]).map(by_slug)
    stores.reject(formats.isna(), "unknown_store_format", "store_format")
    frame["store_format"] = formats.astype("str")


def check_references(draft: Draft, stores: Draft, products: Draft | None) -> None:
    """Reject rows of stores or products that are unknown or were themselves rejected."""
    for column, other, reason in (
        ("store_id", stores, "unknown_store"),
        ("product_id", products, "unknown_product"),
    ):
        if other is not None and column in draft.frame:
            usable = other.frame.loc[other.good, column]
            draft.reject(~draft.frame[column].isin(usable), reason, column)


def cases_to_units(draft: Draft, products: Draft) -> None:
    """Multiply a measure in cases by the pack size of each product."""
    good = products.table()
    pack_of = good.set_index("product_id")["pack_size"]
    pack = draft.frame["product_id"].map(pack_of).to_numpy(np.float64)
    if draft.own_pack is not None:
        pack = np.where(np.isnan(draft.own_pack), pack, draft.own_pack)
    usable = np.isfinite(pack) & (pack > 0)
    draft.reject(~usable, "unknown_pack_size", "product_id")
    draft.pack_size = np.where(usable, pack, 1.0)
    units = draft.raw_units * draft.pack_size
    draft.frame[draft.measure] = units.round(_DIGITS)  # 1/3 case of 12 is 4 units


def check_weeks(
    draft: Draft, first: np.datetime64, as_of: np.datetime64, shipped: np.datetime64
) -> None:
    """Reject rows of weeks that cannot be, and of those after the last week to look at.

    Args:
        draft: Shipments or returns.
        first: First week of the region.
        as_of: Last week to look at.
        shipped: Last week with complete shipments; what comes more than four weeks later has not
            happened yet.
    """
    week = draft.frame["week"].to_numpy().astype("datetime64[D]")
    if draft.source == "shipments":
        draft.reject(week < first, "week_too_early", "week")
    draft.reject(week > max(as_of, shipped) + np.timedelta64(28, "D"), "week_in_future", "week")
    draft.reject(week > as_of, "week_after_as_of", "week")


def check_plan(draft: Draft, last: np.datetime64) -> None:
    """Reject plans and events so far ahead that the date must be wrong."""
    week = draft.frame["week"].to_numpy().astype("datetime64[D]")
    draft.reject(week > last, "week_in_future", "week")


def check_events(events: Draft, region: str) -> None:
    """Reject events of another region; those of ``all`` stay."""
    if "region" in events.frame:
        events.reject(is_elsewhere(events.frame["region"], region), "other_region", "region")


def is_elsewhere(regions: pd.Series, region: str) -> Mask:
    """True for the rows that name another region; not for those of ``all`` or of none."""
    slugs = _slugs(regions).fillna("")
    return ~slugs.isin(_EVERYWHERE | {region}).to_numpy(bool)


def check_returns(returns: Draft, shipments: Draft) -> pd.DataFrame:
    """Reject returns of what was never delivered, or of more than was delivered.

    Returns:
        Keys of deliveries whose returns were reported but cannot be read: whether these weeks were
        sold out is unknown.
    """
    shipped = shipments.table().set_index(SALE_KEY)["units_shipped"]
    keys = pd.MultiIndex.from_frame(returns.frame[SALE_KEY])
    delivered = shipped.reindex(keys).to_numpy(np.float64)
    returned = returns.frame["units_returned"].to_numpy(np.float64)
    returns.reject(np.isnan(delivered), "return_without_delivery")
    returns.reject(returned > delivered * (1 + 1e-9), "return_exceeds_delivery", "units_returned")
    unclear = np.isin(returns.reasons(), _UNCLEAR) & np.isfinite(delivered)
    kept = pd.MultiIndex.from_frame(returns.frame.loc[returns.good, SALE_KEY])
    unclear_keys: pd.DataFrame = returns.frame.loc[unclear, SALE_KEY].drop_duplicates()
    is_kept = pd.MultiIndex.from_frame(unclear_keys).isin(kept)
    return unclear_keys.loc[~is_kept].reset_index(drop=True)


def plausible_span(weeks: Days, complete_share: float) -> tuple[np.datetime64, np.datetime64]:
    """First and last week of a region's history, whatever single rows say.

    The last one is the last week with at least ``complete_share`` of the usual rows. What is usual
    is the median of the weeks before, or, if it is less, of the weeks after: where stores have
    closed or the assortment was cut, the rows stay few, and where a file is not complete yet, the
    weeks after it are none. Weeks with less than a fifth of the typical rows never end a history:
    mistyped dates look like that. Weeks long before all others (a gap of a year, under 1 % of the
    rows) are typing errors.

    Args:
        weeks: ``(rows,)`` week of each good row.
        complete_share: Share of the usual weekly rows that makes a week complete.
    """
    distinct, counts = np.unique(weeks, return_counts=True)
    first = distinct[_strays(distinct, counts)]
    typical = np.sort(counts)[np.searchsorted(np.cumsum(np.sort(counts)), counts.sum() / 2)]
    certain = counts >= typical * _LEAST_SHARE
    distinct, counts = distinct[certain], counts[certain]
    end = _end(distinct, counts)
    distinct, counts = distinct[:end], counts[:end]
    return first, distinct[np.flatnonzero(counts >= complete_share * _usual(counts))[-1]]


def _usual(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """``(weeks,)`` usual number of rows, by the weeks before and after each."""
    rows = pd.Series(counts)
    before = rows.shift(1).rolling(_WEEKS_AROUND, min_periods=1).median()
    after = rows[::-1].shift(1).rolling(_WEEKS_AROUND, min_periods=_WEEKS_AFTER).median()[::-1]
    usual = np.fmin(before.to_numpy(np.float64), after.to_numpy(np.float64))
    return np.asarray(np.nan_to_num(usual))


def _end(distinct: Days, counts: npt.NDArray[np.int64]) -> int:
    """Number of weeks before a long gap that only a few rows come after."""
    gaps = np.flatnonzero(np.diff(distinct) > _WEEKS_AROUND * np.timedelta64(7, "D")) + 1
    after = counts.sum() - np.cumsum(counts)[gaps - 1]
    return int(min(gaps[after < counts.sum() * _FEW_AFTER_A_GAP], default=len(distinct)))


def _strays(distinct: Days, counts: npt.NDArray[np.int64]) -> int:
    """Number of leading weeks that are typing errors."""
    gaps = np.flatnonzero(np.diff(distinct) > np.timedelta64(365, "D")) + 1
    before = np.cumsum(counts)[gaps - 1]
    return int(max(gaps[before < counts.sum() / 100], default=0))
