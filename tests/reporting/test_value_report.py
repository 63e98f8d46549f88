from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from demand_forecast.exceptions import ConfigurationError, MissingInputError, SourceError
from demand_forecast.framework import run_context, segments
from demand_forecast.modelling.decisions.value import VALUE_COLUMNS
from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.panel import KEY
from demand_forecast.reporting import value as worth
from stand_ins import Constant

BRANCHES = ["texas.large.fast", "texas.large.slow"]
SCORING = {"stale_after_days": 60, "active_within_weeks": 13}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    regions = {"texas": {"layout": "csv", "store_formats": ["large"]}}
    plan = segments.parse(
        {"store_formats": ["large"], "regions": regions}, {"csv": {"sources": {}}}
    )
    with run_context.inside(run_context.RunContext(plan)):
        yield


@pytest.fixture
def context(panel) -> SimpleNamespace:
    """The fast and the slow half of a segment, each with its backtest."""
    panel.series["unit_cost"] = panel.series["unit_price"] / 2
    panel.censored[0, -5:] = True
    panel.demand[0] = panel.delivered[0]
    origins = [pd.Timestamp(week) for week in panel.weeks[panel.n_weeks - 5 : panel.n_weeks - 2]]
    tables = {}
    for number, branch in enumerate(BRANCHES):
        part = panel.select(panel.series.index.to_numpy() % 2 == number)
        models = {"ensemble": Constant(7.0), "historical_average": HistoricalAverage().fit(part)}
        tables[f"{branch}.backtest"] = backtest(models, part, origins, horizon=2)
    data = {name: MemoryDataset(table) for name, table in tables.items()}
    catalog = DataCatalog(data | {"texas.large.panel": MemoryDataset(panel)})
    return SimpleNamespace(
        catalog=catalog, params={"texas": {"large": {"scoring": SCORING}}}, panel=panel
    )


def _write_truth(folder, panel, wanted: float) -> None:
    facts = panel.to_frame()[[*KEY, "week"]].assign(demand=wanted)
    (folder / "texas").mkdir(parents=True)
    facts.to_parquet(folder / "texas" / "truth_large_1.parquet")


def test_the_velocities_of_a_segment_are_replayed_together(context) -> None:
    table = worth.load_value(context)
    assert list(table.columns) == list(VALUE_COLUMNS)
    assert table["segment"].drop_duplicates().tolist() == ["texas.large", "all"]
    rows = sum((d.load()["horizon"] == 1).sum() for d in _backtests(context)) // 2
    assert set(table["rows"]) == {rows}
    slow = worth.load_value(context, "texas.large.slow")
    assert slow["rows"].iloc[0] < rows
    assert worth.load_value(context, lead=2)["weeks"].iloc[0] == 3


def _backtests(context) -> list[MemoryDataset]:
    return [context.catalog[f"{branch}.backtest"] for branch in BRANCHES]


def test_the_demand_of_a_simulation_takes_the_place_of_the_estimate(context, tmp_path) -> None:
    _write_truth(tmp_path / "truth", context.panel, wanted=4.0)
    table = worth.load_value(context, truth=tmp_path / "truth").set_index(["segment", "policy"])
    best = table.loc[("all", "omniscient")]
    assert best["delivered"] == best["sold"] == 4 * best["rows"]
    assert best["share"] == 100
    with pytest.raises(SourceError, match="holds no truth"):
        worth.load_value(context, truth=tmp_path)


def test_the_truth_of_another_simulation_is_refused(context, tmp_path) -> None:
    _write_truth(tmp_path, context.panel.until(context.panel.weeks[5]), wanted=4.0)
    with pytest.raises(ConfigurationError, match=r"--truth: .*texas lacks \d+ of \d+ deliveries"):
        worth.load_value(context, truth=tmp_path)


def test_what_is_missing_is_named(context) -> None:
    with pytest.raises(ConfigurationError, match="--lead: 3; valid: 1, 2"):
        worth.load_value(context, lead=3)
    nothing = SimpleNamespace(catalog=DataCatalog({}), params={})
    with pytest.raises(
        MissingInputError, match=r"The backtest of texas .*--pipelines=train --namespaces=texas`"
    ):
        worth.load_value(nothing, "texas")
    empty = {f"{BRANCHES[0]}.backtest": MemoryDataset(_backtests(context)[0].load().head(0))}
    context.catalog = DataCatalog(empty)
    with pytest.raises(MissingInputError, match="has no rows, for want of history"):
        worth.load_value(context)


def test_the_tables_say_what_is_estimated_and_what_has_no_price(context, tmp_path, capsys) -> None:
    worth.print_value(worth.load_value(context))
    text = capsys.readouterr().out
    assert text.startswith("3 weeks of the validation, ")
    assert "estimated from the forecast made before the week" in " ".join(text.split())
    assert "omniscient" not in text
    _write_truth(tmp_path, context.panel, wanted=4.0)
    table = worth.load_value(context, truth=tmp_path)
    other = table[table["segment"] != "all"].assign(segment="texas.small")
    worth.print_value(pd.concat([other, table]).assign(unpriced=2))
    text = capsys.readouterr().out
    assert "share of the way" in text
    assert "by segment" in text
    assert "2 of " in text
    worth.print_value(table.assign(unit="units"))
    assert "a unit sold counts 1, one that comes back -1" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["value.csv", "folder/value.json"])
def test_the_table_is_written_as_the_name_says(context, tmp_path, name) -> None:
    table, file = worth.load_value(context), tmp_path / name
    worth.check_output(file)
    worth.write_value(table, file)
    stored = json.loads(file.read_text()) if file.suffix == ".json" else None
    read = pd.read_csv(file) if stored is None else pd.DataFrame(stored)
    assert list(read.columns) == list(VALUE_COLUMNS)
    assert read["value"].tolist() == pytest.approx(table["value"].tolist())
    with pytest.raises(ConfigurationError, match=r"'\.pdf'; valid: \.csv, \.json"):
        worth.check_output(tmp_path / "value.pdf")
