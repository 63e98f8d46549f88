from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from pathlib import Path

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset

from demand_forecast.exceptions import ConfigurationError, SourceError
from demand_forecast.framework.failures import RunFailedError
from demand_forecast.framework.namespacing import collector
from demand_forecast.framework.not_made import NOT_MADE, NotMade
from demand_forecast.framework.runner import SegmentRunner, SteadyRunner
from demand_forecast.framework.schedule import Schedule
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


@pytest.mark.trials
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


@pytest.mark.trials
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


RUNNERS = [SteadyRunner(), SegmentRunner(max_workers=1), SegmentRunner(max_workers=2)]


@pytest.mark.trials
@pytest.mark.parametrize("runner", RUNNERS)
def test_a_region_that_fails_stops_its_own_segments_only(runner, pipeline, journal, tmp_path):
    catalog = _catalog(tmp_path, pipeline)
    (tmp_path / "maine.raw.json").write_text("{")
    with pytest.raises(RunFailedError) as caught:
        runner.run(pipeline, catalog, _hooks())
    [failure] = caught.value.failures
    assert (failure.node, failure.work) == ("maine.condition", "maine")
    assert failure.where == "node 'maine.condition', loading 'maine.raw'"
    assert failure.why.startswith("JSONDecodeError: Expecting property name")
    segments = [f"maine.{store_format}" for store_format in FORMATS]
    assert caught.value.left_out == sorted(f"{s}.{n}" for s in segments for n in ("build", "fit"))
    assert caught.value.over_all == ["summarise"]
    # what there is has been summed up: lonely is 1, then maine, ohio and texas by powers of ten
    made = {name for name in _stored(tmp_path) if name.endswith("out.json")}
    assert made == {f"{s}.out.json" for s in SEGMENTS if s not in segments}
    assert catalog.load("summary") == [4002] * 2 + [402] * 2
    assert catalog.load("copied") == 1


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_stored_model_is_used_where_its_training_failed(runner, tmp_path):
    """As are models of the registry: what may be missing is loaded as it is."""

    class Registered(JSONDataset):
        missing_ok = True

    def train(panel):
        raise MemoryError

    parts = []
    for name in ("a.large", "b.large"):
        train_node = node(train if name == "a.large" else abs, "panel", "model", name="train")
        score_node = node(lambda model: model, "model", "forecast", name="score")
        parts.append(Pipeline([train_node, score_node], namespace=name))
    pipeline = Pipeline(parts)
    catalog = _catalog(tmp_path, pipeline)
    for name in ("a.large.model", "b.large.model"):
        catalog[name] = Registered(filepath=str(tmp_path / f"{name}.json"))
        catalog.save(name, 7)
    with pytest.raises(RunFailedError) as caught:
        runner.run(pipeline, catalog, _hooks())
    assert [str(f) for f in caught.value.failures] == ["node 'a.large.train': MemoryError"]
    assert caught.value.left_out == []
    assert catalog.load("a.large.forecast") == 7
    assert catalog.load("b.large.forecast") == 10


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_segment_that_could_not_be_made_anew_is_scored_on_what_there_was(runner, tmp_path):
    """Also where the region failed two steps before; what is over all is to be made again."""

    def condition(raw):
        if raw < 0:
            raise SourceError("deliveries.csv is empty")
        return raw

    def score(*, panel=NOT_MADE, past):
        return f"{past}, {panel.why}" if isinstance(panel, NotMade) else f"{panel}"

    parts = []
    for name in ("a", "b"):
        region = node(condition, "raw", "conditioned", name="condition")
        parts.append(Pipeline([region], namespace=name))
        build = node(abs, "conditioned", "panel", name="build")
        train = node(abs, "panel", "model", name="train")
        scored = node(score, {"panel": "panel", "past": "past"}, "forecast", name="score")
        told = node(lambda forecast: forecast, "forecast", "told", name="tell")
        segment = Pipeline([build, train, scored, told], namespace=f"{name}.large")
        parts.append(Pipeline(segment, inputs={f"{name}.large.conditioned": f"{name}.conditioned"}))
    tolds = {"tolds": {name: f"{name}.large.told" for name in ("a", "b")}}
    pipeline = Pipeline([*parts, collector(lambda tolds: tolds, tolds, "all", "gather")])
    catalog = _catalog(tmp_path, pipeline)
    for name, value in {"a": -1, "b": 3}.items():
        catalog.save(f"{name}.raw", value)
        catalog.save(f"{name}.large.past", 7)
    with pytest.raises(RunFailedError, match="1 node failed; 2 that need what") as caught:
        runner.run(pipeline, catalog, _hooks())
    assert caught.value.left_out == ["a.large.build", "a.large.train"]
    assert (caught.value.places, caught.value.over_all) == (["a"], ["gather"])
    assert catalog.load("all") == {"a": "7, deliveries.csv is empty", "b": "3"}


def _segments_that_fail(error):
    def fail(panel):
        raise error

    return [Pipeline([node(fail, "panel", "out", name="fail")], namespace=n) for n in ("a", "b")]


def _hooks():
    manager = _create_hook_manager()
    manager.register(FailureHook())
    return manager


@pytest.mark.trials
@pytest.mark.parametrize("runner", RUNNERS)
def test_where_all_fail_nothing_is_collected(runner, tmp_path):
    outs = {"outs": {n: f"{n}.out" for n in ("a", "b")}}
    last = collector(dict, outs, "summary", "summarise")
    pipeline = Pipeline([*_segments_that_fail(KeyError("no such week")), last])
    with pytest.raises(RunFailedError, match="2 nodes failed; 1 that need what") as caught:
        runner.run(pipeline, _catalog(tmp_path, pipeline), _hooks())
    assert caught.value.places == ["a", "b"]
    assert caught.value.left_out == caught.value.over_all == ["summarise"]
    assert {f.why for f in caught.value.failures} == {"KeyError: 'no such week'"}
    assert not (tmp_path / "summary.json").exists()


@pytest.mark.trials
def test_the_projects_own_error_is_not_lost_in_a_wrapper(tmp_path):
    wrapped = DatasetError("Failed while loading data")
    wrapped.__cause__ = SourceError("shipments.csv is empty")
    pipeline = Pipeline(_segments_that_fail(wrapped))
    with pytest.raises(RunFailedError) as caught:
        SegmentRunner(max_workers=2).run(pipeline, _catalog(tmp_path, pipeline), _hooks())
    assert [str(f) for f in sorted(caught.value.failures)] == [
        "node 'a.fail': shipments.csv is empty",
        "node 'b.fail': shipments.csv is empty",
    ]


def test_the_traceback_is_logged_where_it_may_be_a_fault_of_the_code(tmp_path, caplog):
    for error in (KeyError("no such week"), SourceError("shipments.csv is empty")):
        pipeline = Pipeline(_segments_that_fail(error))
        with pytest.raises(RunFailedError):
            SteadyRunner().run(pipeline, _catalog(tmp_path, pipeline), _hooks())
    said = {t.partition("\n")[0]: "Traceback" in t for t in caplog.messages}
    assert said["node 'a.fail': KeyError: 'no such week'"]
    assert not said["node 'a.fail': shipments.csv is empty"]


def test_no_password_of_an_address_is_told(tmp_path, caplog):
    pipeline = Pipeline(_segments_that_fail(OSError("no answer by http://ann:secret@mlflow/api")))
    with pytest.raises(RunFailedError, match=r"no answer by http://\*\*\*@mlflow/api") as caught:
        SteadyRunner().run(pipeline, _catalog(tmp_path, pipeline), _hooks())
    assert "Traceback" in caplog.text
    assert "secret" not in caplog.text + str(caught.value)


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


def test_a_worker_that_dies_takes_no_more_along_than_was_at_work(tmp_path):
    def copy(name, func):
        return Pipeline([node(func, "panel", "out", name="work")], namespace=name)

    names = [f"region_{number}" for number in range(6)]
    others = [copy(name, lambda panel: panel) for name in names]
    pipeline = Pipeline([copy("a", lambda _: os._exit(9)), *others])
    with pytest.raises(RunFailedError, match="killed or crashed") as caught:
        SegmentRunner(max_workers=2).run(pipeline, _catalog(tmp_path, pipeline))
    assert "a" in caught.value.places
    assert len(caught.value.places) <= 2
    made = {name for name in names if (tmp_path / f"{name}.out.json").exists()}
    assert made | set(caught.value.places) == {"a", *names}


def test_workers_end_with_a_run_that_is_killed(journal, tmp_path):
    def wait(panel):
        with journal.open("a") as file:
            file.write(f"wait {os.getpid()}\n")
        time.sleep(60)

    parts = [Pipeline([node(wait, "panel", "out", name="wait")], namespace=n) for n in "ab"]
    pipeline = Pipeline(parts)
    catalog = _catalog(tmp_path / "data", pipeline)
    run = SegmentRunner(max_workers=2).run
    killed = multiprocessing.get_context("fork").Process(target=run, args=(pipeline, catalog))
    killed.start()
    _until(lambda: journal.exists() and len(_journal(journal)) == 2)
    killed.kill()
    killed.join()
    _until(lambda: not any(_is_alive(int(process)) for _, process in _journal(journal)))


def _until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _is_alive(process):
    """Not so of one that has ended, whether anybody has asked for its exit code or not."""
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def _doubling(reads, makes, namespace, inputs=None):
    template = [node(lambda *x: 2 * sum(x), reads, makes, name=f"make_{makes}")]
    return Pipeline(template, namespace=namespace, inputs=inputs)


# Kedro says it once per process: here, if no other test has met such a name before.
@pytest.mark.filterwarnings("ignore:One or more dataset names contain")
def test_namespaces_that_read_from_each_other_are_worked_on_together(tmp_path):
    shared = {"one": "a.one", "two": "b.two"}
    parts = [
        _doubling("first", "one", "a"),
        _doubling("first", "two", "b"),
        _doubling(["one", "two"], "mine", "a", shared),
        _doubling(["one", "two"], "yours", "b", shared),
        _doubling("first", "three", "c"),
    ]
    crossed = Pipeline(parts)
    assert Schedule(crossed).groups.keys() == {"a,b", "c"}
    SegmentRunner(max_workers=2).run(crossed, _catalog(tmp_path, crossed))
    stored = _stored(tmp_path)
    assert stored["a.mine.json"] == stored["b.yours.json"]


@pytest.mark.filterwarnings("ignore:One or more dataset names contain")
def test_a_namespace_that_waits_for_what_comes_last_is_an_error(tmp_path):
    last = node(lambda x: x, "a.one", "over_all", name="over_all")
    parts = [
        _doubling("first", "one", "a"),
        _doubling("over_all", "two", "b", {"over_all": "over_all"}),
    ]
    crossed = Pipeline([*parts, Pipeline([last])])
    with pytest.raises(ConfigurationError, match="wait for each other: all segments, b"):
        SegmentRunner(max_workers=2).run(crossed, _catalog(tmp_path, crossed))


@pytest.mark.parametrize("workers", [0, -1])
def test_without_workers_nothing_can_run(workers):
    with pytest.raises(ConfigurationError, match=f"max_workers is {workers}; valid: 1 or more"):
        SegmentRunner(max_workers=workers)
