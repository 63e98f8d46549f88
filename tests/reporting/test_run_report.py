from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from demand_forecast.framework.namespacing import collector
from demand_forecast.framework.segments import Segments
from demand_forecast.modelling.evaluation.summary import Judged, summarise
from demand_forecast.reporting.run_report import RunReport

SECONDS = {"training": 3.0, "total": 4.0}
PLAN = Segments(
    store_formats=["large", "small"], regions={"texas": {"layout": "plain"}}, layouts={"plain": {}}
)
RECORDS = [
    {
        "model": model,
        "rows": 4,
        "volume": 8.0,
        "share_left_out": 0.0,
        "mape": mape,
        "mape_mean": mape,
        "wape_median": mape,
        "wape_median_aware": mape,
        "bias": 1.0,
    }
    for model, mape in (("ensemble", 10.0), ("historical_average", 40.0))
]
PASSED = {"passed": True, "reason": "all rules passed", "alarm": "", "metrics": RECORDS}
FAILED = {"passed": False, "reason": "mape: too high", "alarm": "", "metrics": RECORDS}
VERDICTS = {"texas__large__fast__verdict": PASSED, "texas__large__slow__verdict": FAILED}
TOTALS = pd.DataFrame(
    {
        "source": ["shipments"],
        "rows_in": [10],
        "rows_conditioned": [9],
        "rows_quarantined": [1],
        "rows_units_unknown": [0],
        "cells_blanked": [0],
        "region": ["texas"],
        "as_of": ["2019-12-28"],
        "reasons": ['{"bad_date": 1}'],
    }
)
FORECAST = pd.DataFrame(
    {
        "velocity": ["fast"],
        "source": ["baseline"],
        "model_kind": ["smoothing"],
        "reason": ["no champion"],
    }
)


@pytest.fixture
def catalog(tmp_path) -> DataCatalog:
    """Files under a data root of their own."""
    root = str(tmp_path / "elsewhere")
    json_, csv = "demand_forecast.datasets.atomic.JSONDataset", "pandas.CSVDataset"
    parquet, segment = "pandas.ParquetDataset", "{region}.{store_format}"
    place = f"{root}/{{region}}/{{store_format}}"
    return DataCatalog.from_config(
        {
            f"{segment}.{{velocity}}.verdict": {
                "type": json_,
                "filepath": f"{place}/{{velocity}}/verdict.json",
            },
            f"{segment}.forecast": {"type": parquet, "filepath": f"{place}/forecast.parquet"},
            f"{segment}.forecast_sources": {
                "type": parquet,
                "filepath": f"{place}/forecast.parquet",
            },
            "{region}.control_totals": {"type": csv, "filepath": f"{root}/{{region}}/totals.csv"},
            "{region}.quarantine": {"type": csv, "filepath": f"{root}/{{region}}/quarantine.csv"},
            "summary": {"type": json_, "filepath": f"{root}/summary.json"},
            "leaderboard": {"type": csv, "filepath": f"{root}/leaderboard.csv"},
            "retrain_plan": {"type": csv, "filepath": f"{root}/retrain_plan.csv"},
        }
    )


@pytest.fixture
def shown(catalog, capsys):
    """What is printed at the end of a run that has made the given datasets."""

    def show(**made: object) -> str:
        names = {name.replace("__", "."): data for name, data in made.items()}
        for name, data in names.items():
            if data is not None:
                catalog.save(name, data)
        pipeline = Pipeline([collector(print, {"raw": "raw"}, list(names), "everything")])
        RunReport(pipeline, catalog, PLAN).show(SECONDS)
        return capsys.readouterr().out

    return show


def test_a_training_slice_ends_with_its_verdicts(shown) -> None:
    out = shown(**VERDICTS, texas__control_totals=TOTALS, texas__quarantine=TOTALS)
    rows = [line.split()[:3] for line in out.splitlines() if line.startswith("texas.")]
    assert rows == [["texas.large", "slow", "failed"], ["texas.large", "fast", "passed"]]
    assert "texas.large slow: mape: too high" in out
    assert "rows: 10 read = 9 conditioned + 1 quarantined" in out
    assert "Conditioning of" not in out


def test_a_run_without_a_release_promotes_nothing(shown) -> None:
    assert "not promoted, the run had no release stage" in shown(**VERDICTS)
    with_release = shown(**VERDICTS, texas__large__fast__model=None)
    assert "promoted: 1 of 2" in with_release


def test_a_whole_run_shows_its_summary_and_stores_the_seconds(shown, catalog) -> None:
    judged = [Judged("texas.large", "fast", PASSED), Judged("texas.large", "slow", FAILED)]
    summary = summarise(judged, [TOTALS]).model_dump(mode="json")
    out = shown(summary=summary, **VERDICTS)
    assert "baselines" in out
    assert "gate failed, not promoted: 1 of 2" in out
    stored = catalog.load("summary")
    assert stored == summary | {"seconds": SECONDS}
    json.dumps(stored, allow_nan=False)


def test_a_scoring_run_says_which_models_made_the_forecasts(shown) -> None:
    out = shown(texas__large__forecast=FORECAST, texas__small__forecast=FORECAST)
    assert "forecasts made by champions: 0 of 2" in out
    assert "no champion" in out
    assert "Rolling-origin" not in out


def test_a_conditioning_run_says_what_was_quarantined(shown) -> None:
    out = shown(texas__control_totals=TOTALS, texas__quarantine=TOTALS)
    assert "Conditioning of 1 region" in out
    assert "bad date 1" in out


def test_a_monitoring_run_shows_the_retrain_plan(shown) -> None:
    plan = pd.DataFrame({"retrain": [False, False], "reasons": [None, None]})
    assert "0 of 2 models should be trained again" in shown(retrain_plan=plan)


def test_places_are_those_of_the_catalog(shown, tmp_path, monkeypatch) -> None:
    made = {"texas__large__forecast": FORECAST, "texas__quarantine": TOTALS}
    root = tmp_path / "elsewhere"
    out = shown(**made, leaderboard=TOTALS)
    assert f"{root}/texas/large/forecast.parquet" in out
    assert f"{root}/leaderboard.csv" in out
    monkeypatch.chdir(tmp_path)
    assert "  elsewhere/texas/large/forecast.parquet" in shown(**made)
    both = shown(**made, texas__small__forecast=FORECAST)
    assert f"{Path('elsewhere')}/<region>/<format>/forecast.parquet" in both
    assert "elsewhere/texas/quarantine.csv" in both


def test_a_run_that_made_none_of_it_shows_its_seconds(shown) -> None:
    out = shown(other=None)
    assert out.splitlines()[0] == "seconds: 4 in total; work by stage: training 3"
