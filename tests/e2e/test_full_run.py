"""Raw files to forecasts: one run of everything, looked at from all sides."""

from __future__ import annotations

import json
import subprocess

import mlflow
import pandas as pd
import pytest
from sqlalchemy import text

from by_hand import summary_figures
from demand_forecast.framework.stages import STAGES
from demand_forecast.modelling.explanation.explain import GROUPS
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.scoring.forecasts import active_series
from demand_forecast.results_store.database import ResultsDatabase

REGIONS = ["north_texas", "new_england"]
SEGMENTS = [f"{region}.{store_format}" for region in REGIONS for store_format in ("large", "small")]
BRANCHES = [f"{segment}.{velocity}" for segment in SEGMENTS for velocity in ("fast", "slow")]
FAILING = "new_england.small"
# The gate lets everything pass but one segment, whatever a hardly trained network is worth.
PARAMETERS = {
    "validation": {
        "mape_limit": 1e6,
        "min_reduction": -1e6,
        "simple_margin": None,
        "bias_floor": None,
    },
    "new_england": {"small": {"validation": {"min_reduction": 1e6}}},
}
PARAMETERS_OF_ONE = {"validation": PARAMETERS["validation"]}
OPTION = (
    "--params=validation.mape_limit=1000000.0,validation.min_reduction=-1000000.0,"
    "validation.simple_margin=null,validation.bias_floor=null,"
    "new_england.small.validation.min_reduction=1000000.0"
)
MODELS = {f"test.{segment}.{m}" for segment in SEGMENTS for m in ("fast", "slow", "baseline")}
PROMOTED = {n for n in MODELS if not n.startswith(f"test.{FAILING}") or n.endswith("baseline")}


@pytest.fixture(scope="session")
def full_run(make_project):
    """Everything, sequentially."""
    project = make_project()
    project.run(parameters=PARAMETERS)
    return project


@pytest.fixture(scope="session")
def stored(full_run):
    """What the run has stored, by dataset."""
    of_segment = ("panel", "velocity", "forecast", "health", "explanations")
    names = [f"{segment}.{name}" for segment in SEGMENTS for name in of_segment]
    of_velocity = ("backtest", "metrics", "verdict", "lost_sales")
    names += [f"{branch}.{name}" for branch in BRANCHES for name in of_velocity]
    names += [f"{r}.{name}" for r in REGIONS for name in ("control_totals", "quarantine")]
    return full_run.load(
        [*names, "summary", "leaderboard", "retrain_plan", "totals", "alerts", "drift"]
    )


@pytest.fixture(scope="session")
def runs(full_run):
    """The Kedro run's MLflow run and those of the models."""
    client = full_run.tracking
    [experiment] = [e for e in client.search_experiments() if e.name == "demand_forecast_test"]
    found = client.search_runs([experiment.experiment_id], max_results=100)
    of_models = [r for r in found if "pipeline_run" in r.data.tags]
    children = {_model(r): r for r in of_models}
    assert len(children) == len(of_models)
    parents = [r for r in found if "pipeline_run" not in r.data.tags]
    assert len(found) == len(children) + len(parents)
    return parents, children


def _model(run) -> str:
    """Registered name of the model of a run, which is called after it and its version."""
    name, _, version = run.info.run_name.rpartition(" v")
    assert version == "1"
    return f"test.{name}"


def test_rows_and_units_in_are_rows_and_units_out(stored) -> None:
    for region in REGIONS:
        totals, quarantine = stored[f"{region}.control_totals"], stored[f"{region}.quarantine"]
        for what in ("rows", "units"):
            parts = totals[f"{what}_conditioned"] + totals[f"{what}_quarantined"]
            pd.testing.assert_series_equal(totals[f"{what}_in"], parts, check_names=False)
        assert totals["rows_quarantined"].sum() == len(quarantine) > 0
        assert quarantine["reason"].notna().all()
    rows = stored["summary"]["rows"]
    assert rows["rows_in"] == rows["rows_conditioned"] + rows["rows_quarantined"]


@pytest.mark.parametrize("segment", SEGMENTS)
def test_every_active_series_has_its_four_weeks(stored, segment) -> None:
    panel, forecast = stored[f"{segment}.panel"], stored[f"{segment}.forecast"]
    active = active_series(panel, 13)
    assert active.any()
    check_output(forecast, panel.series.loc[active, KEY], target_weeks(panel.as_of, 4))
    assert len(forecast) == 4 * active.sum()
    assert set(forecast["as_of"]) == {panel.as_of}


@pytest.mark.parametrize("segment", SEGMENTS)
def test_every_row_says_where_its_number_comes_from(stored, segment) -> None:
    forecast = stored[f"{segment}.forecast"]
    if segment == FAILING:
        assert set(forecast["source"]) == {"baseline"}
        assert set(forecast["reason"]) == {"no champion"}
        assert set(forecast["model_name"]) == {f"test.{segment}.baseline"}
    else:
        assert set(forecast["source"]) == {"champion"}
        assert set(forecast["reason"]) == {""}
        names = {f"test.{segment}.{velocity}" for velocity in forecast["velocity"]}
        assert set(forecast["model_name"]) == names
    assert set(forecast["model_version"]) == {"1"}


@pytest.mark.parametrize("segment", SEGMENTS)
def test_every_forecast_is_explained(stored, segment) -> None:
    forecast, parts = stored[f"{segment}.forecast"], stored[f"{segment}.explanations"]
    row = [*KEY, "as_of", "week", "velocity", "mean"]
    pd.testing.assert_frame_equal(parts[row], forecast[row])
    total = parts[list(GROUPS)].sum(axis=1)
    assert total.to_numpy() == pytest.approx(forecast["mean"].to_numpy(), abs=1e-6)
    moved = (parts[["season", "price_and_promotion", "events"]].abs().sum() > 0).all()
    assert moved == (segment != FAILING)


@pytest.mark.measured
def test_kedro_explain_shows_the_parts_of_a_forecast(full_run, stored) -> None:
    parts = stored["north_texas.large.explanations"]
    store, product = parts.loc[0, KEY]
    options = ["--namespace=north_texas.large", f"--store={store}", f"--product={product}"]
    result = full_run.command(*options, "--env=test", of="explain")
    assert result.exit_code == 0, result.output
    [line] = [line for line in result.output.splitlines() if "price and promotion" in line]
    shown = [float(cell) for cell in line.split("│")[2:-1]]
    assert shown == pytest.approx(parts["price_and_promotion"].iloc[:4].tolist(), abs=0.051)
    assert "no earlier forecast" in result.output
    wrong = full_run.command("--namespace=north_texas.lage", "--env=test", of="explain")
    assert wrong.exit_code == 1
    assert "Did you mean 'north_texas.large'?" in wrong.output


@pytest.mark.measured
def test_kedro_trace_follows_a_forecast_to_raw_files_and_finds_a_changed_byte(
    full_run, stored
) -> None:
    store, product = stored["north_texas.large.forecast"].loc[0, KEY]
    options = ["--namespace=north_texas.large", f"--store={store}", f"--product={product}"]
    result = full_run.command(*options, "--replay", "--env=test", of="trace")
    assert result.exit_code == 0, result.output
    assert "it is the same to the last bit" in " ".join(result.output.split())
    assert "Every link holds." in result.output
    raw = full_run.root / "data/01_raw/north_texas/stores.csv"
    before = raw.read_bytes()
    raw.write_bytes(before[:-1] + b" ")
    changed = full_run.command(*options, "--env=test", of="trace")
    raw.write_bytes(before)
    assert changed.exit_code == 1
    assert f"{raw} is not what was recorded" in changed.output


def test_kedro_leaderboard_ranks_what_the_run_has_stored(full_run, stored, runs, tmp_path) -> None:
    file = tmp_path / "board.csv"
    result = full_run.command("--env=test", f"--output={file}", of="leaderboard")
    assert result.exit_code == 0, result.output
    assert "all segments with an ensemble: 11 target weeks" in result.output
    pd.testing.assert_frame_equal(pd.read_csv(file), stored["leaderboard"])
    best = stored["leaderboard"].drop_duplicates(["segment", "velocity"]).iloc[0]
    metrics = {row["model"]: row for row in stored[f"{SEGMENTS[0]}.fast.verdict"]["metrics"]}
    assert best["wape"] == pytest.approx(min(row["wape_median"] for row in metrics.values()))
    [parent] = runs[0]
    logged = full_run.tracking.list_artifacts(parent.info.run_id)
    assert "leaderboard.csv" in {artefact.path for artefact in logged}
    wrong = full_run.command("--namespace=ohio", "--env=test", of="leaderboard")
    assert wrong.exit_code == 1 and "no region, segment or velocity 'ohio'" in wrong.output


def test_kedro_gate_shows_the_verdicts_and_how_often_they_are_wrong(full_run, stored) -> None:
    place = BRANCHES[0]
    shown = full_run.command("show", f"--namespace={place}", "--env=test", of="gate")
    assert shown.exit_code == 0, shown.output
    verdict = stored[f"{place}.verdict"]
    assert verdict["incumbent"] == {
        "how": "none",
        "detail": "no champion",
        "version": "",
        "as_of": None,
    }
    first, *lines = shown.output.splitlines()
    assert first.startswith(f"{place}: {'passed' if verdict['passed'] else 'failed'}: ")
    told = {line.split(" ")[0] for line in lines}
    assert {rule["name"] for rule in verdict["rules"]} <= told
    options = ["--effect=0.5,-0.5", "--trials=5", "--env=test"]
    rates = full_run.command("simulate", *options, of="gate")
    assert rates.exit_code == 0, rates.output
    series = {len(stored[f"{b}.backtest"][KEY].drop_duplicates()) for b in BRANCHES}
    rows = [line.split() for line in rates.output.splitlines() if line.split()[0] in BRANCHES]
    assert {int(row[1]) for row in rows} <= series
    assert {tuple(row[-2:]) for row in rows} == {("100.0", "0.0")}


def test_kedro_orders_writes_a_sheet_of_the_next_delivery(full_run, stored, tmp_path) -> None:
    forecast, file = stored["north_texas.large.forecast"], tmp_path / "orders.xlsx"
    store = str(forecast["store_id"].iloc[0])
    result = full_run.command("--env=test", f"--store={store}", f"--output={file}", of="orders")
    assert result.exit_code == 0
    next_week = forecast[(forecast["store_id"] == store) & (forecast["horizon"] == 1)]
    sheet = pd.read_excel(file)
    assert f"{len(next_week)} products" in result.output.splitlines()[-1]
    assert sheet["units"].sum() == next_week["order_quantity"].sum()
    assert set(sheet["delivery date"]) == {forecast["as_of"].max() + pd.Timedelta(days=1)}
    wrong = full_run.command("--env=test", "--store=nowhere", of="orders")
    assert wrong.exit_code == 1
    assert "--store: there is no forecast for 'nowhere'" in wrong.output


@pytest.mark.measured
def test_kedro_what_if_starts_from_the_forecast_that_was_published(full_run, tmp_path) -> None:
    place, file = "--namespace=north_texas.large", tmp_path / "rows.csv"
    unchanged = ["--price=+0%", "--weeks=2", f"--output={file}", "--env=test"]
    result = full_run.command(place, *unchanged, of="what-if")
    assert result.exit_code == 0, result.output
    assert "The published forecast is another" not in result.output
    rows = pd.read_csv(file)
    assert (rows["mean_after"] == rows["mean_before"]).all()
    assert (rows[["effect", "effect_low", "effect_high"]] == 0).all(axis=None)


def test_kedro_value_counts_the_deliveries_of_the_validation(full_run, stored, tmp_path) -> None:
    file = tmp_path / "value.csv"
    result = full_run.command("--env=test", f"--output={file}", of="value")
    assert result.exit_code == 0
    table = pd.read_csv(file)
    assert table["segment"].drop_duplicates().tolist() == [*SEGMENTS, "all"]
    backtests = [stored[f"{branch}.backtest"] for branch in BRANCHES]
    firsts = [t[(t["model"] == "historical_average") & (t["horizon"] == 1)] for t in backtests]
    whole = table[table["segment"] == "all"].set_index("policy")
    assert set(whole["rows"]) == {sum(map(len, firsts))}
    assert whole["estimated"].iloc[0] == sum(t["censored"].sum() for t in firsts)
    assert f"{whole['rows'].iloc[0]:,} deliveries" in result.output


def test_the_summary_holds_the_figures_of_the_backtests(stored) -> None:
    rows = pd.concat([stored[f"{branch}.backtest"] for branch in BRANCHES], ignore_index=True)
    lines = stored["summary"]["models"]
    for line in lines:
        if line["accuracy"] is not None:
            part = rows if line["velocity"] == "all" else rows[rows["velocity"] == line["velocity"]]
            for name, figures in summary_figures(part).items():
                told = {k: line["accuracy"][name][k] for k in figures}
                assert told == pytest.approx(figures, abs=2e-3)
    assert [line["models"] for line in lines] == [4, 4, 4, 12]
    assert [line["share_passed"] for line in lines] == [75, 75, None, 75]


def test_the_summary_holds_the_seconds_of_each_stage(full_run, stored) -> None:
    seconds = stored["summary"]["seconds"]
    assert list(seconds) == [*STAGES, "total"]
    assert sum(seconds[stage] for stage in STAGES) <= seconds["total"] + 1
    file = full_run.root / "data/test/08_reporting/summary.json"
    assert json.loads(file.read_text()) == stored["summary"]


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_verdict_lists_rules_and_all_models_on_the_same_rows(stored, branch) -> None:
    verdict = stored[f"{branch}.verdict"]
    segment, _, velocity = branch.rpartition(".")
    assert verdict["passed"] == (segment != FAILING)
    assert [rule["name"] for rule in verdict["rules"]][:3] == [
        "finite",
        "mape",
        "better_than_baseline",
    ]
    measured = {row["model"]: row["rows"] for row in verdict["metrics"]}
    assert {"ensemble", "lasso", "network"} < set(measured)
    assert {"historical_average", "seasonal_naive"} < set(measured)
    assert len(set(measured.values())) == 1
    table = stored[f"{branch}.metrics"]
    assert set(table["velocity"]) == {velocity}
    assert set(measured) <= set(table.loc[table["horizon"] == "all", "model"])


def test_totals_are_the_sums_of_the_forecasts(stored) -> None:
    rows = pd.concat([stored[f"{segment}.forecast"] for segment in SEGMENTS])
    totals = stored["totals"]
    weekly = totals[(totals["level"] == "all") & (totals["period"] == "week")]
    assert weekly["mean"].sum() == pytest.approx(rows["mean"].sum(), rel=1e-4)


def test_the_results_store_has_the_figures_of_the_files(full_run, stored) -> None:
    database = ResultsDatabase(f"sqlite:///{full_run.root}/data/test/results.db")

    def ask(query: str) -> pd.DataFrame:
        with database.reading() as connection:
            return pd.read_sql(text(query), connection)

    [run] = ask("SELECT status, pipelines, environment, as_of FROM dim_runs").to_dict("records")
    as_of = str(stored[f"{SEGMENTS[0]}.panel"].as_of.date())
    assert list(run.values()) == ["complete", "__default__", "test", as_of]
    delivered = ask("SELECT region, SUM(delivered) FROM v_demands GROUP BY 1").values.tolist()
    totals = {r: stored[f"{r}.control_totals"].set_index("source") for r in REGIONS}
    units = {r: table.loc["shipments", "units_standard"] for r, table in totals.items()}
    assert dict(delivered) == pytest.approx(units)
    rows = pd.concat([stored[f"{segment}.forecast"] for segment in SEGMENTS])
    [forecast] = ask("SELECT COUNT(*), SUM(mean), SUM(q90) FROM v_forecasts").values
    assert forecast == pytest.approx([len(rows), rows["mean"].sum(), rows["q90"].sum()])
    orders = ask("SELECT SUM(order_quantity) FROM v_next_orders").values.item()
    assert orders == rows.loc[rows["horizon"] == 1, "order_quantity"].sum()
    shown = ask("SELECT * FROM v_validated_accuracy WHERE model = 'ensemble'")
    for _, line in shown.iterrows():
        branch = f"{line['region']}.{line['store_format']}.{line['velocity']}"
        told = next(m for m in stored[f"{branch}.verdict"]["metrics"] if m["model"] == "ensemble")
        assert line["mape"] == pytest.approx(told["mape"])
        assert line["bias_aware"] == pytest.approx(told["bias_aware"])
    assert len(shown) == len(BRANCHES)
    models = ask("SELECT model_name, is_promoted, alias FROM dim_models")
    assert set(models["model_name"]) == MODELS
    assert set(models.loc[models["is_promoted"] == 1, "model_name"]) == PROMOTED
    assert models["alias"].str.contains("champion").sum() == len(PROMOTED)
    assert set(ask("SELECT stage FROM fct_steps")["stage"]) == set(STAGES)


def test_nothing_is_planned_right_after_a_training(stored) -> None:
    plan = stored["retrain_plan"]
    assert len(plan) == 2 * len(SEGMENTS)
    missing = (plan["region"] + "." + plan["store_format"]) == FAILING
    assert set(plan.loc[missing, "reasons"]) == {"no_champion"}
    assert plan.loc[~missing, "reasons"].isna().all()
    assert plan.loc[missing, "details"].str.contains("tried on these very data").all()
    assert not plan["retrain"].any()


def test_alerts_and_drift_are_told_over_all_segments(stored, runs) -> None:
    alerts, drift = stored["alerts"], stored["drift"]
    assert {"no champion", "no new data"} <= set(alerts["what"])
    assert set(drift["region"]) == set(REGIONS)
    assert not drift["drifted"].any()
    [parent] = runs[0]
    assert parent.data.metrics["alerts"] == len(alerts)


def test_a_number_leads_back_to_data_code_and_verdict(full_run, stored, runs) -> None:
    row = stored["north_texas.large.forecast"].iloc[0]
    version = full_run.tracking.get_model_version(row["model_name"], row["model_version"])
    tags = version.tags
    assert tags["panel_digest"] == stored["north_texas.large.panel"].digest
    assert tags["as_of"] == str(row["as_of"].date())
    assert tags["environment"] == "test"
    assert {"git_commit", "trained_at", "model_digest", "reason", "validated_mape"} <= set(tags)
    assert tags["velocity"] == row["velocity"]
    assert tags["training_digest"] != tags["panel_digest"]
    [health] = [
        line
        for line in stored["north_texas.large.health"]["models"]
        if line["velocity"] == row["velocity"]
    ]
    assert health["trained_until"] == tags["as_of"] != health["trained_at"][:10]
    assert (health["trained_at"], health["panel_digest"]) == (
        tags["trained_at"],
        tags["panel_digest"],
    )
    child = runs[1][row["model_name"]]
    assert version.run_id == child.info.run_id
    [parent] = runs[0]
    assert child.data.tags["pipeline_run"] == parent.info.run_id


def test_a_run_for_each_model_leads_back_to_the_run_of_the_pipeline(runs) -> None:
    [parent], children = runs
    assert parent.info.status == "FINISHED"
    assert set(children) == MODELS
    for name, child in children.items():
        assert child.info.status == "FINISHED"
        assert child.data.tags["pipeline_run"] == parent.info.run_id
        assert child.data.tags["promoted"] == str(name in PROMOTED).lower()
        if name.endswith("baseline"):
            assert {"fast_mape", "slow_mape"} <= set(child.data.metrics)
        else:
            assert {"mape", "wape", "bias", "baseline_mape"} <= set(child.data.metrics)
            assert child.data.params["network.seeds"] == "1"
            assert {"mape_by_horizon", "mape_by_origin"} <= set(child.data.metrics)
    assert children[f"test.{FAILING}.fast"].data.tags["reason"].startswith("better_than_baseline")


def test_figures_in_mlflow_are_those_of_the_verdict(stored, runs) -> None:
    for branch in BRANCHES:
        rows = {row["model"]: row for row in stored[f"{branch}.verdict"]["metrics"]}
        logged = runs[1][f"test.{branch}"].data.metrics
        assert logged["mape"] == pytest.approx(rows["ensemble"]["mape"])
        assert logged["baseline_mape"] == pytest.approx(rows["historical_average"]["mape"])


def test_plots_and_models_are_stored_with_the_runs(full_run, runs) -> None:
    client = full_run.tracking
    with full_run.inside():
        mlflow.set_tracking_uri(client.tracking_uri)
        run_id = runs[1]["test.north_texas.large.fast"].info.run_id
        plots = {file.path for file in client.list_artifacts(run_id, "plots")}
        assert plots == {"plots/backtest.png", "plots/lasso_effects.png"}
        local = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="plots")
        for name in ("backtest", "lasso_effects"):
            assert (full_run.root / local / f"{name}.png").read_bytes()[1:4] == b"PNG"


def _aliases(project) -> dict[str, dict[str, str]]:
    models = project.tracking.search_registered_models(max_results=100)
    return {model.name: dict(model.aliases) for model in models}


def test_every_model_is_registered_and_what_passed_is_champion(full_run) -> None:
    aliases = _aliases(full_run)
    assert set(aliases) == MODELS
    for name, found in aliases.items():
        assert set(found) == {"challenger", "champion"} if name in PROMOTED else {"challenger"}


def test_mlflow_serves_the_champion_behind_the_forecast(full_run, stored, tmp_path) -> None:
    panel, velocity, forecast = (
        stored[f"north_texas.large.{name}"] for name in ("panel", "velocity", "forecast")
    )
    panel.select((velocity["velocity"] == "fast").to_numpy()).save(tmp_path)
    request = {
        "panel": [str(tmp_path)],
        "as_of": [str(panel.as_of.date())],
        "horizon": [4],
    }
    with full_run.inside():
        mlflow.set_tracking_uri(full_run.tracking.tracking_uri)
        served = mlflow.pyfunc.load_model("models:/test.north_texas.large.fast@champion")
        answer = served.predict(pd.DataFrame(request))
    both = answer.merge(forecast, on=[*KEY, "week"], suffixes=("", "_delivered"))
    assert len(both) == (forecast["velocity"] == "fast").sum() > 0
    assert both["mean"].to_numpy() == pytest.approx(both["mean_delivered"].to_numpy(), rel=1e-5)


def test_nothing_is_written_outside_the_data_root_of_the_environment(full_run) -> None:
    written = {name for name in full_run.files("data") if not name.startswith("data/01_raw/")}
    assert {name.split("/")[1] for name in written} == {"test"}
    top = {path.name for path in full_run.root.iterdir()}
    ours = {"conf", "data", "mlflow.db", "mlflow.db.lock", "pyproject.toml", "src"}
    assert top - {".viz"} == ours
    if ".viz" in top:  # where Kedro-Viz looks for the status of the last run, and nowhere else
        assert full_run.files(".viz") == {".viz/kedro_pipeline_events.json"}


def test_no_temporary_file_is_left_and_nothing_is_pickled(full_run) -> None:
    written = [name for name in full_run.files("data/test") if "/mlflow/" not in name]
    locked = {f"data/test/.runs/{region}.{kind}" for region in REGIONS for kind in ("json", "lock")}
    assert {name for name in written if ".tmp" in name or "/." in name} == locked
    suffixes = {name.rpartition(".")[2] for name in full_run.files("data/test")}
    assert not suffixes & {"pkl", "pickle", "joblib", "pt", "pth", "ckpt"}


def test_challengers_are_not_the_models_that_are_used(full_run) -> None:
    """What the gate judged had not seen the validation window, what is used has seen all."""
    names = [f"new_england.large.fast.{n}" for n in ("challenger", "model")]
    challenger, registered = full_run.load(names).values()
    assert isinstance(challenger, Challenger)
    [panel] = full_run.load(["new_england.large.panel"]).values()
    assert isinstance(panel, Panel)
    before, after = (
        m.predict(panel, panel.as_of, 4)["mean"] for m in (challenger.model, registered.model)
    )
    assert not before.equals(after)
    assert registered.reason == ""


def _forecasts(project, segments) -> dict[str, pd.DataFrame]:
    of_velocity = [f"{v}.{n}" for v in ("fast", "slow") for n in ("metrics", "backtest")]
    return project.load([f"{s}.{n}" for s in segments for n in ("forecast", *of_velocity)])


def test_workers_on_all_threads_give_what_one_process_gives(
    full_run, make_project, monkeypatch
) -> None:
    """Typed in a subfolder of a fresh copy."""
    project = make_project()
    before = project.files("conf")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    runner = "--runner=demand_forecast.framework.runner.SegmentRunner"
    options = ("--env=test", runner, "--runner-params=max_workers=2", OPTION)
    printed = _finish(project.start(*options, folder="conf/base"))
    assert project.files("conf") == before
    assert "Rolling-origin validation" in printed
    of_stage = {"conditioning": 6, "training": 4, "release": 4}
    of_stage |= {"validation": 5, "scoring": 5}  # and what belongs to no segment
    for stage, n in of_stage.items():
        assert f"{stage:<12} {n:3d}/{n}" in printed
    one, many = _forecasts(full_run, SEGMENTS), _forecasts(project, SEGMENTS)
    for name, table in many.items():
        pd.testing.assert_frame_equal(table, one[name])
    for segment in SEGMENTS:
        assert _challengers(project, segment) == _challengers(full_run, segment)
    assert _aliases(project) == _aliases(full_run)
    summaries = [p.load(["summary"])["summary"] for p in (full_run, project)]
    assert summaries[0]["models"] == summaries[1]["models"]
    assert summaries[0]["rows"] == summaries[1]["rows"]
    children = project.tracking.search_runs(
        ["1"], filter_string="tags.pipeline_run != ''", max_results=100
    )
    assert {_model(run) for run in children} == MODELS
    assert {run.info.status for run in children} == {"FINISHED"}


def _finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"{out}\n{err}"
    return out


def _challengers(project, segment: str) -> dict[str, str]:
    """Digests of the files of each model that was judged, to the last digit."""
    models = project.root / "data/test/06_models" / segment.replace(".", "/")
    manifests = sorted(models.rglob("manifest.json"))
    assert len(manifests) > 1
    return {p.parent.name: p.read_text() for p in manifests}


def test_a_velocity_can_be_trained_on_its_own(full_run, make_project) -> None:
    """``--namespaces`` takes the innermost too; what needs both velocities is left out.

    It brings the raw data of its segment along, and goes nowhere else.
    """
    branch = "north_texas.large.fast"
    project = make_project()
    project.run(parameters=PARAMETERS_OF_ONE, namespaces=[branch])
    names = [f"{branch}.{name}" for name in ("metrics", "backtest")]
    whole, part = full_run.load(names), project.load(names)
    for name, table in part.items():
        pd.testing.assert_frame_equal(table, whole[name])
    assert _aliases(project) == {f"test.{branch}": _aliases(full_run)[f"test.{branch}"]}
    places = {tuple(name.split("/")[3:5]) for name in project.files("data/test/03_primary")}
    assert places == {("north_texas", "large")}
