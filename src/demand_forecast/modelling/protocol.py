"""What every model of this project can do, and the frame in which it answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.panel import KEY, Panel

QUANTILES: Final[dict[str, float]] = {
    "q025": 0.025,
    "q10": 0.10,
    "q25": 0.25,
    "q50": 0.50,
    "q75": 0.75,
    "q90": 0.90,
    "q975": 0.975,
}
POINTS: Final[tuple[str, ...]] = ("mean", "median", "mape_point")
FORECAST_COLUMNS: Final[list[str]] = [*KEY, "week", "horizon", *POINTS, *QUANTILES]


@runtime_checkable
class Forecaster(Protocol):
    """A model of one segment: LASSO, network, their ensemble, a baseline.

    ``predict`` reads only ``panel.until(as_of)``: history up to ``as_of``, plans for the weeks
    after it and weather as issued by then. It returns one row per series of the panel and lead
    1..horizon, by series then lead, with the columns ``FORECAST_COLUMNS``: units per week, none
    negative. Series are told apart by store and product; the panel may hold some that ``fit`` has
    not seen.
    """

    def fit(self, panel: Panel) -> Self:
        """Learn from the whole history of ``panel``."""
        ...

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """Forecast the ``horizon`` weeks after ``as_of``."""
        ...

    def save(self, directory: Path) -> None:
        """Write the fitted model into ``directory`` as JSON and safetensors, no pickle."""
        ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what :meth:`save` wrote."""
        ...


@runtime_checkable
class Blend(Forecaster, Protocol):
    """A model made of others, which can show what each of them says."""

    def predict_members(
        self, panel: Panel, origins: Sequence[pd.Timestamp], horizon: int
    ) -> Iterator[dict[str, pd.DataFrame]]:
        """For each origin the forecasts by member, and of the blend itself under ``ensemble``.

        What came after an origin changes nothing in its forecasts.
        """
        ...


def forecast_frame(
    panel: Panel,
    as_of: pd.Timestamp,
    quantiles: npt.NDArray[np.floating],
    points: dict[str, npt.NDArray[np.floating]],
) -> pd.DataFrame:
    """Put forecasts into the common frame.

    Args:
        panel: The panel whose series are forecast.
        as_of: Last week of history that was used.
        quantiles: ``(series, horizon, 7)`` units at the levels of ``QUANTILES``.
        points: ``(series, horizon)`` units for each of ``POINTS``.
    """
    n_series, horizon, _ = quantiles.shape
    rows, leads = np.divmod(np.arange(n_series * horizon), horizon)
    weeks = pd.Timestamp(as_of) + pd.to_timedelta(7 * np.arange(1, horizon + 1), unit="D")
    flat = quantiles.reshape(n_series * horizon, -1).astype(np.float64)
    columns: dict[str, Any] = {key: panel.series[key].array.take(rows) for key in KEY}
    columns |= {"week": weeks.take(leads), "horizon": leads + 1}
    columns |= {name: points[name].reshape(-1).astype(np.float64) for name in POINTS}
    columns |= {name: flat[:, column] for column, name in enumerate(QUANTILES)}
    return pd.DataFrame(columns)
