"""The data quality page of a region: one HTML file that loads nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import pandas as pd

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.quality import assess
from demand_forecast.datasets.optional import read_if_possible

_WIDTH: Final = 900
_HEIGHT: Final = 120
_SPARK_WIDTH: Final = 90
_SPARK_HEIGHT: Final = 20


def make_quality_page(
    conditioned: ConditionedRegion,
    control_totals: pd.DataFrame,
    past_control_totals: dict[str, Callable[[], pd.DataFrame]] | None,
) -> str:
    """The page, as HTML.

    Args:
        conditioned: The region.
        control_totals: Its control totals, as this run has stored them.
        past_control_totals: How to load each stored version of them, this run's included; one
            that cannot be read is left out.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    past = [
        table
        for name, load in sorted((past_control_totals or {}).items())
        if (table := read_if_possible(load, f"past control totals '{name}'")) is not None
    ]
    if past and _is_same(past[-1], control_totals):
        past = past[:-1]
    pages = Environment(
        loader=PackageLoader("demand_forecast.pipelines.conditioning", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = pages.get_template("quality.html.j2")
    return page.render(q=assess(conditioned, past), bars=bars, spark=spark)


def _is_same(stored: pd.DataFrame, made: pd.DataFrame) -> bool:
    columns = ["source", "rows_in", "rows_quarantined"]
    return bool(stored[columns].reset_index(drop=True).equals(made[columns].reset_index(drop=True)))


def bars(values: Sequence[float], labels: Sequence[str]) -> list[dict[str, float | str]]:
    """Position and size of a bar for each value, with what it says.

    Args:
        values: One for each bar, none negative.
        labels: What each bar is of.
    """
    top, width = max(max(values, default=0), 1e-9), _WIDTH / max(len(values), 1)
    return [
        {
            "x": round(k * width, 2),
            "y": round(_HEIGHT * (1 - value / top), 2),
            "width": round(max(width * 0.8, 0.5), 2),
            "height": round(_HEIGHT * value / top, 2),
            "says": f"{label}: {value:,.0f}",
        }
        for k, (value, label) in enumerate(zip(values, labels, strict=True))
    ]


def spark(values: Sequence[float]) -> str:
    """Points of a small line through some values, for SVG.

    Args:
        values: The oldest first.
    """
    low, high = min(values), max(values)
    span, step = (high - low) or 1, _SPARK_WIDTH / max(len(values) - 1, 1)
    points = [
        (k * step, _SPARK_HEIGHT * (1 - (v - low) / span) if high > low else _SPARK_HEIGHT / 2)
        for k, v in enumerate(values)
    ]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
