"""Which file is which source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Final

from demand_forecast.conditioning.drafting import words as w
from demand_forecast.conditioning.drafting.profile import Profile
from demand_forecast.conditioning.drafting.roles import Roles

_ENOUGH: Final = 4.0
_OVERLAP: Final = 0.8
_OF_PRODUCTS: Final = (w.PACK | w.PRICE | w.COST | w.PRODUCT | w.CATEGORY) - w.FORMAT


def choose_sources(groups: Sequence[Roles]) -> dict[str, Roles]:
    """Group of files for each source, the surest first; a group serves one source.

    A sales file with prices and promotions serves ``promotions``, too, where no other file does.

    Args:
        groups: Files of one folder.
    """
    scored = [
        (score, source, roles) for roles in groups for source, score in _scores(roles).items()
    ]
    chosen: dict[str, Roles] = {}
    for score, source, roles in sorted(scored, key=lambda s: -s[0]):
        if score >= _ENOUGH and source not in chosen and roles not in chosen.values():
            chosen[source] = roles
    sales = chosen.get("shipments")
    if sales is not None and "promotions" not in chosen and sales.plans:
        chosen["promotions"] = sales
    return chosen


def by_overlap(groups: Sequence[Roles]) -> list[Roles]:
    """Ids that no header names, found by the values that a file in time shares with a master.

    A master is a file without time in which each row has an id of its own. It is one of stores
    where it has zip codes or addresses, of products where it has prices or packs.

    Args:
        groups: Files of one folder.
    """
    masters = [(r, p) for r in groups if not r.has_time for p in _unique(r)]
    joined = [reduce(_joined_by, masters, roles) if roles.has_time else roles for roles in groups]
    headers = {
        (m.group.files, m.group.title): (m, ids)
        for m, ids in masters
        for r in joined
        if r.has_time and _shares(r, ids) is not None
    }
    return [_as_master(r, headers.get((r.group.files, r.group.title))) for r in joined]


def _unique(roles: Roles) -> list[Profile]:
    return [p for p in roles.group.columns.values() if p.is_unique and len(p.counts) > 1]


def _is_of_stores(master: Roles) -> bool | None:
    """Whether a master is of stores; None where nothing says so."""
    words = frozenset().union(*(p.tokens for p in master.group.columns.values()))
    words |= master.group.stem_words
    stores, products = words & (w.ZIP | w.STORE | w.STATE_WORDS), words & _OF_PRODUCTS
    return None if bool(stores) == bool(products) else bool(stores)


def _shares(roles: Roles, ids: Profile) -> Profile | None:
    """The column of a file in time whose texts are mostly ids of a master."""
    theirs = frozenset(ids.words)
    dates = roles.dates
    mine = [p for p in roles.group.columns.values() if p.filled and p not in dates]
    best = max(mine, key=lambda p: p.share_in(theirs), default=None)
    return best if best is not None and best.share_in(theirs) >= _OVERLAP else None


def _joined_by(roles: Roles, pair: tuple[Roles, Profile]) -> Roles:
    master, ids = pair
    column, of_stores = _shares(roles, ids), _is_of_stores(master)
    if column is None or of_stores is None or column in (roles.store, roles.product):
        return roles
    if of_stores and roles.store is None:
        return replace(roles, store_header=column.header)
    if not of_stores and roles.product is None:
        return replace(roles, product_header=column.header)
    return roles


def _as_master(roles: Roles, shared: tuple[Roles, Profile] | None) -> Roles:
    if shared is None or roles.has_time or roles.store or roles.product:
        return roles
    header = shared[1].header
    if _is_of_stores(roles):
        return replace(roles, store_header=header)
    return replace(roles, product_header=header)


def _scores(roles: Roles) -> dict[str, float]:
    structure = _structure(roles)
    words = roles.group.stem_words
    named = {s: 2.0 * bool(words & names) for s, names in w.SOURCE_WORDS.items()}
    size = min(roles.group.n_rows, 10**6) / 10**7  # of two that look alike, the larger one
    return {source: score + named[source] + size for source, score in structure.items()}


def _structure(roles: Roles) -> dict[str, float]:
    """What the columns speak for."""
    if roles.place is not None and roles.has_time and (roles.temperature or roles.rain):
        issued = len(roles.dates) > 1
        return {"weather_forecast": 5.0} if issued else {"weather_observed": 5.0}
    if roles.has_time:
        return _in_time(roles)
    scores = {}
    if roles.store is not None and roles.store.is_unique and roles.product is None:
        scores["stores"] = 5.0
    if roles.product is not None and roles.product.is_unique and roles.store is None:
        scores["products"] = 5.0
    return scores


def _in_time(roles: Roles) -> dict[str, float]:
    sold = roles.measure is not None and roles.store is not None and roles.product is not None
    if sold:
        assert roles.measure is not None  # noqa: S101 - seen above
        back = bool((roles.group.stem_words | roles.measure.tokens) & w.RETURNED)
        return {"returns": 4.0} if back else {"shipments": 4.0}
    if (roles.store or roles.product) and roles.numeric:
        return {"promotions": 4.0}
    if roles.texts and not roles.store and not roles.product:
        return {"events": 3.0 + bool(roles.group.stem_words & w.EVENT)}
    return {}


def unused(groups: Iterable[Roles], chosen: dict[str, Roles]) -> list[str]:
    """Lines about the files that serve no source."""
    mine = list(chosen.values())
    return [
        f"{r.group.title} ({', '.join(r.group.names[:3])}): no source; columns "
        f"{', '.join(r.group.columns)}"
        for r in groups
        if r not in mine
    ]
