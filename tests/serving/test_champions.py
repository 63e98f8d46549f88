"""Models are held in memory, as long as they are those that serve."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset, Version
from kedro_datasets.pandas import ParquetDataset

from demand_forecast.framework.segment_scoring import SegmentScoring
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.modelling.velocity import classify
from demand_forecast.serving import champions
from demand_forecast.serving.champions import Champions
from demand_forecast.serving.messages import WhatIfQuestion
from stand_ins import Doubles

pytestmark = pytest.mark.usefixtures("environment")
RULES = ScoringParameters(active_within_weeks=13, stale_after_days=60)
QUESTION = WhatIfQuestion(namespace="ohio.large", changes={"promotion": "on"}, product="P01")


@pytest.fixture
def catalog(tmp_path) -> DataCatalog:
    panel = ParquetDataset(filepath=f"{tmp_path}/panel.parquet", version=Version(None, None))
    known = RegisteredModel(None, "m", "1")
    models = {f"ohio.large.{v}.champion": MemoryDataset(known) for v in ("fast", "slow")}
    return DataCatalog({"ohio.large.panel": panel, **models})


@pytest.fixture
def loads(make_panel, monkeypatch) -> list[str]:
    """Segments that were read, one after the other."""
    panel = make_panel(n_stores=1, n_products=2, n_weeks=60)
    panel.known_future["promotion"].values[:, panel.n_weeks :] = 0
    models = {v: RegisteredModel(Doubles(10.0), v, "1") for v in ("fast", "slow")}
    rule = RegisteredModel(HistoricalAverage().fit(panel), "rule")
    segment = SimpleNamespace(namespace="ohio.large")
    scoring = SegmentScoring(segment, panel, classify(panel), models, rule, 2, RULES, [])
    read: list[str] = []

    def load(_catalog, name: str) -> SegmentScoring:
        read.append(name)
        return scoring

    monkeypatch.setattr(SegmentScoring, "load", load)
    return read


def test_the_answer_is_plain_json(catalog, loads) -> None:
    told = Champions(catalog).ask(QUESTION)
    assert told.place == "ohio.large, product P01"
    assert told.total["effect"] == 20.0
    assert told.total["rows"] == 2
    assert [row["effect"] for row in told.rows] == [10.0, 10.0]
    assert told.rows[0]["week"] == "2025-01-04"
    assert told.rows[0]["is_changed"] is True
    assert told.rows[0]["price_given_up"] is None  # there is no cost, so no money
    assert told.remarks[0].startswith("promotion: ")
    assert '"effect":20.0' in told.model_dump_json()


@pytest.mark.trials
def test_models_are_read_once_until_others_serve(catalog, loads) -> None:
    held = Champions(catalog)
    held.ask(QUESTION)
    held.ask(QUESTION)
    assert loads == ["ohio.large"]
    catalog["ohio.large.fast.champion"].save(RegisteredModel(None, "m", "2"))
    held.ask(QUESTION)
    assert len(loads) == 2
    catalog["ohio.large.panel"].save(pd.DataFrame({"a": [1]}))
    held.ask(QUESTION)
    assert len(loads) == 3


def test_of_very_many_rows_some_are_left_out(catalog, loads, monkeypatch) -> None:
    monkeypatch.setattr(champions, "MOST_ROWS", 1)
    told = Champions(catalog).ask(QUESTION)
    assert (len(told.rows), told.rows_left_out) == (1, 1)
    assert not np.isnan(told.total["effect"])
