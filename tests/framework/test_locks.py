"""One run per region at a time, on this machine's disk and where there are no locks."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time

import fsspec
import pytest

from demand_forecast.exceptions import RunInProgressError
from demand_forecast.framework import leases
from demand_forecast.framework.locks import hold

NOW = "2026-01-02T03.04.05.678Z"


@pytest.fixture(params=["file", "memory"])
def root(request, tmp_path, monkeypatch):
    """A data root on this machine's disk, and one on an object store."""
    if request.param == "file":
        yield str(tmp_path)
        return
    monkeypatch.setattr(leases, "_PAUSE", 0.02)
    monkeypatch.setattr(leases, "is_alive", lambda _: True)  # both runs are of this process here
    yield "memory://locks_of_test/data"
    fsspec.filesystem("memory").rm("/locks_of_test", recursive=True)


def test_the_version_of_the_first_run_is_its_own(root):
    with hold(root, ["texas"], NOW, 0) as version:
        assert version == NOW


def test_a_clock_set_back_does_not_make_the_newest_version_an_old_one(root):
    with hold(root, ["texas", "maine"], NOW, 0):
        pass
    with hold(root, ["maine", "ohio"], "2025-12-31T23.59.59.999Z", 0) as version:
        assert version == "2026-01-02T03.04.05.679Z"
    with hold(root, ["ohio"], NOW, 0) as version:
        assert version == "2026-01-02T03.04.05.680Z"


def test_the_second_run_on_a_region_is_told_who_holds_it(root, caplog):
    with (
        hold(root, ["texas"], NOW, 0),
        pytest.raises(RunInProgressError, match=r"'texas' is held by another run: process \d+ on"),
        hold(root, ["maine", "texas"], NOW, 0.05),
    ):
        raise AssertionError("it was let in")
    assert caplog.text.count("waiting up to 0 s for process") == 1
    with hold(root, ["texas", "maine"], NOW, 0):  # both are free again
        pass


def test_a_run_on_other_regions_goes_on(root):
    with hold(root, ["texas"], NOW, 0), hold(str(root), ["maine"], NOW, 0) as version:
        assert version == NOW


def test_the_second_run_starts_when_the_first_has_ended(root):
    first = hold(root, ["texas"], NOW, 0)
    first.__enter__()
    entered = []

    def second():
        with hold(root, ["texas"], NOW, 10) as version:
            entered.append(version)

    waiting = threading.Thread(target=second)
    waiting.start()
    time.sleep(0.1)
    assert not entered
    first.__exit__(None, None, None)
    waiting.join()
    assert entered == ["2026-01-02T03.04.05.679Z"]


def _hold_for_long(folder, holds):
    with hold(folder, ["texas"], NOW, 0):
        holds.set()
        time.sleep(60)


def test_a_run_that_was_killed_holds_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    holds = context.Event()
    killed = context.Process(target=_hold_for_long, args=(str(tmp_path), holds))
    killed.start()
    assert holds.wait(10)
    killed.kill()
    killed.join()
    with hold(str(tmp_path), ["texas"], NOW, 0) as version:
        assert version > NOW


def test_what_is_written_of_a_run_has_no_password_in_it(tmp_path, monkeypatch):
    address = "--params=server=http://ann:secret@mlflow"
    monkeypatch.setattr("sys.argv", ["/usr/bin/kedro", "run", address])
    with hold(str(tmp_path), ["texas"], NOW, 0):
        [file] = (tmp_path / ".runs").glob("*.json")
        assert json.loads(file.read_text())["command"] == (
            "kedro run --params=server=http://***@mlflow"
        )


@pytest.mark.parametrize("text", ["", "{", "{}", '{"version": 3}'])
def test_an_unreadable_word_of_the_last_run_is_none(tmp_path, text):
    with hold(str(tmp_path), ["texas"], NOW, 0):
        pass
    [file] = (tmp_path / ".runs").glob("*.json")
    file.write_text(text)
    with hold(str(tmp_path), ["texas"], NOW, 0) as version:
        assert version == NOW
