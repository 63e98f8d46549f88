from __future__ import annotations

import pytest
from plotly import graph_objects as go

from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.plots import draw_backtest, draw_forecast, plot_backtest
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


def test_the_plotly_figure_of_a_backtest_shows_the_same_lines(frame):
    figure = go.Figure(draw_backtest(frame))  # which refuses what is no valid figure
    assert [line.name for line in figure.data] == ["demand", "ensemble", "historical average"]
    [axes] = plot_backtest(frame).axes
    for drawn, plotted in zip(figure.data, axes.get_lines(), strict=False):
        assert drawn.y == pytest.approx(plotted.get_ydata(), abs=0.005)


def test_an_empty_backtest_gives_an_empty_figure(frame):
    figure = go.Figure(draw_backtest(frame.iloc[:0]))
    assert [line.name for line in figure.data] == ["demand"]
    assert len(figure.data[0].x) == 0


def test_the_forecast_is_that_of_the_largest_series_with_its_intervals(trained_ensemble):
    panel, ensemble = trained_ensemble
    forecast = ensemble.predict(panel, panel.as_of, 2)
    figure = go.Figure(draw_forecast(panel, forecast))
    demand, wide, narrow, mean = figure.data
    store, product = forecast.groupby(["store_id", "product_id"])["mean"].sum().idxmax()
    rows = forecast[(forecast["store_id"] == store) & (forecast["product_id"] == product)]
    assert store in figure.layout.title.text
    assert mean.y == pytest.approx(rows["mean"].to_numpy(), abs=0.005)
    [row] = panel.series.index[
        (panel.series["store_id"] == store) & (panel.series["product_id"] == product)
    ]
    assert demand.y == pytest.approx(panel.demand[row, : panel.n_weeks][-26:], abs=0.005)
    for band, lower, upper in ((wide, "q025", "q975"), (narrow, "q10", "q90")):
        ends = [*rows[upper], *rows[lower][::-1]]
        assert band.y == pytest.approx(ends, abs=0.005)
        assert band.x[0] == band.x[-1]


def test_where_nothing_is_forecast_the_figure_says_so(trained_ensemble):
    panel, ensemble = trained_ensemble
    forecast = ensemble.predict(panel, panel.as_of, 2).iloc[:0]
    assert draw_forecast(panel, forecast)["layout"]["title"]["text"] == "No series is forecast"
