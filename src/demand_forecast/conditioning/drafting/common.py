"""Small guesses that several sources share."""

from __future__ import annotations

from typing import Final

from demand_forecast.conditioning.drafting import words as w
from demand_forecast.conditioning.drafting.guesses import LIKELY, SURE, Guess, Value
from demand_forecast.conditioning.drafting.profile import Profile

_JOINED: Final = 0.5


def likely(guess: Guess, why: str) -> Guess:
    """The guess, less sure."""
    return Guess(guess.name, guess.keys, LIKELY, f"{guess.why}; {why}", guess.questions)


def examples(profile: Profile) -> str:
    """A few values, the most frequent first."""
    return ", ".join(str(word) for word in profile.counts.index[:3])


def span(profile: Profile) -> str:
    """Least and largest number."""
    return f"{profile.values.min():,.6g} to {profile.values.max():,.6g}" if profile.filled else ""


def number(profile: Profile, role: str, why: str) -> Guess:
    """An extra column of numbers."""
    keys: dict[str, Value] = {"from": profile.header, "role": role, "type": "number"}
    return Guess(w.snake(profile.header), keys, LIKELY, why)


def id_guess(name: str, profile: Profile, master: Profile | None) -> Guess:
    """A column of ids, with the share that the master of these ids has."""
    why = f"header '{profile.header}', {len(profile.counts):,} different"
    guess = Guess(name, {"from": profile.header}, SURE if profile.tokens & w.ID else LIKELY, why)
    return guess if master is None else joined(guess, profile, master)


def joined(guess: Guess, profile: Profile, other: Profile) -> Guess:
    """The guess with the share of ids that the other file has, and zeros that are missing."""
    theirs = frozenset(other.words)
    share = profile.share_in(theirs)
    width = max((len(word) for word in theirs), default=0)
    filled = Profile(profile.header, profile.text.str.zfill(width)) if width else profile
    if share < _JOINED < filled.share_in(theirs):
        return guess.with_keys(zfill=width).because(f"filled up to {width} digits, they join")
    return guess.because(f"{share:.0%} of them are in the other file")
