"""One table and one JSON file for every benchmark."""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

POINT_OF = {"MAPE": "mape_point", "WAPE": "median", "WAPE_mean": "mean", "bias": "mean"}
SEGMENT_ROWS = 500
ROOT = Path(__file__).resolve().parents[1]


def arguments(description: str, data: str, rounds: list[str]) -> argparse.Namespace:
    """``--data DIR --json FILE --rounds NAME --peers``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / data)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--rounds", choices=rounds, default=rounds[0])
    parser.add_argument(
        "--peers", action=argparse.BooleanOptionalAction, default=True, help="run LightGBM too"
    )
    return parser.parse_args()


def scores(frame: pd.DataFrame) -> dict[str, float]:
    """Figures of one model, in percent.

    Args:
        frame: Columns ``actual`` (positive where scored), the three points and, where there
            are any, ``segment`` (its name, of 500 rows or more) and the quantiles.
    """
    frame = frame[np.isfinite(frame["actual"]) & (frame["actual"] > 0)]
    actual = frame["actual"]
    error = {name: frame[name] - actual for name in ("mape_point", "median", "mean")}
    found = {
        "MAPE": (error["mape_point"].abs() / actual).mean(),
        "WAPE": error["median"].abs().sum() / actual.sum(),
        "WAPE of mean": error["mean"].abs().sum() / actual.sum(),
        "bias of mean": error["mean"].sum() / actual.sum(),
    }
    if "q10" in frame and frame["q10"].notna().all():
        for level, low, high in ((0.80, "q10", "q90"), (0.95, "q025", "q975")):
            inside = actual.between(frame[low], frame[high])
            found[f"coverage {level:.0%}"] = inside.mean()
            if "segment" in frame:
                by_segment = inside.groupby(frame["segment"]).agg(["mean", "size"])
                shares = by_segment.loc[by_segment["size"] >= SEGMENT_ROWS, "mean"]
                found[f"worst {level:.0%}"] = shares.iloc[(shares - level).abs().argmax()]
    return {name: round(100 * float(value), 2) for name, value in found.items()}


def report(
    title: str, forecasts: pd.DataFrame, seconds: dict[str, float], file: Path | None
) -> None:
    """Print the table of all models and write it.

    Args:
        title: What was run.
        forecasts: Forecast frames of all models with ``model`` and ``actual``.
        seconds: Seconds by model.
        file: JSON file, or None.
    """
    rows: list[dict[str, Any]] = []
    for model, frame in forecasts.groupby("model", sort=False):
        rows.append({"model": model, **scores(frame), "seconds": round(seconds.get(model, 0.0), 1)})
    cells = int((forecasts["actual"] > 0).sum() / forecasts["model"].nunique())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{title}: {cells} cells scored, peak memory of the whole run {peak:.0f} MB\n")
    print(pd.DataFrame(rows).to_string(index=False, na_rep=""))
    if file:
        result = {"title": title, "cells": cells, "peak_mb": round(peak), "models": rows}
        file.write_text(json.dumps(result, indent=2))
