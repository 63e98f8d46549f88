"""What all pages have in common: the question as headline, and what to do where nothing is."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from demand_forecast.results_store.schema import BRANCH


def headline(question: str, about: str) -> None:
    """The question that a page answers, and in a sentence what it shows."""
    st.title(question, anchor=False)
    st.caption(about)


def section(title: str, about: str = "") -> None:
    """A part of a page."""
    st.subheader(title, anchor=False)
    if about:
        st.caption(about)


def nothing(what: str, command: str) -> None:
    """Say that there is nothing to show yet, and which command changes that.

    Args:
        what: What is missing, as the subject of a sentence.
        command: What to type.
    """
    st.info(f"{what} yet. This fills it: `{command}`", icon=":material/hourglass_empty:")


def is_empty(rows: pd.DataFrame, what: str, command: str) -> bool:
    """Whether there are no rows; then the page says :func:`nothing`."""
    if rows.empty:
        nothing(what, command)
    return rows.empty


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A number with its unit for a tile; a dash where it is not known."""
    if value is None or pd.isna(value):
        return "–"  # noqa: RUF001 - the sign for an unknown number
    return f"{value:,.{digits}f}{unit}"


def spaced(name: str) -> str:
    """A name of the results store for people: ``in_force`` is "in force"."""
    return name.replace("_", " ")


def day(value: pd.Timestamp | None) -> str:
    """A day for a tile; a dash where it is not known."""
    return "–" if value is None or pd.isna(value) else f"{value:%d %b %Y}"  # noqa: RUF001


def place(rows: pd.DataFrame) -> pd.Series[str]:
    """Region, store format and velocity of each row in one, as commands take it."""
    names = [name for name in BRANCH if name in rows]
    texts = [".".join(filter(None, row)) for row in rows[names].itertuples(index=False)]
    return pd.Series(texts, index=rows.index, dtype=str)
