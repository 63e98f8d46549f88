"""What of the data that a model learned from is different now; later weeks are no difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from demand_forecast.modelling.arrays import BoolArray, IntArray
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.versions import Versions, nearest
from demand_forecast.modelling.panel import KEY, Covariate, Group, Panel
from demand_forecast.modelling.parameters import Parameters

_RECENT_WEEKS: Final = 4

Values = npt.NDArray[np.generic]


class ChangeParameters(Parameters):
    """Which changes of the data are a reason to train again."""

    corrected_share: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="Share of the learned cells that are others now, above which it is a reason; "
        "per cent. 0: any correction.",
    )
    new_series_share: float = Field(
        default=5.0,
        ge=0,
        le=100,
        description="Share of the series delivered in the last four weeks that no model has "
        "learned, above which it is a reason; per cent.",
    )


class _Shared(NamedTuple):
    """Where the series and weeks of both panels stand in each."""

    learned: IntArray
    now: IntArray
    weeks_learned: slice
    weeks_now: slice


def learned_panel(lineage: Lineage, now: Panel, past: Versions[Panel]) -> Panel | None:
    """The panel that a model was trained on, among those that are stored; None where it is gone."""
    if now.digest == lineage.panel_digest:
        return now
    version = learned_version(lineage, past)
    return None if version is None else version[1]


def learned_version(lineage: Lineage, past: Versions[Panel]) -> tuple[str, Panel] | None:
    """Name and panel of the stored version that a model was trained on; None where it is gone."""
    for name, panel in nearest(past, lineage.trained_at):
        if panel.as_of.date() == lineage.as_of and panel.digest == lineage.panel_digest:
            return name, panel
    return None


def data_changes(learned: Panel, now: Panel, rules: ChangeParameters) -> list[str]:
    """What a model would learn otherwise, in sentences with the figures.

    Args:
        learned: The panel, or the part of it, that the model was trained on.
        now: The same of today. Its later weeks do not count; they are the schedule's.
        rules: Limits.
    """
    sentences = [
        *_sources(learned, now),
        _corrections(learned, now, rules),
        _new(learned, now, rules),
    ]
    return [sentence for sentence in sentences if sentence]


def _sources(learned: Panel, now: Panel) -> Iterator[str]:
    """Covariates that have come or gone, but for days of a calendar that come as time goes by."""
    last = learned.weeks[learned.n_weeks - 1]
    before, after = _names(learned, last), _names(now, last)
    if come := sorted(after - before):
        yield f"new: {', '.join(come)}"
    if gone := sorted(before - after):
        yield f"gone: {', '.join(gone)}"


def _names(panel: Panel, last: np.datetime64) -> set[str]:
    """All covariates that say something of the weeks until ``last``."""
    covariates = {**panel.known_future, **panel.observed}.items()
    told = {name for name, c in covariates if c.group != Group.EVENTS or _is_yearly(c, panel, last)}
    return {*told, *panel.weather, *panel.series.columns}


def _is_yearly(covariate: Covariate, panel: Panel, last: np.datetime64) -> bool:
    """Whether a day came in two years; a holiday gets a column of its own in its second one."""
    at = panel.weeks[covariate.values.any(axis=0) & (panel.weeks <= last)]
    return len(np.unique(at.astype("datetime64[Y]"))) > 1


def _corrections(learned: Panel, now: Panel, rules: ChangeParameters) -> str:
    """Cells of the learned weeks that hold something else."""
    shared = _shared(learned, now)
    today = dict(_facts(now))
    differ = {
        name: _differs(
            values[shared.learned][:, shared.weeks_learned],
            today[name][shared.now][:, shared.weeks_now],
        )
        for name, values in _facts(learned)
        if name in today
    }
    lost = learned.n_series - len(shared.learned)
    cells = sum(int(mask.sum()) for mask in differ.values())
    total = sum(mask.size for mask in differ.values())
    share = 100 * (cells + lost) / max(total, 1)
    if not cells + lost or share <= rules.corrected_share:
        return ""
    wrong = {name: int(mask.sum()) for name, mask in differ.items() if mask.any()}
    parts = [f"{count:,} of {name}" for name, count in wrong.items()]
    parts += [f"{lost} series are gone"] if lost else []
    first = _first_week(learned.weeks[shared.weeks_learned], differ)
    return f"history corrected{first}: {', '.join(parts)}"


def _first_week(weeks: npt.NDArray[np.datetime64], differ: dict[str, BoolArray]) -> str:
    columns = [int(np.flatnonzero(m.any(axis=0))[0]) for m in differ.values() if m.any()]
    return f" from {weeks[min(columns)]} on" if columns else ""


def _facts(panel: Panel) -> Iterator[tuple[str, Values]]:
    """What is known of each series and week of the history, ``(series, weeks...)`` each."""
    n = panel.n_weeks
    yield "deliveries", np.nan_to_num(panel.delivered)
    yield "demand", panel.demand
    for name, covariate in {**panel.known_future, **panel.observed}.items():
        yield name, covariate.dense()[:, :n]
    for name, weather in panel.weather.items():
        yield name, weather.observed[weather.index]


def _differs(before: Values, after: Values) -> BoolArray:
    """Where both are known and not the same.

    A delivery that came late or was taken back differs from the zero that stands for none.
    Elsewhere a gap may also be a plan that did not reach so far, or an outlier found later.
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (before, after))
    return np.asarray(np.isfinite(a) & np.isfinite(b) & (a != b), dtype=np.bool_)


def _shared(learned: Panel, now: Panel) -> _Shared:
    keys, today = (pd.MultiIndex.from_frame(panel.series[KEY]) for panel in (learned, now))
    positions = today.get_indexer(keys)
    history, later = learned.weeks[: learned.n_weeks], now.weeks[: now.n_weeks]
    first, last = max(history[0], later[0]), min(history[-1], later[-1])
    ends = np.array([first, last + np.timedelta64(1, "D")])
    rows = np.flatnonzero(positions >= 0)
    return _Shared(
        rows,
        positions[rows],
        slice(*np.searchsorted(history, ends).tolist()),
        slice(*np.searchsorted(later, ends).tolist()),
    )


def _new(learned: Panel, now: Panel, rules: ChangeParameters) -> str:
    """Stores and products that the model does not know, as a share of what is delivered."""
    active = now.active[:, -_RECENT_WEEKS:].any(axis=1)
    is_old = pd.MultiIndex.from_frame(now.series[KEY]).isin(
        pd.MultiIndex.from_frame(learned.series[KEY])
    )
    new = int((active & ~is_old).sum())
    share = 100 * new / max(int(active.sum()), 1)
    if share <= rules.new_series_share:
        return ""
    stores, products = (
        len(set(now.series.loc[active & ~is_old, key]) - set(learned.series[key])) for key in KEY
    )
    return (
        f"new series: {new} of {int(active.sum())} ({stores} new stores, {products} new products), "
        f"limit {rules.new_series_share:g} %"
    )
