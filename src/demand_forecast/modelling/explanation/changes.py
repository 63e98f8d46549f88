"""What changed since an earlier forecast of the same week: new model, data, weather or plan.

Each cause is the Shapley value (1953, "A value for n-person games") of replacing one of the four
inputs of the earlier forecast by that of the later one: the mean of its effect over all orders in
which the four could have been replaced. It depends on no order, and the causes add up to the
difference. A panel that was never there, such as new data with the old weather forecast, is put
together from the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from math import factorial
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import Array, FloatArray, IntArray
from demand_forecast.modelling.panel import KEY, Covariate, IssuedForecast, Panel
from demand_forecast.modelling.protocol import Forecaster

CAUSES: Final = ("model", "data", "weather", "plan")
CHANGE_COLUMNS: Final = [*KEY, "week", "before", *CAUSES, "after"]
Predict = Callable[[Panel, pd.Timestamp, int], pd.DataFrame]


class Basis(NamedTuple):
    """What a forecast was made from.

    Attributes:
        predict: ``predict`` of the model, or of the models of a segment together.
        panel: The panel as it was known then; its last week is the forecast's origin.
    """

    predict: Predict
    panel: Panel


def changes(before: Basis, after: Basis, horizon: int, point: str = "mean") -> pd.DataFrame:
    """Difference of two forecasts of the same weeks by cause.

    Args:
        before: Basis of the earlier forecast.
        after: Basis of the later one.
        horizon: Weeks ahead of either.
        point: The point to compare, one of ``POINTS``.

    Returns:
        ``CHANGE_COLUMNS``, one row per series and week that both forecast, in the order of the
        later one: ``before``, what each cause added, and ``after``, in units. The causes are
        ``model``, ``data`` (history, stores and products), ``weather`` (forecasts as issued) and
        ``plan`` (all that is known ahead); they add up to the difference.
    """
    bases, choices = (before, after), list(product((0, 1), repeat=len(CAUSES)))
    varies = _what_varies(before, after)
    answers: dict[tuple[int, ...], pd.Series[float]] = {}
    for choice in choices:
        needed = tuple(min(c, v) for c, v in zip(choice, varies, strict=True))
        if needed not in answers:
            model, data, weather, plan = (bases[c] for c in needed)
            panel = mixed(data.panel, weather.panel, plan.panel)
            frame = model.predict(panel, panel.as_of, horizon)
            answers[needed] = frame.set_index([*KEY, "week"])[point]
        answers[choice] = answers[needed]
    first, last = answers[choices[0]], answers[choices[-1]]
    keys = last.index.intersection(first.index, sort=False)
    values = np.array([answers[c].reindex(keys) for c in choices], dtype=float)
    values = values.reshape(*[2] * len(CAUSES), len(keys))
    causes = {cause: _shapley(values, axis) for axis, cause in enumerate(CAUSES)}
    frame = keys.to_frame(index=False).assign(before=first[keys].to_numpy(), **causes)
    return frame.assign(after=last[keys].to_numpy())


def of_classes(models: Mapping[str, Forecaster], classes: pd.Series[str], other: str) -> Predict:
    """``predict`` of a segment: each product is forecast by the model of its class.

    Args:
        models: By class.
        classes: Class of each product.
        other: Class of products that have none.
    """

    def predict(panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        velocity = panel.series["product_id"].map(classes).fillna(other).to_numpy()
        parts = [
            model.predict(panel.select(velocity == name), as_of, horizon)
            for name, model in models.items()
            if (velocity == name).any()
        ]
        return pd.concat(parts, ignore_index=True)

    return predict


def _what_varies(before: Basis, after: Basis) -> tuple[int, ...]:
    """For each of ``CAUSES`` 1, or 0 where the two cannot differ: fewer forecasts to be made."""
    panels = (before.panel, after.panel)
    weather, plans = any(p.weather for p in panels), any(p.known_future for p in panels)
    return int(before.predict is not after.predict), 1, int(weather), int(plans)


def _shapley(values: Array, axis: int) -> Array:
    """Shapley value of one player, ``(rows,)``.

    Args:
        values: ``(2, ..., 2, rows)``: worth of each coalition, 1 = the player is in it.
        axis: The player.
    """
    players = values.ndim - 1
    gain = np.diff(values, axis=axis).squeeze(axis)
    size = np.indices((2,) * (players - 1)).sum(axis=0)
    orders = [factorial(k) * factorial(players - 1 - k) for k in range(players)]
    share = np.array(orders)[size] / factorial(players)
    return np.asarray(np.tensordot(share, gain, axes=players - 1))


def mixed(data: Panel, weather: Panel, plan: Panel) -> Panel:
    """The history of one panel with the weather forecast and the plans that others know.

    A store or product that those do not know has no weather and no plan.

    Args:
        data: Gives series, history and the origin.
        weather: Gives the weather forecast that was issued last, for the weeks it was issued for.
        plan: Gives the plans of all weeks.
    """
    panel = data
    if weather is not data:
        rows = _rows(weather, data)
        panel = replace(
            panel,
            weather={k: _reissued(w, rows, weather, data) for k, w in weather.weather.items()},
        )
    if plan is not data:
        rows, weeks = _rows(plan, data), pd.Index(plan.weeks).get_indexer(pd.Index(data.weeks))
        plans = {k: _moved(c, rows, weeks) for k, c in plan.known_future.items()}
        panel = replace(panel, known_future=plans)
    return panel


def _rows(source: Panel, target: Panel) -> IntArray:
    """Row in ``source`` of each series of ``target``; -1 where it is not there."""
    index = pd.MultiIndex.from_frame(source.series[KEY])
    return np.asarray(index.get_indexer(pd.MultiIndex.from_frame(target.series[KEY])))


def _with_unknown(values: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """Values with NaN at position -1 of some axes."""
    return np.pad(values, [(0, int(k in axes)) for k in range(values.ndim)], constant_values=np.nan)


def _moved(covariate: Covariate, rows: IntArray, weeks: IntArray) -> Covariate:
    values = _with_unknown(covariate.values, (0, 1))
    index = np.append(covariate.index, len(values) - 1)[rows]
    return replace(covariate, values=values[:, weeks], index=index)


def _reissued(
    forecast: IssuedForecast, rows: IntArray, source: Panel, target: Panel
) -> IssuedForecast:
    """What ``source`` knew last, as if it had been issued in the last week of ``target``."""
    gap = (target.as_of - source.as_of).days // 7
    groups, _, leads = forecast.issued.shape
    latest = _with_unknown(forecast.issued[:, -1], (0, 1))
    wanted = np.arange(max(leads - gap, 1)) + gap
    wanted = np.where((wanted >= 0) & (wanted < leads), wanted, -1)
    issued = np.full((groups + 1, target.n_weeks, len(wanted)), np.nan, dtype=np.float32)
    issued[:, -1] = latest[:, wanted]
    observed = np.full((groups + 1, target.n_weeks), np.nan, dtype=np.float32)
    return IssuedForecast(issued, observed, np.append(forecast.index, groups)[rows])
