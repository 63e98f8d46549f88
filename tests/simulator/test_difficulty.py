import pytest
from click.testing import CliRunner

from demand_forecast.simulator import Company, difficulty


@pytest.fixture(scope="module")
def table():
    measured = difficulty.measure(["north_texas", "new_england"], Company(8, 10, 156, 2017))
    return measured.set_index(["store_format", "velocity", "forecast"]).sort_index()


def test_nobody_beats_the_oracle_where_sell_outs_are_forgiven(table):
    for velocity in ("fast", "slow"):
        rows = table.loc["all", velocity]
        assert rows.loc["oracle_point", "mape_aware"] < rows.loc["oracle_mean", "mape_aware"]
        assert rows.loc["oracle_mean", "mape_aware"] < rows.loc["historical_average", "mape_aware"]
        assert rows.loc["oracle_mean", "wape_aware"] < rows.loc["average_of_52_weeks", "wape_aware"]


def test_a_good_forecaster_has_room(table):
    for key in [("all", "fast"), ("all", "slow"), ("all", "all")]:
        rows = table.loc[key]
        assert rows.loc["oracle_point", "mape"] < 40
        assert rows.loc["historical_average", "mape"] > 45


def test_total_is_the_sum_of_its_parts(table):
    total = table.loc[("all", "all", "oracle_mean")]
    parts = table.xs("oracle_mean", level="forecast").drop(index="all", level="store_format")
    assert total["rows"] == parts["rows"].sum()
    assert total["mape"] == pytest.approx((parts["mape"] * parts["rows"]).sum() / total["rows"])


def test_command_prints_the_table(monkeypatch):
    monkeypatch.setattr(difficulty, "choose_layouts", lambda *_: {"florida": None})
    result = CliRunner().invoke(
        difficulty.main, ["--stores", "2", "--products", "2", "--weeks", "60"]
    )
    assert result.exit_code == 0, result.output
    assert "historical_average" in result.output
