"""The pages of the dashboard, and what is said where the results store has nothing to show."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from sqlalchemy.exc import DatabaseError

from demand_forecast.dashboard.frame import nothing
from demand_forecast.dashboard.pages import PAGES
from demand_forecast.dashboard.store import is_there, state


def draw() -> None:
    """Draw the page of the address."""
    page = st.navigation([_page(name, *drawn) for name, drawn in PAGES.items()])
    st.set_page_config(f"{page.title} - Demand forecast", ":material/trending_up:", layout="wide")
    try:
        now = state() if is_there() else None
        if now is None or not now[0]:
            st.title(f"{page.title}: no run has published anything yet", anchor=False)
            nothing("The results store is empty, there is nothing to show", "kedro run")
            return
        st.session_state["state"] = now
        st.sidebar.caption(f"Results until run {now[0]}")
        page.run()
    except DatabaseError as error:
        st.error(
            f"The results store cannot be read: {error.orig}. If the program was updated, the next "
            "`kedro run` brings the database up to date.",
            icon=":material/error:",
        )


def _page(name: str, icon: str, draw: Callable[[], None]) -> st.Page:
    path = name.lower().replace(" ", "-")
    return st.Page(draw, title=name, icon=f":material/{icon}:", url_path=path)
