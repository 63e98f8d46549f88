"""Products that replace others, or have got another number: their histories become one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.rows.draft import Draft, Mask
from demand_forecast.exceptions import SourceError

_LOGGER = logging.getLogger(__name__)

_ADDED_UP: Final = ("shipments", "returns")  # overlapping weeks count together
_REPLACED: Final = ("products", "promotions")  # what the successor has of its own counts


def refuse_splits(successors: Draft, layout: SourceLayout) -> None:
    """Stop where one product has two successors, unless the layout says which row counts.

    Raises:
        SourceError: With the product, its successors, and what is possible.
    """
    table = successors.table().drop_duplicates(["product_id", "successor_id"])
    twice = table[table["product_id"].duplicated(keep=False)]
    if twice.empty or "duplicates" in layout.model_fields_set:
        return
    product = twice["product_id"].iloc[0]
    names = " and ".join(
        f"'{s}'" for s in twice.loc[twice["product_id"] == product, "successor_id"]
    )
    raise SourceError(
        f"source 'successors': '{product}' is replaced by {names}. A history cannot be split: give "
        "it to the one that takes over most and leave the other rows out (the other products begin "
        "without a history), or take all of these rows out, so that all begin anew. If the later "
        "row corrects the earlier one, say 'duplicates: last'. Several products may have the same "
        "successor."
    )


def follow_successors(drafts: Mapping[str, Draft], until: np.datetime64) -> None:
    """Give rows of replaced products the id of their last successor.

    Deliveries and returns of both ids in one week are added up later, as two deliveries are. A row
    of products or promotions is set aside where the successor has one of its own.

    Args:
        drafts: All sources; without ``successors`` nothing is done.
        until: Last week of the history; what begins later has not happened yet.

    Raises:
        SourceError: If products replace each other in a circle.
    """
    if "successors" not in drafts:
        return
    last = _last_successors(drafts["successors"], until)
    packs = _packs(drafts.get("products"))
    for name in (*_ADDED_UP, *_REPLACED):
        if last and name in drafts and "product_id" in drafts[name].frame:
            draft = drafts[name]
            old = draft.frame["product_id"]
            moved = _rename(draft, last)
            if name in _ADDED_UP:
                draft.own_pack = _own_packs(old, moved, packs)
            else:
                _set_replaced_aside(draft, moved)


def _last_successors(successors: Draft, until: np.datetime64) -> dict[str, str]:
    """The last successor of each product, along chains."""
    frame = successors.table()
    if "valid_from" in frame:
        begun = frame["valid_from"].isna() | (frame["valid_from"] <= pd.Timestamp(until))
        if not begun.all():
            _LOGGER.info(
                "source 'successors': %s of %s products are replaced after %s and wait",
                f"{int((~begun).sum()):,}",
                f"{len(frame):,}",
                until,
            )
        frame = frame[begun]
    following = dict(zip(frame["product_id"], frame["successor_id"], strict=True))
    return {product: _end_of_chain(product, following) for product in following}


def _end_of_chain(product: str, following: dict[str, str]) -> str:
    chain = [product]
    while chain[-1] in following:
        chain.append(following[chain[-1]])
        if chain[-1] in chain[:-1]:
            circle = chain[chain.index(chain[-1]) :]
            raise SourceError(
                f"source 'successors': products replace each other in a circle: "
                f"{' -> '.join(repr(p) for p in circle)}. Take one of these rows out, or give it "
                "a valid_from that is still to come."
            )
    return chain[-1]


def _rename(draft: Draft, last: dict[str, str]) -> Mask:
    """Write the new ids; True for the rows that had another one."""
    codes, ids = pd.factorize(draft.frame["product_id"])
    old = np.append(pd.Index(ids).isin(list(last)), False)
    names = [last.get(product, product) for product in ids]
    draft.frame["product_id"] = pd.Series([*names, None], dtype="str").iloc[codes].to_numpy()
    draft.frame["product_id"] = draft.frame["product_id"].astype("str")
    moved = old[codes]
    draft.variant = np.where(moved, codes + 1, 0).astype(np.int32)
    return np.asarray(moved, bool)


def _packs(products: Draft | None) -> pd.Series | None:
    if products is None or "pack_size" not in products.frame:
        return None
    table = products.table().drop_duplicates("product_id")
    return table.set_index("product_id")["pack_size"]


def _own_packs(old: pd.Series, moved: Mask, packs: pd.Series | None) -> np.ndarray | None:
    """Pack size of the replaced product, which its rows are counted in."""
    if packs is None:
        return None
    own = np.full(len(old), np.nan)
    own[moved] = old[moved].map(packs).to_numpy(np.float64)
    return own


def _set_replaced_aside(draft: Draft, moved: Mask) -> None:
    key = pd.MultiIndex.from_frame(draft.frame[draft.key])
    theirs = key[draft.good & ~moved]
    draft.reject(moved & key.isin(theirs), "replaced_by_successor", "product_id")
