"""Data sets of the suite: what a YAML says of one, and its files as a panel."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from pydantic import Field

from demand_forecast.modelling.arrays import BoolArray, FloatArray, Weeks
from demand_forecast.modelling.panel import (
    KEY,
    Covariate,
    CovariateKind,
    Group,
    Panel,
    PlanGroup,
)
from demand_forecast.modelling.parameters import Parameters

FOLDER = Path(__file__).with_name("sets")
_GROUPS: dict[CovariateKind, PlanGroup] = {"event": Group.EVENTS, "weather": Group.WEATHER}
_DAY = np.timedelta64(1, "D")


class CovariateParameters(Parameters):
    """A column that varies with time."""

    role: Literal["known_future", "observed"] = Field(
        "known_future", description="Known ahead, or only afterwards."
    )
    kind: CovariateKind | None = Field(None, description="What its values are, where declared.")
    group: PlanGroup | None = Field(None, description="Its part of an explanation.")
    by: Literal["series", "store", "product", "week"] = Field(
        "series", description="What has one value in a week."
    )


class SoldOutParameters(Parameters):
    """A week is sold out where a column is below a limit."""

    column: str = Field(description="A column of the file.")
    below: float = Field(description="The limit.")


class SampleParameters(Parameters):
    """A part of the series that is always the same: those whose hash is low."""

    by: list[str] = Field(KEY, description="Keys that are drawn: stores, products or series.")
    share: float = Field(gt=0, le=1, description="Share of them that is kept.")


class RoundParameters(Parameters):
    """Blocks of weeks at the end of which a model is tried, counted from the end of the data."""

    first: int = Field(0, ge=0, description="Weeks after the newest block.")
    last: int = Field(0, ge=0, description="Weeks after the oldest block.")
    step: int = Field(8, ge=1, description="Weeks between two blocks.")
    every: int = Field(1, ge=1, description="Of these each k-th is run; `--full` runs them all.")


class ProtocolParameters(Parameters):
    """When models are fitted and what they forecast."""

    leads: list[int] = Field([1, 2], description="Weeks ahead.")
    origins: int = Field(8, ge=1, description="Origins of a block; fitted at the first of them.")
    before_end: int = Field(1, ge=1, description="Weeks from the last origin to the block's end.")
    rounds: RoundParameters = Field(RoundParameters(), description="The blocks.")


class SetParameters(Parameters):
    """A data set: its columns, which rows count, and its protocol."""

    file: str = Field("weekly.parquet", description="Its table.")
    reader: Literal["table", "orange_juice"] = Field("table", description="How it is read.")
    attributes_of: list[str] = Field([], description="Files with more columns, joined by key.")
    columns: dict[str, str] = Field({}, description="Names in the file by the panel's names.")
    week_shift: int = Field(6, description="Days from the date of a week to the last of it.")
    sold_out: SoldOutParameters | None = Field(None, description="Which weeks are sold out.")
    covariates: dict[str, CovariateParameters] = Field({}, description="Columns by name.")
    attributes: list[str] = Field([], description="Columns that say something of a series.")
    segment: str | None = Field(None, description="Attribute; numbers are cut into thirds.")
    min_mean: float = Field(0, description="Series with a lower mean of demand are left out.")
    sample: SampleParameters | None = Field(None, description="The part of the series that is run.")
    simulated: str | None = Field(None, description="Setting of the simulator, in place of a file.")
    scored: Literal["positive", "all"] = Field("all", description="Weeks that count.")
    mape_from: float = Field(0, description="Least demand of a week that counts for the MAPE.")
    protocol: ProtocolParameters = Field(ProtocolParameters(), description="The protocol.")


@dataclass(frozen=True)
class DataSet:
    """A set that was read.

    Attributes:
        name: Its name.
        parameters: What its YAML says.
        panel: Its data.
        segment: ``(series,)`` names of the segments whose coverage is looked at.
        truth: ``(series, weeks)`` demand as it really was, where that is known.
    """

    name: str
    parameters: SetParameters
    panel: Panel
    segment: npt.NDArray[np.str_]
    truth: FloatArray | None = None


def declared(folder: Path = FOLDER) -> dict[str, SetParameters]:
    """What the YAML files of a folder say, by name."""
    files = sorted(folder.glob("*.yml"))
    return {
        file.stem: SetParameters.model_validate(yaml.safe_load(file.read_text())) for file in files
    }


def read(name: str, parameters: SetParameters, data: Path, full: bool = False) -> DataSet:
    """Read a set from its folder below ``data``."""
    if parameters.simulated:
        from simulated import simulated_set

        panel, truth = simulated_set(parameters.simulated)
        return DataSet(name, parameters, panel, _segments(panel, parameters.segment), truth)
    panel = panel_of(name, data / name, parameters, full)
    return DataSet(name, parameters, panel, _segments(panel, parameters.segment))


def panel_of(
    name: str, folder: Path, parameters: SetParameters | None = None, full: bool = True
) -> Panel:
    """The panel of a set whose files lie in a folder.

    Args:
        name: Name of the set.
        folder: Where its files are.
        parameters: What its YAML says; read if not given.
        full: Whether all series are kept.
    """
    own = parameters or declared()[name]
    table = READERS[own.reader](folder, own)
    if own.sample and not full:
        table = table[sampled(table, own.sample)]
    panel = to_panel(table, own, name)
    return panel.select(np.nanmean(panel.demand, axis=1) >= own.min_mean)


def read_table(folder: Path, parameters: SetParameters) -> pd.DataFrame:
    """The table of a set in the panel's names, with the columns of the other files."""
    table = pd.read_parquet(folder / parameters.file)
    for name in parameters.attributes_of:
        other = pd.read_parquet(folder / name)
        keys = [key for key in other.columns if key in ("store_id", "product_id")]
        new = [c for c in other.columns if c in keys or c not in table.columns]
        table = table.merge(other[new], on=keys, how="left")
    return table.rename(columns={old: new for new, old in parameters.columns.items()})


def read_orange_juice(folder: Path, parameters: SetParameters) -> pd.DataFrame:
    """Dominick's orange juice: a row for every brand of a store's week, since its prices are told.

    The price of every brand stands in the row of any brand of the store, its own row or not.
    """
    sales = pd.read_parquet(folder / parameters.file).rename(
        columns={"store": "store_id", "brand": "product_id", "units": "demand"}
    )
    prices = sales.groupby(["store_id", "week"])[[f"price{k}" for k in range(1, 12)]].first()
    prices.columns = pd.Index(range(1, 12))
    rows = prices.reset_index().melt(
        ["store_id", "week"], var_name="product_id", value_name="price"
    )
    rows = rows.astype({"product_id": int}).merge(
        sales[[*KEY, "week", "demand", "deal", "feat"]], on=[*KEY, "week"], how="left"
    )
    sold = rows.groupby(KEY)["demand"].transform("count") > 0
    stores = pd.read_parquet(folder / "storedemo.parquet").rename(columns={"store": "store_id"})
    first = np.datetime64("1989-09-14")
    rows["week"] = first + (7 * (rows["week"].to_numpy() - 1)) * _DAY
    return rows[sold].merge(stores, on="store_id", how="left")


READERS: dict[str, Callable[[Path, SetParameters], pd.DataFrame]] = {
    "table": read_table,
    "orange_juice": read_orange_juice,
}


def sampled(table: pd.DataFrame, sample: SampleParameters) -> BoolArray:
    """``(rows,)`` True for the rows of the part that is kept; a hash of the keys decides."""
    keys = table[sample.by].drop_duplicates()
    names = keys.astype(str).agg("/".join, axis=1)
    low = names.map(lambda name: zlib.crc32(name.encode()) / 2**32 < sample.share)
    rows = table[sample.by].merge(keys.assign(kept=low), on=sample.by, how="left")
    return rows["kept"].to_numpy(dtype=bool)


def to_panel(table: pd.DataFrame, parameters: SetParameters, name: str) -> Panel:
    """The panel of a long table with the columns of the key, ``week``, ``demand`` and others."""
    days = table["week"].to_numpy().astype("datetime64[D]") + parameters.week_shift * _DAY
    table = table.assign(week=days.astype("datetime64[s]"))
    series = pd.MultiIndex.from_frame(table[KEY].drop_duplicates()).sortlevel()[0]
    weeks = np.arange(days.min(), days.max() + _DAY, 7 * _DAY)
    demand = np.maximum(_dense(table, "demand", KEY, series, weeks), 0)
    censored = np.zeros(demand.shape, dtype=bool)
    if parameters.sold_out is not None:
        values = _dense(table, parameters.sold_out.column, KEY, series, weeks)
        censored = (values < parameters.sold_out.below) & np.isfinite(demand)
    covariates = {
        key: (own.role, _covariate(table, key, own, series, weeks))
        for key, own in parameters.covariates.items()
    }
    return Panel(
        series=_attributes(table, parameters.attributes, series),
        weeks=weeks,
        demand=demand,
        delivered=demand,
        censored=censored,
        known_future={k: c for k, (role, c) in covariates.items() if role == "known_future"},
        observed={k: c for k, (role, c) in covariates.items() if role == "observed"},
        region=name,
        store_format="all",
    )


def _attributes(table: pd.DataFrame, names: list[str], series: pd.MultiIndex) -> pd.DataFrame:
    """One row per series: the key as text, attributes as they are; numbers as floats."""
    values = table.groupby(KEY)[names].first().reindex(series).reset_index()
    numbers = [name for name in names if pd.api.types.is_numeric_dtype(values[name])]
    return values.astype(dict.fromkeys(KEY, str) | dict.fromkeys(numbers, float))


def _covariate(
    table: pd.DataFrame,
    name: str,
    parameters: CovariateParameters,
    series: pd.MultiIndex,
    weeks: Weeks,
) -> Covariate:
    keys = {"series": KEY, "store": KEY[:1], "product": KEY[1:], "week": []}[parameters.by]
    group = parameters.group or Group.PRICE_AND_PROMOTION
    if parameters.group is None and parameters.kind is not None:
        group = _GROUPS.get(parameters.kind, group)
    if not keys:
        values = table.groupby("week")[name].first().reindex(weeks).to_numpy(np.float32)[None]
        return Covariate(values, np.zeros(len(series), np.int64), group, parameters.kind)
    frame = series.to_frame(index=False)
    rows = series if keys == KEY else pd.Index(frame[keys[0]].drop_duplicates())
    index = np.arange(len(series)) if keys == KEY else rows.get_indexer(frame[keys[0]])
    values = _dense(table.dropna(subset=[name]), name, keys, rows, weeks)
    return Covariate(values, index.astype(np.int64), group, parameters.kind)


def _dense(
    table: pd.DataFrame, column: str, keys: list[str], rows: pd.Index, weeks: Weeks
) -> FloatArray:
    """``(rows, weeks)`` float32 of one column, NaN where there is no row."""
    given = table[[*keys, "week", column]].astype({column: float})
    wide = given.pivot_table(index=keys, columns="week", values=column, aggfunc="first")
    return wide.reindex(index=rows, columns=weeks).to_numpy(dtype=np.float32)


def _segments(panel: Panel, name: str | None) -> npt.NDArray[np.str_]:
    """Segment of each series: an attribute, thirds of the stores by it where it is a number."""
    if name is None:
        return np.full(panel.n_series, "all")
    values = panel.series[name]
    if pd.api.types.is_numeric_dtype(values):
        by_store = panel.series.groupby("store_id")[name].first()
        thirds = pd.qcut(by_store, 3, labels=["low", "middle", "high"]).astype(str)
        values = panel.series["store_id"].map(thirds)
    return values.astype(str).to_numpy(dtype=np.str_)


def blocks(data: DataSet, full: bool, origins: int | None) -> list[tuple[Panel, list[int]]]:
    """The panel cut at the end of each block, and the positions of the block's origins."""
    own = data.parameters.protocol
    rounds, count = own.rounds, origins or own.origins
    ends = range(rounds.first, rounds.last + 1, rounds.step)
    parts = []
    for end in ends if full else ends[:: rounds.every]:
        panel = data.panel.until(data.panel.weeks[data.panel.n_weeks - 1 - end])
        last = panel.n_weeks - 1 - own.before_end
        parts.append((panel, list(range(last - count + 1, last + 1))))
    return parts
