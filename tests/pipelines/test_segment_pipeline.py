"""The templates of one segment, run in memory."""

from __future__ import annotations

from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from demand_forecast.framework.segments import Segment, parse
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.gate import GateParameters
from demand_forecast.modelling.lifecycle.records import RegisteredModel, TrainedModel
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.modelling.velocity import VelocityParameters
from demand_forecast.pipelines import release, training, validation


def test_a_panel_becomes_three_models(make_panel) -> None:
    plan = parse(
        {"store_formats": ["large"], "regions": {"north_texas": {"layout": "csv"}}},
        {"csv": {"sources": {}}},
    )
    network = {"seeds": 1, "min_steps": 5, "max_steps": 5}
    segment = Segment("north_texas", "large")
    given = {
        f"{segment.namespace}.panel": make_panel(n_stores=2, n_products=4, n_weeks=70),
        f"{segment.namespace}.last_velocity": None,
        f"params:{segment.namespace}.velocity": VelocityParameters(),
        f"params:{segment.namespace}.forecast": ForecastParameters(
            horizon=2, origins=2, origin_step=1, min_train_weeks=40
        ),
        f"params:{segment.namespace}.scoring": ScoringParameters(
            stale_after_days=60, active_within_weeks=13
        ),
    }
    for branch in segment.branches:
        given |= {
            f"{branch.namespace}.incumbent": RegisteredModel(None, "test", reason="no champion"),
            f"params:{branch.namespace}.identity": branch,
            f"params:{branch.namespace}.training": TrainingParameters(network=network),
            f"params:{branch.namespace}.validation": GateParameters(),
        }
    given["last_retrain_plan"] = None
    stages = [module.create_pipeline(plan) for module in (training, validation, release)]
    pipeline = Pipeline(stages).only_nodes_with_namespaces([segment.namespace])
    assert pipeline.inputs() == set(given)
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in given.items()})
    outputs = {
        name.removeprefix("north_texas.large."): dataset.load()
        for name, dataset in SequentialRunner().run(pipeline, catalog).items()
    }
    models = {"baseline_model", "fast.model", "slow.model"}
    assert {"fast.metrics", "slow.metrics", *models} <= set(outputs)
    for name in models:
        trained = outputs[name]
        assert isinstance(trained, TrainedModel)
        assert trained.model is not None
        assert str(trained.lineage.as_of) == "2024-12-28"
