from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from demand_forecast.registry import tracking
from demand_forecast.registry.tracking import ParentRun, git_commit, in_batches, log_parameters


@pytest.fixture(autouse=True)
def _fresh():
    git_commit.cache_clear()
    yield
    git_commit.cache_clear()


def _git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A repository with this package's module in it, and the working directory elsewhere."""
    repository, elsewhere = tmp_path / "repository", tmp_path / "elsewhere"
    for folder in (repository, elsewhere):
        folder.mkdir()
        _git(folder, "init", "-q")
        _git(folder, "commit", "-q", "--allow-empty", "-m", folder.name)
    file = repository / "tracking.py"
    file.write_text("one")
    monkeypatch.setattr(tracking, "__file__", str(file))
    monkeypatch.chdir(elsewhere)
    return file


def test_the_commit_is_that_of_the_code_wherever_one_stands(code):
    _git(code.parent, "add", "tracking.py")
    _git(code.parent, "commit", "-q", "-m", "code")
    commit = _git(code.parent, "rev-parse", "HEAD").strip()
    assert git_commit() == commit
    code.write_text("two")
    git_commit.cache_clear()
    assert git_commit() == f"{commit}-dirty"


def test_a_repository_around_an_installed_package_is_not_its_own(code):
    """As where a virtual environment lies in somebody's repository."""
    assert git_commit() == "unknown"


def test_without_git_the_commit_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(tracking.__file__).exists()
    assert git_commit() == "unknown"


def test_parameters_are_logged_in_batches_and_long_ones_as_tags(monkeypatch):
    logged = []
    client = SimpleNamespace(log_batch=lambda *run, **what: logged.append((*run, what)))
    monkeypatch.setattr("mlflow.tracking.MlflowClient", lambda: client)
    values = {f"p{k}": k for k in range(150)} | {"layout": "x" * 9000}
    for batch in in_batches(values):
        log_parameters(ParentRun("run"), batch)
        log_parameters(ParentRun(), batch)
    assert [run for run, _ in logged] == ["run", "run"]
    params = [(p.key, p.value) for _, what in logged for p in what["params"]]
    assert params == [(f"p{k}", str(k)) for k in range(150)]
    [tag] = [tag for _, what in logged for tag in what["tags"]]
    assert (tag.key, len(tag.value)) == ("layout", 8000)
