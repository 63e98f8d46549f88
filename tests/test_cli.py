"""Commands hand what was typed to the function that does the work, and say what went wrong."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from click.testing import CliRunner

from demand_forecast.cli import cli
from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import airflow
from demand_forecast.framework.question import Question
from demand_forecast.framework.session import SegmentSession
from demand_forecast.reporting import (
    experiments,
    explanation,
    gate_errors,
    leaderboard,
    model_releases,
    orders,
    overrides,
    retraining,
    review,
    value,
    verdicts,
    what_if,
)
from demand_forecast.serving import launch

SEGMENT = "ohio.large.fast"
CATALOG = SimpleNamespace(name="the catalog")
CONTEXT = SimpleNamespace(catalog=CATALOG, params={"the": "parameters"})


@pytest.fixture
def environments(monkeypatch) -> list[str | None]:
    """Environments for which a session was opened; it holds ``CONTEXT``."""
    opened: list[str | None] = []

    @contextmanager
    def for_command(project_path, env):
        assert project_path == Path("project")
        opened.append(env)
        yield SimpleNamespace(load_context=lambda: CONTEXT)

    monkeypatch.setattr(SegmentSession, "for_command", for_command)
    return opened


@pytest.fixture
def called(monkeypatch):
    """Replace functions of a module by notes of how they were called."""

    def replace(module, *names) -> MagicMock:
        notes = MagicMock()
        for name in names:
            monkeypatch.setattr(module, name, getattr(notes, name))
        return notes

    return replace


def run(*typed: object, fails: bool = False) -> str:
    """Type a command; its output."""
    project = SimpleNamespace(project_path=Path("project"))
    result = CliRunner().invoke(cli, [str(word) for word in typed], obj=project)
    assert (result.exit_code != 0) == fails, result.output
    return result.output


MODELS = ("in_force", "print_release", "print_version", "print_history", "promote", "roll_back")


@pytest.mark.parametrize(
    ("typed", "function", "arguments"),
    [
        (["list"], "in_force", (None,)),
        (["list", "--on", "2026-01-03"], "in_force", ("2026-01-03",)),
        (["at", "2026-01-03", SEGMENT], "in_force", ("2026-01-03",)),
        (["show", SEGMENT], "print_version", (SEGMENT,)),
        (["history", SEGMENT], "print_history", (SEGMENT,)),
        (["promote", SEGMENT, 3, "--why=x"], "promote", (SEGMENT, "3", "x", False)),
        (["promote", SEGMENT, 3, "--why=x", "--force"], "promote", (SEGMENT, "3", "x", True)),
        (["rollback", "--why=x"], "roll_back", (None, "x")),
        (["rollback", "--to=00002", "--why=x"], "roll_back", ("00002", "x")),
        (["approve", "--why=x"], "approve", (None, "x")),
    ],
)
def test_models(environments, called, typed, function, arguments) -> None:
    notes = called(model_releases, "load_models", *MODELS, "approve", "print_change")
    run("models", *typed, "--env=prod")
    assert environments == ["prod"]
    notes.load_models.assert_called_once_with(CATALOG)
    getattr(notes, function).assert_called_once_with(notes.load_models(), *arguments)


@pytest.mark.parametrize("command", ["promote", "rollback", "approve"])
def test_nothing_changes_what_serves_without_a_reason(environments, command) -> None:
    words = [SEGMENT, "3"] if command == "promote" else []
    assert "'--why'" in run("models", command, *words, fails=True)
    assert environments == []


def test_experiments(environments, called) -> None:
    names = ("load_status", "print_experiments", "print_experiment", "stop_experiment")
    notes = called(experiments, *names)
    run("experiment", "list")
    notes.print_experiments.assert_called_once_with(notes.load_status(CONTEXT))
    run("experiment", "show", "try", "--env=prod")
    notes.print_experiment.assert_called_once_with(CONTEXT, "try")
    assert "Stopped try: " in run("experiment", "stop", "try", "--why=enough")
    notes.stop_experiment.assert_called_once_with(CONTEXT, "try", "enough")
    assert "'--why'" in run("experiment", "stop", "try", fails=True)
    assert environments == [None, "prod", None]


def test_verdicts_are_shown(environments, called) -> None:
    notes = called(verdicts, "load_verdicts", "print_verdicts")
    run("gate", "show", "--namespace", SEGMENT)
    notes.load_verdicts.assert_called_once_with(CATALOG, SEGMENT, None)
    notes.print_verdicts.assert_called_once_with(notes.load_verdicts())


def test_the_gate_is_simulated(environments, called) -> None:
    notes = called(gate_errors, "read_effects", "load_settings", "print_rates")
    notes.load_settings.return_value = ("errors", "settings")
    run("gate", "simulate", "--effect=0.1", "--series=20", "--origins=6", "--trials=7")
    notes.read_effects.assert_called_once_with("0.1")
    notes.load_settings.assert_called_once_with(CONTEXT, None, 20, 6)
    notes.print_rates.assert_called_once_with("errors", "settings", notes.read_effects(), 7)


@pytest.mark.parametrize("output", [None, Path("sheet.xlsx")])
def test_orders_are_printed_and_written(environments, called, output) -> None:
    functions = ("load_orders", "plan_deliveries", "print_orders", "write_orders")
    notes = called(orders, "check_output", *functions)
    options = [] if output is None else [f"--output={output}"]
    run("orders", "--store=O1", "--namespace=ohio", "--week=2026-01-10", *options)
    notes.check_output.assert_called_once_with(output)
    notes.load_orders.assert_called_once_with(CATALOG, "O1", "ohio", "2026-01-10")
    notes.plan_deliveries.assert_called_once_with(CONTEXT.params, notes.load_orders())
    notes.print_orders.assert_called_once_with(notes.load_orders(), notes.plan_deliveries())
    assert notes.write_orders.call_count == (output is not None)


@pytest.mark.parametrize("output", [None, Path("list.xlsx")])
def test_exceptions_are_printed_and_written(environments, called, output) -> None:
    notes = called(
        review, "check_output", "load_exceptions", "print_exceptions", "write_exceptions"
    )
    options = [] if output is None else [f"--output={output}"]
    run("exceptions", "--namespace=ohio", "--minutes=10", *options)
    notes.load_exceptions.assert_called_once_with(CONTEXT, "ohio", 10)
    notes.print_exceptions.assert_called_once_with(notes.load_exceptions())
    assert notes.write_exceptions.call_count == (output is not None)


@pytest.mark.parametrize("output", [None, Path("value.csv")])
def test_value_is_printed_and_written(environments, called, output, tmp_path) -> None:
    notes = called(value, "check_output", "load_value", "print_value", "write_value")
    options = [] if output is None else [f"--output={output}"]
    run("value", f"--truth={tmp_path}", "--lead=2", *options)
    notes.load_value.assert_called_once_with(CONTEXT, None, tmp_path, 2)
    notes.print_value.assert_called_once_with(notes.load_value())
    assert notes.write_value.call_count == (output is not None)


@pytest.mark.parametrize("output", [None, Path("board.csv")])
def test_contestants_are_ranked(environments, called, output) -> None:
    names = ("check_output", "load_leaderboard", "print_leaderboard", "write_leaderboard")
    notes = called(leaderboard, *names)
    run("leaderboard", *([] if output is None else [f"--output={output}"]), "-e", "dev")
    notes.load_leaderboard.assert_called_once_with(CATALOG, None, "dev")
    assert notes.write_leaderboard.call_count == (output is not None)


def test_a_forecast_is_explained_with_the_reason_why_changes_are_not(environments, called) -> None:
    names = ("check_segment", "load_explanations", "choose", "load_changes", "print_explanation")
    notes = called(explanation, *names)
    notes.load_changes.side_effect = ConfigurationError("there is one forecast only")
    run("explain", "--namespace=ohio.large", "--store=O1", "--week=2026-01-10")
    notes.choose.assert_called_once_with(
        notes.load_explanations(), store_id="O1", product_id=None, week="2026-01-10"
    )
    notes.print_explanation.assert_called_once_with(
        notes.choose(), "there is one forecast only", "ohio.large, store O1"
    )


@pytest.mark.parametrize(("options", "trained"), [([], [SEGMENT]), (["--dry-run"], [])])
def test_what_is_due_is_trained_unless_it_is_a_dry_run(called, options, trained) -> None:
    notes = called(retraining, "make_plan", "print_due", "train")
    notes.make_plan.return_value.failure = None
    notes.print_due.return_value = [SEGMENT]
    run("retrain", "--env=prod", "--namespace=ohio", *options)
    [plan] = notes.make_plan.call_args_list
    assert plan.args[:2] == (Path("project"), "prod")
    assert list(plan.args[2]) == ["ohio"]
    assert [list(call.args[2]) for call in notes.train.call_args_list] == [[n] for n in trained]


def test_where_nothing_is_due_nothing_is_trained(called) -> None:
    notes = called(retraining, "make_plan", "print_due", "train")
    notes.make_plan.return_value.failure = None
    notes.print_due.return_value = []
    run("retrain")
    assert notes.train.call_count == 0


def test_a_region_that_cannot_be_read_is_told_after_the_others_were_trained(called) -> None:
    notes = called(retraining, "make_plan", "print_due", "train")
    notes.make_plan.return_value.failure = ConfigurationError("florida cannot be read")
    notes.print_due.return_value = [SEGMENT]
    assert run("retrain", fails=True) == "Error: florida cannot be read\n"
    assert notes.train.call_count == 1


WEEKS = ("--first-week=2025-01-04", "--owner=ann", "--reason=event")


def test_an_override_is_made_of_what_was_typed(environments, called) -> None:
    notes = called(overrides, "add_override", "what_it_does")
    notes.add_override.return_value = ("the override", "It fits.")
    notes.what_it_does.return_value = "what it does"
    printed = run("override", "add", "--namespace=ohio.large", "--amount=-3", *WEEKS, "--env=prod")
    assert printed == "what it does.\nIt fits.\n"
    [(context, values)] = [call.args for call in notes.add_override.call_args_list]
    assert context is CONTEXT
    assert {k: v for k, v in values.items() if v is not None} == {
        "segment": "ohio.large",
        "first_week": "2025-01-04",
        "last_week": "2025-01-04",
        "amount": "-3",
        "target": "forecast",
        "owner": "ann",
        "reason": "event",
    }
    assert environments == ["prod"]


def test_a_refused_override_is_told_in_a_line(environments, called) -> None:
    notes = called(overrides, "add_override")
    notes.add_override.side_effect = ConfigurationError("--factor: '100'. Valid: 0 to 5.")
    printed = run("override", "add", "--namespace=ohio.large", "--factor=100", *WEEKS, fails=True)
    assert printed == "Error: --factor: '100'. Valid: 0 to 5.\n"


def test_overrides_are_listed_and_ended(environments, called) -> None:
    notes = called(overrides, "load_overrides", "print_overrides", "end_override", "what_it_does")
    notes.what_it_does.return_value = "o1: what it does"
    run("override", "list", "--namespace=ohio", "--all")
    notes.load_overrides.assert_called_once_with(CONTEXT, "ohio")
    notes.print_overrides.assert_called_once_with(notes.load_overrides.return_value, True)
    assert run("override", "end", "o1") == "Ended o1: what it does.\n"
    notes.end_override.assert_called_once_with(CONTEXT, "o1")
    assert environments == [None, None]


@pytest.mark.parametrize("output", [None, Path("rows.csv")])
def test_what_if_is_printed_and_written(environments, called, output) -> None:
    names = ("check_output", "ask", "published_differs", "print_answer", "write_answer")
    notes = called(what_if, *names)
    notes.ask.return_value = ("the models", "the answer")
    options = [] if output is None else [f"--output={output}"]
    typed = ["--namespace=ohio.large", "--store=O1", "--price=-10%", "--set=feature=on"]
    run("what-if", *typed, "--weeks=2", "--env=prod", *options)
    question = Question({"price": "-10%", "feature": "on"}, 2, "O1", None)
    notes.ask.assert_called_once_with(CATALOG, "ohio.large", question)
    differs = notes.published_differs.return_value
    notes.print_answer.assert_called_once_with("the models", question, "the answer", differs)
    assert notes.write_answer.call_count == (output is not None)
    assert environments == ["prod"]


def test_serve_hands_over_catalog_and_results_store(monkeypatch, environments, called) -> None:
    database = SimpleNamespace(shown="sqlite:///results.db")
    monkeypatch.setattr(
        CONTEXT, "catalog", {"published_totals": SimpleNamespace(database=database)}
    )
    notes = called(launch, "check_installed", "serve")
    out = run("serve", "--env=prod", "--port=9000", "--run-env=dev")
    assert "results store sqlite:///results.db, service http://127.0.0.1:9000/docs" in out
    notes.serve.assert_called_once_with(
        CONTEXT.catalog, database, Path("project"), ("prod", "dev"), host="127.0.0.1", port=9000
    )
    assert environments == ["prod"]


def test_airflow_dag_writes_the_file_that_it_names(environments, monkeypatch, tmp_path):
    made = MagicMock(return_value="dag = 1\n")
    monkeypatch.setattr(airflow, "airflow_dag", made)
    file = tmp_path / "dags" / "weekly.py"
    typed = ["--env=prod", f"--output={file}", "--pipelines=score", "--at-once=2"]
    assert run("airflow-dag", *typed).strip() == str(file)
    assert file.read_text() == "dag = 1\n"
    assert environments == ["prod"]
    assert made.call_args.args[1:] == ("prod", "project")
    assert made.call_args.kwargs == {
        "jobs": ("score",),
        "schedule": "0 4 * * 1",
        "at_once": 2,
        "kedro": "kedro",
    }


@pytest.mark.trials
def test_a_file_of_options_nested_ten_thousand_deep_is_a_line(tmp_path) -> None:
    file = tmp_path / "options.yml"
    file.write_text("run: " + "[" * 10_000 + "]" * 10_000)
    result = CliRunner().invoke(cli, ["run", f"--config={file}"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: something is nested too deeply: ")
