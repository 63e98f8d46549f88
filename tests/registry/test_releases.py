"""Releases: what is in force is the old one or the new one, whenever a process is killed."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from demand_forecast.exceptions import ArtefactError, ConfigurationError, StorageError
from demand_forecast.registry import documents
from demand_forecast.registry import releases as module
from demand_forecast.registry.documents import Author
from demand_forecast.registry.releases import Champion, ModelVersion, ReleaseStore
from stand_ins import lineage

NAMES = [f"unit.maine.large.{kind}" for kind in ("fast", "slow", "baseline")]


def _version(number, **known):
    return ModelVersion(version=str(number), digest=f"d{number}", lineage=lineage(), **known)


def _moved(number, names=NAMES):
    """Every model to one version, on top of what is in force."""

    def change(before):
        new = {name: Champion.after(before.get(name), _version(number)) for name in names}
        return {**before, **new}

    return change


def _versions(store):
    release = store.current()
    return release and {name: c.version for name, c in release.champions.items()}


@pytest.fixture
def store(tmp_path):
    return ReleaseStore(str(tmp_path / "releases"))


def test_before_the_first_release_nothing_serves(store):
    assert store.current() is None
    assert list(store.chain()) == store.all() == []
    assert store.at(datetime.now(UTC)) is None


def test_a_release_says_who_when_why_and_what_was_before(store):
    started = datetime.now(UTC)
    store.publish(_moved(1), "first", author=Author("ada@host", "kedro run"))
    release = store.publish(_moved(2, NAMES[:1]), "better", run="today")
    assert store.current() == release
    assert (release.id, release.why, release.run) == ("00002", "better", "today")
    assert release.changed == (NAMES[0],)
    assert release.parent.id == "00001"
    champion = release.champions[NAMES[0]]
    assert (champion.version, champion.previous.version) == ("2", "1")
    assert release.champions[NAMES[1]].previous is None
    first, second = reversed(list(store.chain()))
    assert (first.who, first.command) == ("ada@host", "kedro run")
    assert "@" in second.who
    assert started <= first.created_at <= second.created_at


def test_the_same_version_again_keeps_the_one_before():
    first = Champion.after(None, _version(1))
    second = Champion.after(first, _version(2))
    assert Champion.after(second, _version(2)).previous.version == "1"


def test_what_served_on_a_day(store, monkeypatch):
    moments = [datetime(2026, 1, day, 12, tzinfo=UTC) for day in (1, 8)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return next(times)

    times = iter(moments)
    monkeypatch.setattr(module, "datetime", Clock)
    for number in (1, 2):
        store.publish(_moved(number), "weekly")
    second = timedelta(seconds=1)
    assert store.at(moments[0] - second) is None
    assert store.at(moments[0]).id == store.at(moments[1] - second).id == "00001"
    assert store.at(moments[1]).id == "00002"


def test_a_pending_release_does_not_serve(store):
    store.publish(_moved(1), "first")
    waiting = store.publish(_moved(2), "new", pending=True)
    assert _versions(store) == dict.fromkeys(NAMES, "1")
    assert [state for _, state in store.all()] == ["pending approval", "active"]
    store.publish(_moved(2), "looks good", approves=waiting.id)
    assert [state for _, state in store.all()] == ["active", "approved", "superseded"]


def test_a_release_is_found_with_and_without_zeros(store):
    store.publish(_moved(1), "first")
    assert store.find("1") == store.find("00001") == store.current()
    with pytest.raises(ConfigurationError, match=r"no release '7'. Valid: 00001"):
        store.find("7")


@pytest.mark.parametrize("file", ["00001.json", "current.json"])
def test_what_is_cut_short_is_refused(store, file):
    store.publish(_moved(1), "first")
    path = Path(store.root) / file
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArtefactError, match=f"{file} is not .*written"):
        store.current()


def test_a_release_that_was_edited_is_refused(store):
    store.publish(_moved(1), "first")
    path = Path(store.root) / "00001.json"
    path.write_text(path.read_text().replace('"version": "1"', '"version": "2"', 1))
    with pytest.raises(ArtefactError, match="is not the release that was written"):
        store.current()


@pytest.fixture
def without_locks(monkeypatch):
    """As on an object store."""
    monkeypatch.setattr(ReleaseStore, "_lock", lambda store: nullcontext())


def test_a_process_that_releases_is_alone(store, monkeypatch):
    monkeypatch.setattr(documents, "_PATIENCE", 0.01)
    other = ReleaseStore(store.root)

    def change(before):
        other.publish(_moved(5), "other")
        return _moved(7)(before)

    with pytest.raises(StorageError, match="held by another process"):
        store.publish(change, "ours")
    assert store.reference() is None


@pytest.mark.usefixtures("without_locks")
def test_another_process_that_releases_in_between_loses_nothing(store):
    other, calls = ReleaseStore(store.root), []

    def change(before):
        if not calls:
            calls.append(other.publish(_moved(5, NAMES[:1]), "other"))
        return _moved(7, NAMES[1:])(before)

    store.publish(change, "ours")
    assert _versions(store) == dict(zip(NAMES, ("5", "7", "7"), strict=True))
    assert [r.why for r in store.chain()] == ["ours", "other"]
    states = {release.id: state for release, state in store.all()}
    assert sorted(states.values()) == ["active", "interrupted", "superseded"]


@pytest.mark.usefixtures("without_locks")
def test_processes_that_release_all_the_time_are_told(store):
    other = ReleaseStore(store.root)

    def change(before):
        other.publish(_moved(len(before) + 1), "busy")
        return _moved(1)(before)

    with pytest.raises(ConfigurationError, match="release all the time"):
        store.publish(change, "ours")


def test_staged_versions_are_those_of_their_run(store):
    assert store.staged("a") == {}
    assert store.staged_version("a", NAMES[0]) is None
    store.stage("a", NAMES[0], _version(1))
    store.stage("b", NAMES[0], _version(2))
    assert store.staged("a") == {NAMES[0]: _version(1)}
    store.drop_staged("a")
    store.drop_staged("a")
    assert store.staged("a") == {}
    assert store.staged_version("b", NAMES[0]) == _version(2)


def test_a_file_system_without_links_will_do(store, monkeypatch):
    monkeypatch.setattr(Path, "hardlink_to", _not_supported)
    store.publish(_moved(1), "first")
    assert store.publish(_moved(2), "second").id == "00002"
    with pytest.raises(FileExistsError):
        store._write("00002.json", b"", new=True)


def _not_supported(*_):
    raise OSError("Operation not supported")


def test_an_object_store_will_do():
    store = ReleaseStore("memory://releases_of_test")
    store.stage("run", NAMES[0], _version(1))
    store.publish(_moved(1), "first")
    store.publish(_moved(2), "second")
    store.drop_staged("run")
    assert _versions(ReleaseStore("memory://releases_of_test")) == dict.fromkeys(NAMES, "2")
    assert store._create(store.current()) is None


class _Killed(BaseException):
    """The process ends here: no handler of errors runs."""


def _kill_at(monkeypatch, moment):
    """End the process at one of the moments between and inside its file operations."""
    left = [moment]

    def step():
        left[0] -= 1
        if left[0] < 0:
            raise _Killed

    def halting(name, half=None):
        plain = getattr(Path, name)

        def operation(path, *arguments, **options):
            step()
            if half is not None:
                half(plain, path, *arguments)
                step()
            result = plain(path, *arguments, **options)
            step()
            return result

        monkeypatch.setattr(Path, name, operation)

    halting("mkdir")
    halting("write_bytes", lambda write, path, text: write(path, text[: len(text) // 2]))
    halting("hardlink_to")
    halting("replace")
    halting("unlink")


def _release_staged(store):
    """What a run does at its end: one model staged, then everything released."""
    store.stage("run", NAMES[0], _version(2))
    store.publish(_moved(2), "new", run="run")
    store.drop_staged("run")


def _survives(root, monkeypatch, moment):
    """Whether the release came to its end although the process was to end at a moment."""
    store = ReleaseStore(str(root))
    store.publish(_moved(1), "old")
    with monkeypatch.context() as patch:
        _kill_at(patch, moment)
        try:
            _release_staged(store)
        except _Killed:
            return False
    return True


def test_killed_at_any_moment_the_old_or_the_new_release_is_whole(tmp_path, monkeypatch):
    seen = set()
    for moment in count():
        done = _survives(tmp_path / str(moment), monkeypatch, moment)
        after = ReleaseStore(str(tmp_path / str(moment)))
        why = after.current().why
        assert _versions(after) == dict.fromkeys(NAMES, {"old": "1", "new": "2"}[why])
        seen.add(why)
        after.publish(_moved(3), "the next run")
        assert _versions(after) == dict.fromkeys(NAMES, "3")
        assert [r.why for r in after.chain()][:2] == ["the next run", why]
        if done:
            break
    assert moment > 20
    assert seen == {"old", "new"}


_WRITER = """
import sys
from demand_forecast.registry.releases import Champion, ModelVersion, ReleaseStore
from stand_ins import lineage
store, number = ReleaseStore(sys.argv[1]), 0
while True:
    number += 1
    version = ModelVersion(version=str(number), lineage=lineage())
    names = [f"unit.maine{i}.large.fast" for i in range(30)]
    store.publish(lambda before: {n: Champion.after(before.get(n), version) for n in names}, "go")
"""


@pytest.mark.trials
def test_a_writer_that_is_really_killed_never_leaves_a_mix(tmp_path):
    path = [str(Path(__file__).parents[1]), *sys.path]
    for trial in range(3):
        root = tmp_path / str(trial)
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(root)], env={"PYTHONPATH": ":".join(path)}
        )
        until = time.monotonic() + 60
        while not (root / "current.json").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(0.05 + 0.031 * trial)
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(30) == -signal.SIGKILL
        for release in ReleaseStore(str(root)).chain():
            assert len({c.version for c in release.champions.values()}) == 1
        shutil.rmtree(root)


def test_no_temporary_file_is_left(store):
    _release_staged(store)
    names = [path.name for path in Path(store.root).rglob("*") if path.is_file()]
    assert [n for n in names if not re.fullmatch(r"\d{5}\.json|current\.json|chain\.lock", n)] == []
