from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.models.baseline import HistoricalAverage, MovingAverage
from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.scoring.fallback import (
    EXPLANATION_COLUMNS,
    ScoringParameters,
    score_segment,
)
from demand_forecast.modelling.scoring.forecasts import OUTPUT_COLUMNS
from demand_forecast.modelling.velocity import classify
from stand_ins import Constant, Incomplete, lineage

SCORING = ScoringParameters(active_within_weeks=13, stale_after_days=60)


def _registered(model, name="fast", version="7", reason="", **known) -> RegisteredModel:
    origin = lineage(**known) if known else None
    return RegisteredModel(model, f"test.north_texas.large.{name}", version, origin, reason)


def _champions(panel, fast=None, slow=None):
    today = {"as_of": str(panel.as_of.date())}
    return {
        "fast": fast or _registered(Constant(40.0), "fast", **today),
        "slow": slow or _registered(Constant(4.0), "slow", **today),
    }


@pytest.fixture
def baseline(panel) -> RegisteredModel:
    return _registered(HistoricalAverage().fit(panel), "baseline", "3", kind="historical_average")


def _score(panel, models, baseline, velocity=None) -> pd.DataFrame:
    velocity = classify(panel) if velocity is None else velocity
    table, parts = score_segment(panel, velocity, models, baseline, horizon=4, scoring=SCORING)
    assert list(table.columns) == OUTPUT_COLUMNS
    assert list(parts.columns) == EXPLANATION_COLUMNS
    assert parts["level"].tolist() == table["mean"].tolist()
    return table


def _fast_rows(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["velocity"] == "fast"]


def test_every_active_series_is_forecast_exactly_once(panel, baseline) -> None:
    table = _score(panel, _champions(panel), baseline)
    check_output(table, panel.series[KEY], target_weeks(panel.as_of, 4))
    assert len(table) == panel.n_series * 4
    assert (table["source"] == "champion").all()
    assert (table["reason"] == "").all()
    said = table.groupby("velocity")[["mean", "model_name"]].agg("first")
    assert said.loc["fast"].tolist() == [40.0, "test.north_texas.large.fast"]
    assert said.loc["slow"].tolist() == [4.0, "test.north_texas.large.slow"]
    assert set(table["model_version"]) == {"7"}


def test_series_not_delivered_of_late_are_left_out(make_panel) -> None:
    panel = make_panel()
    panel.demand[0, -13:] = np.nan  # delisted
    panel.demand[1, -12:] = np.nan  # delivered in the 13th week before
    baseline = _registered(HistoricalAverage().fit(panel))
    table = _score(panel, _champions(panel), baseline)
    check_output(table, panel.series[KEY].iloc[1:], target_weeks(panel.as_of, 4))
    scored = table[KEY].drop_duplicates().sort_values(KEY).to_numpy().tolist()
    assert scored == panel.series[KEY].iloc[1:].sort_values(KEY).to_numpy().tolist()
    assert len(table) == (panel.n_series - 1) * 4


def test_a_segment_without_active_series_is_an_error_not_an_empty_forecast(make_panel) -> None:
    panel = make_panel()
    baseline = _registered(HistoricalAverage().fit(panel))
    panel.demand[:, -13:] = np.nan
    words = "north_texas.large has nothing to forecast: .* 13 weeks until 2024-12-28"
    with pytest.raises(ContractError, match=words):
        _score(panel, _champions(panel), baseline)


def test_no_champion_gives_the_baseline_with_the_reason(panel, baseline, caplog) -> None:
    models = _champions(panel, fast=_registered(None, version="", reason="no champion"))
    with caplog.at_level(logging.WARNING):
        table = _score(panel, models, baseline)
    fast = _fast_rows(table)
    assert set(fast["source"]) == {"baseline"}
    assert set(fast["reason"]) == {"no champion"}
    assert set(fast["model_name"]) == {baseline.name}
    assert set(fast["model_kind"]) == {"historical_average"}
    slow = table[table["velocity"] == "slow"]
    assert set(slow["source"]) == {"champion"}
    assert set(slow["model_kind"]) == {"ensemble"}
    assert "historical_average instead of the champion: no champion" in caplog.text


def test_the_baseline_is_whatever_was_registered_as_such(panel) -> None:
    none = _registered(None, version="", reason="no champion")
    model = MovingAverage().fit(panel)
    best = _registered(model, "baseline", "3", kind="moving_average")
    table = _score(panel, _champions(panel, none, none), best)
    assert set(table["model_kind"]) == {"moving_average"}
    assert set(table["source"]) == {"baseline"}
    said = table.merge(model.predict(panel, panel.as_of, 4), on=[*KEY, "week"])
    assert said["mean_x"].tolist() == pytest.approx(said["mean_y"].tolist())


def test_the_baseline_answers_with_its_own_average(panel, baseline) -> None:
    none = _registered(None, version="", reason="no champion")
    table = _score(panel, _champions(panel, none, none), baseline)
    averages = pd.Series(panel.demand.mean(axis=1), pd.MultiIndex.from_frame(panel.series[KEY]))
    said = table.drop_duplicates(KEY).set_index(KEY)["mean"]
    pd.testing.assert_series_equal(
        said.sort_index(), averages.sort_index(), check_names=False, check_dtype=False
    )


@pytest.mark.parametrize(("days", "stale"), [(60, False), (61, True)])
def test_a_stale_champion_gives_way(panel, baseline, days, stale) -> None:
    trained_on = str((panel.as_of - pd.Timedelta(days=days)).date())
    models = _champions(panel, fast=_registered(Constant(40.0), as_of=trained_on))
    fast = _fast_rows(_score(panel, models, baseline))
    assert set(fast["source"]) == {"baseline" if stale else "champion"}
    reason = "champion 7 is stale: 61 days, limit 60" if stale else ""
    assert set(fast["reason"]) == {reason}


def test_a_champion_of_unknown_age_is_used(panel, baseline) -> None:
    models = _champions(panel, fast=_registered(Constant(40.0)))
    assert set(_score(panel, models, baseline)["source"]) == {"champion"}


def test_the_champion_before_is_told_from_the_champion(panel, baseline) -> None:
    why = "champion 8 unusable"
    fast = _registered(Constant(40.0), reason=why, as_of=str(panel.as_of.date()))
    rows = _fast_rows(_score(panel, _champions(panel, fast), baseline))
    assert set(rows["source"]) == {"previous_champion"}
    assert set(rows["reason"]) == {why}
    assert set(rows["mean"]) == {40.0}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Constant(np.nan), "rows not finite"),
        (Constant(-1.0), "rows negative"),
        (Incomplete(), "1 rows missing"),
    ],
)
def test_a_champion_that_breaks_the_contract_gives_way(panel, baseline, model, words) -> None:
    fast = _registered(model, as_of=str(panel.as_of.date()))
    table = _score(panel, _champions(panel, fast), baseline)
    rows = _fast_rows(table)
    assert set(rows["source"]) == {"baseline"}
    [reason] = set(rows["reason"])
    assert words in reason
    assert reason.startswith("test.north_texas.large.fast version 7")
    check_output(table, panel.series[KEY], target_weeks(panel.as_of, 4))


def test_without_a_registered_baseline_one_is_computed(panel) -> None:
    none = _registered(None, version="", reason="no champion")
    table = _score(panel, _champions(panel, none, none), none)
    assert set(table["source"]) == {"baseline"}
    assert set(table["reason"]) == {"no champion; baseline computed now: no champion"}
    assert set(table["model_kind"]) == {"historical_average"}
    check_output(table, panel.series[KEY], target_weeks(panel.as_of, 4))


def test_a_baseline_that_breaks_the_contract_stops_the_segment(panel) -> None:
    broken = _registered(Constant(np.inf), "baseline")
    with pytest.raises(ContractError, match="not finite"):
        _score(panel, _champions(panel, fast=_registered(None, reason="no champion")), broken)


def test_a_new_product_is_slow_and_a_new_store_has_its_products_class(panel, baseline) -> None:
    classes = classify(panel)
    product = panel.series["product_id"].iloc[0]
    store = panel.series["store_id"].iloc[-1]
    assert set(classes.loc[classes["product_id"] == product, "velocity"]) == {"fast"}
    known = classes[(classes["product_id"] != product) & (classes["store_id"] != store)]
    table = _score(panel, _champions(panel), baseline, velocity=known)
    found = table.drop_duplicates(KEY).set_index(KEY)["velocity"]
    classes.loc[classes["product_id"] == product, "velocity"] = "slow"
    expected = classes.set_index(KEY)["velocity"]
    assert found.sort_index().to_dict() == expected.sort_index().to_dict()
    check_output(table, panel.series[KEY], target_weeks(panel.as_of, 4))


class _Neighbours(Constant):
    """Answers the number of series it was shown."""

    def predict(self, panel, as_of, horizon):
        return Constant(float(panel.n_series)).predict(panel, as_of, horizon)


def test_a_model_sees_the_series_it_was_trained_on_and_no_others(make_panel) -> None:
    """What series have in common is a feature: it must be the same as in training."""
    panel = make_panel()
    panel.demand[0, -13:] = np.nan  # delisted, but part of what the model knows
    baseline = _registered(HistoricalAverage().fit(panel))
    velocity = classify(panel)
    today = {"as_of": str(panel.as_of.date())}
    models = {which: _registered(_Neighbours(), which, **today) for which in ("fast", "slow")}
    table = _score(panel, models, baseline, velocity)
    sizes = velocity["velocity"].value_counts()
    assert {w: set(rows["mean"]) for w, rows in table.groupby("velocity")} == {
        w: {float(n)} for w, n in sizes.items()
    }
    check_output(table, panel.series[KEY].iloc[1:], target_weeks(panel.as_of, 4))
