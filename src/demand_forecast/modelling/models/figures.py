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
    figure, axes = new_figure(left=0.42)
    largest = coefficients.head(n)[::-1]
    axes.barh(largest["feature"], largest["usual_effect"])
    axes.set_title("Largest effects")
    axes.set_xlabel("per cent of demand per standard deviation")
    axes.tick_params(axis="y", labelsize="x-small")
    return figure


def new_figure(left: float) -> tuple[Figure, Axes]:
    """A figure of the usual size with one set of axes.

    Args:
        left: Margin on the left, as a share of the width.
    """
    # Figure directly: pyplot would keep every figure alive and pick a screen backend.
    from matplotlib.figure import Figure as _Figure

    # Fixed margins: a layout that measures its labels draws everything twice.
    figure = _Figure(figsize=(8, 4.5))
    figure.subplots_adjust(left=left, right=0.97, top=0.92, bottom=0.15)
    return figure, figure.subplots()
