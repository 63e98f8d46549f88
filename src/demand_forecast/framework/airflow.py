"""The weekly run as a DAG of Airflow: a mapped task over the regions, then what is over all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from kedro.pipeline import Pipeline

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework.namespacing import regions_of, unit_of_work

DEFAULT_JOBS: Final = ("train", "score")


def airflow_dag(
    pipelines: Mapping[str, Pipeline],
    env: str,
    project: str,
    *,
    jobs: tuple[str, ...] = DEFAULT_JOBS,
    schedule: str = "0 4 * * 1",
    at_once: int = 4,
    kedro: str = "kedro",
    start: date | None = None,
) -> str:
    """Text of a Python file that Airflow 3 reads.

    Args:
        pipelines: Those of the environment, by name.
        env: Kedro environment.
        project: Folder of the project on Airflow's workers.
        jobs: Jobs that each region does: they work from raw files.
        schedule: When, as cron says it.
        at_once: Regions that are worked on at the same time.
        kedro: The program on the workers.
        start: First day of the schedule; today if not given.

    Raises:
        ConfigurationError: If there is no such job, or fewer than one region is to be worked on.
    """
    if unknown := [job for job in jobs if job not in pipelines]:
        hint = did_you_mean(unknown[0], pipelines)
        raise ConfigurationError(f"--pipelines: there is no '{unknown[0]}'. {hint}")
    if at_once < 1:
        raise ConfigurationError(f"--at-once is {at_once}; valid: 1 or more")
    work = {node.name: node for job in jobs for node in pipelines[job].nodes}.values()
    return _template().render(
        env=env,
        project=project,
        kedro=kedro,
        dag_id=f"demand_forecast_{env}",
        schedule=schedule,
        start=start or datetime.now(UTC).date(),
        at_once=at_once,
        pipelines=",".join(jobs),
        regions=sorted(set().union(*(regions_of(pipelines[job]) for job in jobs))),
        over_all=",".join(node.name for node in work if not unit_of_work(node)),
    )


def _template() -> Template:
    files = Environment(
        loader=PackageLoader("demand_forecast.framework"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Python, not HTML
        keep_trailing_newline=True,
    )
    files.filters["repr"] = repr
    return files.get_template("airflow_dag.py.j2")
