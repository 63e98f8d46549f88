"""Figures of a whole run, pooled over segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from demand_forecast.modelling.evaluation.contest import ALL_HORIZONS
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE
from demand_forecast.modelling.velocity import VELOCITIES


def pool(metrics: pd.DataFrame) -> dict[str, float]:
    """MAPE, WAPE and bias over the rows of several groups, as if they were one.

    MAPE counts rows with demand, WAPE and bias count units, so each is weighted by what its own
    denominator was; the pooled figures are exact.

    Args:
        metrics: Rows of :func:`demand_forecast.modelling.evaluation.metrics.summarise`.
    """
    with_demand = metrics["rows"] * (1 - metrics["share_left_out"] / 100)
    return {
        "mape": _weighted(metrics["mape"], with_demand),
        "wape": _weighted(metrics["wape"], metrics["volume"]),
        "bias": _weighted(metrics["bias"], metrics["volume"]),
    }


def summarise_models(
    metrics: Sequence[pd.DataFrame], verdicts: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """One row per velocity and one in total.

    Args:
        metrics: Metrics tables of the segments.
        verdicts: Verdicts of the segments.

    Returns:
        ``velocity``, ``models`` (ensembles trained; in total with the baselines),
        ``mape_baseline``, ``mape_ensemble``, ``reduction``, ``wape``, ``bias`` and
        ``share_passed``, in per cent; None where there is nothing to measure.
    """
    filled = [_compared(m) for m in metrics if not m.empty]
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=["model"])
    rows = []
    for name in (*VELOCITIES, "total"):
        classes = VELOCITIES if name == "total" else (name,)
        judged = [v["velocities"][c] for v in verdicts for c in classes]
        trained = [v for v in judged if v["rules"]]
        passed = sum(v["passed"] for v in trained)
        rows.append(
            {
                "velocity": name,
                "models": len(trained) + (len(verdicts) if name == "total" else 0),
                **_accuracy(table[table["velocity"].isin(classes)] if filled else table),
                "share_passed": 100 * passed / len(judged) if judged else None,
            }
        )
    return rows


def summarise_rows(control_totals: Sequence[pd.DataFrame]) -> dict[str, int]:
    """Rows read, conditioned and quarantined over all regions and sources."""
    columns = ["rows_in", "rows_conditioned", "rows_quarantined"]
    return {c: int(sum(t[c].sum() for t in control_totals)) for c in columns}


def _compared(metrics: pd.DataFrame) -> pd.DataFrame:
    """Rows over all horizons of the velocities in which there was an ensemble to compare."""
    overall = metrics[metrics["horizon"] == ALL_HORIZONS]
    tried = overall.loc[overall["model"] == ENSEMBLE, "velocity"]
    return overall[overall["velocity"].isin(tried)]


def _accuracy(table: pd.DataFrame) -> dict[str, float | None]:
    """Ensemble against baseline, on the same rows."""
    keys = ["mape_baseline", "mape_ensemble", "reduction", "wape", "bias"]
    models = table[table["model"] == ENSEMBLE] if len(table) else table
    if models.empty:
        return dict.fromkeys(keys)
    ours, theirs = pool(models), pool(table[table["model"] == BASELINE])
    reduction = 100 * (1 - ours["mape"] / theirs["mape"]) if theirs["mape"] > 0 else np.nan
    values = [theirs["mape"], ours["mape"], reduction, ours["wape"], ours["bias"]]
    return {
        key: round(float(value), 3) if np.isfinite(value) else None
        for key, value in zip(keys, values, strict=True)
    }


def _weighted(values: pd.Series[float], weights: pd.Series[float]) -> float:
    known = values.notna() & (weights > 0)
    if not known.any():
        return float("nan")
    return float(np.average(values[known], weights=weights[known]))
