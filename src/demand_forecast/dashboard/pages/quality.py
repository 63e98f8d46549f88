"""Data quality: what became of the rows of the raw files."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.filters import any_of, choose, region
from demand_forecast.dashboard.frame import day, headline, is_empty, number, section
from demand_forecast.dashboard.queries import quality
from demand_forecast.dashboard.store import ask, later
from demand_forecast.dashboard.table import show

_TOTALS = ["region", "source", "as_of", "rows_in", "rows_conditioned", "rows_merged"]
_TOTALS += ["rows_quarantined", "rows_set_aside", "per_cent_rejected", "units_in"]
_TOTALS += ["units_standard", "units_quarantined"]
_REJECTED = ["region", "source", "file", "row", "reason", "detail", "record"]
_SHOWN = 500


def draw() -> None:
    """Draw the page."""
    headline(
        "Did all data arrive, and what was rejected?",
        "Every row of a raw file is conditioned, merged, rejected or set aside; the sums must fit.",
    )
    everything = ask(quality.control_totals)
    if is_empty(everything, "No raw file has been read", "kedro run --pipelines=conditioning"):
        return
    left, right = st.columns(2)
    where = region(left)
    where["source"] = any_of("Source", sorted(everything["source"].unique()), "source", right)
    totals = ask(quality.control_totals, **where)
    sources = ask(quality.sources)
    _tiles(totals, sources)
    _late(sources)
    section(
        "Control totals",
        "Units in file are as the file has them, such as cases; conditioned ones single.",
    )
    rejected = 100 * totals["share_quarantined"]
    show(totals.assign(per_cent_rejected=rejected), "control_totals", _TOTALS)
    _reasons(where)
    _rows(where)


def _tiles(totals: pd.DataFrame, sources: pd.DataFrame) -> None:
    tiles = st.columns(4)
    rows, rejected = totals["rows_in"].sum(), totals["rows_quarantined"].sum()
    tiles[0].metric("Rows in", number(rows), border=True)
    tiles[1].metric("Rows rejected", number(rejected), border=True)
    tiles[2].metric("Rejected", number(100 * rejected / max(rows, 1), 2, " %"), border=True)
    late = (sources["status"] != "in time").sum()
    tiles[3].metric("Late or missing sources", number(late), border=True)


def _late(sources: pd.DataFrame) -> None:
    late = sources[sources["status"] != "in time"]
    if late.empty:
        told = f"All sources are there until {day(sources['as_of'].max())}."
        st.success(told, icon=":material/check_circle:")
    else:
        section("Late or missing")
        show(late, "late_sources", ["region", "source", "status", "as_of"])


def _reasons(where: dict[str, str]) -> None:
    section(
        "Rows left out, by reason", "Rejected rows are wrong; rows set aside are no part of it."
    )
    rows = ask(quality.rejections_over_time, **where)
    if rows.empty:
        st.success("No row was left out.", icon=":material/check_circle:")
        return
    outcome = choose("Outcome", list(dict.fromkeys(rows["outcome"])), "outcome")
    rows = rows[rows["outcome"] == outcome]
    last = rows[rows["as_of"] == rows["as_of"].max()]
    shown = charts.most(rows, "reason", "rows")
    left, right = st.columns(2)
    left.altair_chart(charts.bars(last, "reason", "rows", "Rows in the last run", "source"))
    right.altair_chart(charts.columns(shown, "as_of", "rows", "Rows", "reason"))
    show(rows, "rows_left_out")


def _rows(where: dict[str, str]) -> None:
    rows = ask(quality.rejected_rows, _SHOWN, **where)
    section("Rejected rows", f"The first {_SHOWN} as they were; the download has all.")
    if rows.empty:
        st.success("No row was rejected.", icon=":material/check_circle:")
        return
    everything = later(quality.rejected_rows, **where)
    show(rows, "rejected_rows", _REJECTED, everything=everything)
