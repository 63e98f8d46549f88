"""A model that is trained again is the stored one, or the difference is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from demand_forecast.datasets.artefact import Folders, seal
from demand_forecast.framework import run_context
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.recipe import code_digest, parameters_digest
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.kinds import save_model
from demand_forecast.registry.audit import Code, Manifest
from demand_forecast.registry.file_records import Files
from demand_forecast.registry.releases import ModelVersion
from demand_forecast.reporting.replay import replay, replay_traced
from demand_forecast.reporting.trace import Traced, Training

NOW = datetime(2026, 1, 8, tzinfo=UTC)
SEGMENT = "texas.large"
FORECAST = {"horizon": 4, "origins": 40, "origin_step": 1, "min_train_weeks": 20}
CATALOG = DataCatalog(
    {
        f"params:{SEGMENT}.forecast": MemoryDataset(FORECAST),
        f"params:{SEGMENT}.fast.training": MemoryDataset({}),
    }
)
RECIPE = parameters_digest(TrainingParameters(), ForecastParameters.model_validate(FORECAST))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, make_panel):
    """A panel that is stored with classes, and what was trained on it: by lineage and digest."""
    root = tmp_path_factory.mktemp("data")
    panel = make_panel(n_stores=1, n_products=2, n_weeks=30)
    files = Files(str(root))
    files_of_panel = Folders(files.fs, True)
    files_of_panel.put(str(root / "panel"), panel.save)
    classes = panel.series.assign(velocity="fast")
    classes.to_parquet(root / "velocity.parquet")
    panel_record = files.record(f"{SEGMENT}.panel", str(root / "panel"))
    velocity = files.record(f"{SEGMENT}.velocity", str(root / "velocity.parquet"))
    model = tmp_path_factory.mktemp("model")
    save_model(HistoricalAverage().fit(panel), model)
    digest = seal(model)

    def of(digest=digest, records=(velocity,), velocity=None, **known):
        origin = Lineage.of("historical_average", panel, panel, velocity)
        lineage = origin.model_copy(update={"code_digest": code_digest()} | known)
        manifest = Manifest(
            id="00001",
            run="today",
            who="ada@host",
            command="kedro run",
            started_at=NOW,
            ended_at=NOW,
            pipelines=("train",),
            status="complete",
            code=Code(commit="abc", python="3.11", packages={}),
            parameters="p",
            verdicts={},
            inputs=records,
            outputs=(panel_record,),
        )
        version = ModelVersion(version="3", digest=digest, lineage=lineage)
        return Training("unit.texas.large", version, manifest, panel_record)

    return root, of


def _replayed(trained, **known):
    root, of = trained
    return replay(CATALOG, Files(str(root)), SEGMENT, of(**known))


def test_the_same_data_and_code_give_the_same_bits(trained):
    step = _replayed(trained)
    assert step.problem == ""
    assert (step.state, step.told) == ("ok", "trained again, it is the same to the last bit")


def test_another_model_is_told(trained):
    step = _replayed(trained, digest="d3")
    assert step.state == "changed"
    assert step.problem.endswith("not d3")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"code_digest": "old", "git_commit": "abc"}, "the code is not that of the training, abc"),
        ({"velocity": "fast", "parameters_digest": "old"}, "the parameters are not those"),
        ({"velocity": "fast", "parameters_digest": RECIPE, "records": ()}, "does not name"),
        (
            {"velocity": "fast", "parameters_digest": RECIPE, "training_digest": "other"},
            "the products of its velocity are others",
        ),
        ({"velocity": "fast", "parameters_digest": RECIPE}, "weeks"),  # of which there are 30
    ],
)
def test_what_is_not_as_it_was_is_told(trained, known, said):
    step = _replayed(trained, **known)
    assert step.state == "missing"
    assert step.problem.startswith("it cannot be trained again: ")
    assert said in step.problem


def test_files_that_were_changed_are_not_trained_on(trained):
    root, of = trained
    training = of(velocity="fast", parameters_digest=RECIPE)
    pd.DataFrame({"velocity": ["slow"]}).to_parquet(Path(root) / "velocity.parquet")
    step = replay(CATALOG, Files(str(root)), SEGMENT, training)
    assert "velocity.parquet is not what was recorded" in step.problem


def test_a_number_without_a_known_training_has_no_replay(tmp_path):
    plan = Segments(store_formats=[], regions={}, layouts={})
    with run_context.inside(RunContext(plan, data_root=str(tmp_path))):
        step = replay_traced(CATALOG, SEGMENT, Traced(None, []))
    assert (step.state, step.name) == ("missing", SEGMENT)
