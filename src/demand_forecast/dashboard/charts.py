"""Charts in Altair, in the colours of Okabe and Ito, which colour-blind people can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

Layers = alt.LayerChart | alt.FacetChart
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
VERMILION, SKY, PURPLE, YELLOW, GREY = "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#7F7F7F"
PALETTE: Final = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW, GREY)
HEIGHT: Final = 320
_SOLD_OUT: Final[dict[str, Any]] = {
    "shape": "triangle-up",
    "filled": True,
    "size": 60,
    "color": VERMILION,
    "opacity": 1,
}
_SHAPES: Final = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")


def colour(field: str, order: Sequence[str], legend: str | None = None) -> alt.Color:
    """A colour for each value, the same on every chart with the same order.

    Args:
        field: Column.
        order: Its values.
        legend: Title of the legend.
    """
    values = list(order)
    colours = [PALETTE[i % len(PALETTE)] for i in range(len(values))]
    scale = alt.Scale(domain=values, range=colours)
    told = alt.Legend(orient="top", columns=3, labelExpr="replace(datum.label, /_/g, ' ')")
    return alt.Color(f"{field}:N", scale=scale, title=legend, legend=told)


def compare(rows: pd.DataFrame, value: str, axis: str, order: Sequence[str]) -> Layers:
    """One line per place with a point for each model.

    Args:
        rows: ``place``, ``model`` and the value.
        value: Column that is compared.
        axis: Its name with the unit.
        order: Models, from the most important on.
    """
    base = alt.Chart(rows).encode(
        y=alt.Y(
            "place:N",
            title=None,
            axis=alt.Axis(labelLimit=260, labelOverlap=False, labelFlush=False),
        )
    )
    spread = base.mark_rule(color="#BBBBBB", strokeWidth=2).encode(
        x=alt.X(f"min({value}):Q"), x2=f"max({value}):Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X(f"{value}:Q", title=axis, scale=alt.Scale(zero=False)),
        color=colour("model", order),
        shape=alt.Shape("model:N", scale=alt.Scale(domain=list(order), range=_shapes(order))),
        tooltip=["place", "model", alt.Tooltip(f"{value}:Q", format=",.1f", title=axis)],
    )
    return alt.layer(spread, points).properties(height=alt.Step(18))


def _shapes(order: Sequence[str]) -> list[str]:
    return [_SHAPES[i % len(_SHAPES)] for i in range(len(order))]


def lines(rows: pd.DataFrame, x: str, x_axis: str, y: str, y_axis: str, by: str) -> alt.Chart:
    """A line per value of a column.

    Args:
        rows: Long table.
        x: Column of days (``week:T``) or numbers (``horizon:O``), with its Altair type.
        x_axis: Its name with the unit.
        y: Column of the figure.
        y_axis: Its name with the unit.
        by: Column that tells the lines apart.
    """
    order = list(dict.fromkeys(rows[by]))
    name = x.partition(":")[0]
    chart: alt.Chart = (
        alt.Chart(rows)
        .mark_line(point=alt.OverlayMarkDef(size=50, filled=True))
        .encode(
            x=alt.X(x, title=x_axis, axis=_axis(x)),
            y=alt.Y(f"{y}:Q", title=y_axis, scale=alt.Scale(zero=False)),
            color=colour(by, order),
            shape=alt.Shape(f"{by}:N", scale=alt.Scale(domain=order, range=_shapes(order))),
            tooltip=[name, by, alt.Tooltip(f"{y}:Q", format=",.1f", title=y_axis)],
        )
        .properties(height=HEIGHT)
    )
    return chart


def _axis(field: str) -> alt.Axis:
    if field.endswith(":T"):
        return alt.Axis(format="%d %b %Y", labelOverlap=True, tickCount=8)
    return alt.Axis(labelAngle=0)


def bars(rows: pd.DataFrame, y: str, x: str, axis: str, by: str | None = None) -> alt.Chart:
    """A bar for each value of a column, the longest first, parted by another.

    Args:
        rows: Long table.
        y: Column of the bars.
        x: Column of their lengths.
        axis: Name of the length with its unit.
        by: Column that parts them.
    """
    chart: alt.Chart = alt.Chart(rows, height=alt.Step(24)).encode(
        y=alt.Y(f"{y}:N", sort="-x", title=None, axis=alt.Axis(labelLimit=260)),
        x=alt.X(f"sum({x}):Q", title=axis),
        tooltip=[c for c in (y, by, alt.Tooltip(f"sum({x}):Q", format=",.1f", title=axis)) if c],
    )
    if by is None:
        chart = chart.mark_bar(color=BLUE)
    else:
        chart = chart.mark_bar().encode(color=colour(by, list(dict.fromkeys(rows[by]))))
    return chart


def most(rows: pd.DataFrame, name: str, value: str) -> pd.DataFrame:
    """Rows in which all but the largest values of a column are called others.

    Args:
        rows: Long table.
        name: Column of names; there are colours for so many.
        value: What they are large by.
    """
    sums = rows.groupby(name)[value].sum().sort_values(ascending=False)
    if len(sums) <= len(PALETTE):
        return rows
    named = sums.index[: len(PALETTE) - 1]
    return rows.assign(**{name: rows[name].where(rows[name].isin(named), "others")})


def columns(rows: pd.DataFrame, x: str, y: str, axis: str, by: str) -> alt.Chart:
    """Stacked columns over weeks.

    Args:
        rows: Long table; ``x`` has days.
        x: Column of days.
        y: Column of the heights.
        axis: Name of the height with its unit.
        by: Column that parts them.
    """
    order = list(dict.fromkeys(rows[by]))
    days = rows.assign(**{x: rows[x].dt.strftime("%Y-%m-%d")})
    chart: alt.Chart = (
        alt.Chart(days)
        .mark_bar(size=36)
        .encode(
            x=alt.X(f"{x}:O", title="Last week of history", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(f"sum({y}):Q", title=axis),
            color=colour(by, order),
            tooltip=[x, by, alt.Tooltip(f"sum({y}):Q", format=",", title=axis)],
        )
        .properties(height=HEIGHT)
    )
    return chart


def series(history: pd.DataFrame, forecast: pd.DataFrame, named: pd.DataFrame) -> Layers:
    """What was sold, and the forecast with its intervals.

    Args:
        history: ``week``, ``demand``, ``delivered``, ``is_sold_out``.
        forecast: ``week``, ``mean``, ``q025``, ``q10``, ``q90``, ``q975``.
        named: ``week`` and ``what``: holidays and events.
    """
    units = alt.Y("demand:Q", title="Units per week")
    week = alt.X("week:T", title="Week until", axis=alt.Axis(format="%d %b %Y", tickCount=10))
    about = ["week:T", alt.Tooltip("demand:Q", title="sold"), "delivered:Q"]
    sold = alt.Chart(history).mark_line(color=GREY, point={"size": 14, "color": GREY})
    out = alt.Chart(history[history["is_sold_out"].astype(bool)])
    mean = alt.Chart(forecast).mark_line(color=BLUE, strokeWidth=2.5, point={"color": BLUE})
    points = ("mean", "q025", "q10", "q90", "q975")
    told = ["week:T", *(alt.Tooltip(f"{name}:Q", format=".1f") for name in points)]
    return alt.layer(
        _days(named),
        _band(forecast, "q025", "q975", 0.15),
        _band(forecast, "q10", "q90", 0.3),
        sold.encode(x=week, y=units, tooltip=about),
        out.mark_point(**_SOLD_OUT).encode(x=week, y=units, tooltip=about),
        mean.encode(x=week, y=alt.Y("mean:Q"), tooltip=told),
    ).properties(height=360)


def _band(forecast: pd.DataFrame, low: str, high: str, opacity: float) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(forecast)
        .mark_area(color=BLUE, opacity=opacity, line={"color": BLUE, "strokeWidth": 0.5})
        .encode(x="week:T", y=alt.Y(f"{low}:Q"), y2=f"{high}:Q")
    )
    return chart


def _days(named: pd.DataFrame) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(named)
        .mark_rule(color=PURPLE, strokeDash=[2, 3], opacity=0.6)
        .encode(x="week:T", tooltip=["week:T", "what:N"])
    )
    return chart


def waterfall(parts: pd.Series[float], total: str) -> Layers:
    """Parts that add up, from left to right.

    Args:
        parts: Units by name, in the order of the steps.
        total: Name of their sum.
    """
    ends = parts.cumsum()
    steps = pd.DataFrame(
        {
            "part": [str(name) for name in parts.index],
            "start": (ends - parts).to_numpy(),
            "end": ends.to_numpy(),
            "units": parts.to_numpy(),
        }
    )
    whole = {"part": total, "start": 0.0, "end": float(parts.sum()), "units": float(parts.sum())}
    rows = pd.concat([steps, pd.DataFrame([whole])], ignore_index=True)
    kind = ["less" if units < 0 else "more" for units in rows["units"]]
    rows = rows.assign(kind=["level", *kind[1:-1], "forecast"])
    rows = rows.assign(label=[f"{units:+.1f}" for units in rows["units"]])
    rows["top"] = rows[["start", "end"]].max(axis=1)
    return _stairs(rows)


def _stairs(rows: pd.DataFrame) -> Layers:
    order = list(rows["part"])
    x = alt.X("part:N", sort=order, title=None, axis=alt.Axis(labelAngle=0, labelLimit=140))
    scale = alt.Scale(
        domain=["level", "more", "less", "forecast"], range=[GREY, GREEN, VERMILION, BLUE]
    )
    boxes = alt.Chart(rows).mark_bar(size=48)
    labels = alt.Chart(rows).mark_text(dy=-8)
    encoding: dict[str, Any] = {
        "y": alt.Y("start:Q", title="Units per week"),
        "y2": "end:Q",
        "color": alt.Color("kind:N", scale=scale, legend=alt.Legend(orient="top", title=None)),
        "tooltip": ["part", alt.Tooltip("units:Q", format="+.2f")],
    }
    return alt.layer(
        boxes.encode(x=x, **encoding), labels.encode(x=x, y="top:Q", text="label:N")
    ).properties(height=HEIGHT)
