from __future__ import annotations

import pytest

from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.plots import plot_backtest
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.models.baseline import HistoricalAverage, SeasonalNaive
from demand_forecast.modelling.models.figures import plot_effects


@pytest.fixture
def frame(trained_ensemble):
    panel, ensemble = trained_ensemble
    models = {
        "ensemble": ensemble,
        "historical_average": HistoricalAverage().fit(panel),
        "seasonal_naive": SeasonalNaive().fit(panel),
    }
    return backtest(models, panel, rolling_origins(panel, 3, 2, 1), 2)


def test_the_backtest_shows_demand_and_what_each_model_said(trained_ensemble, frame, tmp_path):
    figure = plot_backtest(frame)
    [axes] = figure.axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["demand", "ensemble", "historical average", "seasonal naive"]
    assert axes.get_ylabel() == "units per week"
    assert axes.get_title() == "One week ahead, all series together"
    demand = axes.get_lines()[0].get_ydata()
    panel = trained_ensemble[0]
    assert demand == pytest.approx(panel.demand[:, -4:-1].sum(axis=0))  # weeks one ahead of origins
    said = axes.get_lines()[1].get_ydata()
    mine = frame[(frame["model"] == "ensemble") & (frame["horizon"] == 1)]
    assert said == pytest.approx(mine.groupby("week")["mean"].sum().to_numpy())
    figure.savefig(tmp_path / "backtest.png")
    assert (tmp_path / "backtest.png").read_bytes()[1:4] == b"PNG"


def test_a_model_that_was_not_tried_is_not_drawn(frame):
    [axes] = plot_backtest(frame[frame["model"] != "seasonal_naive"]).axes
    assert len(axes.get_lines()) == 3


def test_effects_are_the_largest_and_readable(trained_ensemble):
    model = trained_ensemble[1]
    table = model.members_["lasso"].coefficients_
    [axes] = plot_effects(table, n=5).axes
    table = table.head(5)
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == table["feature"].tolist()[::-1]  # the largest on top
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx(table["usual_effect"].tolist()[::-1])
    assert "per cent" in axes.get_xlabel()
