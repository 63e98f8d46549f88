"""Which columns of a file are ids, dates, places and amounts: by header words and by values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.conditioning.drafting import words as w
from demand_forecast.conditioning.drafting.groups import FileGroup
from demand_forecast.conditioning.drafting.profile import Profile

_NO_ID: Final = (
    w.NAME
    | w.FORMAT
    | w.PRICE
    | w.COST
    | w.ZIP
    | frozenset({"size", "age", "income", "vol", "dist"})
)
_MAX_WEEK: Final = 3_000
_MOST: Final = 0.9
_YEARS: Final = (1950, 2100)
_SAME: Final = 0.999
_FEW_CLASSES: Final = 12


@dataclass(frozen=True)
class Roles:
    """Columns of one group of files by what they are.

    Attributes:
        group: The files.
        store_header: Header of the ids of stores, where values and no words say so.
        product_header: Header of the ids of products, where values and no words say so.
    """

    group: FileGroup
    store_header: str | None = None
    product_header: str | None = None

    @cached_property
    def store(self) -> Profile | None:
        """Column with ids of stores."""
        given = self.group.columns.get(self.store_header or "")
        return given or self._id(w.STORE)

    @cached_property
    def product(self) -> Profile | None:
        """Column with ids of products."""
        given = self.group.columns.get(self.product_header or "")
        return given or self._id(w.PRODUCT, besides=self.store)

    @cached_property
    def place(self) -> Profile | None:
        """Column with zip codes."""
        return _best(self._columns, lambda p: 2.0 * len(p.tokens & w.ZIP))

    @cached_property
    def dates(self) -> list[Profile]:
        """Columns with dates; a number of eight digits is one only where the header says so."""
        return [p for p in self._columns if p.dates is not None and _dated(p)]

    @cached_property
    def week_number(self) -> Profile | None:
        """Column that numbers weeks."""
        numbers = [p for p in self._columns if p not in self.dates and p.is_whole]
        return _best(numbers, lambda p: 1.0 * _numbers_weeks(p))

    @cached_property
    def year(self) -> Profile | None:
        """Column with the year of a numbered week."""
        words = w.YEAR
        numbers = [p for p in self._columns if p.is_whole and len(p.values)]
        return _best(numbers, lambda p: 1.0 * (bool(p.tokens & words) and _is_year(p)))

    @property
    def has_time(self) -> bool:
        """Whether rows are of a day or week."""
        return bool(self.dates) or self.week_number is not None

    @cached_property
    def numeric(self) -> list[Profile]:
        """Columns with numbers that are no ids, places or dates."""
        taken = [self.store, self.product, self.place, self.week_number, self.year, *self.dates]
        return [p for p in self._columns if p.is_number and all(p is not t for t in taken)]

    @cached_property
    def texts(self) -> list[Profile]:
        """Columns with words that are no ids, places or dates."""
        taken = [self.store, self.product, self.place, *self.dates]
        mine = [p for p in self._columns if p.filled and not p.is_number]
        return [p for p in mine if all(p is not t for t in taken)]

    @cached_property
    def measure(self) -> Profile | None:
        """Column with units."""
        named = _best(self.numeric, _measure_score)
        if named is not None:
            return named
        rest = [p for p in self.numeric if not p.tokens & (w.PLAN | w.AFTERWARDS | w.COST)]
        return rest[0] if len(rest) == 1 and not rest[0].is_flag else None

    @cached_property
    def temperature(self) -> Profile | None:
        """Column with temperatures."""
        return _best(self.numeric, lambda p: 1.0 * len(p.tokens & w.TEMPERATURE))

    @cached_property
    def rain(self) -> Profile | None:
        """Column with rain."""
        return _best(self.numeric, lambda p: 1.0 * len(p.tokens & w.RAIN))

    @property
    def plans(self) -> list[Profile]:
        """Columns with numbers that people plan: prices, discounts, leaflets."""
        return [p for p in self.numeric if p.tokens & w.PLAN and p is not self.measure]

    @property
    def _columns(self) -> list[Profile]:
        return list(self.group.columns.values())

    def _id(self, meant: frozenset[str], besides: Profile | None = None) -> Profile | None:
        def score(p: Profile) -> float:
            if not p.tokens & meant or p.tokens & (_NO_ID - meant) or p is besides:
                return 0.0
            if p.is_number and not p.is_whole:
                return 0.0
            return 2.0 + bool(p.tokens & w.ID) + (p.tokens <= meant | w.ID)

        return _best(self._columns, score)

    def repeats(self, column: Profile, of: Profile) -> bool:
        """Whether a column says the same as another one, in other numbers (such as a logarithm)."""
        frame = self.group_frame(column, of)
        if len(frame) < _FEW_CLASSES or frame.nunique().min() < _FEW_CLASSES:
            return False
        ranks = frame.rank()
        return bool(np.abs(np.corrcoef(ranks.to_numpy().T)[0, 1]) > _SAME)

    @staticmethod
    def group_frame(a: Profile, b: Profile) -> pd.DataFrame:
        """Numbers of two columns, row by row, where both have one."""
        frame = pd.DataFrame({k: p.text.map(_number_of(p)) for k, p in (("a", a), ("b", b))})
        return frame.dropna()


def _number_of(profile: Profile) -> dict[str, float]:
    return dict(zip(profile.words, profile.numbers.tolist(), strict=True))


def _best(columns: Iterable[Profile], score: Callable[[Profile], float]) -> Profile | None:
    scored = [(score(p), -k, p) for k, p in enumerate(columns)]
    best = max(scored, key=lambda s: s[:2], default=(0.0, 0, None))
    return best[2] if best[0] > 0 else None


def _dated(profile: Profile) -> bool:
    digits_only = bool(profile.words.str.fullmatch(r"\d+").all())
    return not digits_only or bool(profile.tokens & w.DATE)


def _numbers_weeks(profile: Profile) -> bool:
    values = profile.values
    if not profile.tokens & w.WEEK or profile.tokens & (w.SHELF | w.LEAD):
        return False
    usual = (values >= 0) & (values <= _MAX_WEEK)
    return len(values) > 1 and bool(usual.mean() > _MOST)


def _is_year(profile: Profile) -> bool:
    return bool((profile.values >= _YEARS[0]).all() and (profile.values <= _YEARS[1]).all())


def _measure_score(profile: Profile) -> float:
    if profile.tokens & (w.PLAN | w.COST | w.AFTERWARDS | {"log", "logmove", "per"}):
        return 0.0
    units = len(profile.tokens & w.UNITS)
    return units + 2.0 * len(profile.tokens & w.BEST_UNITS) + 0.1 * profile.is_whole
