"""What became of the raw rows of a region, as a Plotly figure for Kedro-Viz."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from demand_forecast.modelling.evaluation.plots import PlotlyFigure, plotly_figure
from demand_forecast.modelling.evaluation.summary import count_rows


def draw_control_totals(control_totals: pd.DataFrame) -> PlotlyFigure:
    """Quarantined rows by source and reason; all rows in the title.

    Args:
        control_totals: Of one region.
    """
    reasons = [json.loads(text) for text in control_totals["reasons"]]
    names = dict.fromkeys(name for counts in reasons for name in counts)
    sources = [str(source).replace("_", " ") for source in control_totals["source"]]
    bars: list[dict[str, Any]] = [
        {
            "type": "bar",
            "name": name.replace("_", " "),
            "x": sources,
            "y": [counts.get(name, 0) for counts in reasons],
        }
        for name in names
    ]
    rows = count_rows([control_totals])
    aside = f" + {rows.rows_set_aside:,} set aside" if rows.rows_set_aside else ""
    title = (
        f"{rows.rows_in:,} rows read = {rows.rows_conditioned:,} conditioned "
        f"+ {rows.rows_quarantined:,} quarantined{aside}"
    )
    figure = plotly_figure(bars, title, "rows quarantined")
    figure["layout"]["barmode"] = "stack"
    return figure
