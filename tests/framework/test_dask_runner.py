"""A real Dask cluster of this machine, and a project of cheap nodes."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from urllib.request import urlopen

import dask
import pytest
import toy_project as toy
from distributed import LocalCluster

from demand_forecast.exceptions import ConfigurationError, StorageError
from demand_forecast.framework import dask_cluster, run_context
from demand_forecast.framework.dask_runner import DaskRunner
from demand_forecast.framework.failures import RunFailedError
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments

NOWHERE = "127.0.0.1:0"


class ToyRunner(DaskRunner):
    """Its workers boot the toy project."""

    join = toy.ToyProject


@pytest.fixture(scope="module")
def cluster():
    """Two processes of one thread."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=NOWHERE) as cluster:
        yield cluster


@pytest.fixture
def run(tmp_path):
    """The run, which starts in this process."""
    plan = Segments(store_formats=[], regions={}, layouts={})
    context = RunContext(plan, tmp_path, data_root=str(tmp_path), save_version=toy.VERSION)
    with run_context.inside(context):
        yield tmp_path


def _run(folder, address=None, runner=ToyRunner, **options):
    hooks = toy.hooks()
    pipeline, catalog = toy.make_pipeline(folder), toy.make_catalog(folder)
    hooks.hook.before_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog)
    runner(address=address, **options).run(pipeline, catalog, hooks, toy.VERSION)
    return catalog


@pytest.mark.trials
def test_a_run_on_a_running_cluster(run, cluster, caplog):
    toy.prepare(run)
    caplog.set_level("INFO")
    catalog = _run(run, cluster.scheduler_address)
    assert catalog.load("summary") == toy.MODELS
    done = toy.journal(run)
    processes = {process for _, process in done}
    assert str(os.getpid()) not in processes
    assert sum(name == "join" for name, _ in done) == len(processes)  # once each
    assert f"Dask: 2 workers, dashboard {cluster.dashboard_link}" in caplog.messages
    told = [m.split()[:3] for m in caplog.messages if m.startswith("other")]
    assert [line[1] for line in told] == [f"{number}/7" for number in range(1, 8)]
    assert {line[2] for line in told} == {*toy.REGIONS, *toy.SEGMENTS, "all"}
    assert told[-1][2] == "all"


def test_a_region_that_fails_stops_its_own_segments_only(run, cluster):
    toy.prepare(run)
    (run / "maine.raw.json").write_text("{")
    with pytest.raises(RunFailedError) as caught:
        _run(run, cluster.scheduler_address)
    [failure] = caught.value.failures
    assert failure.where == "node 'maine.condition', loading 'maine.raw'"
    assert len(caught.value.left_out) == 4
    assert caught.value.over_all == ["summarise"]
    summary = toy.make_catalog(run).load("summary")
    assert summary == {name: m for name, m in toy.MODELS.items() if name.startswith("texas")}


@pytest.mark.trials
def test_the_segment_of_a_worker_that_is_killed_is_run_again_elsewhere(run, cluster):
    """What it had saved before is made again; versions are never overwritten."""
    toy.prepare(run, kills=["texas.large"])
    assert _run(run, cluster.scheduler_address).load("summary") == toy.MODELS
    fits = [(name, process) for name, process in toy.journal(run) if name.endswith("fit")]
    names = [name for name, _ in fits]
    assert sorted(names) == sorted([*(f"{s}.fit" for s in toy.SEGMENTS), "texas.large.fit"])
    assert len({process for name, process in fits if name == "texas.large.fit"}) == 2


def test_a_segment_that_kills_all_who_try_fails_alone(run, cluster, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    toy.prepare(run, kills=["texas.large"])
    with pytest.raises(RunFailedError, match=r"1 worker\(s\) died of it") as caught:
        _run(run, cluster.scheduler_address)
    assert caught.value.places == ["texas.large"]
    made = toy.make_catalog(run).load("summary")
    assert made == {name: m for name, m in toy.MODELS.items() if name != "texas.large"}


def test_a_cluster_of_this_machine_is_started_for_the_run(run):
    toy.prepare(run)
    assert _run(run, max_workers=1).load("summary") == toy.MODELS
    assert len({process for _, process in toy.journal(run)}) == 1


def test_the_address_may_be_that_of_dasks_own_variable(run, cluster):
    toy.prepare(run)
    with dask.config.set({"scheduler-address": cluster.scheduler_address}):
        assert _run(run).load("summary") == toy.MODELS


def test_the_dashboard_is_there(cluster):
    with urlopen(cluster.dashboard_link, timeout=10) as page:
        assert b"Bokeh" in page.read()


def test_a_worker_that_cannot_boot_the_project_stops_the_run(run, cluster):
    class Refused(DaskRunner):
        @staticmethod
        def join(run):
            raise ConfigurationError("conf/prod is missing")

    toy.prepare(run)
    with pytest.raises(ConfigurationError, match="conf/prod is missing"):
        _run(run, cluster.scheduler_address, Refused)


def test_a_store_that_refuses_a_worker_fails_its_segment_alone(run, cluster):
    class Expired(toy.ToyProject):
        def run_nodes(self, names, lacking):
            if "texas.large.fit" in names:
                raise StorageError("s3://ann:secret@shop cannot be used: expired")
            return super().run_nodes(names, lacking)

    class Runner(DaskRunner):
        join = Expired

    toy.prepare(run)
    with pytest.raises(RunFailedError) as caught:
        _run(run, cluster.scheduler_address, Runner)
    [failure] = caught.value.failures
    assert (failure.work, failure.why) == ("texas.large", "s3://***@shop cannot be used: expired")
    made = toy.make_catalog(run).load("summary")
    assert made == {name: m for name, m in toy.MODELS.items() if name != "texas.large"}


def test_without_dask_it_is_said_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'demand-forecast\[distributed\]'"):
        _run(run)


def test_a_scheduler_that_does_not_answer_is_named(run, monkeypatch):
    monkeypatch.setattr(dask_cluster, "_SECONDS", 0.2)
    with pytest.raises(ConfigurationError, match=r"answers at 'tcp://127\.0\.0\.1:9'"):
        _run(run, "tcp://127.0.0.1:9")


def test_a_cluster_without_workers_is_not_waited_for(run, monkeypatch):
    monkeypatch.setattr(dask_cluster, "_SECONDS", 0.2)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=NOWHERE) as empty,
        pytest.raises(ConfigurationError, match=r"has no worker\. .*dask worker .* --nthreads=1"),
    ):
        _run(run, empty.scheduler_address)


def test_workers_are_forked_from_a_process_that_imports_what_there_is():
    """A name that cannot be imported would be passed over in silence."""
    missing = [name for name in dask_cluster._IMPORTED if find_spec(name) is None]
    assert missing == []
    assert {"demand_forecast.settings", "demand_forecast.pipeline_registry"} <= set(
        dask_cluster._IMPORTED
    )
