"""Error of a model by lead and by origin, to be drawn as curves."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

import pandas as pd

from demand_forecast.modelling.evaluation.metrics import mape

Curve = dict[int, float]


def mape_curves(backtest: pd.DataFrame, model: str) -> dict[str, Curve]:
    """MAPE of the point for it, per cent, by lead (weeks) and by origin (0 is the first).

    Args:
        backtest: See :func:`demand_forecast.modelling.evaluation.backtest.backtest`.
        model: The contestant.
    """
    rows = backtest[backtest["model"] == model]
    origins = enumerate(part for _, part in rows.groupby("origin"))
    return {
        "mape_by_horizon": _curve(rows.groupby("horizon")),
        "mape_by_origin": _curve(origins),
    }


def _curve(parts: Iterable[tuple[Hashable, pd.DataFrame]]) -> Curve:
    errors = {int(str(step)): mape(part["actual"], part["mape_point"]) for step, part in parts}
    return {step: error for step, error in errors.items() if math.isfinite(error)}
