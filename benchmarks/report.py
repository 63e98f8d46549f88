"""Figures of a set's models, and of all sets together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from demand_forecast.modelling.evaluation.metrics import (
    BIAS,
    MAPE,
    METRICS,
    WAPE_MEDIAN,
    Metric,
    measure,
    summarise,
)
from demand_forecast.modelling.evaluation.paired import paired_difference

ROOT = Path(__file__).resolve().parents[1]
OURS = "ensemble"
SEGMENT_ROWS = 500
LEVEL = 80.0
COMPARED = ("WAPE", "MAPE")
_BY_NAME = {metric.name: metric for metric in METRICS}
COVERAGE = _BY_NAME["coverage_80"]
MEASURES: dict[str, Metric] = {
    "MAPE": MAPE,
    "WAPE": WAPE_MEDIAN,
    "bias": BIAS,
    "RMSSE": _BY_NAME["rmsse"],
    "pinball": _BY_NAME["pinball"],
    "cover 80": COVERAGE,
}


def figures(rows: pd.DataFrame, mape_from: float = 0) -> pd.DataFrame:
    """One row per model: its figures, the best first.

    Args:
        rows: Of a backtest, with ``own``, ``segment``, ``seconds`` and, where the actual is the
            true demand, ``sold``.
        mape_from: Least demand of a row that counts for the MAPE.
    """
    table = _summary(rows, [m for m in MEASURES.values() if m is not MAPE])
    table["MAPE"] = _summary(rows[rows["actual"] >= mape_from], [MAPE])["MAPE"]
    groups = rows.groupby("model", sort=False)
    table["worst"] = _worst_coverage(rows)
    if "sold" in rows:
        table["WAPE sold"] = pd.Series(
            {n: measure(WAPE_MEDIAN, part["sold"], part["median"]) for n, part in groups}
        )
    table["seconds"] = groups["seconds"].first()
    table["own"] = groups["own"].first()
    columns = [*MEASURES, "worst", *(["WAPE sold"] if "sold" in rows else []), "seconds", "own"]
    return table[columns].sort_values("WAPE").reset_index()


def scores(rows: pd.DataFrame) -> dict[str, float]:
    """Figures of one model over the rows with demand."""
    rows = rows[rows["actual"] > 0]
    kept = {name: m for name, m in MEASURES.items() if name != "RMSSE" and m.columns[0] in rows}
    return {
        name: round(measure(m, rows["actual"], rows[list(m.columns)].to_numpy().squeeze()), 2)
        for name, m in kept.items()
    }


def _summary(rows: pd.DataFrame, metrics: list[Metric]) -> pd.DataFrame:
    names = {metric.name: name for name, metric in MEASURES.items() if metric in metrics}
    return (
        summarise(rows, ["model"], metrics)
        .set_index("model")
        .rename(columns=names)[list(names.values())]
    )


def _worst_coverage(rows: pd.DataFrame) -> pd.Series[float]:
    """Coverage of the segment of 500 rows or more that is furthest from 80 %."""
    by_segment = summarise(rows, ["model", "segment"], [COVERAGE])
    large = by_segment[by_segment["rows"] >= SEGMENT_ROWS].dropna(subset=[COVERAGE.name])
    far = (large[COVERAGE.name] - LEVEL).abs()
    worst = large.loc[far.groupby(large["model"]).idxmax()]
    return worst.set_index("model")[COVERAGE.name]


def paired(
    rows: pd.DataFrame, table: pd.DataFrame, name: str, mape_from: float = 0
) -> dict[str, Any]:
    """Ours against the best peer by one measure, with the standard error over target weeks."""
    peers = table[~table["own"]]
    best = peers.loc[peers[name].idxmin(), "model"]
    ours, peer = (_terms(rows, model, name, mape_from) for model in (OURS, best))
    gap = paired_difference(ours["error"] - peer["error"], ours["weight"])
    figures_of = table.set_index("model")[name]
    return {
        "best": best,
        "ours": float(figures_of[OURS]),
        "peer": float(figures_of[best]),
        "ratio": float(figures_of[OURS] / figures_of[best]),
        "difference": gap.points,
        "standard_error": gap.error,
        "weeks": gap.weeks,
    }


def _terms(rows: pd.DataFrame, model: str, name: str, mape_from: float) -> pd.DataFrame:
    """Sum of errors and of their weights by target week."""
    mine = rows[rows["model"] == model]
    if name == "MAPE":
        mine = mine[(mine["actual"] > 0) & (mine["actual"] >= mape_from)]
        error = (mine["mape_point"] - mine["actual"]).abs() / mine["actual"]
        weight = pd.Series(1.0, mine.index)
    else:
        error, weight = (mine["median"] - mine["actual"]).abs(), mine["actual"]
    return pd.DataFrame({"error": error, "weight": weight}).groupby(mine["week"]).sum()


def show(result: dict[str, Any]) -> str:
    """A set's table and, below, ours against the best peer."""
    head = (
        f"{result['set']}: {result['rows']} rows, {result['series']} series, "
        f"{result['weeks']} target weeks, {result['peak_mb']} MB"
    )
    table = pd.DataFrame(result["models"]).drop(columns="own")
    digits = {"RMSSE": 3, "pinball": 3, "seconds": 1}
    table = table.round({c: digits.get(c, 2) for c in table.columns if c != "model"})
    lines = [
        f"{name}: {p['difference']:+.2f} +- {p['standard_error']:.2f} against {p['best']} "
        f"(ratio {p['ratio']:.3f}, {p['weeks']} weeks)"
        for name, p in result["paired"].items()
    ]
    return "\n".join([head, table.to_string(index=False, na_rep=""), *lines])


def overall(results: list[dict[str, Any]]) -> str:
    """Ours against the best peer of each set, and the geometric means of the ratios."""
    table = pd.DataFrame([_line(result) for result in results if result["paired"]])
    if table.empty:
        return "no peers, no ratios"
    means = [
        f"{name}: geometric mean of the ratio to the best peer "
        f"{np.exp(np.log(table[f'{name} ratio']).mean()):.3f} over {len(table)} sets"
        for name in COMPARED
    ]
    return "\n".join([table.to_string(index=False, na_rep=""), *means])


def _line(result: dict[str, Any]) -> dict[str, Any]:
    """One set in the table of all."""
    ours = next(row for row in result["models"] if row["model"] == OURS)
    line: dict[str, Any] = {"set": result["set"]}
    for name in COMPARED:
        pair = result["paired"][name]
        line |= {name: round(pair["ours"], 2), f"{name} of peer": round(pair["peer"], 2)}
        line |= {f"{name} ratio": round(pair["ratio"], 3), f"{name} peer": pair["best"]}
    return line | {name: round(ours[name], 1) for name in ("bias", "cover 80", "worst", "seconds")}
