"""Ids of one source that another one does not know: both sides, and what would make them fit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from demand_forecast.conditioning.rows.draft import SALES, Draft
from demand_forecast.exceptions import SourceError

_LOGGER = logging.getLogger(__name__)
_EXAMPLES: Final = 3
_LISTED: Final = 20
_WORTH_A_LINE: Final = 0.05  # share of the ids, or rows, that find no partner
_A_FEW: Final = 0.02
_REPAIRED: Final = 0.5  # share of these that a repair must rescue

# What ids lose and gain on their way through spreadsheets, and the key that undoes it.
_REPAIRS: Final[dict[str, Callable[[str, int], str]]] = {
    "zfill: {width}": lambda word, width: word.zfill(width),
    r"extract: '(\d{{5}})(?:-?\d{{4}})?'": lambda word, _: word[:5],
    r"extract: '(\d+)\.0*'": lambda word, _: word.partition(".")[0],
    r"extract: '0*(\w+)'": lambda word, _: word.lstrip("0"),
    "map: {{{word}: {repaired}, ...}}": lambda word, _: word.upper(),
    "map: {{{word}: {repaired}, ... }}": lambda word, _: word.lower(),
}


JOIN_COLUMNS: Final = ("left", "right", "ids", "missed", "examples", "repair")


@dataclass(frozen=True)
class Join:
    """Ids of a source looked up in another one.

    Attributes:
        left: Source and column that is looked up, such as ``stores.zip_code``.
        right: Source and column in which.
        ids: All ids of the left side.
        known: All ids of the right side.
        rows: Share of the rows that find no partner, where rows are lost by it.
    """

    left: str
    right: str
    ids: frozenset[str]
    known: frozenset[str]
    rows: float | None = None

    @property
    def missed(self) -> list[str]:
        """Ids without a partner, sorted."""
        return sorted(self.ids - self.known)

    @property
    def share(self) -> float:
        """Share of the ids without a partner."""
        return len(self.missed) / max(len(self.ids), 1)

    @property
    def there(self) -> list[str]:
        """Some ids of the right side, as examples."""
        return sorted(self.known)[:_EXAMPLES]

    @property
    def is_low(self) -> bool:
        """Whether more than a few ids find no partner."""
        return self.share > _A_FEW

    @property
    def is_worth_a_line(self) -> bool:
        """Whether more than single rows are missed, or something can be done about it."""
        share = self.share if self.rows is None else self.rows
        return share > _WORTH_A_LINE or bool(self.repair())

    def repair(self) -> str:
        """Key for the column of either side that makes most of the ids fit; empty for none."""
        sides = (
            (self.left, self.missed, self.known),
            (self.right, sorted(self.known - self.ids), frozenset(self.missed)),
        )
        for key, repaired in _REPAIRS.items():
            for side, words, partners in sides:
                width = max(map(len, partners), default=0)
                pairs = [(word, repaired(word, width)) for word in words]
                rescued = [pair for pair in pairs if pair[1] in partners]
                if rescued and len(rescued) >= _REPAIRED * len(self.missed):
                    word, new = rescued[0]
                    return f"{side}: {key.format(width=width, word=word, repaired=new)}"
        return ""

    def report(self) -> dict[str, object]:
        """The join as a row of ``JOIN_COLUMNS``."""
        return {
            "left": self.left,
            "right": self.right,
            "ids": len(self.ids),
            "missed": len(self.missed),
            "examples": ", ".join(self.missed[:_LISTED]),
            "repair": self.repair(),
        }

    def __str__(self) -> str:
        """Both sides with examples, and a likely repair."""
        repair = self.repair()
        return (
            f"{len(self.missed):,} of {len(self.ids):,} ids of {self.left} are not in "
            f"{self.right}: {_some(self.missed)}; there: {_some(sorted(self.known))}."
            + (f" They fit with {repair}." if repair else "")
        )


def check_joins(drafts: Mapping[str, Draft], region: str) -> pd.DataFrame:
    """Look at what each source looks up in another one, and say what is not found.

    Args:
        drafts: Sources by name, checked row by row.
        region: Name of the region, for messages.

    Returns:
        The joins that miss something, a row of ``JOIN_COLUMNS`` each.

    Raises:
        SourceError: If a join finds no partner at all.
    """
    _say_twins(distinct(drafts["shipments"].frame["product_id"]), region)
    joins = [join for join in _joins(drafts) if join.missed]
    for join in joins:
        if join.share == 1 and join.known:
            raise SourceError(f"region '{region}': {join}")
        if join.is_worth_a_line:
            _LOGGER.warning("region '%s': %s", region, join)
    report = pd.DataFrame([join.report() for join in joins], columns=list(JOIN_COLUMNS))
    return report.astype(dict.fromkeys(("left", "right", "examples", "repair"), "str"))


def _say_twins(ids: frozenset[str], region: str) -> None:
    """Tell of ids that differ by case, by zeros in front or by ``.0`` at the end only."""
    names = pd.Series(sorted(ids), dtype="str")
    plain = names.str.casefold().str.replace(r"\.0+$", "", regex=True).str.lstrip("0")
    twins = names[plain.duplicated(keep=False) & plain.ne("")]
    if twins.empty:
        return
    pair = names[plain == plain[twins.index[0]]]
    _LOGGER.warning(
        "region '%s': %s ids of shipments.product_id differ only by capitals, by zeros in front or "
        "by '.0' at the end, such as %s, and are read as different products. If they are the same, "
        "say map, zfill or extract for the column.",
        region,
        len(twins),
        _some(list(pair)),
    )


def _joins(drafts: Mapping[str, Draft]) -> Iterable[Join]:
    stores = drafts["stores"]
    for name in ("weather_observed", "weather_forecast"):
        if name in drafts and "zip_code" in stores.frame:
            zip_codes = _ids(drafts[name], "zip_code")
            yield Join("stores.zip_code", f"{name}.zip_code", _ids(stores, "zip_code"), zip_codes)
    for name in SALES:
        for column, other in (("store_id", "stores"), ("product_id", "products")):
            if name in drafts and other in drafts and column in drafts[name].frame:
                yield _reference(name, column, drafts[name], other, drafts[other])
    plan = drafts.get("promotions")
    if plan is not None and "product_id" in plan.frame:
        shipped, planned = _ids(drafts["shipments"], "product_id"), _ids(plan, "product_id")
        yield Join("shipments.product_id", "promotions.product_id", shipped, planned)


def _reference(name: str, column: str, draft: Draft, other_name: str, other: Draft) -> Join:
    """A join whose misses are rejected already: only these rows need to be looked at."""
    reason = {"store_id": "unknown_store", "product_id": "unknown_product"}[column]
    is_missed = draft.is_rejected_for(reason)
    missed = distinct(draft.frame.loc[is_missed, column])
    ids = _ids(other, column)
    hits = ids if draft.good.any() else frozenset()
    return Join(f"{name}.{column}", f"{other_name}.{column}", missed | hits, ids, is_missed.mean())


def _ids(draft: Draft, column: str) -> frozenset[str]:
    return distinct(draft.frame.loc[draft.good, column])


def distinct(ids: pd.Series) -> frozenset[str]:
    """The ids of a column, without empty cells."""
    return frozenset(ids.dropna().unique())


def _some(words: list[str]) -> str:
    more = ", ..." if len(words) > _EXAMPLES else ""
    return ", ".join(repr(word) for word in words[:_EXAMPLES]) + more
