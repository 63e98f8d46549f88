"""The dense weekly panel of one segment: what every model sees.

Arrays are ``series x weeks``, float32, and hold each fact once: a covariate that is the same for
all series of a store has one row per store and an index, so a lag is a slice and a rolling mean a
difference of cumulative sums.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.numpy import load_file

from demand_forecast.modelling.arrays import BoolArray, FloatArray, IntArray, Weeks, save_arrays

FACTS = "panel.json"
_SERIES, _ARRAYS = "series.parquet", "arrays.safetensors"
KEY = ["store_id", "product_id"]


class Group(StrEnum):
    """The part of a forecast that something belongs to; explanations have one column for each."""

    LEVEL = "level"
    SEASON = "season"
    PRICE_AND_PROMOTION = "price_and_promotion"
    WEATHER = "weather"
    EVENTS = "events"
    STORE = "store"
    PRODUCT = "product"


CovariateKind = Literal["price", "flag", "level", "event", "weather"]
PlanGroup = Literal[Group.PRICE_AND_PROMOTION, Group.WEATHER, Group.EVENTS]


@dataclass(frozen=True)
class Covariate:
    """One time-varying covariate, stored once per group of series.

    Attributes:
        values: ``(groups, weeks + future)`` for a known-future covariate, ``(groups, weeks)`` for
            an observed one; NaN where unknown.
        index: ``(series,)`` row of ``values`` that belongs to each series.
        group: What its effect counts as in an explanation: where it came from, not how it is named.
        kind: What its values are, where somebody has said so; else they decide themselves.
    """

    values: FloatArray
    index: IntArray
    group: PlanGroup = Group.PRICE_AND_PROMOTION
    kind: CovariateKind | None = None

    def dense(self) -> FloatArray:
        """Values per series, ``(series, weeks...)``."""
        return self.values[self.index]


@dataclass(frozen=True)
class IssuedForecast:
    """A covariate known only as forecasts (weather): what was issued, when, for which lead.

    Attributes:
        issued: ``(groups, weeks, leads)``: at ``[g, t, l]`` the forecast known at the end of week
            ``t`` for week ``t + l + 1``; NaN where none had been issued.
        observed: ``(groups, weeks)`` what came; only past weeks may be read by a model.
        index: ``(series,)`` row of the group of each series.
    """

    issued: FloatArray
    observed: FloatArray
    index: IntArray


@dataclass(frozen=True)
class Panel:
    """Dense weekly history of one segment and what is already planned for the coming weeks.

    Attributes:
        series: One row per series; columns ``store_id``, ``product_id`` and any static covariates
            (``category``, ``unit_price``, store demographics...), text or float.
        weeks: ``(weeks + future,)`` week-ending dates, ascending, seven days apart.
        demand: ``(series, weeks)`` delivered less returned units; NaN where the product was not
            delivered to the store, and in weeks that are outliers.
        delivered: ``(series, weeks)`` delivered units; NaN likewise.
        censored: ``(series, weeks)`` True where nothing came back (sold out): demand was at least
            what was delivered. All False where the region has no returns source.
        known_future: Plans by name (price, promotion, events), ``(groups, weeks + future)`` each.
        observed: Covariates known only afterwards, ``(groups, weeks)`` each.
        weather: Covariates known as forecasts, by name (``temperature_c``, ``precipitation_mm``).
        region: Name of the region.
        store_format: Name of the store format.
        closed_stores: Ids of stores that have closed: part of the history, but of no forecast.
        source_digest: Digest of the tables it was built from; empty for a derived panel.
        directory: Folder it was loaded from; None for a panel that was built or derived.
        contract: Digest of the contract that it has met; empty for none.
    """

    series: pd.DataFrame
    weeks: Weeks
    demand: FloatArray
    delivered: FloatArray
    censored: BoolArray
    known_future: dict[str, Covariate] = field(default_factory=dict)
    observed: dict[str, Covariate] = field(default_factory=dict)
    weather: dict[str, IssuedForecast] = field(default_factory=dict)
    region: str = ""
    store_format: str = ""
    closed_stores: tuple[str, ...] = ()
    # Not of __init__, so that `replace` hands none of them on: a derived panel is another one.
    source_digest: str = field(default="", init=False, compare=False)
    directory: Path | None = field(default=None, init=False, compare=False)
    contract: str = field(default="", init=False, compare=False)

    @property
    def n_series(self) -> int:
        """Number of series."""
        return int(self.demand.shape[0])

    @property
    def n_weeks(self) -> int:
        """Number of weeks of history."""
        return int(self.demand.shape[1])

    @property
    def n_future(self) -> int:
        """Number of weeks after the history for which plans are held."""
        return len(self.weeks) - self.n_weeks

    @property
    def as_of(self) -> pd.Timestamp:
        """Last week of history."""
        return pd.Timestamp(self.weeks[self.n_weeks - 1])

    @property
    def active(self) -> BoolArray:
        """``(series, weeks)`` True where the product was delivered to the store."""
        return np.isfinite(self.demand)

    @property
    def outliers(self) -> BoolArray:
        """``(series, weeks)`` True where a delivery cannot be right, so that demand is unknown."""
        return np.isfinite(self.delivered) & ~np.isfinite(self.demand)

    @property
    def digest(self) -> str:
        """SHA-256 of the content; equal data have equal digests, wherever they are stored."""
        sha = hashlib.sha256()
        for name, array in sorted(self._arrays().items()):
            sha.update(f"{name}{array.shape}{array.dtype}".encode())
            sha.update(np.ascontiguousarray(array).tobytes())
        sha.update(self.series.to_csv(index=False).encode())
        if self.closed_stores:
            sha.update(json.dumps(self.closed_stores).encode())
        return sha.hexdigest()

    def until(self, as_of: pd.Timestamp | np.datetime64, max_future: int | None = None) -> Panel:
        """The panel as it could be known at the end of week ``as_of``: later history is cut off.

        Plans (``known_future``) stay, up to ``max_future`` weeks ahead (default: all held).

        Raises:
            KeyError: If ``as_of`` is not a week of the history.
        """
        position = self.week_position(as_of)
        n = position + 1
        end = len(self.weeks) if max_future is None else min(len(self.weeks), n + max_future)
        return replace(
            self,
            weeks=self.weeks[:end],
            demand=self.demand[:, :n],
            delivered=self.delivered[:, :n],
            censored=self.censored[:, :n],
            known_future={
                k: replace(c, values=c.values[:, :end]) for k, c in self.known_future.items()
            },
            observed={k: replace(c, values=c.values[:, :n]) for k, c in self.observed.items()},
            weather={
                k: replace(w, issued=w.issued[:, :n], observed=w.observed[:, :n])
                for k, w in self.weather.items()
            },
        )

    def select(self, rows: BoolArray | IntArray) -> Panel:
        """The panel of some of its series, by mask or by position."""
        positions = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return replace(
            self,
            series=self.series.iloc[positions].reset_index(drop=True),
            demand=self.demand[positions],
            delivered=self.delivered[positions],
            censored=self.censored[positions],
            known_future={
                k: replace(c, index=c.index[positions]) for k, c in self.known_future.items()
            },
            observed={k: replace(c, index=c.index[positions]) for k, c in self.observed.items()},
            weather={k: replace(w, index=w.index[positions]) for k, w in self.weather.items()},
        )

    def week_position(self, week: pd.Timestamp | np.datetime64) -> int:
        """Column of ``week`` in the history.

        Raises:
            KeyError: If it is not a week of the history.
        """
        day = pd.Timestamp(week).to_datetime64().astype("datetime64[D]")
        position = int(np.searchsorted(self.weeks[: self.n_weeks], day))
        if position >= self.n_weeks or self.weeks[position] != day:
            first, last = self.weeks[0], self.weeks[self.n_weeks - 1]
            raise KeyError(f"{day} is not a week of this panel ({first} to {last})")
        return position

    def to_frame(self) -> pd.DataFrame:
        """Long table, one row per series and week with a delivery (keys, demand, plans)."""
        rows, cols = np.nonzero(self.active)
        frame = self.series[KEY].iloc[rows].reset_index(drop=True)
        frame["week"] = self.weeks[cols]
        frame["delivered"] = self.delivered[rows, cols]
        frame["demand"] = self.demand[rows, cols]
        frame["censored"] = self.censored[rows, cols]
        for name, covariate in (self.known_future | self.observed).items():
            frame[name] = covariate.values[covariate.index[rows], cols]
        return frame

    def note(self, **facts: str | Path) -> Panel:
        """Note ``source_digest``, ``directory`` or ``contract`` of this panel; returns it."""
        for name, fact in facts.items():
            object.__setattr__(self, name, fact)
        return self

    def save(self, directory: Path) -> None:
        """Write ``series.parquet``, ``arrays.safetensors`` and ``panel.json`` into a directory."""
        if self.directory is not None:
            for name in (_SERIES, _ARRAYS):
                shutil.copy(self.directory / name, directory)
        else:
            self.series.to_parquet(directory / _SERIES, index=False)
            arrays = {k: np.ascontiguousarray(v) for k, v in self._arrays().items()}
            save_arrays(directory / _ARRAYS, arrays)
        held = self._covariates()
        meta = {
            "region": self.region,
            "store_format": self.store_format,
            "digest": self.digest,
            "source_digest": self.source_digest,
            "contract": self.contract,
            "groups": {role: {k: c.group for k, c in mine.items()} for role, mine in held},
            "closed_stores": list(self.closed_stores),
            "kinds": {role: {k: c.kind for k, c in mine.items()} for role, mine in held},
        }
        (directory / FACTS).write_text(json.dumps(meta, indent=2, sort_keys=True))

    @classmethod
    def load(cls, directory: Path) -> Panel:
        """Read what :meth:`save` wrote."""
        arrays = load_file(str(directory / _ARRAYS))
        meta = json.loads((directory / FACTS).read_text())
        parts = _parts(arrays)
        for role, groups in meta.get("groups", {}).items():  # without: stored by an older version
            for name, group in groups.items():
                parts[role][name]["group"] = Group(group)
        for role, kinds in meta.get("kinds", {}).items():
            for name, kind in kinds.items():
                parts[role][name]["kind"] = kind
        return cls(
            series=pd.read_parquet(directory / _SERIES),
            weeks=arrays["weeks"].astype("datetime64[D]"),
            demand=arrays["demand"],
            delivered=arrays["delivered"],
            censored=arrays["censored"].astype(bool),
            known_future={k: Covariate(**v) for k, v in parts["known_future"].items()},
            observed={k: Covariate(**v) for k, v in parts["observed"].items()},
            weather={k: IssuedForecast(**v) for k, v in parts["weather"].items()},
            region=meta["region"],
            store_format=meta["store_format"],
            closed_stores=tuple(meta.get("closed_stores", ())),
        ).note(
            source_digest=meta.get("source_digest", ""),
            directory=directory,
            contract=meta.get("contract", ""),
        )

    def _covariates(self) -> list[tuple[str, dict[str, Covariate]]]:
        return [("known_future", self.known_future), ("observed", self.observed)]

    def _arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "weeks": self.weeks.astype("datetime64[D]").astype(np.int64),
            "demand": self.demand,
            "delivered": self.delivered,
            "censored": self.censored.astype(np.uint8),
        }
        for kind, held in self._covariates():
            for name, covariate in held.items():
                arrays[f"{kind}:{name}:values"] = covariate.values
                arrays[f"{kind}:{name}:index"] = covariate.index
        for name, weather in self.weather.items():
            arrays[f"weather:{name}:issued"] = weather.issued
            arrays[f"weather:{name}:observed"] = weather.observed
            arrays[f"weather:{name}:index"] = weather.index
        return arrays


def _parts(arrays: dict[str, npt.NDArray[np.generic]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Stored arrays of covariates by kind, name and field; a name may hold any character."""
    parts: dict[str, dict[str, dict[str, Any]]] = {
        "known_future": {},
        "observed": {},
        "weather": {},
    }
    for key, array in arrays.items():
        kind, _, rest = key.partition(":")
        name, _, field_name = rest.rpartition(":")
        if kind in parts:
            parts[kind].setdefault(name, {})[field_name] = array
    return parts
