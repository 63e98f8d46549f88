from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.lifecycle.year_before import judge_year_before
from demand_forecast.modelling.panel import KEY

FORECAST = ForecastParameters(horizon=2, origins=3, origin_step=1, min_train_weeks=40)
TRAINING = TrainingParameters(lasso={"n_alphas": 5}, network=None, trees=None)


@pytest.fixture(scope="module")
def panel(make_panel):
    return make_panel(n_stores=2, n_products=3, n_weeks=110, weather=False)


def _judge(panel, velocity="fast"):
    classes = panel.series[KEY].assign(velocity="fast")
    return judge_year_before(panel, classes, velocity, FORECAST, TRAINING)


@pytest.mark.trials
def test_the_weeks_of_a_year_before_are_judged_by_what_was_known_then(panel) -> None:
    """What came in the last year changes nothing."""
    figures = _judge(panel)
    assert (figures.until, figures.reason) == (panel.weeks[57].astype(object), "")
    assert figures.mape > 0 and figures.baseline > 0
    demand = panel.demand.copy()
    demand[:, 58:] = 9_999
    assert _judge(replace(panel, demand=demand, delivered=demand)) == figures
    demand[:, 55:58] = 9_999  # weeks that are judged
    assert _judge(replace(panel, demand=demand, delivered=demand)).mape > figures.mape


def test_where_there_is_nothing_to_judge_the_reason_is_told(panel) -> None:
    short = panel.until(panel.weeks[51])
    assert _judge(short).reason == "history of 52 weeks does not reach a year back"
    assert "has 30 weeks, but 44 are needed" in _judge(panel.until(panel.weeks[81])).reason
    assert _judge(panel, "slow").reason == "the segment has no slow products"
    closed = panel.demand.copy()
    closed[:, 53:58] = np.nan
    figures = _judge(replace(panel, demand=closed, delivered=closed))
    assert figures.reason == "no week with a delivery in that window"
    nothing = panel.demand.copy()
    nothing[:, 53:58] = 0
    figures = _judge(replace(panel, demand=nothing, delivered=nothing))
    assert (figures.mape, figures.baseline, figures.reason) == (None, None, "")
    assert pd.isna(figures.mape)
