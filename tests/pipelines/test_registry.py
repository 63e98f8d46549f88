"""What is registered, and where every dataset of it is stored."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest
import yaml
from kedro.pipeline import Pipeline

from demand_forecast.framework import run_context
from demand_forecast.framework.drawing import EXAMPLE
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.schedule import Schedule
from demand_forecast.framework.segments import parse
from demand_forecast.framework.stages import STAGES
from demand_forecast.modelling.models.kinds import MEMBERS
from demand_forecast.pipeline_registry import register_pipelines
from demand_forecast.pipelines import scoring

CATALOG = Path(__file__).parents[2] / "conf" / "base" / "catalog"
JOBS = {
    "train": ("conditioning", "training", "validation", "release"),
    "score": ("conditioning", "scoring"),
    "monitor": ("conditioning", "monitoring"),
    "__default__": STAGES,
}
# What each of them publishes beside: what it has made, by the last part of the node's name.
PUBLISHED = {
    "train": {"publish_region", "publish_demands", "publish_validation", "publish_values"},
    "score": {"publish_region", "publish_demands", "publish_forecasts", "publish_totals"},
    "monitor": {
        "publish_region",
        "publish_demands",
        "publish_health",
        "publish_retraining",
        "publish_alerts",
        "publish_value_added",
        "publish_experiments",
    },
}
# Made where a region has a capacity, which none of these has.
WITH_A_CAPACITY = {f"{{region}}.{{store_format}}.{name}" for name in ("proposal", "order_terms")}
# Nodes of each stage by what they belong to.
NODES = {
    "conditioning": {
        "region": {"condition", "draw_control_totals", "make_quality_page"},
        "segment": {"build_panel", "list_left_out"},
    },
    "training": {"segment": {"classify_velocity", "fit_baseline"}, "velocity": {"fit_challenger"}},
    "validation": {
        "velocity": {
            "backtest",
            "judge",
            "estimate_lost_sales",
            "replay_orders",
            "draw_backtest",
            "add_up_contest",
        },
        "all": {"summarise_run", "rank_contestants"},
    },
    "release": {"segment": {"refit_baseline"}, "velocity": {"refit"}},
    "scoring": {"segment": {"score", "draw_forecast", "add_up_errors"}, "all": {"make_totals"}},
    "monitoring": {
        "segment": {
            "look_back",
            "measure_accuracy",
            "check_health",
            "look_for_drift",
            "score_overrides",
            "compare_arms",
        },
        "all": {
            "follow_quality",
            "add_up_overrides",
            "read_experiments",
            "plan_retraining",
            "raise_alerts",
        },
    },
    "publishing": {
        "region": {"publish_region"},
        "segment": {"publish_demands", "publish_forecasts", "publish_health"},
        "velocity": {"publish_validation"},
        "all": {
            "publish_totals",
            "publish_retraining",
            "publish_alerts",
            "publish_value_added",
            "publish_values",
            "publish_experiments",
        },
    },
}
# Where each dataset is to be found: what its name ends in, and the catalog's entry for it.
OF_REGION = {
    "conditioned": "{region}.conditioned",
    "last_conditioned": "{region}.last_conditioned",
    "quarantine": "{region}.quarantine",
    "control_totals": "{region}.control_totals",
    "control_totals_plot": "{region}.control_totals_plot",
    "past_control_totals": "{region}.past_control_totals",
    "overrides": "{region}.overrides",
    "quality_page": "{region}.quality_page",
    "published_region": "{region}.published_region",
}
OF_SEGMENT = {
    "panel": "{region}.{store_format}.panel",
    "last_panel": "{region}.{store_format}.last_panel",
    "left_out": "{region}.{store_format}.left_out",
    "velocity": "{region}.{store_format}.velocity",
    "last_velocity": "{region}.{store_format}.last_velocity",
    "baseline": "{region}.{store_format}.baseline",
    "baseline_model": "{region}.{store_format}.baseline_model",
    "forecast": "{region}.{store_format}.forecast",
    "error_sums": "{region}.{store_format}.error_sums",
    "forecast_plot": "{region}.{store_format}.forecast_plot",
    "explanations": "{region}.{store_format}.explanations",
    "overrides_seen": "{region}.{store_format}.overrides_seen",
    "last_overrides_seen": "{region}.{store_format}.last_overrides_seen",
    "override_outcomes": "{region}.{store_format}.override_outcomes",
    "past_forecasts": "{region}.{store_format}.past_forecasts",
    "challengers": "{region}.{store_format}.challengers",
    "arms": "{region}.{store_format}.arms",
    "last_arms": "{region}.{store_format}.last_arms",
    "shadow_forecast": "{region}.{store_format}.shadow_forecast",
    "past_shadow_forecasts": "{region}.{store_format}.past_shadow_forecasts",
    "arm_sums": "{region}.{store_format}.arm_sums",
    "last_arm_sums": "{region}.{store_format}.last_arm_sums",
    "health": "{region}.{store_format}.health",
    "past_panels": "{region}.{store_format}.past_panels",
    "scored": "{region}.{store_format}.scored",
    "outcomes": "{region}.{store_format}.outcomes",
    "evidence": "{region}.{store_format}.evidence",
    "accuracy": "{region}.{store_format}.accuracy",
    "stability": "{region}.{store_format}.stability",
    "demand_levels": "{region}.{store_format}.demand_levels",
    "covariate_tests": "{region}.{store_format}.covariate_tests",
    "model_versions": "{region}.{store_format}.model_versions",
    "published_demands": "{region}.{store_format}.published_demands",
    "published_forecasts": "{region}.{store_format}.published_forecasts",
    "published_health": "{region}.{store_format}.published_health",
}
OF_VELOCITY = {
    "challenger": "{region}.{store_format}.{velocity}.challenger",
    "backtest": "{region}.{store_format}.{velocity}.backtest",
    "backtest_plot": "{region}.{store_format}.{velocity}.backtest_plot",
    "last_backtest": "{region}.{store_format}.{velocity}.last_backtest",
    "compared": "{region}.{store_format}.{velocity}.compared",
    "incumbent": "{region}.{store_format}.{velocity}.incumbent",
    "contest": "{region}.{store_format}.{velocity}.contest",
    "order_values": "{region}.{store_format}.{velocity}.order_values",
    "lost_sales": "{region}.{store_format}.{velocity}.lost_sales",
    "verdict": "{region}.{store_format}.{velocity}.verdict",
    "metrics": "{region}.{store_format}.{velocity}.metrics",
    "covariates": "{region}.{store_format}.{velocity}.covariates",
    "model": "{region}.{store_format}.{velocity}.model",
    "champion": "{region}.{store_format}.{velocity}.champion",
    "lineage": "{region}.{store_format}.{velocity}.lineage",
    "past_backtests": "{region}.{store_format}.{velocity}.past_backtests",
    "published_validation": "{region}.{store_format}.{velocity}.published_validation",
}
OF_ALL = {
    "summary",
    "leaderboard",
    "retrain_plan",
    "last_retrain_plan",
    "totals",
    "drift",
    "data_quality",
    "alerts",
    "alert_message",
    "monitoring_figures",
    "published_totals",
    "published_retraining",
    "published_alerts",
    "published_value_added",
    "published_values",
    "published_experiments",
    "value_added",
    "experiments",
    "experiment_readouts",
    "experiment_stops",
    "last_experiment_stops",
}
READ_AT_THE_END = {"{region}.{store_format}.forecast_sources"}  # by no node: for the run's report


def _datasets(registry) -> set[str]:
    pipelines = [p for name, p in registry.pipelines.items() if name != EXAMPLE]
    names = {n for pipeline in pipelines for n in pipeline.datasets()}
    return {name for name in names if not name.startswith(("params:", "parameters"))}


def _expected(registry) -> dict[str, str]:
    """Entry of the catalog for every dataset that there should be."""
    expected = {name: name for name in OF_ALL}
    for region in registry.plan.regions:
        expected |= {f"{region}.{n}": entry for n, entry in OF_REGION.items()}
        sources = registry.plan.sources(region)
        expected |= {f"{region}.raw_{source}": "{region}.raw_{source}" for source in sources}
    for segment in registry.plan.segments:
        expected |= {f"{segment.namespace}.{n}": entry for n, entry in OF_SEGMENT.items()}
    for branch in registry.plan.branches:
        expected |= {f"{branch.namespace}.{n}": entry for n, entry in OF_VELOCITY.items()}
    return expected


@pytest.mark.trials
def test_stages_jobs_and_a_pipeline_per_region_are_registered(registry) -> None:
    assert set(registry.pipelines) == {*STAGES, *JOBS, "publish", *registry.plan.regions, EXAMPLE}
    for job, stages in JOBS.items():
        whole = Pipeline([registry.pipelines[s] for s in stages])
        published = registry.pipelines[job].only_nodes_with_tags("publishing").nodes
        assert set(registry.pipelines[job].nodes) == {*whole.nodes, *published}
        if job in PUBLISHED:
            assert {node.name.rpartition(".")[2] for node in published} == PUBLISHED[job]
    publishing = registry.pipelines["publishing"].nodes
    assert registry.pipelines["publish"].nodes == publishing


def test_the_company_has_84_models(base) -> None:
    assert len(base.plan.segments) == 28
    outputs = base.pipelines["__default__"].all_outputs()
    models = [n for n in outputs if n.rpartition(".")[2] in ("model", "baseline_model")]
    assert len(models) == 84
    resolve = base.catalog.config_resolver.resolve_pattern
    assert len({resolve(name)["name"] for name in models}) == 84


@pytest.mark.parametrize("stage", STAGES)
def test_every_region_and_segment_has_the_same_nodes(registry, stage) -> None:
    """A node more or less shows here, and so does one outside all namespaces."""
    expected = set()
    for node in NODES[stage].get("region", ()):
        expected |= {f"{region}.{node}" for region in registry.plan.regions}
    for node in NODES[stage].get("segment", ()):
        expected |= {f"{segment.namespace}.{node}" for segment in registry.plan.segments}
    for node in NODES[stage].get("velocity", ()):
        expected |= {f"{branch.namespace}.{node}" for branch in registry.plan.branches}
    expected |= NODES[stage].get("all", set())
    nodes = registry.pipelines[stage].nodes
    assert {node.name for node in nodes} == expected
    assert len(nodes) == len(expected)


def test_nodes_can_be_chosen_by_stage_region_and_segment(registry) -> None:
    """Tags make the slices of ``--namespaces``: a segment brings its region's nodes along."""
    for stage in STAGES:
        assert all(stage in node.tags for node in registry.pipelines[stage].nodes)
    everything = registry.pipelines["__default__"]
    segment = registry.plan.segments[0]
    of_segment = everything.only_nodes_with_tags(segment.namespace)
    branches = [branch.namespace for branch in segment.branches]
    found = {node.namespace for node in of_segment.nodes}
    assert found == {segment.region, segment.namespace, *branches}
    of_region = everything.only_nodes_with_tags(segment.region)
    assert set(of_region.nodes) == set(registry.pipelines[segment.region].nodes)
    places = {name for name in registry.plan.namespaces if name.startswith(segment.region)}
    assert {node.namespace for node in of_region.nodes} == places


def test_a_velocity_is_trained_on_its_own(registry) -> None:
    """With what leads to it, and without what needs the other velocity as well."""
    fast, slow = registry.plan.segments[0].branches
    nodes = registry.pipelines["__default__"].only_nodes_with_tags(fast.namespace)
    assert {node.name.rpartition(".")[2] for node in nodes.nodes} == {
        *NODES["conditioning"]["region"],
        "build_panel",
        *NODES["training"]["segment"],
        "fit_challenger",
        *NODES["validation"]["velocity"],
        "refit",
        "publish_region",
        "publish_validation",
    }
    assert not [name for name in nodes.datasets() if slow.namespace in name]
    sources = {name for name in nodes.inputs() if not name.startswith("params:")}
    assert {n for n in sources if ".raw_" not in n} == {
        f"{fast.region}.last_conditioned",
        f"{fast.region}.past_control_totals",
        f"{fast.namespace}.incumbent",
        f"{fast.segment.namespace}.last_panel",
        f"{fast.segment.namespace}.last_velocity",
        "last_retrain_plan",
    }


def test_every_dataset_is_stored_where_it_should_be(registry) -> None:
    expected = _expected(registry)
    assert _datasets(registry) == set(expected)
    resolver = registry.catalog.config_resolver
    found = {
        name: name if name in registry.config else resolver.match_dataset_pattern(name)
        for name in expected
    }
    assert found == expected


def test_no_entry_of_the_catalog_is_without_a_dataset(registry) -> None:
    stored = {name for name in registry.config if not name.startswith("params:")}
    assert stored == set(_expected(registry).values()) | READ_AT_THE_END | WITH_A_CAPACITY


def test_a_new_member_is_left_out_of_the_last_backtest_without_being_named(base) -> None:
    entry = base.config["{region}.{store_format}.{velocity}.last_backtest"]
    assert entry["dataset"]["load_args"]["filters"][0] == ["model", "not in", list(MEMBERS)]
    texts = [file.read_text() for file in CATALOG.glob("*.yml")]
    assert not any(member in text for member in MEMBERS for text in texts)


def test_segments_that_share_a_capacity_propose_and_are_one_unit_of_work() -> None:
    regions = {"texas": {"layout": "csv", "capacity": 900}, "ohio": {"layout": "csv"}}
    formats = {"store_formats": ["large", "small"], "regions": regions}
    stage = scoring.create_pipeline(parse(formats, {"csv": {"sources": {}}}))
    [small] = [node for node in stage.nodes if node.name == "texas.small.share_region"]
    assert set(small.inputs) == {
        "texas.small.proposal",
        "texas.small.order_terms",
        "texas.large.order_terms",
        "params:texas.small.identity",
        "params:texas.capacity",
    }
    assert small.outputs == ["texas.small.forecast"]
    assert "ohio.small.forecast" in stage.all_outputs()
    assert not [node for node in stage.nodes if node.name == "ohio.small.share_region"]
    assert Schedule(stage).groups.keys() == {
        "ohio.large",
        "ohio.small",
        "texas.large,texas.small",
        "",
    }


def test_names_fill_the_places_of_their_entry(base) -> None:
    """A placeholder also matches dots, so that a part could land in the wrong place."""
    resolve = base.catalog.config_resolver.resolve_pattern
    for name, registered in (("fast.model", "fast"), ("baseline_model", "baseline")):
        model = resolve(f"north_texas.large.{name}")
        assert model["name"] == f"north_texas.large.{registered}"
        assert model["environment"] == "base"
    backtest = resolve("north_texas.large.fast.backtest")
    assert backtest["filepath"] == "data/07_model_output/north_texas/large/fast/backtest.parquet"
    panel = resolve("north_texas.large.panel")
    assert panel["filepath"] == "data/03_primary/north_texas/large/panel"
    raw = resolve("north_texas.raw_weather_forecast")
    assert raw["path"] == "data/01_raw/north_texas"
    assert raw["source"] == "weather_forecast"
    assert raw["validator"]["options"] == {"suite": "raw_weather_forecast"}


def test_no_two_datasets_share_a_file_but_the_views_on_what_was_left(registry) -> None:
    views = {
        "last_conditioned",
        "last_panel",
        "last_velocity",
        "last_backtest",
        "past_forecasts",
        "last_overrides_seen",
        "last_arms",
        "last_arm_sums",
    }
    resolve = registry.catalog.config_resolver.resolve_pattern
    paths: dict[str, str] = {}
    for name in sorted(_datasets(registry)):
        entry = registry.config.get(name) or resolve(name)
        path, of_models = entry.get("filepath"), ".registry." in entry["type"]
        if path is not None and not of_models and name.rpartition(".")[2] not in views:
            assert paths.setdefault(path, name) == name


def test_each_layer_has_its_file_and_shows_in_kedro_viz() -> None:
    files = sorted(path.stem for path in CATALOG.glob("*.yml"))
    assert files == [
        "01_raw",
        "02_intermediate",
        "03_primary",
        "06_models",
        "07_model_output",
        "08_reporting",
    ]
    known = {stem[3:] for stem in files}
    for stem in files:
        entries = yaml.safe_load((CATALOG / f"{stem}.yml").read_text())
        stored = {k: entry for k, entry in entries.items() if not k.startswith("params:")}
        assert {entry["metadata"]["kedro-viz"]["layer"] for entry in stored.values()} <= known


@pytest.mark.trials
def test_layers_follow_the_flow_of_data(base) -> None:
    """Kedro-Viz shows no layers at all if any node leads from a later one to an earlier one."""
    order = ["raw", "intermediate", "primary", "models", "model_output", "reporting"]
    resolve = base.catalog.config_resolver.resolve_pattern

    def layer(name: str) -> int | None:
        entry = base.config.get(name) or resolve(name)
        found = entry.get("metadata", {}).get("kedro-viz", {}).get("layer")
        return None if found is None else order.index(found)

    for node in base.pipelines["__default__"].nodes:
        before = [layer(name) for name in node.inputs]
        after = [layer(name) for name in node.outputs]
        latest = max((n for n in before if n is not None), default=0)
        assert all(n is None or n >= latest for n in after), node.name


def test_what_can_run_on_another_worker_is_stored(registry) -> None:
    """Nothing falls to memory: whatever passes between groups of nodes has a file behind it."""
    resolve = registry.catalog.config_resolver.resolve_pattern
    for name in _datasets(registry):
        assert "Memory" not in (registry.config.get(name) or resolve(name))["type"]


def test_jobs_start_from_raw_files(registry) -> None:
    """Beside them a job may only read what need not be there: the last run's, and models."""
    optional = re.compile(
        r".*\.(last_\w+|past_\w+|incumbent|model|baseline_model|model_versions|champion|lineage|scored|overrides|overrides_seen|challengers|arms)"
        r"|last_retrain_plan|last_experiment_stops|params:.*|\w+\.raw_\w+"
    )
    for job in JOBS:
        inputs = registry.pipelines[job].inputs()
        assert [name for name in inputs if not optional.fullmatch(name)] == []


@pytest.mark.trials
def test_no_namespace_is_interrupted(base) -> None:
    with run_context.inside(RunContext(base.plan)), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(register_pipelines()) == set(base.pipelines)


def test_every_parameter_is_read_from_its_own_segment(registry) -> None:
    """So that each can be overridden alone; what looks at all segments at once is of the run."""
    expected = {"params:monitoring", "params:experiments"}
    for region in registry.plan.regions:
        expected |= {f"params:{region}.{n}" for n in ("identity", "layout", "conditioning")}
    for segment in registry.plan.segments:
        groups = ("identity", "forecast", "velocity", "scoring")
        expected |= {f"params:{segment.namespace}.{group}" for group in groups}
    for branch in registry.plan.branches:
        groups = ("identity", "training", "validation")
        expected |= {f"params:{branch.namespace}.{group}" for group in groups}
    inputs = registry.pipelines["__default__"].inputs()
    assert {name for name in inputs if name.startswith("params:")} == expected
