from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.decisions.plan_change import Change, replanned
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.scoring.fallback import ScoringParameters, score_segment
from demand_forecast.modelling.scoring.replanned import what_if
from demand_forecast.modelling.velocity import classify
from stand_ins import Doubles

SCORING = ScoringParameters(active_within_weeks=13, stale_after_days=60)


@pytest.fixture
def panel(make_panel) -> Panel:
    """Without promotions in the coming four weeks."""
    panel = make_panel(n_stores=2, n_products=3, n_weeks=70)
    for column, value in (("promotion", 0.0), ("price", 1.0)):
        panel.known_future[column].values[:, panel.n_weeks :] = value
    price = replace(panel.known_future["price"], kind="price")
    plans = panel.known_future | {"price": price}
    return replace(panel, series=panel.series.assign(unit_cost=1.0), known_future=plans)


def _score(panel: Panel) -> pd.DataFrame:
    models = {v: RegisteredModel(Doubles(10.0), v, "1") for v in ("fast", "slow")}
    rule = RegisteredModel(HistoricalAverage().fit(panel), "rule")
    return score_segment(panel, classify(panel), models, rule, horizon=4, scoring=SCORING).forecast


@pytest.mark.trials
def test_an_unchanged_plan_changes_nothing_exactly(trained_ensemble) -> None:
    """By a trained model, also where the plan is stored in another way."""
    panel, model = trained_ensemble
    models = {v: RegisteredModel(model, v, "1") for v in ("fast", "slow")}

    def score(asked: Panel) -> pd.DataFrame:
        rule = RegisteredModel(None, "rule")
        return score_segment(
            asked, classify(panel), models, rule, horizon=2, scoring=SCORING
        ).forecast

    price = panel.known_future["price"]
    dense = replace(price, values=price.dense(), index=np.arange(panel.n_series))
    same = replace(panel, known_future=panel.known_future | {"price": dense})
    told = what_if(score, panel, same, np.ones(panel.n_series, dtype=bool))
    assert len(told.rows) == panel.n_series * 2
    pd.testing.assert_frame_equal(told.before, score(panel), check_exact=True)
    pd.testing.assert_frame_equal(told.after, told.before, check_exact=True)
    assert told.rows[["effect", "effect_low", "effect_high"]].to_numpy().any() == np.False_
    assert not told.rows["is_changed"].any()
    assert told.familiarity.empty


def test_one_product_is_promoted_for_a_week(panel) -> None:
    changes = [Change.parse("promotion", "on"), Change.parse("price", "-50%")]
    chosen = (panel.series["product_id"] == "P02").to_numpy()
    told = what_if(_score, panel, replanned(panel, changes, chosen, 1), chosen)
    rows = told.rows.set_index(["product_id", "horizon"]).sort_index()
    mine = rows.loc["P02"].groupby(level=0)
    assert mine["effect"].unique().explode().tolist() == [10.0, 10.0, 0.0, 0.0]
    assert mine["is_changed"].all().tolist() == [True, False, False, False]
    assert (rows.drop("P02", level=0)["effect"] == 0).all()
    assert rows.loc[("P02", 2), "effect_error"].tolist() == pytest.approx([0.1505] * 2, abs=0.001)
    first = rows.loc[("P02", 1)]
    sold = first["order_quantity_after"]  # all of it: the forecast is one number
    assert first["price_given_up"].tolist() == pytest.approx((0.5 * sold).tolist(), rel=0.01)
    assert set(told.familiarity["column"]) == {"price", "promotion"}
    assert len(told.familiarity) == 2 * chosen.sum()
    assert (told.unseen, told.unanswered) == (2, 0)  # the price was never halved


def test_sums_have_the_intervals_of_totals(panel) -> None:
    chosen = np.ones(panel.n_series, dtype=bool)
    changed = replanned(panel, [Change.parse("promotion", "on")], chosen, 4)
    told = what_if(_score, panel, changed, chosen, before=_score(panel))
    total = told.total(told.rows["is_chosen"].to_numpy(), [])
    assert total["rows"] == panel.n_series * 4
    assert total["mean_before"] == total["q10_before"] == 10.0 * panel.n_series * 4
    assert total["mean_after"] == total["q90_after"] == 20.0 * panel.n_series * 4
    assert set(told.rows[KEY[0]]) == {"S01", "S02"}
