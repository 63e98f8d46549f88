"""Models that need no training, for tests of what is done with models."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import POINTS, QUANTILES, forecast_frame


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
        self, panel: Panel, as_of: pd.Timestamp, horizon: int
    ) -> dict[str, pd.DataFrame]:
        units = {"lasso": self.units - 1, "network": self.units + 1, "ensemble": self.units}
        return {n: Constant(u).predict(panel, as_of, horizon) for n, u in units.items()}


class Incomplete(Constant):
    """Forgets the last row, as a model with a fault might."""

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        return super().predict(panel, as_of, horizon).iloc[:-1]
