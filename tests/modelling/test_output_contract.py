from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.output_contract import check_output, target_weeks


@pytest.fixture
def forecast(panel) -> pd.DataFrame:
    return HistoricalAverage().fit(panel).predict(panel, panel.as_of, 4)


def test_target_weeks_follow_as_of() -> None:
    weeks = target_weeks(pd.Timestamp("2024-12-28"), 2)
    assert weeks == [pd.Timestamp("2025-01-04"), pd.Timestamp("2025-01-11")]


def _set(column: str, value: float):
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[5, column] = value
        return frame

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda f: f.iloc[2:],
            r"2 rows missing, such as store_id S01, product_id P01, week 2025-01-04",
        ),
        (lambda f: pd.concat([f, f.iloc[:1]]), "1 rows double"),
        (lambda f: f.assign(week=f["week"] + pd.Timedelta(days=7)), "12 rows not asked for"),
        (_set("mean", np.nan), "1 rows not finite"),
        (_set("q975", np.inf), "1 rows not finite"),
        (_set("mape_point", -0.5), "1 rows negative"),
        (_set("q10", 1e9), "1 rows with quantiles out of order"),
        (_set("mean", 1e9), "1 rows with a mean far above every quantile"),
        (lambda f: f.drop(columns="q50"), "no column 'q50'"),
        (lambda f: f.iloc[:0], "48 rows missing"),
    ],
)
def test_each_breach_is_told(panel, forecast, change, words) -> None:
    with pytest.raises(ContractError, match=words):
        check_output(change(forecast), panel.series, target_weeks(panel.as_of, 4))


def test_all_breaches_are_told_at_once(panel, forecast) -> None:
    bad = _set("mean", -1.0)(forecast).iloc[1:]
    with pytest.raises(ContractError, match=r"1 rows missing.*; 1 rows negative"):
        check_output(bad, panel.series, target_weeks(panel.as_of, 4))


def test_rounding_between_quantiles_is_no_breach(panel, forecast) -> None:
    forecast["q75"] = forecast["q90"] * (1 + 1e-9)
    weeks = target_weeks(panel.as_of, 4)
    check_output(forecast, panel.series, weeks)
    forecast["q75"] = forecast["q90"] * 1.01 + 0.01
    with pytest.raises(ContractError, match="48 rows with quantiles out of order"):
        check_output(forecast, panel.series, weeks)
