"""The models in use of a segment, read from the catalog, and what they say to another plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from demand_forecast.exceptions import ConfigurationError, MissingInputError
from demand_forecast.framework import run_context, segments
from demand_forecast.framework.question import Question, answer, remarks
from demand_forecast.framework.segment_scoring import SegmentScoring
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.models.baseline import HistoricalAverage
from stand_ins import Doubles

NAME = "north_texas.large"


class Nothing(MemoryDataset):
    """What an optional dataset is before there is any."""

    def load(self) -> None:
        return None


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    plan = segments.parse(
        {"store_formats": ["large"], "regions": {"north_texas": {"layout": "csv"}}},
        {"csv": {"sources": {}}},
    )
    with run_context.inside(run_context.RunContext(plan)):
        yield


@pytest.fixture
def catalog(make_panel) -> DataCatalog:
    """A champion for fast products that doubles with a promotion; slow ones have a simple rule."""
    panel = make_panel(n_stores=2, n_products=2, n_weeks=60)
    panel.known_future["promotion"].values[:, panel.n_weeks :] = 0
    velocity = panel.series.assign(velocity=np.where(panel.series["product_id"] == "P01",
                                                     "fast", "slow"))  # fmt: skip
    forecast = {"horizon": 2, "origins": 4, "origin_step": 1, "min_train_weeks": 9}
    held = {
        f"{NAME}.panel": panel,
        f"{NAME}.last_velocity": velocity,
        f"{NAME}.fast.model": RegisteredModel(Doubles(10.0), "fast", "1"),
        f"{NAME}.slow.model": RegisteredModel(None, "slow", reason="no champion"),
        f"{NAME}.baseline_model": RegisteredModel(HistoricalAverage().fit(panel), "rule", "1"),
        f"{NAME}.fast.last_backtest": pd.DataFrame(),
        f"{NAME}.slow.last_backtest": pd.DataFrame(),
        f"params:{NAME}.forecast": forecast,
        f"params:{NAME}.scoring": {"stale_after_days": 60, "active_within_weeks": 13},
    }
    return DataCatalog({n: MemoryDataset(data, copy_mode="assign") for n, data in held.items()})


@pytest.fixture
def scoring(catalog) -> SegmentScoring:
    return SegmentScoring.load(catalog, NAME)


def test_all_that_scores_is_read(catalog, scoring) -> None:
    assert scoring.horizon == 2
    assert scoring.rules.active_within_weeks == 13
    assert sorted(scoring.models) == ["fast", "slow"]
    table = scoring.score(scoring.panel)
    assert table.groupby("product_id")["source"].unique().explode().to_dict() == {
        "P01": "champion", "P02": "baseline",
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match=r"no segment 'ohio'.* Valid: north_texas.large"):
        SegmentScoring.load(catalog, "ohio")
    with pytest.raises(MissingInputError, match=r"north_texas.large.panel.*=conditioning"):
        SegmentScoring.load(DataCatalog({}), NAME)


def test_classes_are_made_where_nothing_was_trained(catalog) -> None:
    for name in ("last_velocity", "slow.last_backtest"):
        catalog[f"{NAME}.{name}"] = Nothing()
    scoring = SegmentScoring.load(catalog, NAME)
    assert set(scoring.velocity["velocity"]) == {"fast", "slow"}
    assert len(scoring.backtests) == 1


def test_the_answer_is_of_what_was_asked(scoring) -> None:
    question = Question({"promotion": "on"}, 1, product="P01")
    assert question.place(scoring) == "north_texas.large, product P01"
    told = answer(scoring, question)
    rows = told.rows[told.rows["is_chosen"]]
    assert rows["effect"].tolist() == [10.0, 10.0] * 2  # the week after answers too
    assert rows["is_changed"].tolist() == [True, False] * 2
    seen, whole = remarks(scoring, question, told)
    assert whole.startswith("2 of 2 changed plans were never seen as a whole")  # without its price
    weeks = told.familiarity["weeks_seen"].iloc[0]
    assert seen == (
        f"promotion: such values were seen in {weeks} weeks (median) of a store and product."
    )


def test_what_makes_an_answer_uncertain_is_said(scoring, trained_ensemble) -> None:
    question = Question({"promotion": "2", "price": "+50%"}, 2)
    told = answer(scoring, question, before=scoring.score(scoring.panel))
    said = remarks(scoring, question, told)
    assert said[0].startswith("4 of the changed forecasts are by a simple rule")
    assert "4 of 8" not in said[1]
    assert said[1].startswith("promotion: 8 of 8 new values were never seen in their store, 8 of")
    assert "Farthest: 2 in store S01, product P0" in said[1]
    assert said[-1].startswith("8 of 8 changed plans were never seen as a whole")
    _, model = trained_ensemble
    models = scoring.models | {"fast": RegisteredModel(model, "fast", "1")}
    known = replace(scoring, models=models)
    assert known.unused("moon") == ["fast"]
    left_out = remarks(known, Question({"moon": "1"}), told)
    assert "moon: left out of the model of fast products" in left_out[1]


def test_a_value_between_those_that_were_seen_lies_beyond_none(scoring) -> None:
    question = Question({"promotion": "0.5"}, product="P01")
    told = answer(scoring, question)
    first, *_ = remarks(scoring, question, told)
    assert first.endswith("2 of them in no store of the segment.")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Question({"promotion": "on"}, 3), "weeks is 3; valid: 1 to 2, which are forecast"),
        (Question({"promotion": "on"}, store="S9"), "--store: 'S9' is not .* Valid: S01, S02"),
        (Question({"promotion": "on"}, product="P9"), "--product: 'P9' .* Valid: P01, P02"),
    ],
)
def test_what_does_not_exist_is_named(scoring, question, words) -> None:
    with pytest.raises(ConfigurationError, match=words):
        answer(scoring, question)


def test_a_series_that_is_not_forecast_has_no_answer(scoring) -> None:
    scoring.panel.demand[0, -13:] = np.nan
    with pytest.raises(ConfigurationError, match="S01, product P01: there is no forecast"):
        answer(scoring, Question({"promotion": "on"}, 1, "S01", "P01"))
