"""Fast and slow products of a segment, told apart by a rule that does not flip from week to week.

The rule is the ABC (Pareto) analysis of inventory control (Silver, Pyke & Thomas, *Inventory and
Production Management in Supply Chains*, 4th ed., 2017, section 2.4): products are ranked by the
units a store that carries them sells per week, and the fast ones are those at the top that together
make up a share of the segment's volume. The cut is relative, so a segment of small stores has fast
products too, and it is turned into a threshold in units per store and week, around which lies a
band: a product that had a class keeps it until its own rate leaves the band on the other side (a
Schmitt trigger).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.parameters import Parameters

FAST: Final = "fast"
SLOW: Final = "slow"
VELOCITIES: Final[tuple[str, str]] = (FAST, SLOW)
ROUNDING: Final = 1e-9  # so that ten equal products cut at 80 % are eight and two


class VelocityParameters(Parameters):
    """Where fast products end and slow ones begin."""

    window_weeks: PositiveInt = Field(
        default=52,
        description="Trailing weeks that count; a year, so that no product flips with the season.",
    )
    volume_share: float = Field(
        default=0.8,
        gt=0,
        lt=1,
        description="Share of the segment's units that the fast products make up.",
    )
    hysteresis: float = Field(
        default=0.15,
        ge=0,
        description="Half-width of the band as a share of the threshold: a product keeps its class "
        "between threshold / (1 + hysteresis) and threshold * (1 + hysteresis).",
    )


_DEFAULTS = VelocityParameters()


def classify(
    panel: Panel,
    parameters: VelocityParameters = _DEFAULTS,
    previous: pd.Series[str] | None = None,
) -> pd.DataFrame:
    """Velocity of each series; all series of a product share their product's class.

    Both classes occur whenever two products of the segment differ in rate, unless ``previous``
    holds the last product of one class on its side of the band.

    Args:
        panel: The segment as known now (``panel.until(as_of)``): all of its history may be read.
        parameters: Window, share and band.
        previous: Last known class by ``product_id`` (see :func:`by_product`); products that it does
            not list are classed by the threshold alone.

    Returns:
        ``store_id``, ``product_id``, ``velocity`` (``fast`` or ``slow``) and ``mean_weekly_demand``
        (the product's units per carrying store and week; 0 where never delivered), one row per
        series in the panel's order.

    Raises:
        ConfigurationError: If ``previous`` holds another word.
    """
    _check_words(previous)
    rates = _product_rates(panel, parameters.window_weeks)
    cut = threshold(rates["rate"], rates["volume"], parameters.volume_share)
    classes = _with_memory(rates["rate"], cut, parameters.hysteresis, previous)
    table = panel.series[KEY].reset_index(drop=True)
    table["velocity"] = table["product_id"].map(classes)
    table["mean_weekly_demand"] = table["product_id"].map(rates["rate"])
    return table


def by_product(table: pd.DataFrame) -> pd.Series[str]:
    """Class by ``product_id`` of a table from :func:`classify`: the next run's ``previous``."""
    return table.drop_duplicates("product_id").set_index("product_id")["velocity"]


def threshold(rates: pd.Series[float], volumes: pd.Series[float], volume_share: float) -> float:
    """Rate that parts the products making up ``volume_share`` of the volume from the rest.

    It lies half-way (in logs) between the slowest fast and the fastest slow product; where all
    products tie, or nothing was sold, it is their middle rate.

    Args:
        rates: Units per carrying store and week, by product.
        volumes: Units in the window, by product.
        volume_share: Share of the volume of the fast products, between 0 and 1.
    """
    order = rates.sort_values(ascending=False, kind="stable").index
    levels = rates[order].to_numpy(dtype=np.float64)
    units = volumes[order].to_numpy(dtype=np.float64)
    gaps = np.flatnonzero(levels[:-1] > levels[1:]) + 1
    total = units.sum()
    if len(gaps) == 0 or total <= 0:
        return float(levels[len(levels) // 2])
    before = np.subtract(np.cumsum(units), units) / total
    n_fast = np.count_nonzero(before < volume_share - ROUNDING)
    cut = int(gaps[np.argmin(np.abs(gaps - n_fast))])
    lowest_fast, highest_slow = float(levels[cut - 1]), float(levels[cut])
    return float(np.sqrt(lowest_fast * highest_slow)) if highest_slow > 0 else lowest_fast / 2


def _product_rates(panel: Panel, window_weeks: int) -> pd.DataFrame:
    """Rate and volume by product in the window; over all weeks for a product not seen in it."""
    windows = {
        "recent": panel.demand[:, -window_weeks:].clip(min=0),
        "ever": panel.demand.clip(min=0),
    }
    parts: dict[str, Any] = {"product_id": panel.series["product_id"].to_numpy()}
    for name, cells in windows.items():
        parts[f"{name}_units"] = np.nansum(cells, axis=1, dtype=np.float64)
        parts[f"{name}_cells"] = np.isfinite(cells).sum(axis=1)
    sums = pd.DataFrame(parts).groupby("product_id", sort=False).sum()
    recent = sums["recent_units"] / sums["recent_cells"].where(sums["recent_cells"] > 0)
    ever = sums["ever_units"] / sums["ever_cells"].where(sums["ever_cells"] > 0)
    return pd.DataFrame(
        {"rate": recent.fillna(ever).fillna(0.0), "volume": sums["recent_units"]}, index=sums.index
    )


def _with_memory(
    rates: pd.Series[float], cut: float, hysteresis: float, previous: pd.Series[str] | None
) -> pd.Series[str]:
    """Classes by the threshold, or by the far side of the band for products that had one."""
    before = None if previous is None else previous.reindex(rates.index)
    limit = pd.Series(cut, index=rates.index, dtype=float)
    if before is not None:
        limit = limit.mask(before == FAST, cut / (1 + hysteresis))
        limit = limit.mask(before == SLOW, cut * (1 + hysteresis))
    fast = (rates >= limit) & (rates > 0)
    words = [FAST if is_fast else SLOW for is_fast in fast]
    return pd.Series(words, index=rates.index, name="velocity")


def _check_words(previous: pd.Series[str] | None) -> None:
    words = set() if previous is None else {str(word) for word in previous.unique()}
    unknown = sorted(words - set(VELOCITIES))
    if unknown:
        raise ConfigurationError(
            f"previous velocities hold '{unknown[0]}'. {did_you_mean(unknown[0], VELOCITIES)}"
        )
