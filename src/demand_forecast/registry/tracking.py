"""Which MLflow run is the parent, in whichever process a model is logged.

MLflow keeps its active run per thread, and worker processes have none; the environment reaches all.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache
from typing import NamedTuple

PARENT_RUN = "DEMAND_FORECAST_PARENT_RUN"
EXPERIMENT = "DEMAND_FORECAST_EXPERIMENT"


class ParentRun(NamedTuple):
    """The MLflow run of the Kedro run; no run id outside one."""

    run_id: str | None
    experiment_id: str


def parent_run() -> ParentRun:
    """The run under which models are logged."""
    return ParentRun(os.environ.get(PARENT_RUN), os.environ.get(EXPERIMENT, "0"))


@cache
def git_commit() -> str:
    """Commit of the working tree, marked where files differ from it; ``unknown`` without git."""
    try:
        commit, changes = (
            subprocess.run(  # noqa: S603 - fixed commands
                command, capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (
                ["git", "rev-parse", "HEAD"],
                ["git", "status", "--porcelain", "--untracked-files=no"],
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-dirty" if changes else commit
