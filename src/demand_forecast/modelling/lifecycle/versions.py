"""Which stored version of a dataset the training of a model has made, or read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import pandas as pd

from demand_forecast.modelling.evaluation.backtest import BACKTEST_COLUMNS
from demand_forecast.modelling.evaluation.metrics import mape
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.models.kinds import ENSEMBLE

_TRIES: Final = 12
T = TypeVar("T")
Versions = Mapping[str, Callable[[], T]]


def nearest(past: Versions[T], moment: datetime | None) -> Iterator[tuple[str, T]]:
    """The dozen versions nearest to a past moment, the likeliest first; each is read when asked.

    Versions are named by the start of their run, so what a training has stored is the newest one
    from before the model was registered, unless runs overlapped.

    Args:
        past: How to load each version, by name.
        moment: When the model was registered; without it the newest comes first.

    Yields:
        Its name and what it holds; what cannot be read is left out.
    """
    names = sorted(past, reverse=True)
    stamp = "~" if moment is None else _stamp(moment)
    for name in sorted(names, key=lambda name: name > stamp)[:_TRIES]:
        try:
            version = past[name]()
        except Exception:  # noqa: S112 - what cannot be read is not what is looked for
            continue
        yield name, version


def _stamp(moment: datetime) -> str:
    """As Kedro writes it, with milliseconds that come after all of that second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H.%M.%S.999Z")


def readable(past: Versions[Any] | None, newest: int, warn: Callable[[str], None]) -> list[Any]:
    """The newest versions that can be read, the oldest first.

    Args:
        past: How to load each version, by name; None where there is none.
        newest: How many are read at most.
        warn: Told of each version that cannot be read: it is left out, and the work goes on.
    """
    tables = []
    for name in sorted(past or {})[-newest:]:
        try:
            tables.append((past or {})[name]())
        except Exception as error:  # whatever it is, one old file stops nothing
            warn(f"version {name} cannot be read and is left out: {error}")
    return tables


def earlier(
    past: Versions[pd.DataFrame] | None, as_of: pd.Timestamp, warn: Callable[[str], None]
) -> pd.DataFrame | None:
    """The newest stored forecasts that were made with less history; None where there are none.

    Args:
        past: How to load each version, by name.
        as_of: Last week of history of today's.
        warn: Told of each version that cannot be read.
    """
    for name, load in sorted((past or {}).items(), reverse=True):
        tables: list[pd.DataFrame] = readable({name: load}, 1, warn)
        if tables and (tables[0]["as_of"] < as_of).all():
            return tables[0]
    return None


def judged_on(lineage: Lineage | None, past: Versions[pd.DataFrame]) -> pd.DataFrame:
    """The backtest by which a model was judged: that of its training, with its validated MAPE.

    Args:
        lineage: Of the model; None where it is not known.
        past: How to load each stored backtest, by version.

    Returns:
        The ensemble's rows; none where that backtest is not known, or no longer there.
    """
    version = None if lineage is None else judging_version(lineage, past)
    return pd.DataFrame(columns=BACKTEST_COLUMNS) if version is None else version[1]


def judging_version(
    lineage: Lineage, past: Versions[pd.DataFrame]
) -> tuple[str, pd.DataFrame] | None:
    """Name and rows of the backtest by which a model was judged, see :func:`judged_on`.

    Args:
        lineage: Of the model.
        past: How to load each stored backtest, by version.
    """
    if lineage.validated_mape is None:
        return None
    for name, backtest in nearest(past, lineage.trained_at):
        rows = backtest[backtest["model"] == ENSEMBLE]
        if math.isclose(mape(rows["actual"], rows["mape_point"]), lineage.validated_mape):
            return name, rows
    return None
