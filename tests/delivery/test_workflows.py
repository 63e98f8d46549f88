"""GitHub's workflows: what they run exists, and a person can run the same."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
COMMIT = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def workflow(file: Path) -> dict[str, Any]:
    """A workflow; YAML takes its key ``on`` for true."""
    read = yaml.safe_load(file.read_text())
    return {"on" if key is True else key: value for key, value in read.items()}


def steps() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """File, job and step of all workflows."""
    for file in FILES:
        for name, job in workflow(file)["jobs"].items():
            for step in job.get("steps", []):
                yield file.name, name, {**step, "matrix": job.get("strategy", {}).get("matrix", {})}


RUN = [
    pytest.param(step, id=f"{file}-{job}-{step['run']}")
    for file, job, step in steps()
    if "run" in step
]
USED = [pytest.param(s["uses"], id=f"{f}-{j}-{s['uses']}") for f, j, s in steps() if "uses" in s]


@pytest.mark.parametrize("step", RUN)
def test_every_step_is_a_make_target_that_exists(step) -> None:
    program, *arguments = shlex.split(step["run"])
    assert program == "make"
    targets = [a for a in arguments if "=" not in a]
    if targets == ["$TARGET"]:
        assert step["env"]["TARGET"] == "${{ matrix.target }}"
        targets = [t for together in step["matrix"]["target"] for t in together.split()]
    assert targets
    assert set(targets) <= TARGETS


@pytest.mark.parametrize("action", USED)
def test_actions_of_others_are_pinned_by_commit(action) -> None:
    assert COMMIT.fullmatch(action)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_may_write_unless_a_job_says_so(file) -> None:
    assert workflow(file)["permissions"] == {"contents": "read"}


def test_called_workflows_are_there() -> None:
    called = {
        job["uses"].removeprefix("./.github/workflows/")
        for file in FILES
        for job in workflow(file)["jobs"].values()
        if "uses" in job
    }
    assert called == {"checks.yml", "models.yml"}
    for name in called:
        assert "workflow_call" in workflow(ROOT / ".github" / "workflows" / name)["on"]


def test_main_and_models_are_never_cut_off() -> None:
    main = workflow(ROOT / ".github/workflows/main.yml")
    [models] = workflow(ROOT / ".github/workflows/models.yml")["jobs"].values()
    assert main["concurrency"]["cancel-in-progress"] is False
    assert models["concurrency"] == {
        "group": "models-${{ inputs.environment }}",
        "cancel-in-progress": False,
    }


def test_a_change_runs_what_make_test_runs() -> None:
    """Were a check added to `make test` only, pull requests would not have it."""
    [line] = re.findall(r"^test: (.*?) ##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    checks = workflow(ROOT / ".github/workflows/checks.yml")["jobs"]["code"]
    targets = {t for entry in checks["strategy"]["matrix"]["target"] for t in entry.split()}
    assert {*line.split(), "unit", "e2e"} <= targets


@pytest.mark.parametrize("target", sorted(TARGETS - {"help"}))
def test_make_knows_how_to_make_each_target(target) -> None:
    command = ["make", "--dry-run", target, "TAG=v1", "PULL_REQUEST=1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
