"""Simulate the company region by region and write its raw files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa

from demand_forecast.conditioning.layout import Layout
from demand_forecast.simulator.company import FORMATS, Company
from demand_forecast.simulator.files import defects, tables
from demand_forecast.simulator.files.folder import RegionFolder
from demand_forecast.simulator.files.layouts import choose_layouts
from demand_forecast.simulator.files.truth import TruthFolder
from demand_forecast.simulator.noise import generator
from demand_forecast.simulator.world.demand import Block, simulate_blocks
from demand_forecast.simulator.world.market import Market, make_market


@dataclass(frozen=True)
class RegionSummary:
    """What was written for one region.

    Attributes:
        region: Name of the region.
        layout: Layout of its files.
        rows: Raw rows by source, the bad ones included.
        bad_rows: Bad rows by source and kind, ``shipments.duplicate``.
    """

    region: str
    layout: str
    rows: Counter[str] = field(default_factory=Counter)
    bad_rows: Counter[str] = field(default_factory=Counter)


def simulate(
    output: Path | str,
    stores: int,
    products: int,
    weeks: int,
    seed: int,
    regions: Mapping[str, str] | Sequence[str] | None = None,
    truth: Path | str | None = None,
    *,
    formats: Sequence[str] = FORMATS,
    conf: Path | str | None = None,
) -> list[RegionSummary]:
    """Simulate regions and write their raw files, ``output/<region>/``.

    The same arguments give the same bytes. A region's data depend on its own name and the company,
    not on which other regions are written.

    Args:
        output: Folder for the raw files; one folder per region is made in it, or replaced if a
            simulation made it.
        stores: Stores per region; four of ten are large.
        products: Products, the same in every region.
        weeks: Weeks of history, from the week ending 7 January 2017.
        seed: Other seeds give other data.
        regions: Regions by name, with the layout of their files if it is not the one in
            ``segments.yml``; None: all regions of ``segments.yml``.
        truth: Folder for the truth (latent demand); None: not written.
        formats: Store formats; with one of them, all stores are of that format.
        conf: Folder with ``segments.yml`` and ``layouts/``; None: the project's ``conf/base``.

    Returns:
        What was written, by region.

    Raises:
        ConfigurationError: If a figure is not positive, a region, layout or format is unknown, or a
            folder to replace holds files that no simulation wrote.
    """
    company = Company(stores, products, weeks, seed, tuple(formats))
    layouts = choose_layouts(regions, conf)
    truth_path = None if truth is None else Path(truth)
    return list(simulate_regions(company, layouts, Path(output), truth_path))


def simulate_regions(
    company: Company, layouts: Mapping[str, Layout], output: Path, truth: Path | None = None
) -> Iterator[RegionSummary]:
    """As :func:`simulate`, one region after the other, so that progress can be shown.

    Args:
        company: How much to simulate.
        layouts: Layouts by region, as from :func:`choose_layouts`.
        output: Folder for the raw files.
        truth: Folder for the truth.

    Yields:
        What was written, as soon as a region is complete.

    Raises:
        ConfigurationError: If a layout cannot be written, or a folder to replace holds files that
            no simulation wrote.
    """
    for region, layout in layouts.items():
        market = make_market(region, company)
        summary = RegionSummary(region, layout.name)
        truth_folder = TruthFolder(truth / region) if truth is not None else None
        with RegionFolder(output / region, layout) as folder:
            for source, table in _region_tables(market):
                folder.add(source, table)
                summary.rows[source] += len(table)
            for block in simulate_blocks(market):
                _add_block(folder, market, block, summary)
                if truth_folder is not None:
                    truth_folder.add(market, block)
            folder.describe({"company": asdict(company), **vars(summary)})
        yield summary


def _region_tables(market: Market) -> Iterator[tuple[str, pa.Table]]:
    yield from tables.master_tables(market).items()
    yield "promotions", tables.plan_table(market)
    yield from tables.weather_tables(market).items()


def _add_block(folder: RegionFolder, market: Market, block: Block, summary: RegionSummary) -> None:
    for source, good in tables.block_tables(market, block).items():
        rng = generator(market.company.seed, market.region, "defects", source, block.name)
        table, kinds = defects.spoil(good, source, rng)
        folder.add(source, table, part=block.name)
        summary.rows[source] += len(table)
        summary.bad_rows.update({f"{source}.{kind}": n for kind, n in kinds.items()})
