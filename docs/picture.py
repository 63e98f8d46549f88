"""Draws the picture of the first page from the last run on the sample: ``python docs/picture.py``.

Left, one series: what was sold, what the model said four weeks ahead in the backtest, and the
forecast with its 80 % interval. Right, the error of each segment against the historical average:
WAPE of both medians, on the same rows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from demand_forecast.modelling.panel import Panel

ROOT = Path(__file__).parents[1]
REGION, FORMAT, STORE, PRODUCT = "north_texas", "large", "NTX001", "10103"
WEEKS, LEAD = 40, 4
OLD, NEW, BAND, INK = "#c98a1b", "#00796b", "#b9ded8", "#33413f"
STYLE = {
    "svg.hashsalt": "demand_forecast",
    "svg.fonttype": "path",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def newest(folder: Path) -> pd.DataFrame:
    """The newest version of a table."""
    return pd.read_parquet(max(folder.glob("*/*.parquet")))


def backtest(segment: Path) -> pd.DataFrame:
    """The newest backtests of fast and slow products."""
    return pd.concat(newest(table) for table in segment.glob("*/backtest.parquet"))


def draw_series(axes: Axes, data: Path) -> None:
    """Sales, backtest and forecast of one product in one store."""
    place = f"{REGION}/{FORMAT}"
    panel = Panel.load(max((data / "03_primary" / place / "panel").glob("*/panel")))
    keys = panel.series
    row = int(np.flatnonzero((keys["store_id"] == STORE) & (keys["product_id"] == PRODUCT))[0])
    weeks, sold = panel.weeks[panel.n_weeks - WEEKS : panel.n_weeks], panel.demand[row, -WEEKS:]
    out = panel.censored[row, -WEEKS:]
    axes.plot(weeks, sold, color=INK, lw=1, marker="o", ms=2.5, label="sold")
    axes.plot(
        weeks[out], sold[out], "^", color=OLD, ms=5, label="sold out: demand was at least that"
    )
    output = data / "07_model_output" / place
    tested = _of_series(backtest(output))
    coming = _of_series(newest(output / "forecast.parquet"))
    tested = tested[(tested["model"] == "ensemble") & (tested["horizon"] == LEAD)]
    axes.plot(
        tested["week"],
        tested["median"],
        color=NEW,
        lw=1.4,
        ls="--",
        label=f"said {LEAD} weeks before",
    )
    axes.fill_between(
        coming["week"], coming["q10"], coming["q90"], color=BAND, label="80 % interval"
    )
    axes.plot(
        coming["week"], coming["median"], color=NEW, lw=1.8, marker="o", ms=3, label="forecast"
    )
    axes.set_title(f"{place.replace('/', '.')}: product {PRODUCT} in store {STORE}", loc="left")
    axes.set_ylabel("units a week")
    axes.set_ylim(0)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.legend(frameon=False, fontsize=7.5, loc="upper left", ncols=2)


def draw_errors(axes: Axes, data: Path) -> None:
    """WAPE of the ensemble and of the historical average, by segment."""
    figures = {}
    output = data / "07_model_output"
    segments = sorted({folder.parents[1] for folder in output.glob("*/*/*/backtest.parquet")})
    for folder in segments:
        rows = backtest(folder)
        models = [rows[rows["model"] == name] for name in ("historical_average", "ensemble")]
        figures[".".join(folder.parts[-2:])] = [_wape(part) for part in models]
    table = pd.DataFrame(figures, index=["old", "new"]).T.sort_values("new", ascending=False)
    place = np.arange(len(table))
    axes.hlines(place, table["new"], table["old"], color="#d3dedc", lw=2)
    axes.plot(table["old"], place, "o", color=OLD, ms=4, label="historical average")
    axes.plot(table["new"], place, "o", color=NEW, ms=4, label="ensemble")
    axes.set_yticks(place, table.index, fontsize=6.5)
    axes.set_xlim(0)
    axes.set_xlabel("WAPE of the median on eight past origins, per cent")
    axes.set_title("Error by segment", loc="left")
    axes.legend(frameon=False, fontsize=7.5, loc="lower left")


def _of_series(table: pd.DataFrame) -> pd.DataFrame:
    keys = table[["store_id", "product_id"]].astype(str)
    return table[(keys["store_id"] == STORE) & (keys["product_id"] == PRODUCT)].sort_values("week")


def _wape(rows: pd.DataFrame) -> float:
    return float(100 * (rows["median"] - rows["actual"]).abs().sum() / rows["actual"].sum())


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="data root of the run")
    data = parser.parse_args().data
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
        draw_series(left, data)
        draw_errors(right, data)
        figure.savefig(ROOT / "docs" / "assets" / "forecast.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
