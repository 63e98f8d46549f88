"""Guesses about stores and products: formats, attributes, pack sizes, the country."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from demand_forecast.conditioning.drafting import words as w
from demand_forecast.conditioning.drafting.common import examples, likely, number, span
from demand_forecast.conditioning.drafting.guesses import GUESS, LIKELY, SURE, Guess, Value
from demand_forecast.conditioning.drafting.profile import Profile
from demand_forecast.conditioning.drafting.roles import Roles

_ADDRESS: Final = frozenset(
    ("city", "state", "street", "address", "county", "phone", "description", "desc")
)
_CLASSES: Final = 8
_FEW: Final = 3
_TWO: Final = ["large", "small"]
_LARGE: Final = frozenset(
    ("l", "lg", "large", "big", "super", "supermarket", "supermarkets", "hyper", "xl")
)
_SMALL: Final = frozenset(
    ("s", "sm", "small", "pharmacy", "pharmacies", "convenience", "express", "mini", "kiosk")
)


def numbers_and_texts(roles: Roles) -> list[Profile]:
    """Columns that are no ids, places or dates."""
    return [*roles.numeric, *roles.texts]


def format_guess(roles: Roles) -> Guess:
    """The column that says the format of a store, or that there is none."""
    low = [
        p
        for p in numbers_and_texts(roles)
        if 1 < len(p.counts) <= _CLASSES and not p.tokens & _ADDRESS
    ]
    low = [p for p in low if not p.is_number or p.is_whole]
    named = sorted((p for p in low if p.tokens & w.FORMAT), key=lambda p: len(p.counts))
    if len(named) == 1:
        return _format_of(named[0])
    texts = named or [p for p in low if not p.is_number]
    candidates = "; ".join(f"{p.header}: {examples(p)}" for p in texts)
    if texts:
        guess = Guess("store_format", {}, GUESS, "")
        return guess.ask("from", f"which column says the format of a store? {candidates}")
    cuts = ", ".join(p.header for p in roles.numeric[:12])
    why = "no column has classes of stores, so all are of one format"
    if cuts:
        why += f"; a number can be cut into classes (cut: {{edges: ..., labels: ...}}): {cuts}"
    return Guess("store_format", {"constant": "all_stores"}, GUESS, why)


def _format_of(profile: Profile) -> Guess:
    names = {str(word): _format_name(str(word)) for word in sorted(profile.words)}
    sizes = {word: _size(word) for word in names}
    if sorted(size or "" for size in sizes.values()) == _TWO:
        names = {word: size for word, size in sizes.items() if size}
    keys: dict[str, Value] = {"from": profile.header}
    if any(w.snake(word) != name for word, name in names.items()):
        keys["map"] = names
    counts = ", ".join(f"{name} ({n} stores)" for name, n in profile.counts.items())
    return Guess("store_format", keys, SURE, f"header '{profile.header}': {counts}")


def _size(word: str) -> str | None:
    parts = w.tokens(word)
    if bool(parts & _LARGE) == bool(parts & _SMALL):
        return None
    return "large" if parts & _LARGE else "small"


def _format_name(word: str) -> str:
    name = w.snake(word)
    return name if word[:1].isalpha() else f"format_{_plain_word(word)}"


def _plain_word(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum())


def statics(roles: Roles, taken: set[str]) -> list[Guess]:
    """What else the file says about each store or product."""
    columns = [p for p in roles.group.columns.values() if p.header not in taken]
    guesses = []
    for p in columns:
        classes = 1 < len(p.counts) < p.filled and len(p.counts) <= max(_FEW, p.filled // 2)
        if p.is_number and p in roles.numeric and len(p.counts) > 1:
            guesses.append(number(p, "static", f"a number, {span(p)}"))
        elif p in roles.texts and classes and not p.tokens & (_ADDRESS | w.REGION):
            keys: dict[str, Value] = {"from": p.header, "role": "static", "type": "text"}
            guesses.append(Guess(w.snake(p.header), keys, LIKELY, f"classes: {examples(p)}"))
    return guesses


def is_pack(p: Profile) -> bool:
    """Whether a column counts the units of a case."""
    named = p.tokens & w.PACK and not p.tokens & (w.PRICE | w.COST)
    return bool(named) and p.is_whole and bool((p.values >= 1).all())


def _is_shelf_life(p: Profile) -> bool:
    return bool(p.tokens & w.SHELF and p.tokens & w.LIFE) and p.is_number


PRODUCT_COLUMNS: Final[dict[str, Callable[[Profile], bool]]] = {
    "category": lambda p: bool(p.tokens & w.CATEGORY) and not p.is_number,
    "shelf_life_weeks": _is_shelf_life,
    "unit_cost": lambda p: bool(p.tokens & w.COST) and p.is_number,
    "unit_price": lambda p: bool(p.tokens & w.PRICE) and p.is_number,
    "pack_size": is_pack,
}


def product_guess(name: str, profile: Profile) -> Guess:
    """A standard column of products."""
    holds = examples(profile) if name == "category" else span(profile)
    guess = Guess(name, {"from": profile.header}, SURE, f"header '{profile.header}': {holds}")
    if name == "shelf_life_weeks" and profile.tokens & {"day", "days", "tage"}:
        return guess.with_keys(unit="days").because("in days")
    if name == "shelf_life_weeks" and not profile.tokens & w.WEEK:
        return likely(guess, "taken as weeks")
    return guess


def country_of(chosen: Mapping[str, Roles]) -> tuple[str, str] | None:
    """ISO code of the country and what speaks for it; None where nothing does."""
    stores = chosen.get("stores")
    for profile in stores.texts if stores is not None else ():
        if profile.filled and set(profile.words) <= w.STATES:
            return "US", f"column '{profile.header}' has its states: {examples(profile)}"
    for roles in chosen.values():
        temperature = roles.temperature
        if roles.place is not None and temperature and temperature.tokens & w.FAHRENHEIT:
            return "US", "temperatures in Fahrenheit"
    return None
