"""Checks between sources: what a row says must fit what the other sources say."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from demand_forecast.conditioning.rows.draft import Draft, Mask

SALE_KEY = ["store_id", "product_id", "week"]
_DIGITS = 6
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
