"""Which file is which source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from demand_forecast.conditioning.drafting import words as w
from demand_forecast.conditioning.drafting.roles import Roles

_ENOUGH: Final = 4.0


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


def _scores(roles: Roles) -> dict[str, float]:
    structure = _structure(roles)
    words = roles.group.stem_words
    named = {s: 2.0 * bool(words & known) for s, known in w.SOURCE_WORDS.items()}
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
