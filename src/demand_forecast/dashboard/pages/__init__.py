"""One page per question; each draws what :mod:`demand_forecast.dashboard.queries` has found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from demand_forecast.dashboard.pages import (
    experiments,
    forecast,
    health,
    orders,
    overrides,
    quality,
    today,
    training,
    value,
    what_if,
)

# By title: an icon of Material Symbols, and what draws the page.
PAGES: Final[dict[str, tuple[str, Callable[[], None]]]] = {
    "Today": ("today", today.draw),
    "Training": ("model_training", training.draw),
    "Model health": ("monitor_heart", health.draw),
    "Data quality": ("rule", quality.draw),
    "Forecast": ("show_chart", forecast.draw),
    "Orders": ("local_shipping", orders.draw),
    "Overrides": ("edit_note", overrides.draw),
    "Value": ("payments", value.draw),
    "Experiments": ("science", experiments.draw),
    "What if": ("alt_route", what_if.draw),
}
