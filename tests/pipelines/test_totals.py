from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from demand_forecast.framework.segments import Segment, parse
from demand_forecast.modelling.evaluation.contest import compare
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.scoring.forecasts import build_table
from demand_forecast.modelling.velocity import VELOCITIES, classify
from demand_forecast.pipelines.scoring import create_pipeline
from demand_forecast.pipelines.scoring.nodes import make_totals

PLAN = parse(
    {"store_formats": ["large", "small"], "regions": {"north_texas": {"layout": "plain"}}},
    {"plain": {"sources": {}}},
)


@pytest.fixture(scope="module")
def segments(make_panel) -> dict[Segment, tuple[pd.DataFrame, dict[str, pd.DataFrame]]]:
    """Forecast and backtests (by velocity) of the baseline, by segment."""
    made = {}
    for seed, store_format in enumerate(PLAN.store_formats):
        panel = replace(make_panel(seed=seed), store_format=store_format)
        velocity = classify(panel)
        early = HistoricalAverage().fit(panel.until(panel.weeks[99]))
        backtests = {
            which: compare(panel, velocity, which, early, None, n_origins=8, step=1, horizon=2)
            for which in VELOCITIES
        }
        forecast = build_table(
            HistoricalAverage().fit(panel).predict(panel, panel.as_of, 2),
            panel=panel,
            velocity=velocity,
            as_of=panel.as_of,
            source="baseline",
            reason="no champion",
            model_kind="historical_average",
            model_name="baseline",
            model_version="1",
        )
        made[Segment("north_texas", store_format)] = forecast, backtests
    return made


@pytest.mark.trials
def test_totals_come_after_all_segments_from_forecasts_and_last_backtests(segments) -> None:
    pipeline = create_pipeline(PLAN)
    names = [node.name for node in pipeline.nodes if node.name.endswith("add_up_errors")]
    pipeline = pipeline.filter(node_names=["make_totals", *names])
    assert {len(names), pipeline.nodes[-1].namespace} == {len(segments), None}
    given = {}
    for segment, (forecast, backtests) in segments.items():
        given[f"{segment.namespace}.forecast"] = forecast
        given[f"params:{segment.namespace}.identity"] = None
        for branch in segment.branches:
            given[f"{branch.namespace}.last_backtest"] = backtests[branch.velocity]
    catalog = DataCatalog({name: MemoryDataset(table) for name, table in given.items()})
    totals = SequentialRunner().run(pipeline, catalog)["totals"].load()
    assert set(totals["correlation"]) == {"estimated"}
    assert set(totals["reason"]) == {""}
    whole = totals[(totals["level"] == "all") & (totals["period"] == "horizon")]
    sold = sum(forecast["mean"].sum() for forecast, _ in segments.values())
    assert whole["mean"].item() == pytest.approx(sold)


def test_totals_without_any_backtest_say_so(segments) -> None:
    forecasts = {segment: forecast for segment, (forecast, _) in segments.items()}
    totals = make_totals(forecasts, forecasts, {})
    assert set(totals["reason"]) == {"no backtest: errors taken as independent"}
    assert (totals["q975"] > totals["q025"]).all()


def test_totals_without_a_segment_that_failed_are_not_complete(segments) -> None:
    [large, _] = segments
    totals = make_totals(segments, {large: segments[large][0]}, {})
    without_small = totals[totals["store_format"] != "large"]
    assert set(without_small["level"]) == {"product", "region", "all"}
    assert not without_small["complete"].any()
    reason = "no backtest: errors taken as independent"
    assert set(without_small["reason"]) == {f"{reason}; without north_texas.small"}
    whole = totals[totals["store_format"] == "large"]
    assert whole["complete"].all()
    assert set(whole["reason"]) == {reason}
    assert make_totals(segments, {}, {}).empty
