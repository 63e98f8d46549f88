"""Raw files of a small company as they come week by week, and what can be wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from demand_forecast.conditioning.layout import Layout
from demand_forecast.simulator.company import Company
from demand_forecast.simulator.files import defects, tables
from demand_forecast.simulator.files.folder import RegionFolder
from demand_forecast.simulator.files.layouts import choose_layouts
from demand_forecast.simulator.noise import generator
from demand_forecast.simulator.world.demand import simulate_blocks
from demand_forecast.simulator.world.market import Market, make_market

# What a row tells of has happened by then; plans and masters are complete from the start.
KNOWN_ON = {
    "shipments": "week",
    "returns": "week",
    "weather_observed": "date",
    "weather_forecast": "issued_on",
}


class Source(NamedTuple):
    """A file of a region before it is written.

    Attributes:
        name: Standard table.
        part: Part of it, such as ``large_1``; empty where it is one file.
        rows: Of the whole span, in the standard form.
    """

    name: str
    part: str
    rows: pa.Table


Change = Callable[[Source], pa.Table]


class Region(NamedTuple):
    """All that a region will ever deliver."""

    layout: Layout
    sources: list[Source]

    def changed(self, change: Change) -> Region:
        """The same, with other rows."""
        return self._replace(sources=[s._replace(rows=change(s)) for s in self.sources])

    def deliver(self, folder: Path, until: date) -> None:
        """Write the files as they are in the night after a week; earlier ones are replaced."""
        with RegionFolder(folder, self.layout) as files:
            for source in self.sources:
                files.add(source.name, known(source, until), source.part)
            files.describe({"delivered": str(until)})


def simulated(company: Company, regions: dict[str, str]) -> dict[str, Region]:
    """The regions of a company, from their layouts by name."""
    return {
        name: Region(layout, list(_sources(make_market(name, company))))
        for name, layout in choose_layouts(regions).items()
    }


def _sources(market: Market) -> Iterator[Source]:
    once = tables.master_tables(market) | tables.weather_tables(market)
    for name, rows in {**once, "promotions": tables.plan_table(market)}.items():
        yield Source(name, "", rows)
    for block in simulate_blocks(market):
        for name, good in tables.block_tables(market, block).items():
            rng = generator(market.company.seed, market.region, "defects", name, block.name)
            yield Source(name, block.name, defects.spoil(good, name, rng)[0])


def known(source: Source, until: date) -> pa.Table:
    """The rows of a source that are known after a week; those without a date always are."""
    column = KNOWN_ON.get(source.name)
    if column is None:
        return source.rows
    days = source.rows[column]
    return source.rows.filter(pc.or_kleene(pc.is_null(days), pc.less_equal(days, pa.scalar(until))))


def sold(factor: float, since: date, until: date, store_format: str) -> Change:
    """Deliveries and returns of one format in some weeks, times a factor."""
    first, last = map(pa.scalar, (since, until))

    def change(source: Source) -> pa.Table:
        name = {"shipments": "units_shipped", "returns": "units_returned"}.get(source.name)
        if name is None or not source.part.startswith(store_format):
            return source.rows
        weeks = source.rows["week"]
        these = pc.and_(pc.greater_equal(weeks, first), pc.less_equal(weeks, last))
        units = pc.round(pc.multiply(source.rows[name].cast(pa.float64()), factor))
        chosen = pc.if_else(pc.fill_null(these, False), units.cast(pa.int64()), source.rows[name])
        return source.rows.set_column(source.rows.schema.get_field_index(name), name, chosen)

    return change
