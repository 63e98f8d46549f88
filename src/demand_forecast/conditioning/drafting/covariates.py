"""Guesses about what varies in time: plans, weather and events."""

from __future__ import annotations

from typing import Final

import numpy as np

from demand_forecast.conditioning.drafting import words as w
from demand_forecast.conditioning.drafting.common import examples, id_guess, likely, number, span
from demand_forecast.conditioning.drafting.guesses import GUESS, LIKELY, SURE, Guess, Value
from demand_forecast.conditioning.drafting.profile import Profile
from demand_forecast.conditioning.drafting.roles import Roles
from demand_forecast.conditioning.drafting.times import date_guess, week_guess

_HOT: Final = 46.0  # no place on earth has a daily mean above it in degrees Celsius
_COLD: Final = -15.0  # in Fahrenheit, as a daily mean, only where hardly anybody lives
_WET: Final = 12.0  # nor more inches of rain on a day, but for hurricanes
_PRICES: Final = 8
_ALL: Final = 100


def plan(profile: Profile) -> Guess:
    """A number that is known ahead."""
    guess = number(profile, "known_future", span(profile))
    values = profile.values
    percent = bool(profile.tokens & w.PERCENT) or bool(profile.tokens & {"discount", "disc"})
    if percent and len(values) and 1 < values.max() <= _ALL:
        return guess.with_keys(unit="percent", kind="level").because("in per cent")
    if profile.is_flag:
        return guess.with_keys(kind="flag").because("0 or 1")
    is_price = profile.tokens & w.PRICE and len(values) >= _PRICES and values.min() > 0
    return guess.with_keys(kind="price" if is_price else "level")


def plans_of_sales(roles: Roles) -> list[Guess]:
    """Plans in a sales file; ``price1`` to ``price11`` are one column, picked by the product."""
    assert roles.product is not None  # noqa: S101 - a sales file has products
    products = set(roles.product.words)
    stems: dict[str, set[str]] = {}
    for profile in roles.plans:
        numbered = w.numbered_stem(profile.header)
        if numbered:
            stems.setdefault(numbered[0], set()).add(numbered[1])
    wide = {stem for stem, numbers in stems.items() if products <= numbers}
    picked = [_picked(stem, len(stems[stem])) for stem in sorted(wide)]
    numbered_headers = {f"{stem}{number}" for stem in wide for number in stems[stem]}
    return [*picked, *(plan(p) for p in roles.plans if p.header not in numbered_headers)]


def _picked(stem: str, n: int) -> Guess:
    keys: dict[str, Value] = {"pick": stem + "{product_id}", "role": "known_future"}
    why = f"{n} columns {stem}1, {stem}2, ... for as many products: each row has its own"
    return Guess(w.snake(stem), keys, LIKELY, why)


def weather(roles: Roles) -> list[Guess]:
    """Columns of weather, as it came or as it was forecast."""
    assert roles.place is not None  # noqa: S101 - weather is of a place
    guesses = [id_guess("zip_code", roles.place, None)]
    dates = sorted(roles.dates, key=_issued_first)
    if len(dates) > 1:
        guesses.append(date_guess("issued_on", dates[0]))
    guesses.append(date_guess("date", dates[-1]))
    for profile in roles.numeric:
        if profile is roles.temperature:
            guesses.append(_temperature(profile))
        elif profile is roles.rain:
            guesses.append(_rain(profile))
        else:
            guesses.append(
                Guess(w.snake(profile.header), {"from": profile.header}, GUESS, span(profile))
            )
    return guesses


def _issued_first(profile: Profile) -> tuple[bool, str]:
    reading = profile.dates
    return (not profile.tokens & w.ISSUED, str(reading.first) if reading else "")


def _temperature(profile: Profile) -> Guess:
    guess = Guess("temperature_c", {"from": profile.header}, SURE, span(profile))
    if profile.tokens & w.FAHRENHEIT:
        return guess.with_keys(unit="fahrenheit").because("the header says Fahrenheit")
    if profile.tokens & w.CELSIUS:
        return guess.because("the header says Celsius")
    if np.quantile(profile.values, 0.99) > _HOT:
        return likely(guess.with_keys(unit="fahrenheit"), "too hot for Celsius")
    if profile.values.min() < _COLD:
        return likely(guess, "too cold for Fahrenheit where people live")
    return guess.ask("unit", "celsius (then delete this key) or fahrenheit?", "temperature_unit")


def _rain(profile: Profile) -> Guess:
    guess = Guess("precipitation_mm", {"from": profile.header}, SURE, span(profile))
    if profile.tokens & w.MILLIMETRES:
        return guess.because("the header says millimetres")
    if profile.tokens & w.INCHES:
        return guess.with_keys(unit="inches").because("the header says inches")
    if profile.values.max() > _WET:
        return likely(guess, "too much for inches")
    return guess.ask("unit", "millimetres (then delete this key) or inches?", "rain_unit")


def events(roles: Roles) -> list[Guess]:
    """Columns of events."""
    texts = list(roles.texts)
    region = next((p for p in texts if p.tokens & w.REGION), None)
    rest = sorted((p for p in texts if p is not region), key=lambda p: len(p.counts))
    kind = next((p for p in rest if p.tokens & w.KIND), rest[0] if rest else None)
    name = next((p for p in reversed(rest) if p is not kind), None)
    guesses = [g for g in (_plain("region", region), week_guess(roles)) if g is not None]
    return [*guesses, *(g for g in (_plain("name", name), _plain("kind", kind)) if g is not None)]


def _plain(name: str, profile: Profile | None) -> Guess | None:
    if profile is None:
        return None
    return Guess(name, {"from": profile.header}, LIKELY, f"such as {examples(profile)}")
