"""The templates of one segment, run in memory."""

from __future__ import annotations

from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from demand_forecast.framework.parameters import ForecastParameters, TrainingParameters
from demand_forecast.framework.segments import parse
from demand_forecast.modelling.lifecycle.gate import GateParameters
from demand_forecast.modelling.models.kinds import TrainedModel
from demand_forecast.pipelines import training, validation


def test_a_panel_becomes_three_models(make_panel) -> None:
    plan = parse(
        {"store_formats": ["large"], "regions": {"north_texas": {"layout": "csv"}}},
        {"csv": {"sources": {}}},
    )
    network = {"n_networks": 1, "min_steps": 5, "max_steps": 5}
    given = {
        "panel": make_panel(n_stores=2, n_products=4, n_weeks=70),
        "last_velocity": None,
        "params:forecast": ForecastParameters(
            horizon=2, origins=2, origin_step=1, min_train_weeks=40
        ),
        "params:training": TrainingParameters(
            ensemble={"members": {"lasso": {}, "network": network}}
        ),
        "params:validation": GateParameters(),
    }
    stages = [module.create_pipeline(plan) for module in (training, validation)]
    segment = Pipeline(stages).only_nodes_with_namespaces(["north_texas.large"])
    catalog = DataCatalog()
    for name in segment.inputs():
        group, _, local = name.rpartition("north_texas.large.")
        catalog[name] = MemoryDataset(given[f"{group}{local}"])
    outputs = {
        name.removeprefix("north_texas.large."): dataset.load()
        for name, dataset in SequentialRunner().run(segment, catalog).items()
    }
    assert {"metrics", "model_baseline", "model_fast", "model_slow"} <= set(outputs)
    for name in ("baseline", "fast", "slow"):
        trained = outputs[f"model_{name}"]
        assert isinstance(trained, TrainedModel)
        assert trained.model is not None
        assert trained.tags["as_of"] == "2024-12-28"
