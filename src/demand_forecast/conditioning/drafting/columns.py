"""Guesses about the columns of each source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from demand_forecast.conditioning.drafting import words as w
from demand_forecast.conditioning.drafting.common import examples, id_guess, joined, likely, number
from demand_forecast.conditioning.drafting.covariates import events, plan, plans_of_sales, weather
from demand_forecast.conditioning.drafting.guesses import (
    SURE,
    Guess,
    Question,
    SourceGuess,
)
from demand_forecast.conditioning.drafting.masters import (
    PRODUCT_COLUMNS,
    format_guess,
    is_pack,
    numbers_and_texts,
    product_guess,
    statics,
)
from demand_forecast.conditioning.drafting.profile import Profile
from demand_forecast.conditioning.drafting.roles import Roles
from demand_forecast.conditioning.drafting.samples import ReadValue
from demand_forecast.conditioning.drafting.times import week_guess
from demand_forecast.conditioning.layout import DECIDE, RESERVED
from demand_forecast.conditioning.tables import TABLES

_BOTH: Final = 2


class SourceDrafter:
    """Guesses about one source after the other; each knows the ones before it.

    Args:
        chosen: Files of each source.
    """

    def __init__(self, chosen: Mapping[str, Roles]) -> None:
        self.chosen = chosen

    def draft(self, source: str) -> SourceGuess:
        """Guesses about all columns of a source."""
        roles = self.chosen[source]
        makers: dict[str, Callable[[Roles], list[Guess]]] = {
            "shipments": self._shipments,
            "returns": self._returns,
            "stores": self._stores,
            "products": self._products,
            "promotions": self._promotions,
            "weather_observed": weather,
            "weather_forecast": weather,
            "events": events,
        }
        columns = _named_once(source, makers[source](roles))
        return SourceGuess(
            source=source,
            files=roles.group.files,
            read=_read(roles),
            columns=tuple(columns),
            ignored=self._ignored(source, roles, columns),
            notes=(*_notes(source, roles), *self._reach(source)),
            questions=_read_questions(roles),
            melt=roles.group.melt,
        )

    def _keys(self, roles: Roles) -> list[Guess]:
        keys = []
        for name, profile, master in (
            ("store_id", roles.store, self._ids("stores")),
            ("product_id", roles.product, self._ids("products")),
        ):
            if profile is not None:
                keys.append(id_guess(name, profile, master))
        week = week_guess(roles)
        return keys if week is None else [*keys, week]

    def _ids(self, source: str) -> Profile | None:
        roles = self.chosen.get(source)
        if roles is None:
            return None
        return roles.store if source == "stores" else roles.product

    def _shipments(self, roles: Roles) -> list[Guess]:
        units = self._units("units_shipped", roles)
        return [*self._keys(roles), units, *self._beside_sales(roles)]

    def _returns(self, roles: Roles) -> list[Guess]:
        return [*self._keys(roles), self._units("units_returned", roles)]

    def _units(self, name: str, roles: Roles) -> Guess:
        profile = roles.measure
        assert profile is not None  # noqa: S101 - no file is a sale without one
        guess = Guess(name, {"from": profile.header}, SURE, f"header '{profile.header}'")
        if profile.tokens & w.CASES and not profile.tokens & {"units", "unit"}:
            return guess.with_keys(unit="cases").because("counted in cases")
        if profile.is_whole or profile.tokens & {"units", "unit"}:
            return guess if profile.tokens & {"units", "unit"} else likely(guess, "taken as units")
        if self._has_packs():
            text = "fractions, but nothing says of what: cases, or another unit of the layout?"
            return guess if profile.tokens & w.PRICE else _money_or(guess, profile, text)
        return likely(guess, "fractions: perhaps money or weight, taken as they are")

    def _has_packs(self) -> bool:
        products = self.chosen.get("products")
        return products is not None and any(is_pack(p) for p in products.numeric)

    def _beside_sales(self, roles: Roles) -> list[Guess]:
        """Numbers of a sales file that are known afterwards only."""
        rest = [p for p in roles.numeric if p is not roles.measure]
        mine = [p for p in rest if p.tokens & w.AFTERWARDS and not self._in_master(p)]
        return [number(p, "observed", "known only afterwards, by its header") for p in mine]

    def _in_master(self, profile: Profile) -> bool:
        """Whether another source has a column of the same name, and so need not be read here."""
        others = ("stores", "products", "promotions")
        files = [self.chosen[s].group for s in others if s in self.chosen]
        sales = self.chosen.get("shipments")
        return any(
            profile.header in g.columns for g in files if sales is None or g is not sales.group
        )

    def _stores(self, roles: Roles) -> list[Guess]:
        assert roles.store is not None  # noqa: S101 - else it is no file of stores
        guesses = [id_guess("store_id", roles.store, None), format_guess(roles)]
        if roles.place is not None:
            guesses.append(self._zip_guess(roles.place))
        taken = {str(g.keys.get("from")) for g in guesses}
        return [*guesses, *statics(roles, taken)]

    def _zip_guess(self, profile: Profile) -> Guess:
        guess = Guess("zip_code", {"from": profile.header}, SURE, f"header '{profile.header}'")
        for source in ("weather_observed", "weather_forecast"):
            weather = self.chosen.get(source)
            if weather is not None and weather.place is not None:
                return joined(guess, profile, weather.place)
        return guess

    def _products(self, roles: Roles) -> list[Guess]:
        assert roles.product is not None  # noqa: S101 - else it is no file of products
        guesses = [id_guess("product_id", roles.product, None)]
        taken = {roles.product.header}
        for name, is_it in PRODUCT_COLUMNS.items():
            profile = next(
                (p for p in numbers_and_texts(roles) if p.header not in taken and is_it(p)), None
            )
            if profile is not None:
                taken.add(profile.header)
                guesses.append(product_guess(name, profile))
        return [*guesses, *statics(roles, taken)]

    def _promotions(self, roles: Roles) -> list[Guess]:
        sales = self.chosen.get("shipments")
        if sales is roles:
            return [*self._keys(roles), *plans_of_sales(roles)]
        rest = [p for p in roles.numeric if p.filled]
        return [*self._keys(roles), *(plan(p) for p in rest)]

    def _reach(self, source: str) -> list[str]:
        """How far a plan of its own goes, against the sales."""
        plan, sales = self.chosen.get("promotions"), self.chosen.get("shipments")
        if source != "promotions" or plan is None or sales is None or plan is sales:
            return []
        ends = [
            max(str(p.dates.last) for p in r.dates if p.dates) for r in (plan, sales) if r.dates
        ]
        if len(ends) < _BOTH:
            return []
        ahead = "known ahead" if ends[0] > ends[1] else "it ends with the history: known ahead?"
        return [f"the plan goes to {ends[0]}, shipments to {ends[1]}: {ahead}"]

    def _ignored(self, source: str, roles: Roles, columns: Iterable[Guess]) -> dict[str, str]:
        used = _used(columns, roles.group.columns)
        rest = [p for h, p in roles.group.columns.items() if h not in used]
        return {p.header: self._why_ignored(source, roles, p) for p in rest}

    def _read_by(self, source: str, roles: Roles, profile: Profile) -> str | None:
        """The other source that reads a column of a file with sales and plans."""
        if self.chosen.get("promotions") is not self.chosen.get("shipments"):
            return None
        if source == "shipments" and profile in roles.plans:
            return "promotions"
        afterwards = profile is roles.measure or profile.tokens & w.AFTERWARDS
        return "shipments" if source == "promotions" and afterwards else None

    def _why_ignored(self, source: str, roles: Roles, profile: Profile) -> str:
        if not profile.filled:
            return "empty"
        if (other := self._read_by(source, roles, profile)) is not None:
            return f"read by {other}"
        if source in ("shipments", "returns", "promotions") and self._in_master(profile):
            return "in a file of its own, too"
        if profile.tokens & w.REGION:
            return (
                f"regions? {examples(profile)}; one folder is one region here. Declare it as "
                "region to split the file"
            )
        if roles.measure is not None and roles.repeats(profile, roles.measure):
            return f"says the same as {roles.measure.header}: it would give the answer away"
        number = f"a number, but of what? {examples(profile)}; give it a role if it matters"
        return number if profile.is_number else f"a name or text: {examples(profile)}"


def _named_once(source: str, columns: Iterable[Guess]) -> list[Guess]:
    """The guesses, extra columns under names that are allowed and that no other one has."""
    named: dict[str, Guess] = {}
    standard = TABLES[source].columns
    for guess in columns:
        name, is_extra = guess.name, "role" in guess.keys or guess.name not in standard
        while name in named or (is_extra and (name in standard or name in RESERVED)):
            name += "_2"
        named[name] = replace(guess, name=name)
    return list(named.values())


def _money_or(guess: Guess, profile: Profile, text: str) -> Guess:
    money = profile.tokens & {"sales", "revenue", "turnover", "umsatz", "amount"}
    return likely(guess, "probably money") if money else guess.ask("unit", text, "unit_of_sales")


def _used(columns: Iterable[Guess], headers: Iterable[str]) -> set[str]:
    used: set[str] = set()
    for guess in columns:
        pick, compose = guess.keys.get("pick"), str(guess.keys.get("compose", ""))
        stem = str(pick).partition("{")[0] if pick else None
        for header in headers:
            numbered = w.numbered_stem(header)
            picked = stem is not None and numbered is not None and numbered[0] == stem
            if picked or f"{{{header}}}" in compose or guess.keys.get("from") == header:
                used.add(header)
    return used


def _read(roles: Roles) -> dict[str, ReadValue]:
    group, keys = roles.group, dict(roles.group.read)
    if group.signs.decimal is None:
        keys["decimal"] = DECIDE
    elif group.signs.decimal != ".":
        keys["decimal"] = group.signs.decimal
    if group.signs.thousands is not None:
        keys["thousands"] = group.signs.thousands
    if group.signs.currency is not None:
        keys["currency"] = group.signs.currency
    if group.signs.percent:
        keys["percent"] = True
    if group.signs.na_values and not (roles.has_time and roles.measure is not None):
        keys["na_values"] = list(group.signs.na_values)
    return keys


def _read_questions(roles: Roles) -> dict[str, Question]:
    text = roles.group.signs.question
    return {"decimal": Question(text)} if text else {}


def _notes(source: str, roles: Roles) -> tuple[str, ...]:
    group = roles.group
    files = f"{len(group.names)} files" if len(group.names) > 1 else group.names[0]
    told = [f"{source}: {files}, {group.n_rows:,} rows looked at"]
    if group.signs.evidence and group.signs.decimal == ",":
        told.append(f"decimal comma: {group.signs.evidence}")
    return (*told, *group.notes)
