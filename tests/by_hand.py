"""Figures worked out from rows of a backtest, to compare with those of the code."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from demand_forecast.modelling.evaluation.metrics import bias, mape, wape

MEASURES: dict[str, tuple[Callable[..., float], str]] = {
    "mape": (mape, "mape_point"),
    "wape": (wape, "median"),
    "bias": (bias, "mean"),
    "mape_mean": (mape, "mean"),
}


def summary_figures(backtest: pd.DataFrame) -> dict[str, dict[str, float]]:
    """What a line of the summary must say of these rows: both models by the same point."""
    figures = {}
    for name, (measure, point) in MEASURES.items():
        both = {}
        for side, model in (("baseline", "historical_average"), ("ensemble", "ensemble")):
            rows = backtest[backtest["model"] == model]
            both[side] = measure(rows["actual"], rows[point])
        if name != "bias":
            both["reduction"] = 100 * (1 - both["ensemble"] / both["baseline"])
        figures[name] = both
    return figures
