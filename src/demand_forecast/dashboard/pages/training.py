"""Training: are the models good?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.filters import branch, choose
from demand_forecast.dashboard.frame import headline, is_empty, number, place, section
from demand_forecast.dashboard.queries import models
from demand_forecast.dashboard.store import ask
from demand_forecast.dashboard.table import MEASURES, show, title
from demand_forecast.results_store.schema import BRANCH

_ENSEMBLE, _OLD = "ensemble", "historical_average"
_FIRST = (_ENSEMBLE, "incumbent", _OLD)
_RULES = [*BRANCH, "rule", "is_passed", "figure", "bound"]
_RULES += ["is_blocking", "detail"]


def draw() -> None:
    """Draw the page."""
    headline(
        "Are the models good?",
        "All models on the same past weeks, which none of them had seen. MAPE is of the point that "
        "is best for it, WAPE of the median, RMSE and bias of the mean.",
    )
    where = branch()
    pooled = ask(models.validated, ("model",), **where)
    if is_empty(pooled, "No model has been validated", "kedro run --pipelines=train"):
        return
    order = sorted(pooled["model"], key=lambda m: (_rank(m), m))
    verdicts = ask(models.verdicts, **where)
    _tiles(pooled.set_index("model"), verdicts)
    measure = choose("Measure", list(MEASURES), "measure", told=title)
    _segments(where, order, measure)
    section("Verdict of the gate, rule by rule", "Blocking rules keep a model from promotion.")
    show(verdicts.sort_values("is_passed", kind="stable"), "verdicts")
    show(ask(models.rules, **where), "rules", _RULES)
    _over_time(where, order, measure)


def _rank(model: str) -> int:
    return _FIRST.index(model) if model in _FIRST else len(_FIRST)


def _tiles(pooled: pd.DataFrame, verdicts: pd.DataFrame) -> None:
    tiles = st.columns(5)
    for tile, name in zip(tiles, ("mape", "wape_median", "bias", "coverage_80"), strict=False):
        new, old = (pooled[name].get(model) for model in (_ENSEMBLE, _OLD))
        told = f"{number(old, 1, ' %')} historical average"
        tile.metric(
            f"{MEASURES[name]}, ensemble",
            number(new, 1, " %"),
            told,
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
    passed = int(verdicts["is_passed"].sum())
    told = f"of {len(verdicts)} judged"
    tiles[4].metric(
        "Passed the gate", passed, told, delta_color="off", delta_arrow="off", border=True
    )


def _segments(where: dict[str, str], order: list[str], measure: str) -> None:
    section("Each segment and velocity", "Units are units per store, product and week.")
    rows = ask(models.validated, (*BRANCH, "model"), **where)
    rows = rows.assign(place=place(rows), rank=rows["model"].map(_rank))
    rows = rows.sort_values([*BRANCH, "rank", "model"])
    main = [model for model in order if model in _FIRST] or order
    shown = rows[rows["model"].isin(main)].dropna(subset=[measure])
    st.altair_chart(charts.compare(shown, measure, title(measure), main))
    show(rows, "validation", [*BRANCH, "model", *MEASURES, "rows", "volume"])


def _over_time(where: dict[str, str], order: list[str], measure: str) -> None:
    section("Over time", "Left by week of the last validation, right by run that has validated.")
    weeks = ask(models.validated, ("week", "model"), **where)
    past = ask(models.validations_over_time, **where)
    main = [model for model in order if model in _FIRST] or order
    left, right = st.columns(2)
    for column, rows, x, axis in (
        (left, weeks, "week:T", "Week until"),
        (right, past.rename(columns={"started_at": "run"}), "run:T", "Run started, UTC"),
    ):
        shown = rows[rows["model"].isin(main)].dropna(subset=[measure])
        column.altair_chart(charts.lines(shown, x, axis, measure, title(measure), "model"))
