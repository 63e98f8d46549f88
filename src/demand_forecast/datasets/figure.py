"""Plotly figures as JSON, shown as plots by Kedro-Viz."""

from __future__ import annotations

from kedro_datasets._typing import PlotlyPreview

from demand_forecast.datasets.atomic import JSONDataset


class FigureDataset(JSONDataset):
    """A figure as Plotly's JSON: a dictionary with ``data`` and ``layout``.

    Kedro's own dataset wants a ``plotly`` object, whose import and checks would cost more than the
    work of a segment's smaller stages.
    """

    def preview(self) -> PlotlyPreview:
        """The figure, for Kedro-Viz."""
        return PlotlyPreview(self.load())
