"""A results store in a file of the test, and what a small segment publishes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.modelling.explanation.explain import GROUPS
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.forecasts import ROW_COLUMNS, build_table
from demand_forecast.modelling.velocity import classify
from demand_forecast.results_store import dimensions, facts
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.migrations import prepare
from demand_forecast.results_store.publication import Place, Publication, publish
from demand_forecast.results_store.runs import complete_run

FIRST, SECOND, THIRD = (f"2026-01-0{day}T00.00.00.000Z" for day in (1, 2, 3))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("results") / "results.db"
    prepare(ResultsDatabase(f"sqlite:///{file}"))
    return file


class Store:
    """The results store with what tests do to it."""

    def __init__(self, file: Path) -> None:
        self.database = ResultsDatabase(f"sqlite:///{file}")

    def publish(self, run_id: str, *publications: Publication, complete: bool = True) -> None:
        """Publish in the name of a run, one transaction each, and end the run."""
        for publication in publications:
            with self.database.writing() as connection:
                publish(connection, run_id, publication)
        if complete:
            with self.database.writing() as connection:
                complete_run(connection, run_id, 1.0, [])

    def execute(self, query: str) -> None:
        """Change something behind the back of the code under test."""
        with self.database.writing() as connection:
            connection.execute(text(query))

    def ask(self, query: str) -> pd.DataFrame:
        """What a person who knows SQL would see."""
        with self.database.reading() as connection:
            return pd.read_sql(text(query), connection)

    def contents(self) -> dict[str, Any]:
        """All rows of all tables."""
        with self.database.reading() as connection:
            tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
            return {
                name: connection.execute(text(f"SELECT * FROM {name}")).fetchall()
                for (name,) in tables.fetchall()
            }


@pytest.fixture
def store(empty_database: Path, tmp_path: Path) -> Store:
    """An empty results store."""
    file = tmp_path / "results.db"
    file.write_bytes(empty_database.read_bytes())
    return Store(file)


@pytest.fixture(scope="session")
def segment(make_panel: Callable[..., Panel]) -> Panel:
    """2 stores, 2 products, 12 weeks; one week was not delivered, one is an outlier."""
    panel = make_panel(n_stores=2, n_products=2, n_weeks=12, censored=0.2)
    panel.demand[0, 3] = panel.delivered[0, 3] = np.nan
    panel.demand[1, 4] = np.nan
    panel.censored[0, 3] = panel.censored[1, 4] = False
    return panel


def make_region(panel: Panel, shipped: float | None = None) -> ConditionedRegion:
    """The region of a panel: its stores and products, and control totals that fit."""
    units = float(np.nansum(panel.delivered)) if shipped is None else shipped
    series = panel.series
    stores = series[["store_id"]].drop_duplicates().assign(store_format="large", median_age=41.0)
    products = series[["product_id"]].drop_duplicates()
    products = products.assign(category="bread", pack_size=4.0, unit_price=3.0, unit_cost=1.0)
    totals = {
        "source": "shipments",
        "rows_in": 12,
        "rows_conditioned": 9,
        "rows_merged": 0,
        "rows_quarantined": 2,
        "rows_set_aside": 1,
        "rows_units_unknown": 0,
        "cells_blanked": 0,
        "units_in": units + 3,
        "units_conditioned": units,
        "units_quarantined": 3.0,
        "units_set_aside": 0.0,
        "units_standard": units,
        "share_quarantined": 2 / 11,
        "reasons": '{"bad_date": 2}',
        "set_aside": '{"filtered": 1}',
        "region": panel.region,
        "as_of": str(panel.as_of.date()),
    }
    rejected = {
        "source": "shipments",
        "file": "a.csv",
        "row": [3, 4],
        "reason": "bad_date",
        "detail": "week",
        "record": "{}",
    }
    week = pd.Timestamp(panel.weeks[0])
    return ConditionedRegion(
        tables={
            "stores": stores,
            "products": products,
            "shipments": series[["product_id"]],
            "events": pd.DataFrame({"week": [week], "name": [None], "kind": ["state fair"]}),
        },
        quarantine=pd.DataFrame(rejected),
        control_totals=pd.DataFrame([totals]),
        manifest={
            "region": panel.region,
            "first_week": str(panel.weeks[0]),
            "as_of": str(panel.as_of.date()),
            "country": "US",
            "subdivision": None,
            "week_ends_on": "saturday",
        },
    )


def of_region(panel: Panel, **options: Any) -> Publication:
    """What a region publishes."""
    region = make_region(panel, **options)
    made = facts.quality(region.control_totals, region.quarantine)
    return Publication(Place(region.region), made, dimensions.of_region(region, {}))


def of_demands(panel: Panel) -> Publication:
    """What a segment publishes of its history."""
    return Publication(Place(panel.region, panel.store_format), facts.demands(panel))


def forecast_of(panel: Panel) -> pd.DataFrame:
    """Two weeks ahead, by the historical average."""
    predicted = HistoricalAverage().fit(panel).predict(panel, panel.as_of, 2)
    return build_table(
        predicted,
        panel=panel,
        velocity=classify(panel),
        as_of=panel.as_of,
        source="baseline",
        reason="no champion",
        model_kind="historical_average",
        model_name="test.north_texas.large.baseline",
        model_version="1",
    )


def of_forecasts(panel: Panel) -> Publication:
    """What a segment publishes of its future."""
    table = forecast_of(panel)
    nothing = dict.fromkeys(GROUPS, 0.0)
    parts = table[[*ROW_COLUMNS, "mean"]].assign(**nothing).assign(level=table["mean"])
    return Publication(Place(panel.region, panel.store_format), facts.forecasts(table, parts))
