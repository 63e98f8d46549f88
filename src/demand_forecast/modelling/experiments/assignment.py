"""Who gets which arm: by a hash that anybody can compute again, balanced within strata.

Stores are drawn once, when the experiment begins in their segment: within each stratum they are
sorted by the hash of the experiment's and their own name, and every k-th is taken, so that each
stratum has its share to within one store (systematic sampling from a random order; Cochran,
"Sampling techniques", 1977, chapter 8). What was drawn is kept: a store has its arm whatever comes
and goes around it, and one that comes later is drawn by its own hash alone.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.modelling.experiments.parameters import AB, SHADOW, Experiment
from demand_forecast.modelling.panel import Panel

CONTROL: Final = "control"
CHALLENGER: Final = "challenger"
SHADOWED: Final = "shadow"
DRAWN_COLUMNS: Final = ["experiment", "store_id", "size", "is_chosen"]
_SIZES: Final = 3
_YEAR: Final = 52
_HALF: Final = 0.5


def uniform(*names: str) -> float:
    """A number in [0, 1) that is the same for the same names, on any machine.

    >>> round(uniform("less_borrowing", "NTX001"), 4)
    0.9361
    """
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def store_sizes(panel: Panel) -> pd.DataFrame:
    """``store_id`` and ``size``, 0 to 2: the third that a store's demand of a year puts it in."""
    units = np.nansum(panel.demand[:, -_YEAR:], axis=1, dtype=np.float64)
    by_store = pd.Series(units).groupby(panel.series["store_id"].astype(str).to_numpy()).sum()
    rank = by_store.rank(method="first") - 1
    sizes = (_SIZES * rank // len(by_store)).astype(np.int64)
    return sizes.rename("size").rename_axis("store_id").reset_index()


def draw_stores(
    stores: pd.DataFrame, name: str, plan: Experiment, before: pd.DataFrame | None
) -> pd.DataFrame:
    """Which stores of a segment are chosen.

    Args:
        stores: From :func:`store_sizes`.
        name: Of the experiment.
        plan: Of an ``ab`` experiment the chosen are served by the challenger; of an interleaved one
            they are the half that begins.
        before: What was drawn earlier, of any experiments; None where nothing was.

    Returns:
        ``DRAWN_COLUMNS``, a row per store that there is or was.
    """
    drawn = None if before is None else before[before["experiment"] == name]
    share = _HALF if plan.share is None else plan.share
    if drawn is None or drawn.empty:
        return _balanced(stores, name, share)[DRAWN_COLUMNS]
    new = stores[~stores["store_id"].isin(drawn["store_id"])]
    chosen = [uniform(name, store) < share for store in new["store_id"]]
    joined = pd.concat([drawn, new.assign(experiment=name, is_chosen=chosen)], ignore_index=True)
    return joined.astype({"size": np.int64, "is_chosen": bool})[DRAWN_COLUMNS]


def _balanced(stores: pd.DataFrame, name: str, share: float) -> pd.DataFrame:
    hashed = stores.assign(
        experiment=name, hashed=[uniform(name, store) for store in stores["store_id"]]
    )
    ordered = hashed.sort_values(["size", "hashed"], ignore_index=True)
    steps = np.floor(uniform(name, "start") + share * np.arange(len(ordered) + 1))
    return ordered.assign(is_chosen=np.diff(steps) > 0)


def arms(
    name: str, plan: Experiment, chosen: pd.Series[bool], weeks: pd.Series[pd.Timestamp]
) -> pd.Series[str]:
    """The arm of some rows.

    The weeks of an interleaved experiment go in pairs. In each pair every store has either arm
    once; which half of the stores begins is tossed for each pair anew, by hash, so that the arms
    share no rhythm with anything that comes every other week.

    Args:
        name: Of the experiment.
        plan: It.
        chosen: ``(rows,)`` whether the row's store is chosen.
        weeks: ``(rows,)`` last day of the row's week.
    """
    if plan.kind == SHADOW:
        return pd.Series(CONTROL, index=weeks.index, dtype=str)
    is_challenger = chosen.to_numpy(bool)
    if plan.kind != AB:
        number = plan.number(weeks)
        tossed = {pair: uniform(name, f"pair {pair}") < _HALF for pair in set(number // 2)}
        turned = (number // 2).map(tossed).to_numpy(bool) ^ (number % 2 == 1).to_numpy(bool)
        is_challenger = is_challenger ^ turned
    return pd.Series(np.where(is_challenger, CHALLENGER, CONTROL), index=weeks.index, dtype=str)
