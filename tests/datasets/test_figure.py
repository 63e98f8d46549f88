from __future__ import annotations

import typing

from kedro_datasets._typing import PlotlyPreview

from demand_forecast.datasets.figure import FigureDataset


def test_a_figure_is_previewed_as_a_plot(tmp_path) -> None:
    figure = {"data": [{"type": "bar", "x": ["a"], "y": [1]}], "layout": {}}
    dataset = FigureDataset(filepath=str(tmp_path / "plot.json"))
    dataset.save(figure)
    assert dataset.load() == dataset.preview() == figure
    assert typing.get_type_hints(FigureDataset.preview)["return"] is PlotlyPreview
