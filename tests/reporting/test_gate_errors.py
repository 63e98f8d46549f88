from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import run_context, segments
from demand_forecast.modelling.lifecycle.gate import GateParameters
from demand_forecast.modelling.lifecycle.gate_simulation import USUAL, Size
from demand_forecast.reporting.gate_errors import (
    Setting,
    load_settings,
    print_rates,
    read_effects,
)

PLAN = segments.parse(
    {"store_formats": ["large", "small"], "regions": {"ohio": {"layout": "csv"}}},
    {"csv": {"sources": {}}},
)


def _parameters(**margins: float) -> dict[str, Any]:
    forecast = {"horizon": 4, "origins": 8, "origin_step": 1, "min_train_weeks": 60}
    velocities = {v: {"validation": {"margin": margins.get(v, 2.0)}} for v in ("fast", "slow")}
    return {"ohio": {f: {"forecast": forecast} | velocities for f in ("large", "small")}}


def _backtest(series: int) -> pd.DataFrame:
    facts = {"store_id": range(series), "product_id": 1, "week": 1, "origin": 1, "actual": 1.0}
    return pd.DataFrame(facts | {"mape_point": 1.0, "model": "smoothing"})


def _load(stored: dict[str, int], *asked: Any, **margins: float):
    catalog = DataCatalog(
        {f"ohio.{place}.backtest": MemoryDataset(_backtest(n)) for place, n in stored.items()}
    )
    context = SimpleNamespace(catalog=catalog, params=_parameters(**margins))
    with run_context.inside(run_context.RunContext(PLAN)):
        return load_settings(context, *asked)


def test_effects_are_numbers_below_one() -> None:
    assert read_effects("0, 0.02,-0.1") == [0, 0.02, -0.1]
    with pytest.raises(ConfigurationError, match="'0;1' is no list of numbers"):
        read_effects("0;1")
    for wrong in ("1", "nan"):
        with pytest.raises(ConfigurationError, match=f"{wrong} is not possible"):
            read_effects(f"0,{wrong}")


def test_the_sizes_are_those_of_the_last_backtests() -> None:
    """The fewest series, the median and the most, each with the rules of its place."""
    stored = {"large.fast": 9, "large.slow": 3, "small.fast": 4, "small.slow": 9}
    errors, settings = _load(stored, None, None, None, slow=5.0)
    assert errors == USUAL
    found = [(name, size.series, rules.margin) for name, size, rules in settings]
    assert found == [("ohio.large.slow", 3, 5), ("ohio.large.fast", 9, 2)]
    _, [alone] = _load(stored, "ohio.small.fast", None, 12)
    assert (alone.name, alone.size) == ("ohio.small.fast", Size(4, 12, 4))
    _, [asked] = _load(stored, "ohio.small", 50, None)
    assert (asked.name, asked.size) == ("ohio.small.fast", Size(50, 8, 4))


def test_before_the_first_training_there_are_usual_sizes() -> None:
    errors, settings = _load({}, "ohio.large.slow", None, None)
    assert errors == USUAL
    assert [size.series for _, size, _ in settings] == [20, 100, 500]


def test_the_table_has_a_line_for_each_size_and_a_column_for_each_effect(capsys) -> None:
    size = Size(3, 2, 4)
    off = GateParameters(margin=None, min_gain=None)
    settings = [Setting("here", size, GateParameters()), Setting("there", size, off)]
    print_rates(USUAL, settings, [0.9, 0, -0.9], 2)
    titles, units, _, here, there, *text = capsys.readouterr().out.splitlines()
    assert titles.split() == ["90", "%", "as", "90", "%"]
    assert units.split()[:5] == ["rules", "of", "series", "weeks", "margin"]
    assert units.split()[5:] == ["better", "good", "worse"]
    assert here.split()[:5] == ["here", "3", "5", "2", "%"]
    assert (here.split()[5], here.split()[-1]) == ("100.0", "0.0")
    assert there.split() == ["there", "3", "5", "off", "100.0", "100.0", "100.0"]
    assert text[0].startswith("Share of 2 simulated challengers")
