"""Rows of a design, ready for a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demand_forecast.modelling.arrays import Array, BoolArray, IntArray


@dataclass
class Sample:
    """Rows of a design, ready for a model.

    Attributes:
        x: ``(rows, features)``.
        y: ``(rows,)`` log demand relative to the level at the origin; NaN where unknown.
        censored: ``(rows,)`` sold out: the demand was at least that.
        expected: ``(rows,)`` ``y``; where sold out what was to be expected of it given the level of
            the week before (where that is known).
        codes: ``(rows, categories)`` for embeddings, 0 = unknown.
        lead: ``(rows,)`` position of the lead.
        origin: ``(rows,)`` week position of the origin.
        series: ``(rows,)`` position of the series.
        cold_start: ``(rows,)`` what had never been delivered by the origin: 0 nothing, 1 the
            series, 2 its whole store, 3 its whole product.
        level: ``(rows,)`` log level at the origin.
        offset: ``(rows,)`` units added before the logarithm.
        ceiling: ``(rows,)`` three times the most the series ever sold, in ``y``'s units; infinite
            while it is young. A quantile network may say anything of a shop that has been closed.
        plain: ``(rows, columns)`` the past as it was, see
            :class:`~demand_forecast.modelling.features.plain.PlainHistory`; no columns where no
            model asks for them.
    """

    x: Array
    y: Array
    censored: BoolArray
    expected: Array
    codes: IntArray
    lead: IntArray
    origin: IntArray
    target: IntArray
    series: IntArray
    cold_start: IntArray
    level: Array
    offset: Array
    ceiling: Array
    plain: Array

    @classmethod
    def join(cls, parts: list[Sample]) -> Sample:
        """The rows of all, one after the other."""
        if len(parts) == 1:  # a copy of a large one takes memory
            return parts[0]
        names = vars(parts[0])
        return cls(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})

    def take(self, rows: BoolArray | IntArray) -> Sample:
        """Some of the rows."""
        return Sample(**{name: value[rows] for name, value in vars(self).items()})

    def units(self, log_values: Array) -> Array:
        """Back from log units relative to the level, ``(rows, k)``, to units."""
        bounded = np.minimum(log_values, self.ceiling[:, None])
        logs = np.clip(self.level[:, None] + bounded, -30, 30)
        units = np.exp(logs) - self.offset[:, None]
        # Up to a thousandth of the smallest quantity it is the rounding of the logarithm. What is
        # no number stays none, for the output contract to find: a broken model forecasts no zeros.
        return np.where(units <= 1e-3 * self.offset[:, None], 0, units)
