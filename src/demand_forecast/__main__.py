"""Entry point of the packaged project: ``demand-forecast --pipelines=score --env=prod``."""

from __future__ import annotations

from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Run a pipeline with the options of ``kedro run``."""
    package_name = __name__.rpartition(".")[0]
    configure_project(package_name)
    run = find_run_command(package_name)
    return run(*args, **kwargs)


if __name__ == "__main__":
    main()
