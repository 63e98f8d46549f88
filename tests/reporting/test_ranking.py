from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from demand_forecast.exceptions import ConfigurationError, MissingInputError
from demand_forecast.framework import run_context, segments
from demand_forecast.modelling.evaluation.leaderboard import LEADERBOARD_COLUMNS
from demand_forecast.modelling.protocol import POINTS, QUANTILES
from demand_forecast.reporting import leaderboard as ranking

BRANCHES = [f"texas.{f}.{v}" for f in ("large", "small") for v in ("fast", "slow")]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    regions = {"texas": {"layout": "csv"}, "ohio": {"layout": "csv", "store_formats": ["large"]}}
    plan = segments.parse(
        {"store_formats": ["large", "small"], "regions": regions}, {"csv": {"sources": {}}}
    )
    with run_context.inside(run_context.RunContext(plan)):
        yield


def _backtest() -> pd.DataFrame:
    """Errors of 10 % by the ensemble, of 20 % by smoothing."""
    facts = pd.DataFrame(
        {
            "store_id": ["S1", "S2"] * 3,
            "week": pd.date_range("2024-01-06", periods=3, freq="7D").repeat(2),
            "actual": 100.0,
            "censored": False,
            "scale": np.nan,
        }
    )
    errors = {"smoothing": 1.2, "ensemble": 1.1}
    return pd.concat(
        [
            facts.assign(model=model, **dict.fromkeys([*POINTS, *QUANTILES], 100 * factor))
            for model, factor in errors.items()
        ]
    )


@pytest.fixture
def catalog() -> DataCatalog:
    """Backtests of one region; the other has none."""
    return DataCatalog({f"{name}.backtest": MemoryDataset(_backtest()) for name in BRANCHES})


@pytest.mark.parametrize(
    ("namespace", "places"),
    [
        (None, {b.rpartition(".")[::2] for b in BRANCHES}),
        ("texas", {b.rpartition(".")[::2] for b in BRANCHES}),
        ("texas.small", {("texas.small", "fast"), ("texas.small", "slow")}),
        ("texas.large.slow", {("texas.large", "slow")}),
    ],
)
def test_the_stored_backtests_of_a_namespace_are_ranked(catalog, namespace, places) -> None:
    table = ranking.load_leaderboard(catalog, namespace, None)
    found = set(zip(table["segment"], table["velocity"], strict=True))
    assert found == places | {("all", "all")}
    assert table["model"].tolist() == ["ensemble", "smoothing"] * (len(places) + 1)
    assert table["contests"].tolist()[-2:] == [len(places)] * 2


def test_what_is_missing_is_named_with_the_command_to_run(catalog) -> None:
    with pytest.raises(
        MissingInputError,
        match=r"The backtest of ohio has not been made yet: "
        r"run `kedro run --pipelines=train --namespaces=ohio --env=dev` first\.",
    ):
        ranking.load_leaderboard(catalog, "ohio", "dev")
    with pytest.raises(
        MissingInputError,
        match=r"The backtest of all segments has not .*run `kedro run --pipelines=train` first",
    ):
        ranking.load_leaderboard(DataCatalog({}), None, None)
    empty = DataCatalog({"texas.large.fast.backtest": MemoryDataset(_backtest().head(0))})
    with pytest.raises(MissingInputError, match="has no rows, for want of history"):
        ranking.load_leaderboard(empty, "texas", None)
    with pytest.raises(ConfigurationError, match=r"--namespace.*'texas.lage'.*'texas.large'"):
        ranking.load_leaderboard(catalog, "texas.lage", None)


def test_the_tables_show_each_place_and_all_of_them_last(catalog, capsys) -> None:
    ranking.print_leaderboard(ranking.load_leaderboard(catalog, "texas.small", None))
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if "target weeks," in line]
    assert heads == [
        "texas.small fast: 3 target weeks, 6 forecasts",
        "texas.small slow: 3 target weeks, 6 forecasts",
        "all segments with an ensemble: 3 target weeks, 12 forecasts",
    ]
    cells = [line.split() for line in lines if line.startswith(("ensemble", "smoothing"))]
    best = ["ensemble", "10.0", "10.0", "+0.0", "0.0", "+10.0", "-", "0"]
    other = ["smoothing", "20.0", "20.0", "+10.0", "0.0", "+20.0", "-", "0"]
    assert cells[:4] == [best, other] * 2
    assert cells[4:] == [[*best, "2", "of", "2"], [*other, "0", "of", "2"]]


@pytest.mark.parametrize("name", ["table.csv", "folder/table.json"])
def test_the_table_is_written_as_the_name_says(catalog, tmp_path, name) -> None:
    table, file = ranking.load_leaderboard(catalog, "texas.large", None), tmp_path / name
    ranking.check_output(file)
    ranking.write_leaderboard(table, file)
    stored = json.loads(file.read_text()) if file.suffix == ".json" else None
    read = pd.read_csv(file) if stored is None else pd.DataFrame(stored)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert list(read.columns) == LEADERBOARD_COLUMNS
    assert read["wape"].tolist() == pytest.approx(table["wape"].tolist())


def test_another_format_is_refused(tmp_path) -> None:
    ranking.check_output(None)
    with pytest.raises(ConfigurationError, match=r"--output: .*'\.xlsx'; valid: \.csv, \.json"):
        ranking.check_output(tmp_path / "table.xlsx")
