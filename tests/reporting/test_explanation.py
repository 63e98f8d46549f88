"""What ``kedro explain`` finds in the stored versions of a segment."""

from __future__ import annotations

import shutil

import pytest
from kedro.io import DataCatalog, Version

from demand_forecast.datasets.artefact import ArtefactDataset
from demand_forecast.datasets.atomic import ParquetDataset
from demand_forecast.exceptions import ArtefactError, ConfigurationError, MissingInputError
from demand_forecast.framework import run_context, segments
from demand_forecast.modelling.explanation.changes import CAUSES
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.scoring.fallback import ScoringParameters, score_segment
from demand_forecast.modelling.velocity import classify
from demand_forecast.reporting import explanation
from stand_ins import Constant

SEGMENT = "north_texas.large"
NO_MODEL = RegisteredModel(None, "test.baseline", reason="no champion")


class Store:
    """Versions of a segment's datasets in a folder, as runs leave them behind."""

    def __init__(self, folder):
        self.folder, self.models = folder, {}

    def _dataset(self, name, version):
        path = str(self.folder / name)
        if name == "panel":
            artefact = f"{Panel.__module__}.Panel"
            return ArtefactDataset(filepath=path, artefact=artefact, version=version)
        return ParquetDataset(filepath=f"{path}.parquet", version=version)

    def save(self, name, data, version):
        self._dataset(name, Version(None, version)).save(data)

    @property
    def catalog(self):
        names = ("panel", "forecast", "explanations")
        datasets = {f"{SEGMENT}.{n}": self._dataset(n, Version(None, None)) for n in names}
        catalog = DataCatalog(datasets)
        catalog[f"{SEGMENT}.last_velocity"] = self.velocity
        return catalog

    def score(self, panel, version, models, panel_version=None):
        """Conditioning and scoring, in one run or in two."""
        self.velocity = classify(panel)
        self.models |= {m.version: m.model for m in models.values() if m.version}
        scored = score_segment(
            panel,
            self.velocity,
            models,
            NO_MODEL,
            horizon=3,
            scoring=ScoringParameters(active_within_weeks=13, stale_after_days=60),
        )
        self.save("panel", panel, panel_version or version)
        self.save("forecast", scored.forecast, version)
        self.save("explanations", scored.explanations, version)
        return scored


@pytest.fixture(scope="module")
def history(make_panel):
    return make_panel(n_stores=2, n_products=4, n_weeks=70)


@pytest.fixture
def store(tmp_path, monkeypatch):
    store = Store(tmp_path)
    monkeypatch.setattr(explanation, "load_version", lambda name, version: store.models[version])
    return store


def _models(history):
    """The averages as champions."""
    return {
        name: RegisteredModel(HistoricalAverage().fit(history), f"test.{name}", version)
        for name, version in (("fast", "1"), ("slow", "2"))
    }


def _assert_explained(found, before, after) -> None:
    """Both ends are what was delivered, and the causes lead from one to the other."""
    row = [*KEY, "week"]
    for column, scored in (("before", before), ("after", after)):
        both = found.merge(scored.forecast[[*row, "mean"]], on=row)
        assert len(both) == len(found) > 0
        assert both[column].to_numpy() == pytest.approx(both["mean"].to_numpy())
    moved = found[list(CAUSES)].sum(axis=1)
    assert moved.to_numpy() == pytest.approx((found["after"] - found["before"]).to_numpy())


def test_last_weeks_forecast_is_compared_with_this_weeks(store, history) -> None:
    models = _models(history)
    last = store.score(history.until(history.weeks[68]), "2020-01-01T00.00.00.000Z", models)
    today = store.score(history, "2020-01-08T00.00.00.000Z", models)
    found = explanation.load_changes(store.catalog, SEGMENT)
    _assert_explained(found, last, today)
    assert len(found) == history.n_series * 2
    assert not found["model"].any()
    assert found["data"].abs().max() > 0


def test_an_earlier_run_of_the_same_week_is_not_last_week(store, history) -> None:
    """Nor need the panel have been made by the run that made the forecast."""
    models = _models(history)
    early = history.until(history.weeks[68])
    last = store.score(
        early, "2020-01-02T00.00.00.000Z", models, panel_version="2020-01-01T00.00.00.000Z"
    )
    store.score(history, "2020-01-08T00.00.00.000Z", models)
    today = store.score(history, "2020-01-09T00.00.00.000Z", models)
    _assert_explained(explanation.load_changes(store.catalog, SEGMENT), last, today)


def test_another_champion_is_the_model(store, history) -> None:
    models = [
        {
            "fast": RegisteredModel(Constant(units), "test.fast", version),
            "slow": RegisteredModel(Constant(4.0), "test.slow", "1"),
        }
        for units, version in ((40.0, "2"), (50.0, "3"))
    ]
    last = store.score(history.until(history.weeks[68]), "2020-01-01T00.00.00.000Z", models[0])
    today = store.score(history, "2020-01-08T00.00.00.000Z", models[1])
    found = explanation.load_changes(store.catalog, SEGMENT)
    _assert_explained(found, last, today)
    assert set(found["model"].round(9)) == {0.0, 10.0}
    assert not found[["data", "weather", "plan"]].to_numpy().any()


def test_a_baseline_computed_on_the_spot_is_computed_again(store, history) -> None:
    none = {name: RegisteredModel(None, f"test.{name}", reason="none") for name in ("fast", "slow")}
    last = store.score(history.until(history.weeks[67]), "2020-01-01T00.00.00.000Z", none)
    today = store.score(history, "2020-01-15T00.00.00.000Z", none)
    assert set(today.forecast["model_version"]) == {""}
    found = explanation.load_changes(store.catalog, SEGMENT)
    _assert_explained(found, last, today)
    assert len(found) == history.n_series


def test_without_an_earlier_forecast_nothing_has_changed(store, history) -> None:
    store.score(history, "2020-01-08T00.00.00.000Z", _models(history))
    assert explanation.load_changes(store.catalog, SEGMENT).empty


def test_what_is_no_longer_there_is_named(store, history, monkeypatch) -> None:
    with pytest.raises(MissingInputError, match=f"'{SEGMENT}.explanations'.*--pipelines=score"):
        store.velocity = None
        explanation.load_explanations(store.catalog, SEGMENT)
    store.score(history.until(history.weeks[68]), "2020-01-01T00.00.00.000Z", _models(history))
    store.score(history, "2020-01-08T00.00.00.000Z", _models(history))

    def gone(name, version):
        raise ArtefactError(f"{name} {version}")

    monkeypatch.setattr(explanation, "load_version", gone)
    with pytest.raises(ArtefactError, match=r"test\.fast 1"):
        explanation.load_changes(store.catalog, SEGMENT)
    shutil.rmtree(store.folder / "panel" / "2020-01-01T00.00.00.000Z")
    with pytest.raises(MissingInputError, match="none is left from the forecast of 2020-01-01"):
        explanation.load_changes(store.catalog, SEGMENT)


def test_rows_are_chosen_by_value(store, history) -> None:
    store.score(history, "2020-01-08T00.00.00.000Z", _models(history))
    table = explanation.load_explanations(store.catalog, SEGMENT)
    week = str(table["week"].iloc[0].date())
    rows = explanation.choose(table, store_id="S01", product_id=None, week=week)
    assert len(rows) == 4
    with pytest.raises(ConfigurationError, match=r"--store.*'S1'.*Did you mean 'S01'"):
        explanation.choose(table, store_id="S1")


def test_a_segment_must_exist() -> None:
    plan = segments.parse(
        {"store_formats": ["large"], "regions": {"north_texas": {"layout": "csv"}}},
        {"csv": {"sources": {}}},
    )
    with run_context.inside(run_context.RunContext(plan)):
        explanation.check_segment(SEGMENT)
        with pytest.raises(ConfigurationError, match=f"Did you mean '{SEGMENT}'"):
            explanation.check_segment("north_texas.lage")


def test_the_tables_have_every_week_and_add_up(store, history, capsys) -> None:
    models = _models(history)
    store.score(history.until(history.weeks[68]), "2020-01-01T00.00.00.000Z", models)
    today = store.score(history, "2020-01-08T00.00.00.000Z", models)
    found = explanation.load_changes(store.catalog, SEGMENT)
    explanation.print_explanation(today.explanations, found, "all of it")
    lines = capsys.readouterr().out.splitlines()
    cells = {
        line.split("│")[1].strip(): [c.strip() for c in line.split("│")[2:-1]]
        for line in lines
        if line.startswith("│")
    }
    totals = today.forecast.groupby("week")["mean"].sum()
    assert cells["forecast"] == [f"{total:.1f}" for total in totals]
    assert cells["season"] == ["+0.0"] * 3
    assert cells["forecast now"] == cells["forecast"][:2]
    explanation.print_explanation(today.explanations, found.iloc[:0], "all of it")
    assert "no earlier forecast" in capsys.readouterr().out
    explanation.print_explanation(today.explanations, "the model is gone [1]", "all of it")
    assert "not known: the model is gone [1]" in capsys.readouterr().out
