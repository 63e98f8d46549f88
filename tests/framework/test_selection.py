from __future__ import annotations

import pytest
from kedro.pipeline import Pipeline, node

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.segments import parse
from demand_forecast.framework.selection import by_tags, check_selection

PLAN = parse(
    {"store_formats": ["large", "small"], "regions": {"texas": {"layout": "csv"}}},
    {"csv": {"sources": {}}},
)


def _copy(step, reads, makes, namespace):
    template = [node(lambda x: x, reads, makes, name=step)]
    return Pipeline(
        template, namespace=namespace, tags={step, namespace, namespace.rsplit(".fast")[0]}
    )


FIT = Pipeline([_copy("fit", "panel", "model", f"texas.{f}.fast") for f in ("large", "small")])
SCORE = Pipeline([_copy("score", "model", "forecast", f"texas.{f}") for f in ("large", "small")])
REGISTERED = {"training": FIT, "scoring": SCORE, "__default__": Pipeline([FIT, SCORE])}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"pipeline_names": ["scorin"]},
            r"--pipelines: .*pipeline 'scorin'.*Did you mean 'scoring",
        ),
        ({"node_names": ["texas.large.scor"]}, r"--nodes: .*node .*mean 'texas.large.score'"),
        ({"from_nodes": ["texas.large.scor"]}, r"--from-nodes: .*'texas.large.scor'"),
        ({"to_nodes": ["texas.large.scor"]}, r"--to-nodes: .*'texas.large.scor'"),
        ({"from_inputs": ["texas.large.fast.panl"]}, r"--from-inputs: .*mean 'texas.large.fast.pa"),
        ({"to_outputs": ["texas.large.forecst"]}, r"--to-outputs: .*mean 'texas.large.forecast'"),
        ({"load_versions": {"texas.large.forecst": "1"}}, r"--load-versions: .*forecst'"),
        ({"tags": ["scor"]}, r"--tags: .*tag 'scor'.*Did you mean 'score'"),
        ({"tags": ["fit"], "pipeline_names": ["scoring"]}, r"--tags: .*tag 'fit'"),
        ({"namespaces": ["texs"]}, r"--namespaces: .*no region, segment or velocity 'texs'"),
        ({"namespaces": ["texas.large.x"]}, r"--namespaces: .*Did you mean 'texas.large'"),
    ],
)
def test_a_name_that_does_not_exist_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        check_selection(REGISTERED, PLAN, options)
    assert len(str(caught.value).splitlines()) == 1


ALL_NODES = {"large.fast.fit", "small.fast.fit", "large.score", "small.score"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ALL_NODES),
        ({"pipeline_names": ["training", "scoring"]}, ALL_NODES),
        ({"pipeline_names": ["training", "__default__"]}, ALL_NODES),
        ({"tags": ["score"], "node_names": ["texas.large.score"]}, {"large.score"}),
        (
            {"from_nodes": ["texas.large.fast.fit"], "to_outputs": ["texas.large.fast.model"]},
            {"large.fast.fit"},
        ),
        ({"namespaces": ["texas.large"]}, {"large.fast.fit", "large.score"}),
        ({"namespaces": ["texas.large.fast"]}, {"large.fast.fit"}),
    ],
)
def test_what_exists_may_run(options, expected):
    left = check_selection(REGISTERED, PLAN, options)
    assert {node.name.removeprefix("texas.") for node in left.nodes} == expected


def test_a_selection_that_leaves_nothing_says_what_was_asked():
    options = {"tags": ["fit"], "node_names": ["texas.large.score"]}
    with pytest.raises(ConfigurationError, match=r"no node is left to run \(tags: fit, node_names"):
        check_selection(REGISTERED, PLAN, options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"namespaces": ["texas", "texas.small"]}, True),
        ({"namespaces": ["texas.large.fast"]}, True),
        ({"namespaces": ["texas"], "tags": ["fit"]}, False),
        ({}, False),
    ],
)
def test_regions_segments_and_velocities_are_chosen_by_tag(options, expected):
    assert by_tags(options, PLAN) is expected
