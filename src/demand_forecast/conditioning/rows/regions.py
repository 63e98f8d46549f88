"""Rows of other regions, where a file has several: they are set aside and are no bad rows."""

from __future__ import annotations

from collections.abc import Mapping

from demand_forecast.conditioning.rows.checks import is_elsewhere
from demand_forecast.conditioning.rows.draft import SALES, Draft


def set_other_regions_aside(drafts: Mapping[str, Draft], region: str) -> None:
    """Mark the sales and plans that name another region; those that name none stay.

    Args:
        drafts: All sources.
        region: Name of the region.
    """
    for name in SALES:
        if name in drafts and "region" in drafts[name].frame:
            draft = drafts[name]
            draft.give_to_others(is_elsewhere(draft.frame["region"], region), "region")


def set_sales_elsewhere_aside(drafts: Mapping[str, Draft]) -> None:
    """Mark the sales and plans of stores that the stores table has in other regions.

    A region none of whose stores is left has another problem, which its rows are to tell.
    """
    stores = drafts["stores"]
    ids, good = stores.frame["store_id"], stores.good
    elsewhere = stores.is_rejected_for("other_region")
    if not good.any() or not elsewhere.any():
        return
    theirs = set(ids[elsewhere]) - set(ids[good])
    for name in SALES:
        if name in drafts and "store_id" in drafts[name].frame:
            draft = drafts[name]
            draft.give_to_others(draft.frame["store_id"].isin(theirs), "store_id")
