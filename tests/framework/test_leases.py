from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import fsspec
import pytest

from demand_forecast.exceptions import RunInProgressError, StorageError
from demand_forecast.framework import leases
from demand_forecast.framework.locks import hold

NOW = "2026-01-02T03.04.05.678Z"
ROOT = "memory://leases_of_test/data"


@pytest.fixture(autouse=True)
def store(monkeypatch):
    """The store, empty afterwards; nobody waits for long."""
    monkeypatch.setattr(leases, "_PAUSE", 0.02)
    monkeypatch.setattr(leases, "is_alive", lambda _: True)
    fs = fsspec.filesystem("memory")
    yield fs
    if fs.exists("/leases_of_test"):
        fs.rm("/leases_of_test", recursive=True)


def _lock(store):
    [path] = store.glob("/leases_of_test/data/.runs/*.lock")
    return path


def _change(store, **facts):
    path = _lock(store)
    store.pipe_file(path, json.dumps(json.loads(store.cat_file(path)) | facts).encode())


def test_a_run_leaves_its_version_and_no_lease(store):
    with hold(ROOT, ["texas", "maine"], NOW, 0) as version:
        assert version == NOW
    assert [p.rpartition("/")[2] for p in store.find("/leases_of_test")] == [
        "maine.json",
        "texas.json",
    ]
    with hold(ROOT, ["maine"], "2025-12-31T23.59.59.999Z", 0) as version:
        assert version == "2026-01-02T03.04.05.679Z"


def test_who_waits_in_vain_is_told_until_when_the_lease_holds():
    with (
        hold(ROOT, ["texas"], NOW, 0),
        pytest.raises(RunInProgressError, match=r"'texas' is held .* Its lease ends at \d\d:"),
        hold(ROOT, ["texas"], NOW, 0),
    ):
        raise AssertionError("it was let in")


@pytest.mark.parametrize("is_written_by", ["time", "process", "hand"])
def test_a_lease_that_is_over_is_taken_and_stays_with_who_took_it(
    store, monkeypatch, is_written_by
):
    first = hold(ROOT, ["texas"], NOW, 0)
    first.__enter__()
    if is_written_by == "time":
        _change(store, until=str(datetime.now(UTC) - timedelta(seconds=1)))
    elif is_written_by == "process":
        monkeypatch.setattr(leases, "is_alive", lambda _: False)
    else:
        store.pipe_file(_lock(store), b"{")
    with hold(ROOT, ["texas"], NOW, 0) as version:
        assert version > NOW
        mine = store.cat_file(_lock(store))
        first.__exit__(None, None, None)  # it has lost the region, and must not give it back
        assert store.cat_file(_lock(store)) == mine


def test_of_two_that_take_an_old_lease_at_once_the_last_has_it(store, monkeypatch):
    files = leases.LeaseFiles(f"{ROOT}/.runs")
    files.write("texas.lock", "{")
    mine = leases.Lease.of(leases.Holder.this(NOW), "mine")
    other = leases.Lease.of(leases.Holder.this(NOW), "other")
    monkeypatch.setattr(
        leases.time, "sleep", lambda _: files.write("texas.lock", other.model_dump_json())
    )
    assert not leases._taken(files, "texas.lock", mine)


def test_a_lease_is_renewed_as_long_as_the_run_goes_on(store, monkeypatch):
    monkeypatch.setattr(leases, "_RENEWED", 0.01)
    past = str(datetime.now(UTC) - timedelta(seconds=1))
    with hold(ROOT, ["texas"], NOW, 0):
        _change(store, until=past)
        deadline = time.monotonic() + 5
        while (renewed := json.loads(store.cat_file(_lock(store)))["until"]) == past:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert datetime.fromisoformat(renewed) > datetime.now(UTC)


def test_leases_are_renewed_while_another_region_is_waited_for(store, monkeypatch):
    monkeypatch.setattr(leases, "_RENEWED", 0.01)
    first = hold(ROOT, ["texas"], NOW, 0)
    first.__enter__()

    def second():
        with hold(ROOT, ["maine", "texas"], NOW, 10):
            pass

    waiting = threading.Thread(target=second)
    waiting.start()
    seen: set[datetime] = set()
    deadline = time.monotonic() + 5
    while len(seen) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
        for path in store.glob("/leases_of_test/data/.runs/maine.lock"):
            seen.add(leases.Lease.parsed(store.cat_file(path)).until)
    first.__exit__(None, None, None)
    waiting.join()
    assert not store.glob("/leases_of_test/data/.runs/*.lock")


def test_a_lease_holds_from_the_end_of_the_wait_on(store, monkeypatch):
    files, holder = leases.LeaseFiles(f"{ROOT}/.runs"), leases.Holder.this(NOW)
    files.write("texas.lock", leases.Lease.of(holder, "other").model_dump_json())
    ended = []

    def end(_):
        ended.append(datetime.now(UTC))
        files.remove("texas.lock")

    monkeypatch.setattr(leases.time, "sleep", end)
    leases._acquire(files, "texas", holder, "mine", time.monotonic() + 10)
    mine = leases.Lease.parsed(files.read("texas.lock"))
    assert mine.until >= ended[0] + leases._VALID


def test_a_lease_that_another_run_has_taken_is_not_taken_back(store, monkeypatch, caplog):
    monkeypatch.setattr(leases, "_RENEWED", 0.01)
    with hold(ROOT, ["texas"], NOW, 0):
        _change(store, token="other")
        deadline = time.monotonic() + 5
        while "region 'texas' was taken by another run" not in caplog.text:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert json.loads(store.cat_file(_lock(store)))["token"] == "other"


def test_a_store_that_stops_answering_stops_no_run(store, monkeypatch, caplog):
    monkeypatch.setattr(leases, "_RENEWED", 0.01)

    def refuse(*_, **__):
        raise ConnectionResetError("no answer")

    with hold(ROOT, ["texas"], NOW, 0), monkeypatch.context() as broken:
        broken.setattr(store, "pipe_file", refuse)
        broken.setattr(store, "cat_file", refuse)
        deadline = time.monotonic() + 5
        while "is not renewed" not in caplog.text:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        leases._release(leases.LeaseFiles(f"{ROOT}/.runs"), "texas", "mine")
    assert "region 'texas' is not given back: memory://leases_of_test/data/.runs" in caplog.text


def test_a_store_that_refuses_is_told_before_anything_else(store, monkeypatch):
    def refuse(*_, **__):
        raise FileNotFoundError("The specified bucket does not exist")

    monkeypatch.setattr(store, "pipe_file", refuse)
    with (
        pytest.raises(StorageError, match=r"\.runs cannot be used: The specified bucket does not"),
        hold(ROOT, ["texas"], NOW, 0),
    ):
        raise AssertionError("it was let in")


def test_a_store_without_a_driver_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(StorageError, match=r"Install s3fs.*'demand-forecast\[aws\]'"):
        leases.LeaseFiles("s3://bucket/.runs")


def test_a_lease_that_another_run_creates_at_the_same_moment_is_not_taken(store, monkeypatch):
    files = leases.LeaseFiles(f"{ROOT}/.runs")
    files.write("texas.lock", "{}")
    monkeypatch.setattr(files, "read", lambda _: None)  # it looked just before
    assert not leases._taken(files, "texas.lock", leases.Lease.of(leases.Holder.this(NOW), "mine"))
