"""A changed plan: other prices, promotions and events in the next weeks, all else as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.modelling.arrays import BoolArray, FloatArray
from demand_forecast.modelling.features.plans.plan import price_names
from demand_forecast.modelling.panel import Covariate, Panel

ON, OFF = "on", "off"
_PER_CENT = 100.0
_MOST = float(np.finfo(np.float32).max)  # that a panel can hold
_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<figure>\d+(\.\d*)?|\.\d+)(?P<unit>%?)")
_VALID: Final = "a number, a share such as 20%, a change such as -10% or +5%, on, off"


@dataclass(frozen=True)
class Change:
    """What becomes of one column of the plan.

    Attributes:
        column: Name of the column.
        factor: What its planned value is multiplied by; None where another value takes its place.
        value: The other value; None together with ``factor`` means *on*: what is usual where it
            is not 0.
        text: As it was asked for.
    """

    column: str
    factor: float | None
    value: float | None
    text: str

    @classmethod
    def parse(cls, column: str, text: str) -> Change:
        """Read a change as people write it.

        >>> Change.parse("price", "-10%").factor, Change.parse("promotion", "20%").value
        (0.9, 0.2)

        Args:
            column: Name of the column.
            text: A number or an unsigned share (``20%``) is the new value; a signed share
                (``-10%``) changes the planned one; ``on`` is the value that is usual where it is
                not 0; ``off`` is 0.

        Raises:
            ConfigurationError: If it is none of these.
        """
        word = text.strip().lower()
        if word in (ON, OFF):
            return cls(column, None, None if word == ON else 0.0, text)
        match = _NUMBER.fullmatch(word)
        if match is None or float(match["figure"]) > _MOST:
            raise ConfigurationError(f"{column}: '{text}' is no change. Valid: {_VALID}")
        figure = float(match["figure"]) * (-1 if match["sign"] == "-" else 1)
        if not match["unit"]:
            return cls(column, None, figure, text)
        if not match["sign"]:
            return cls(column, None, figure / _PER_CENT, text)
        return cls(column, 1 + figure / _PER_CENT, None, text)

    def apply(self, values: FloatArray, weeks: slice) -> FloatArray:
        """``(series, weeks)`` values after the change.

        Where nothing is planned, the last value that is known is the one that changes.

        Raises:
            ConfigurationError: If it is to be on, and never was.
        """
        changed = values.copy()
        if self.factor is not None:
            changed[:, weeks] = _planned(values, weeks) * np.float32(self.factor)
        elif self.value is not None:
            changed[:, weeks] = self.value
        else:
            changed[:, weeks] = self._usual(values[:, : weeks.start])[:, None]
        return changed

    def _usual(self, past: FloatArray) -> FloatArray:
        """``(series,)`` median of the values that are not 0, of all series where one has none."""
        planned = np.where(np.isfinite(past) & (past != 0), past, np.nan)
        if np.isnan(planned).all():
            raise ConfigurationError(
                f"{self.column}: it was never on, so say a value instead of '{self.text}'"
            )
        usual = np.full(len(past), np.nanmedian(planned), dtype=np.float32)
        some = np.isfinite(planned).any(axis=1)
        usual[some] = np.nanmedian(planned[some], axis=1)
        return usual


def replanned(panel: Panel, changes: Sequence[Change], rows: BoolArray, weeks: int) -> Panel:
    """The panel with a changed plan.

    Args:
        panel: History and plans.
        changes: What changes, one for each column.
        rows: ``(series,)`` True for the series whose plan changes.
        weeks: How many of the weeks after the history change.

    Returns:
        ``panel`` itself where every planned value stays what it is.

    Raises:
        ConfigurationError: If a column is not known ahead or named twice, the plan does not reach
            that far, a column is the same for all series and ``rows`` are only some, or a price
            would not be above 0.
    """
    _check(panel, [change.column for change in changes], rows, weeks)
    span = slice(panel.n_weeks, panel.n_weeks + weeks)
    moved = {c.column: _moved(panel.known_future[c.column], c, rows, span) for c in changes}
    _check_prices(panel, changes, moved, span)
    kept = all(covariate is panel.known_future[name] for name, covariate in moved.items())
    return panel if kept else replace(panel, known_future=panel.known_future | moved)


def _moved(covariate: Covariate, change: Change, rows: BoolArray, weeks: slice) -> Covariate:
    if len(covariate.values) == 1:  # of all series: it stays stored once
        values = change.apply(covariate.values, weeks)
        same = np.array_equal(values, covariate.values, equal_nan=True)
        return covariate if same else replace(covariate, values=values)
    dense = covariate.dense()
    values = np.where(rows[:, None], change.apply(dense, weeks), dense)
    if np.array_equal(values, dense, equal_nan=True):
        return covariate
    return replace(covariate, values=values, index=np.arange(len(dense)))


def _check_prices(
    panel: Panel, changes: Sequence[Change], moved: Mapping[str, Covariate], weeks: slice
) -> None:
    """A price of 0 or less would be answered as one that is not known."""
    prices = price_names(panel)
    for change in (change for change in changes if change.column in prices):
        before, after = (
            plans[change.column].dense()[:, weeks] for plans in (panel.known_future, moved)
        )
        fallen = after[(after <= 0) & ~(before <= 0)]  # a planned 0 is a gap in a file
        if len(fallen):
            raise ConfigurationError(
                f"{change.column}: '{change.text}' makes a price of {fallen.min():g}; "
                "valid: above 0"
            )


def _planned(values: FloatArray, weeks: slice) -> FloatArray:
    """Planned values; those not known are the last known ones before."""
    is_known = np.isfinite(values[:, : weeks.start])
    last = is_known.shape[1] - 1 - np.argmax(is_known[:, ::-1], axis=1)
    fallback = values[np.arange(len(values)), last][:, None]
    planned = values[:, weeks]
    return np.where(np.isfinite(planned), planned, fallback)


def _check(panel: Panel, columns: Sequence[str], rows: BoolArray, weeks: int) -> None:
    _check_names(columns, panel.known_future)
    if not 1 <= weeks <= panel.n_future:
        raise ConfigurationError(
            f"weeks is {weeks}; valid: 1 to {panel.n_future}, for which plans are held"
        )
    for name in columns:
        if len(panel.known_future[name].values) == 1 and not rows.all():
            raise ConfigurationError(
                f"{name}: it is the same for all stores and products; leave out store and product"
            )


def _check_names(columns: Sequence[str], valid: Iterable[str]) -> None:
    for name in columns:
        if name not in valid:
            raise ConfigurationError(
                f"'{name}' is no column of the plan. {did_you_mean(name, valid)}"
            )
        if columns.count(name) > 1:
            raise ConfigurationError(f"{name}: it is changed more than once")
