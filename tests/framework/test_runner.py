from __future__ import annotations

import os
import warnings

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset

from demand_forecast.exceptions import ConfigurationError, SourceError
from demand_forecast.framework.failures import Place, place_of
from demand_forecast.framework.namespacing import collector
from demand_forecast.framework.runner import SegmentRunner
from demand_forecast.hooks.failures import FailureHook

REGIONS, FORMATS = ("texas", "maine", "ohio"), ("large", "small")
SEGMENTS = [f"{region}.{store_format}" for region in REGIONS for store_format in FORMATS]


@pytest.fixture
def journal(tmp_path):
    """A file to which every node appends its name and process."""
    return tmp_path / "journal"


@pytest.fixture
def pipeline(journal):
    """Regions, then their segments of two nodes, then one node for all, and one on its own."""

    def note(name):
        with journal.open("a") as file:
            file.write(f"{name} {os.getpid()}\n")

    def condition(raw):
        note("condition")
        return [raw, raw + 1]

    def build(conditioned):
        note("build")
        return sum(conditioned)

    def fit(panel):
        note("fit")
        return {"units": panel * 2}

    def summarise(outs):
        note("summarise")
        return [out["units"] for out in outs.values()]

    def alone(raw):
        note("alone")
        return raw

    region = Pipeline([node(condition, "raw", "conditioned", name="condition")])
    segment = Pipeline(
        [
            node(build, "conditioned", "panel", name="build"),
            node(fit, "panel", "out", name="fit"),
        ]
    )
    outs = {"outs": {name: f"{name}.out" for name in SEGMENTS}}
    return Pipeline(
        [
            *(Pipeline(region, namespace=r) for r in REGIONS),
            *(
                Pipeline(
                    segment,
                    namespace=name,
                    inputs={"conditioned": f"{name.split('.')[0]}.conditioned"},
                )
                for name in SEGMENTS
            ),
            collector(summarise, outs, "summary", "summarise"),
            node(alone, "lonely", "copied", name="alone"),
        ]
    )


def _catalog(folder, pipeline):
    files = {n: JSONDataset(filepath=str(folder / f"{n}.json")) for n in pipeline.datasets()}
    for number, name in enumerate(sorted(pipeline.inputs())):
        files[name].save(10**number)
    return DataCatalog(files)


def _stored(folder):
    return {path.name: path.read_text() for path in folder.glob("*.json")}


def _journal(journal):
    return [line.split() for line in journal.read_text().splitlines()]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_same_is_stored_as_by_the_sequential_runner(pipeline, journal, tmp_path, workers):
    expected, found = tmp_path / "expected", tmp_path / "found"
    SequentialRunner().run(pipeline, _catalog(expected, pipeline))
    journal.unlink()
    SegmentRunner(max_workers=workers).run(pipeline, _catalog(found, pipeline))
    assert _stored(found) == _stored(expected)
    assert len(_stored(found)) == len(pipeline.datasets())
    names = [name for name, _ in _journal(journal)]
    assert sorted(names) == sorted(
        [*["condition"] * 3, *["build", "fit"] * 6, "summarise", "alone"]
    )


def test_segments_run_in_workers_and_what_belongs_to_none_comes_last(pipeline, journal, tmp_path):
    SegmentRunner(max_workers=2).run(pipeline, _catalog(tmp_path / "data", pipeline))
    entries = _journal(journal)
    assert {name for name, _ in entries[-2:]} == {"summarise", "alone"}
    assert len({process for _, process in entries[-2:]}) == 1
    workers = {process for _, process in entries}
    assert str(os.getpid()) not in workers
    assert 1 <= len(workers) <= 2


def test_one_worker_stays_in_this_process(pipeline, journal, tmp_path):
    SegmentRunner(max_workers=1).run(pipeline, _catalog(tmp_path / "data", pipeline))
    assert {process for _, process in _journal(journal)} == {str(os.getpid())}


def test_a_single_segment_stays_in_this_process(pipeline, journal, tmp_path):
    catalog = _catalog(tmp_path / "data", pipeline)
    SequentialRunner().run(pipeline, catalog)
    journal.unlink()
    part = pipeline.only_nodes_with_namespaces(["texas.large"])
    SegmentRunner(max_workers=2).run(part, catalog)
    assert _journal(journal) == [["build", str(os.getpid())], ["fit", str(os.getpid())]]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_segment_reaches_the_caller_and_stops_the_run(tmp_path, workers):
    def fail(panel):
        raise KeyError(f"no such week in {panel}")

    template = Pipeline([node(fail, "panel", "out", name="fail")])
    pipeline = Pipeline(
        [
            *(Pipeline(template, namespace=n) for n in ("a", "b")),
            collector(dict, {"outs": {n: f"{n}.out" for n in ("a", "b")}}, "summary", "summarise"),
        ]
    )
    folder = tmp_path / "data"
    with pytest.raises(KeyError, match="no such week"):
        SegmentRunner(max_workers=workers).run(pipeline, _catalog(folder, pipeline))
    assert not (folder / "summary.json").exists()


def _segments_that_fail(error):
    def fail(panel):
        raise error

    return [Pipeline([node(fail, "panel", "out", name="fail")], namespace=n) for n in ("a", "b")]


def _hooks():
    manager = _create_hook_manager()
    manager.register(FailureHook())
    return manager


def test_an_error_from_a_worker_says_where_it_arose(tmp_path):
    pipeline = Pipeline(_segments_that_fail(KeyError("x")))
    with pytest.raises(KeyError) as caught:
        SegmentRunner(max_workers=2).run(pipeline, _catalog(tmp_path, pipeline), _hooks())
    assert place_of(caught.value) in (Place("a.fail"), Place("b.fail"))
    assert "in fail" in str(caught.value.__cause__)  # the worker's traceback


def test_the_projects_own_error_from_a_worker_is_not_lost_in_a_wrapper(tmp_path):
    wrapped = DatasetError("Failed while loading data")
    wrapped.__cause__ = SourceError("shipments.csv is empty")
    pipeline = Pipeline(_segments_that_fail(wrapped))
    with pytest.raises(SourceError, match=r"^shipments.csv is empty") as caught:
        SegmentRunner(max_workers=2).run(pipeline, _catalog(tmp_path, pipeline), _hooks())
    assert place_of(caught.value) in (Place("a.fail"), Place("b.fail"))


def test_a_dataset_that_cannot_be_loaded_is_named(tmp_path):
    pipeline = Pipeline(_segments_that_fail(KeyError("x")))
    catalog = _catalog(tmp_path, pipeline)
    for name in ("a", "b"):
        (tmp_path / f"{name}.panel.json").write_text("{")
    with pytest.raises(DatasetError) as caught:
        SegmentRunner(max_workers=2).run(pipeline, catalog, _hooks())
    assert place_of(caught.value) in [Place(f"{n}.fail", f"{n}.panel", "loading") for n in "ab"]


def test_velocities_of_a_segment_run_in_its_worker(journal, tmp_path):
    """Their namespace is one part longer than the segment's."""

    def note(value):
        with journal.open("a") as file:
            file.write(f"note {os.getpid()}\n")
        return value

    def copied(reads, makes, namespace, inputs=None):
        return Pipeline([node(note, reads, makes, name=makes)], namespace=namespace, inputs=inputs)

    parts = []
    for segment in SEGMENTS[:2]:
        panel, forecast = f"{segment}.panel", f"{segment}.fast.forecast"
        parts += [
            copied("raw", "panel", segment),
            copied("panel", "forecast", f"{segment}.fast", {"panel": panel}),
            copied("forecast", "health", segment, {"forecast": forecast}),
        ]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Namespace .* is interrupted")
        pipeline = Pipeline(parts)
    SegmentRunner(max_workers=2).run(pipeline, _catalog(tmp_path / "data", pipeline))
    processes = [process for _, process in _journal(journal)]
    assert len(processes) == 6
    assert str(os.getpid()) not in processes
    assert max(processes.count(process) for process in processes) in (3, 6)


def test_a_worker_that_dies_is_an_error(tmp_path):
    template = Pipeline([node(lambda _: os._exit(9), "panel", "out", name="die")])
    pipeline = Pipeline([Pipeline(template, namespace=n) for n in ("a", "b")])
    with pytest.raises(Exception, match="terminated abruptly"):
        SegmentRunner(max_workers=2).run(pipeline, _catalog(tmp_path, pipeline))


# Kedro says it once per process: here, if no other test has met such a name before.
@pytest.mark.filterwarnings("ignore:One or more dataset names contain")
def test_namespaces_that_wait_for_each_other_are_an_error(tmp_path):
    def copy(reads, makes, namespace, inputs=None):
        template = [node(lambda x: x, reads, makes, name=f"make_{makes}")]
        return Pipeline(template, namespace=namespace, inputs=inputs)

    parts = [
        copy("first", "one", "a"),
        copy("one", "two", "b", {"one": "a.one"}),
        copy("two", "three", "a", {"two": "b.two"}),
    ]
    with pytest.warns(UserWarning, match="Namespace 'a' is interrupted"):
        crossed = Pipeline(parts)
    with pytest.raises(ConfigurationError, match="wait for each other: a, b"):
        SegmentRunner(max_workers=2).run(crossed, _catalog(tmp_path, crossed))


@pytest.mark.parametrize("workers", [0, -1])
def test_without_workers_nothing_can_run(workers):
    with pytest.raises(ConfigurationError, match=f"max_workers is {workers}; valid: 1 or more"):
        SegmentRunner(max_workers=workers)
