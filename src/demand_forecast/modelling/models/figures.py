"""Figures that travel with a model to where it is logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_effects(coefficients: pd.DataFrame, n: int = 15) -> Figure:
    """The largest effects of a linear model.

    Args:
        coefficients: ``feature`` and ``usual_effect`` (per cent of demand for one standard
            deviation), those that move most first.
        n: How many to show.
    """
    figure, axes = new_figure("Largest effects", left=0.42)
    largest = coefficients.head(n)[::-1]
    axes.barh(largest["feature"], largest["usual_effect"])
    axes.set_xlabel("per cent of demand per standard deviation")
    axes.tick_params(axis="y", labelsize="x-small")
    return figure


def new_figure(title: str, left: float) -> tuple[Figure, Axes]:
    """A figure of the usual size with one set of axes.

    Args:
        title: Above the axes.
        left: Margin on the left, as a share of the width.
    """
    # Figure directly: pyplot would keep every figure alive and pick a screen backend.
    from matplotlib.figure import Figure as _Figure

    # Fixed margins and places: what looks for room lays out every label once more.
    figure = _Figure(figsize=(8, 4.5))
    figure.subplots_adjust(left=left, right=0.97, top=0.92, bottom=0.15)
    axes = figure.subplots()
    axes.set_title(title, y=1.0)
    axes.xaxis.set_label_coords(0.5, -0.1)
    axes.yaxis.set_label_coords(-0.08, 0.5)
    return figure, axes
