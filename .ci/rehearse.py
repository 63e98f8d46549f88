"""Run the steps of a GitHub workflow on this machine, job after job, each in a clean clone.

python .ci/rehearse.py .github/workflows/pull-request.yml [--jobs JOB ...] [--python 3.12=PATH]

Read from the workflow file are jobs and their order, called workflows, matrices, environment
variables and `run` steps; artifacts go from job to job as on GitHub. A job needs `pythonX.Y` of the
version that it sets up. Steps that have a condition, or ask for what this machine lacks (GitHub's
token, a container engine), are told of and not run. What is run is the last commit.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
FAILED = "failed"


class Job(NamedTuple):
    """A job of a workflow with one choice of its matrix.

    Attributes:
        name: As it is called in the file, and the choice.
        steps: Its steps, all expressions of the matrix filled in.
    """

    name: str
    steps: list[dict[str, Any]]


class Result(NamedTuple):
    """What became of a step.

    Attributes:
        job: Name of the job.
        step: Its command.
        seconds: How long it took.
        said: ``passed``, ``failed``, or why it was not run.
    """

    job: str
    step: str
    seconds: float
    said: str


def jobs(file: Path) -> Iterator[Job]:
    """The jobs of a workflow and of those that it calls, each after those that it needs.

    Args:
        file: The workflow.
    """
    declared = dict(yaml.safe_load(file.read_text())["jobs"])
    while declared:
        name = next(n for n, job in declared.items() if not set(_needs(job)) & declared.keys())
        job = declared.pop(name)
        if "uses" in job:
            yield from jobs(ROOT / job["uses"])
            continue
        matrix = job.get("strategy", {}).get("matrix", {})
        for choice in product(*matrix.values()):
            chosen = dict(zip(matrix, map(str, choice), strict=True))
            label = f"{name} ({', '.join(chosen.values())})" if chosen else name
            yield Job(label, [_filled(step, chosen) for step in job["steps"]])


def _needs(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def _filled(value: Any, chosen: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part, chosen) for key, part in value.items()}
    if isinstance(value, str):
        for name, choice in chosen.items():
            value = re.sub(r"\$\{\{ *matrix\." + name + r" *\}\}", choice, value)
    return value


def rehearse(job: Job, pythons: Mapping[str, str], artifacts: Path) -> Iterator[Result]:
    """Run the steps of a job in a clone of its own, up to the first that fails.

    Args:
        job: The job.
        pythons: Interpreters by version; others are looked for by name.
        artifacts: Where what jobs hand on is kept.
    """
    with tempfile.TemporaryDirectory() as name:
        clone, path = Path(name) / "clone", os.environ["PATH"]
        call = ["git", "clone", "--quiet", str(ROOT), str(clone)]
        subprocess.run(call, check=True)
        for step in job.steps:
            options, uses = step.get("with", {}), step.get("uses", "").partition("@")[0]
            if uses == "actions/setup-python":
                version = options["python-version"]
                if not (python := pythons.get(version) or shutil.which(f"python{version}")):
                    yield Result(job.name, "", 0.0, f"not run: there is no python{version}")
                    return
                path = f"{_named(python, version, Path(name))}{os.pathsep}{path}"
            elif uses == "actions/upload-artifact":
                if (made := clone / options["path"]).exists():
                    shutil.copytree(made, artifacts / options["name"], dirs_exist_ok=True)
            elif uses == "actions/download-artifact":
                if (kept := artifacts / options["name"]).exists():
                    shutil.copytree(kept, clone / options["path"], dirs_exist_ok=True)
            elif "run" in step:
                result = _run(job.name, step, clone, path)
                yield result
                if result.said == FAILED:
                    return


def _named(python: str, version: str, folder: Path) -> Path:
    """A folder in which an interpreter has the names that it has on GitHub's machines."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    for name in ("python", "python3", f"python{version}"):
        (bin_folder / name).write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
        (bin_folder / name).chmod(0o755)
    return bin_folder


def _run(job: str, step: Mapping[str, Any], clone: Path, path: str) -> Result:
    command, own = step["run"], {k: str(v) for k, v in step.get("env", {}).items()}
    lacks = {
        "its condition is GitHub's": "if" in step,
        "it needs GitHub": any("${{" in value for value in own.values()),
        "there is no container engine": command == "make image"
        and not (shutil.which("docker") or shutil.which("podman")),
    }
    if why := next((why for why, lacking in lacks.items() if lacking), None):
        return Result(job, command, 0.0, f"not run: {why}")
    print(f"\n{job}: {command}", flush=True)
    start = time.perf_counter()
    variables = {**os.environ, **own, "PATH": path, "CI": "true"}
    shell = ["bash", "-eo", "pipefail", "-c", command]
    code = subprocess.run(shell, cwd=clone, env=variables, check=False).returncode
    said = FAILED if code else "passed"
    return Result(job, " ".join([command, *own.values()]), time.perf_counter() - start, said)


def main() -> int:
    """Run a workflow; returns 1 if a step has failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workflow", type=Path)
    parser.add_argument("--jobs", nargs="+", metavar="JOB", help="some, such as 'code (docs)'")
    parser.add_argument("--python", action="append", default=[], metavar="VERSION=PATH")
    options = parser.parse_args()
    pythons = dict(given.split("=", 1) for given in options.python)
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as artifacts:
        every = list(jobs(options.workflow.resolve()))
        names = [job.name for job in every]
        if unknown := set(options.jobs or ()) - set(names):
            parser.error(f"no job {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        for job in (job for job in every if job.name in (options.jobs or names)):
            results += rehearse(job, pythons, Path(artifacts))
    width = max(len(result.job) for result in results)
    print()
    for job, step, seconds, said in results:
        print(f"{job:{width}}  {seconds:6.0f} s  {said:8}  {step}")
    return int(any(result.said == FAILED for result in results))


if __name__ == "__main__":
    sys.exit(main())
