from __future__ import annotations

import ast
import sys
from datetime import date
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest
from kedro.pipeline import Pipeline, node

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.airflow import airflow_dag


def _job(stage, *over_all):
    segment = Pipeline([node(abs, f"{stage}_in", f"{stage}_out", name=stage)])
    places = [Pipeline(segment, namespace=f"{r}.large") for r in ("texas", "maine")]
    return Pipeline([*places, *(node(abs, f"{x}_in", f"{x}_out", name=x) for x in over_all)])


PIPELINES = {
    "train": _job("fit", "rank"),
    "score": Pipeline([_job("fit", "rank"), _job("score", "total")]),
}


def _imported(text, monkeypatch):
    """The file as Airflow reads it, with stand-ins for Airflow's classes."""
    sdk, bash = ModuleType("airflow.sdk"), MagicMock()
    sdk.DAG, sdk.chain, sdk.task = MagicMock(), MagicMock(), MagicMock()
    for name, module in {
        "airflow": ModuleType("airflow"),
        "airflow.sdk": sdk,
        "airflow.providers": ModuleType("airflow.providers"),
        "airflow.providers.standard": ModuleType("airflow.providers.standard"),
        "airflow.providers.standard.operators": ModuleType("operators"),
        "airflow.providers.standard.operators.bash": SimpleNamespace(BashOperator=bash),
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    exec(compile(ast.parse(text), "dag.py", "exec"), {})
    return sdk, bash


def test_a_task_per_region_then_what_is_over_all(monkeypatch):
    text = airflow_dag(
        PIPELINES, "prod", "/srv/it's here", schedule="0 5 * * 2", at_once=2, start=date(2026, 1, 2)
    )
    sdk, bash = _imported(text, monkeypatch)
    dag = sdk.DAG.call_args.kwargs
    assert (dag["dag_id"], dag["schedule"]) == ("demand_forecast_prod", "0 5 * * 2")
    assert dag["start_date"].date() == date(2026, 1, 2)
    assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)
    mapped = bash.partial.call_args.kwargs
    assert mapped["bash_command"] == (
        'kedro run --env=prod --pipelines=train,score --namespaces="$REGION"'
    )
    assert (mapped["cwd"], mapped["max_active_tis_per_dagrun"]) == ("/srv/it's here", 2)
    assert mapped["map_index_template"] == "{{ task.env['REGION'] }}"
    bash.partial.return_value.expand.assert_called_once_with(
        env=[{"REGION": "maine"}, {"REGION": "texas"}]
    )
    assert [call.kwargs["bash_command"] for call in bash.call_args_list] == [
        "kedro run --env=prod --nodes=rank,total",
        "kedro run --env=prod --pipelines=monitor",
        "kedro run --env=prod --pipelines=publish",
    ]
    assert {call.kwargs["trigger_rule"] for call in bash.call_args_list} == {"all_done"}
    regions, *steps = sdk.chain.call_args.args
    assert regions is bash.partial.return_value.expand.return_value
    assert len(steps) == 3


def test_where_nothing_is_over_all_no_task_runs_it(monkeypatch):
    sdk, bash = _imported(
        airflow_dag({"read": _job("read")}, "dev", "/srv", jobs=("read",)), monkeypatch
    )
    assert [call.kwargs["task_id"] for call in bash.call_args_list] == ["monitor", "publish"]
    assert len(sdk.chain.call_args.args) == 3


def test_it_starts_today_unless_told_otherwise(monkeypatch):
    sdk, _ = _imported(airflow_dag(PIPELINES, "dev", "/srv", kedro="/opt/kedro"), monkeypatch)
    dag = sdk.DAG.call_args.kwargs
    assert (date.today() - dag["start_date"].date()).days in (0, 1)  # UTC


def test_a_job_that_does_not_exist_is_refused():
    with pytest.raises(ConfigurationError, match=r"there is no 'trian'.*'train'"):
        airflow_dag(PIPELINES, "dev", "/srv", jobs=("trian",))


def test_less_than_one_region_at_once_is_refused():
    with pytest.raises(ConfigurationError, match="--at-once is 0"):
        airflow_dag(PIPELINES, "dev", "/srv", at_once=0)
