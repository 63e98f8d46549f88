"""Guesses about columns of dates and weeks, and about the day that weeks end on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, get_args

from demand_forecast.conditioning.drafting import words as w
from demand_forecast.conditioning.drafting.guesses import GUESS, LIKELY, SURE, Guess, Question
from demand_forecast.conditioning.drafting.profile import DateReading, Profile
from demand_forecast.conditioning.drafting.roles import Roles
from demand_forecast.conditioning.layout import DECIDE
from demand_forecast.conditioning.parameters import Day

_DAYS: Final[tuple[str, ...]] = get_args(Day)
_FEW_DATES: Final = 8


def week_guess(roles: Roles, among: list[Profile] | None = None) -> Guess | None:
    """The column of the week, from a date or from a number; None where there is neither.

    Args:
        roles: Columns of the files.
        among: Columns with dates to choose from; None: all.
    """
    dates = roles.dates if among is None else among
    if dates:
        best = max(dates, key=lambda p: (len(p.tokens & (w.WEEK | w.START | w.END)), len(p.counts)))
        return _week_of_date(best)
    if roles.week_number is None:
        return None
    return _numbered(roles.week_number, roles.year)


def date_guess(name: str, profile: Profile) -> Guess:
    """A column of days."""
    reading = profile.dates
    assert reading is not None  # noqa: S101 - the caller has seen that these are dates
    guess = Guess(name, {"from": profile.header}, SURE, _when(reading))
    if reading.decided:
        return guess.with_keys(date_format=reading.formats[0])
    return _ask_format(guess, profile, reading)


def _week_of_date(profile: Profile) -> Guess:
    guess, reading = date_guess("week", profile), profile.dates
    starts, ends = profile.tokens & w.START, profile.tokens & w.END
    if reading is None or reading.weekday is None or len(profile.counts) < _FEW_DATES:
        return guess
    day = reading.weekday.capitalize()
    if starts or ends:
        key = "start" if starts else "end"
        return guess.with_keys(week_is=key).because(f"all {day}s, and the header says {key}")
    if profile.tokens & w.WEEK:
        return guess.ask(
            "week_is",
            f"all dates are {day}s: do they say when the week ends (then `end`) or when it begins "
            f"(then `start`)?{_usual(reading.weekday)}",
            f"{w.snake(profile.header)}_is",
        )
    return guess.because(f"all {day}s, taken as a day of the week")


def _usual(day: str) -> str:
    usual = {"saturday": "end", "sunday": "end", "monday": "start"}.get(day)
    return f" Mostly such weeks are labelled by their {usual}." if usual else ""


def _when(reading: DateReading) -> str:
    if not reading.decided:
        return ""
    return f"{reading.evidence}; {reading.first} to {reading.last}"


def _ask_format(guess: Guess, profile: Profile, reading: DateReading) -> Guess:
    shared = "_".join((w.snake(profile.header), "format"))
    return guess.ask("date_format", f"{' or '.join(reading.formats)}? {reading.evidence}", shared)


def _numbered(number: Profile, year: Profile | None) -> Guess:
    low, high = int(number.values.min()), int(number.values.max())
    if year is not None:
        keys = {"compose": f"{{{year.header}}}-{{{number.header}}}"}
        return Guess("week", keys, LIKELY, f"weeks {low} to {high} of a year").ask(
            "fiscal",
            "the first day of week 1 of each year, as fiscal: {year_starts: {2024: 2024-01-01}}",
            "year_starts",
        )
    guess = Guess("week", {"from": number.header}, SURE, f"numbers the weeks, {low} to {high}")
    return guess.ask(
        "week_number_since", "the date of the first day of week 1, as 2017-01-02", "week_1_begins"
    )


def week_end_day(guesses: Sequence[tuple[Guess, Profile | None]]) -> Guess:
    """The day that weeks end on, from all columns of weeks.

    Args:
        guesses: Columns of weeks with the raw columns they come from.

    Returns:
        The key ``week_ends_on``.
    """
    votes: Counter[str] = Counter()
    for guess, profile in guesses:
        votes.update(_vote(guess, profile))
    if len(votes) == 1:
        [day] = votes
        why = "by the dates of the weeks"
        if not any("week_is" in guess.questions for guess, _ in guesses):
            return Guess("week_ends_on", {"week_ends_on": day}, LIKELY, why)
        why += f", if they are the last days; if they are the first ones, write {_before(day)}"
        return Guess("week_ends_on", {"week_ends_on": day}, GUESS, why)
    if len(votes) > 1:
        seen = ", ".join(f"{day} ({n} sources)" for day, n in votes.most_common())
        text = f"the files disagree about the day that weeks end on: {seen}"
        return _ask_end(text)
    if any("week_number_since" in g.questions or "fiscal" in g.questions for g, _ in guesses):
        return _ask_end("the weekday before the first day of week 1")
    why = "no file says where weeks end, and Saturday is the default: set the day you plan by"
    return Guess("week_ends_on", {"week_ends_on": "saturday"}, GUESS, why)


def _vote(guess: Guess, profile: Profile | None) -> list[str]:
    reading = profile.dates if profile is not None else None
    day, label = reading.weekday if reading else None, guess.keys.get("week_is")
    if reading is not None and reading.formats == ("iso_week",):
        return ["sunday"]
    if day is None or label is None:
        return []
    return [_before(day)] if label == "start" else [day]


def _before(day: str) -> str:
    return _DAYS[(_DAYS.index(day) - 1) % len(_DAYS)]


def _ask_end(text: str) -> Guess:
    question = {"week_ends_on": Question(text)}
    return Guess("week_ends_on", {"week_ends_on": DECIDE}, GUESS, "", question)
