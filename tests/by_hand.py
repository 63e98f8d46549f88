"""Figures worked out from rows of a backtest, to compare with those of the code."""

from __future__ import annotations

import pandas as pd

from demand_forecast.modelling.evaluation.metrics import bias, mape, wape


def summary_figures(backtest: pd.DataFrame) -> dict[str, float]:
    """What a line of the summary must say of these rows."""
    ours = backtest[backtest["model"] == "ensemble"]
    theirs = backtest[backtest["model"] == "historical_average"]
    figures = {
        "mape_ensemble": mape(ours["actual"], ours["mape_point"]),
        "mape_baseline": mape(theirs["actual"], theirs["mape_point"]),
        "wape": wape(ours["actual"], ours["mean"]),
        "bias": bias(ours["actual"], ours["mean"]),
    }
    return figures | {"reduction": 100 * (1 - figures["mape_ensemble"] / figures["mape_baseline"])}
