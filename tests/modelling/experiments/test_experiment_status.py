"""What experiments have shown, and how they stand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.experiments.outcomes import SUM_COLUMNS
from demand_forecast.modelling.experiments.parameters import Experiment, ExperimentParameters
from demand_forecast.modelling.experiments.readout import READOUT_COLUMNS, read_out, told
from demand_forecast.modelling.experiments.status import ARM_COLUMNS, STATUS_COLUMNS, Stop, stand

FACTS = {"challengers": {"texas.large.fast": 7}, "start_week": "2025-01-04", "owner": "ann"}
SHADOW = FACTS | {"kind": "shadow"}


def _sums(worse: float, weeks: int = 12, name: str = "try", priced: int = 1) -> pd.DataFrame:
    """Five stores of 100 units a week; the challenger errs by ``worse`` units more and costs it."""
    rng = np.random.default_rng(0)
    rows = []
    for week in pd.date_range("2025-01-04", periods=weeks, freq="7D"):
        for store in "abcde":
            noise = rng.normal(0, 0.1)
            for arm, more in (("control", 0.0), ("challenger", worse + noise)):
                row = {"experiment": name, "region": "texas", "store_format": "large"}
                row |= {"store_id": store, "week": week, "arm": arm, "rows": 4, "priced": priced}
                row |= {"error": 30 + more, "volume": 100.0, "scale": 1.0}
                row |= {"percentage_error": 1.2 + more / 100, "percentage_rows": 4.0}
                rows.append(row | {"value": 50 - more, "value_volume": 100.0})
    return pd.DataFrame(rows)[SUM_COLUMNS]


def _read(worse: float, **changes) -> pd.DataFrame:
    plan = Experiment.model_validate(SHADOW | changes)
    return read_out(_sums(worse), "try", plan, ExperimentParameters())


def _newest(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["week"] == table["week"].max()].set_index("measure")


def test_differences_are_in_points_and_money_per_thousand_units() -> None:
    table = _read(5.0)
    assert list(table.columns) == READOUT_COLUMNS
    assert len(table) == 3 * 12
    newest = _newest(table)
    assert newest["difference"].tolist() == pytest.approx([5.0, 1.25, -50.0], abs=0.4)
    assert newest.loc["wape", ["control", "challenger"]].tolist() == pytest.approx(
        [30, 35], abs=0.1
    )
    assert newest["unit"].tolist() == ["%", "%", "money per 1,000 units"]
    assert newest["verdict"].tolist() == ["worse"] * 3
    assert newest["is_harmful"].tolist() == [True, False, True]  # MAPE alone stops nothing
    unpriced = read_out(
        _sums(5.0, priced=0), "try", Experiment.model_validate(SHADOW), ExperimentParameters()
    )
    assert _newest(unpriced).loc["value", "unit"] == "units per 1,000 units"


def test_nothing_is_concluded_before_enough_weeks_have_come() -> None:
    wape = _read(5.0).query("measure == 'wape'")
    assert wape["lower"].isna().tolist() == [True] * 3 + [False] * 9
    assert wape["verdict"].tolist()[:3] == ["open"] * 3
    assert told(wape.iloc[0].to_dict()).endswith("(too early for an interval)")
    widths = (wape["upper"] - wape["lower"]).dropna()
    assert widths.iloc[-1] < widths.iloc[0]


@pytest.mark.parametrize(
    ("worse", "limits", "harmful"),
    [
        (5.0, {"harm_limit": 4.0, "value_limit": 100.0}, ["wape"]),
        (5.0, {"harm_limit": 6.0, "value_limit": 40.0}, ["value"]),
        (5.0, {"harm_limit": 6.0, "value_limit": 60.0}, []),
        (0.0, {}, []),
        (-5.0, {}, []),
    ],
)
def test_harm_is_what_is_surely_beyond_the_limit(worse, limits, harmful) -> None:
    newest = _newest(_read(worse, **limits))
    assert newest.index[newest["is_harmful"]].tolist() == harmful
    verdicts = {-5.0: "better", 0.0: "open", 5.0: "worse"}
    assert newest.loc["wape", "verdict"] == verdicts[worse]


PLANS = {
    "try": SHADOW,
    "fine": SHADOW | {"challengers": {"texas.large.slow": 2}, "end_week": "2025-03-22"},
    "later": SHADOW | {"challengers": {"texas.small.slow": 2}, "start_week": "2026-01-03"},
    "given_up": FACTS | {"challengers": {"ohio.large.slow": 2}, "kind": "ab", "share": 0.5},
}
RULES = ExperimentParameters(plans=PLANS)


def _arms(name: str, problem: str = "") -> pd.DataFrame:
    rows = {"store_id": list("abcde"), "size": 0, "is_chosen": [True, True, False, False, False]}
    return pd.DataFrame(rows).assign(experiment=name, problem=problem)[ARM_COLUMNS]


def test_how_each_experiment_stands_and_which_have_to_stop() -> None:
    sums = [_sums(5.0), _sums(0.0, name="fine"), _sums(0.0, 2, name="given_up")]
    arms = [_arms("try"), None, _arms("fine", "version 2 is gone"), _arms("given_up")]
    found = stand(RULES, sums, arms, {"given_up": Stop("ann has seen enough", "ann", "")})
    assert list(found.status.columns) == STATUS_COLUMNS
    status = found.status.set_index("experiment")
    assert status["status"].to_dict() == {
        "try": "stopped",
        "fine": "over",
        "later": "planned",
        "given_up": "stopped",
    }
    assert status["weeks"].tolist() == [12, 12, 0, 2]
    assert status["stores_chosen"].tolist() == [0, 0, 0, 2]
    assert status.loc["fine", "problem"] == "version 2 is gone"
    assert status.loc["given_up", "why"] == "ann has seen enough"
    assert list(found.harmful) == ["try"]
    assert found.harmful["try"].startswith("wape +5.0 points (")
    assert "; value -50" in found.harmful["try"]
    assert found.readouts["experiment"].unique().tolist() == ["try", "fine", "given_up"]


def test_what_was_stopped_is_not_stopped_again_and_runs_on_where_it_does_no_harm() -> None:
    stopped = stand(RULES, [_sums(5.0)], [_arms("try")], {"try": Stop("harm", "", "")})
    assert stopped.harmful == {}
    running = stand(RULES, [_sums(0.0)], [_arms("try")], {})
    assert running.status["status"].tolist() == ["running", "planned", "planned", "planned"]
    nothing = stand(ExperimentParameters(), [], [], {})
    assert nothing.status.empty and nothing.readouts.empty
