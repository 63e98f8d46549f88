"""Models that need no training, and where they come from, for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from demand_forecast.modelling.decisions.overrides import Override
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import POINTS, QUANTILES, forecast_frame


def lineage(**known: object) -> Lineage:
    """Where a model of ``north_texas.large`` comes from, as far as a test cares."""
    origin = {
        "kind": "ensemble",
        "region": "north_texas",
        "store_format": "large",
        "as_of": "2024-12-28",
        "panel_digest": "whole",
        "training_digest": "part",
        "series": 6,
        "weeks": 70,
    }
    return Lineage.model_validate(origin | known)


class Constant:
    """Answers the same number for every series and week."""

    def __init__(self, units: float = 10.0) -> None:
        self.units = units

    def fit(self, panel: Panel) -> Self:
        return self

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        shape = (panel.n_series, horizon)
        points = {name: np.full(shape, self.units) for name in POINTS}
        return forecast_frame(panel, as_of, np.full((*shape, len(QUANTILES)), self.units), points)

    def save(self, directory: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, directory: Path) -> Self:
        raise NotImplementedError


class Blended(Constant):
    """A blend whose members answer less and more than itself."""

    def predict_members(
        self, panel: Panel, origins: Sequence[pd.Timestamp], horizon: int
    ) -> Iterator[dict[str, pd.DataFrame]]:
        units = {"lasso": self.units - 1, "network": self.units + 1, "ensemble": self.units}
        for origin in origins:
            yield {n: Constant(u).predict(panel, origin, horizon) for n, u in units.items()}


class Incomplete(Constant):
    """Forgets the last row, as a model with a fault might."""

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        return super().predict(panel, as_of, horizon).iloc[:-1]


def override(**changes: Any) -> Override:
    """A planner's factor of 2 for a whole segment, in the week after that of the small panels."""
    week = date(2025, 1, 4)
    values = {
        "id": "a",
        "segment": "north_texas.large",
        "first_week": week,
        "last_week": changes.get("first_week", week),
        "owner": "ann",
        "reason": "promotion",
        "made_at": datetime(2024, 12, 30, tzinfo=UTC),
    }
    if "amount" not in changes:
        values["factor"] = 2.0
    return Override.model_validate(values | changes)


class Doubles(Constant):
    """Answers 10 units, and twice as many in weeks of a promotion and the week after."""

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        frame = super().predict(panel, as_of, horizon)
        promotion = panel.known_future["promotion"].dense()[:, panel.n_weeks :] > 0
        after = np.pad(promotion, ((0, 0), (1, 0)))[:, :-1]
        double = (promotion | after)[:, :horizon].reshape(-1)
        names = [*POINTS, *QUANTILES]
        frame.loc[double, names] *= 2
        return frame
