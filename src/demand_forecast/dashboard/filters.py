"""Filters that live in the address of the page, so that a view can be sent to someone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from demand_forecast.dashboard.frame import is_empty
from demand_forecast.dashboard.queries import forecasts
from demand_forecast.dashboard.store import ask

ALL: Final = "all"
_VELOCITIES: Final = ("fast", "slow")


def choose(
    label: str,
    options: Sequence[Any],
    key: str,
    place: Any = st,
    told: Callable[[Any], str] = str,
) -> Any:
    """One of some options; the first is not written into the address.

    Args:
        label: For people.
        options: At least one.
        key: Its name in the address.
        place: Where it is drawn.
        told: What an option is called.
    """
    return place.selectbox(label, list(options), key=key, format_func=told, bind="query-params")


def any_of(
    label: str,
    options: Sequence[str],
    key: str,
    place: Any = st,
    told: Callable[[Any], str] = str,
) -> str:
    """One of some options, or all of them.

    Returns:
        The option; empty stands for all.
    """
    chosen = choose(label, [ALL, *options], key, place, told)
    return "" if chosen == ALL else str(chosen)


def branch(places: Sequence[Any] = (), *, velocity: bool = True) -> dict[str, str]:
    """Region, store format and velocity, each one or all; by column of the results store.

    Args:
        places: Where they are drawn; columns of their own if not given.
        velocity: Whether there is one.
    """
    segments = ask(forecasts.regions)
    columns = places or st.columns(3 if velocity else 2)
    region = any_of("Region", sorted(segments["region"].unique()), "region", columns[0])
    formats = segments[segments["region"].eq(region) | (region == "")]["store_format"]
    chosen = {
        "region": region,
        "store_format": any_of("Store format", sorted(formats.unique()), "format", columns[1]),
    }
    if velocity:
        chosen["velocity"] = any_of("Velocity", _VELOCITIES, "velocity", columns[2])
    return chosen


def forecast_series(place: Any = st) -> pd.DataFrame:
    """The stores and products that are forecast in one region.

    Returns:
        ``region``, ``store_format``, ``store_id``, ``product_id``; without rows where nothing is
        forecast, which the page then says.
    """
    regions = ask(forecasts.regions)
    if is_empty(regions, "There are no forecasts", "kedro run --pipelines=score"):
        return regions
    chosen = choose("Region", sorted(regions["region"].unique()), "region", place)
    series = ask(forecasts.series, chosen)
    is_empty(series, f"There are no forecasts of {chosen}", "kedro run --pipelines=score")
    return series.assign(region=chosen)


def region(place: Any = st) -> dict[str, str]:
    """A region or all."""
    names = sorted(ask(forecasts.regions)["region"].unique())
    return {"region": any_of("Region", names, "region", place)}
