"""Leaderboard: all contestants of the backtests, the best first, with how sure the order is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from demand_forecast.modelling.evaluation.metrics import (
    METRICS,
    WAPE_MEDIAN,
    add_up,
    figures_of_sums,
)
from demand_forecast.modelling.evaluation.paired import paired_difference
from demand_forecast.modelling.evaluation.weather_gap import KNOWN_WEATHER
from demand_forecast.modelling.models.kinds import ENSEMBLE

ALL: Final = "all"
LEADERBOARD_COLUMNS: Final = [
    "segment",
    "velocity",
    "model",
    "mape",
    "wape",
    "behind",
    "behind_error",
    "bias",
    "rmsse",
    "coverage_80",
    "rows",
    "weeks",
    "wins",
    "contests",
]
_PLACE: Final = ["segment", "velocity"]
_MEASURES: Final = [
    metric for metric in METRICS if metric.name in {*LEADERBOARD_COLUMNS, WAPE_MEDIAN.name}
]


def contest_sums(backtest: pd.DataFrame) -> pd.DataFrame:
    """What a backtest adds to the leaderboard: one row per model and target week.

    Args:
        backtest: From :func:`demand_forecast.modelling.evaluation.backtest.backtest`.

    Returns:
        As :func:`demand_forecast.modelling.evaluation.metrics.add_up` gives them.
    """
    contestants = backtest[backtest["model"] != KNOWN_WEATHER]
    return add_up(contestants, ["model", "week"], _MEASURES)


def leaderboard(contests: Mapping[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """Rank all models by segment and velocity, and over all of them.

    Args:
        contests: From :func:`contest_sums`, by segment and velocity; those without rows are left
            out.

    Returns:
        ``LEADERBOARD_COLUMNS``, the least WAPE first in each place. The last place, ``all``, pools
        those with an ensemble. Per cent: ``mape`` of the ``mape_point``, ``wape`` of the
        ``median``, ``bias`` of the ``mean``, ``coverage_80``. ``behind`` is the WAPE less that of
        the best, points, and ``behind_error`` its standard error over target weeks, paired: what
        the two have in common in a week cancels. ``wins`` says in how many of the ``contests`` of a
        model it is the best.
    """
    frames = [
        sums.assign(segment=segment, velocity=velocity)
        for (segment, velocity), sums in contests.items()
        if len(sums)
    ]
    if not frames:
        return pd.DataFrame(columns=LEADERBOARD_COLUMNS)
    sums = pd.concat(frames, ignore_index=True)
    each = _ranked(sums, _PLACE)
    each["wins"] = (~each.duplicated(_PLACE) & each["wape"].notna()).astype(int)
    each["contests"] = 1
    judged = sums.merge(each.loc[each["model"] == ENSEMBLE, _PLACE], on=_PLACE)
    return pd.concat([each, _pooled(judged, each)], ignore_index=True)[LEADERBOARD_COLUMNS]


def _pooled(sums: pd.DataFrame, each: pd.DataFrame) -> pd.DataFrame:
    """All places together; a model that was not tried in all is compared where it was, and last."""
    if sums.empty:
        return each.head(0)
    places = each.merge(sums[_PLACE].drop_duplicates(), on=_PLACE)
    counts = places.groupby("model")[["wins", "contests"]].sum().reset_index()
    table = _ranked(sums.assign(place=ALL), ["place"]).merge(counts, on="model")
    return table.assign(segment=ALL, velocity=ALL)


def _ranked(sums: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The models of each group: those tried everywhere in it first, of them the least WAPE."""
    table = figures_of_sums(sums, [*by, "model"], _MEASURES)
    table["wape"] = table[WAPE_MEDIAN.name]
    table["group"] = table.groupby(by, sort=False).ngroup()
    order, ascending = ["group", "rows", "wape"], [True, False, True]
    table = table.sort_values(order, ascending=ascending, ignore_index=True)
    best = table[[*by, "model"]].drop_duplicates(by)
    return table.merge(_behind(sums, best, by), on=[*by, "model"])


def _behind(sums: pd.DataFrame, best: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """How far the WAPE of each model is behind that of the best of its group.

    Args:
        sums: Of the contests.
        best: The best model of each group.
        by: Columns of the groups.
    """
    cell, group = [*dict.fromkeys([*by, *_PLACE]), "week"], [*by, "model"]
    errors = sums[[*cell, "model"]].assign(error=sums[f"{WAPE_MEDIAN.name}_sum"])
    errors["actual"] = sums["volume"]
    least = errors.merge(best, on=group)[[*cell, "error"]].rename(columns={"error": "least"})
    errors = errors.merge(least, on=cell)
    weeks = errors.groupby([*group, "week"])[["error", "least", "actual"]].sum()
    differences = [
        (*place, *paired_difference(mine["error"] - mine["least"], mine["actual"]))
        for place, mine in weeks.groupby(group)
    ]
    return pd.DataFrame(differences, columns=[*group, "behind", "behind_error", "weeks"])
