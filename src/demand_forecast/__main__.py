"""Entry point of the packaged project: ``demand-forecast --pipelines=score --env=prod``."""

from __future__ import annotations

from typing import Any

from demand_forecast.exceptions import extra_needed


def main(*args: Any, **kwargs: Any) -> Any:
    """Run a pipeline with the options of ``kedro run``.

    Raises:
        SystemExit: Without the extra ``kedro``, in one line.
    """
    try:
        from kedro.framework.cli.utils import find_run_command
        from kedro.framework.project import configure_project
    except ModuleNotFoundError as error:
        raise SystemExit(extra_needed(error)) from None
    package_name = __name__.rpartition(".")[0]
    configure_project(package_name)
    run = find_run_command(package_name)
    return run(*args, **kwargs)


if __name__ == "__main__":
    main()
