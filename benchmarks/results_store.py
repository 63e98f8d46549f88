"""Forecast rows per second into the results store, and the memory that it takes.

Publishes the segments of a made-up company by some processes side by side, as the workers of a run
do, checks them and completes the run; then asks three questions and draws the pages of the
dashboard. Seconds are those of the workers' publishing, by the clock of the one that took longest,
and of the checks; to make the rows up does not count. Any database:

    python benchmarks/results_store.py --database postgresql://USER@HOST/DATABASE --millions 10
    python benchmarks/results_store.py --database sqlite:///results.db --millions 1

The database must have no results yet: the rows are made up.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import func, select, text

from demand_forecast.dashboard.server.launch import ADDRESS
from demand_forecast.modelling.decisions.orders import propose_orders
from demand_forecast.modelling.decisions.review import ReviewParameters, review
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.protocol import POINTS, QUANTILES
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.migrations import prepare
from demand_forecast.results_store.publication import Place, Publication, note_run, publish
from demand_forecast.results_store.runs import complete_run
from demand_forecast.results_store.schema import FORECASTS, ORDERS, PRODUCTS, RUNS, STORES, WEEKS

RUN = "2026-01-01T00.00.00.000Z"
HORIZON = 4
AS_OF = pd.Timestamp("2025-12-27")
QUESTIONS = {
    "forecasts of one series": "SELECT * FROM v_forecasts WHERE region = 'r00' AND "
    "store_format = 'large' AND store_id = 'S0001' AND product_id = 'P0001'",
    "next orders of one store": "SELECT * FROM v_next_orders WHERE region = 'r00' AND "
    "store_format = 'large' AND store_id = 'S0001'",
    "units by segment and week": "SELECT region, store_format, week, SUM(mean) FROM v_forecasts "
    "GROUP BY 1, 2, 3",
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database", required=True, help="address, as SQLAlchemy takes it")
    parser.add_argument("--millions", type=float, default=10, help="forecast rows")
    parser.add_argument("--segments", type=int, default=28, help="two of each region")
    parser.add_argument("--products", type=int, default=200, help="of each store")
    parser.add_argument("--workers", type=int, default=2, help="processes that publish")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def segments(options: argparse.Namespace, mine: range) -> Iterator[Publication]:
    """Made-up segments with their dimensions: forecasts and orders of all their products."""
    rows = 1e6 * options.millions / options.segments
    n_stores = max(round(rows / options.products / HORIZON), 1)
    for k in mine:
        place = Place(f"r{k // 2:02d}", ("large", "small")[k % 2])
        frame = _forecasts(place, n_stores, options.products, seed=k)
        frame = frame.assign(experiment=None, arm=None)
        orders = _ordered(frame)
        stores = frame[["region", "store_id", "store_format"]].drop_duplicates()
        products = frame[["region", "product_id"]].drop_duplicates()
        weeks = frame[["region", "week"]].drop_duplicates()
        day = weeks["week"].dt
        calendar = {"year": day.year, "quarter": day.quarter, "month": day.month}
        iso = {"iso_year": day.isocalendar().year, "iso_week": day.isocalendar().week}
        yield Publication(
            place,
            {
                FORECASTS.name: frame[_names(FORECASTS)],
                ORDERS.name: orders[_names(ORDERS)],
            },
            {
                STORES.name: stores.assign(is_closed=False),
                PRODUCTS.name: products.assign(pack_size=6.0, unit_price=3.0, unit_cost=1.0),
                WEEKS.name: weeks.assign(**calendar, **iso),
            },
        )


def work(options: argparse.Namespace, worker: int) -> tuple[float, int]:
    """Publish every so many-th segment; seconds of publishing and peak memory, MB."""
    database, seconds = ResultsDatabase(options.database), 0.0
    for publication in segments(options, range(worker, options.segments, options.workers)):
        started = time.perf_counter()
        with database.writing() as connection:
            publish(connection, RUN, publication)
        seconds += time.perf_counter() - started
    return seconds, round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _names(table) -> list[str]:
    return [column.name for column in table.columns if column.name != "run_id"]


def _forecasts(place: Place, n_stores: int, n_products: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    letter = "S" if place.store_format == "large" else "T"
    store, product, lead = (
        part.ravel()
        for part in np.meshgrid(
            np.arange(n_stores), np.arange(n_products), np.arange(HORIZON), indexing="ij"
        )
    )
    names = {
        "store_id": (np.array([f"{letter}{i:04d}" for i in range(n_stores)], object), store),
        "product_id": (np.array([f"P{i:04d}" for i in range(n_products)], object), product),
    }
    mean = rng.gamma(2.0, 10.0, len(store))
    quantiles = {name: mean * (0.4 + 1.2 * level) for name, level in QUANTILES.items()}
    return pd.DataFrame(
        {
            "region": place.region,
            "store_format": place.store_format,
            **{column: values[at] for column, (values, at) in names.items()},
            "week": (AS_OF + pd.to_timedelta(7 * (np.arange(HORIZON) + 1), unit="D")).take(lead),
            "velocity": np.where(product % 5 == 0, "fast", "slow"),
            "as_of": AS_OF,
            "horizon": lead + 1,
            **dict.fromkeys(POINTS, mean),
            **quantiles,
            "source": "champion",
            "reason": "",
            "model_kind": "ensemble",
            "model_name": f"prod.{place.region}.{place.store_format}.fast",
            "model_version": "1",
        }
    )


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """The forecasts with their orders, of which nobody has changed any."""
    series = frame[KEY].drop_duplicates().assign(pack_size=6.0, unit_price=3.0, unit_cost=1.0)
    frame = frame.join(propose_orders(frame, series)).assign(
        beyond_history=False,
        delivery_date=frame["week"] - pd.Timedelta(days=6),
        forecast_override=None,
        order_override=None,
        overridden_mean=np.nan,
        order_without_override=np.nan,
    )
    return frame.join(review(frame, None, ReviewParameters()))


def main() -> None:
    options = arguments()
    database = ResultsDatabase(options.database)
    prepare(database)
    with database.reading() as connection:
        if connection.scalar(select(func.count()).select_from(RUNS)):
            raise SystemExit(f"{database.shown} has results already; name an empty database.")
    with database.writing() as connection:
        note_run(connection, RUN)
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        done = list(pool.map(work, repeat(options), range(options.workers)))
    loaded, peak = (max(figures) for figures in zip(*done, strict=True))
    started = time.perf_counter()
    with database.writing() as connection:
        complete_run(connection, RUN, loaded, [])
    with database.reading() as connection:
        rows = connection.scalar(select(func.count()).select_from(FORECASTS))
    checks = time.perf_counter() - started
    figures = {
        "database": database.engine.dialect.name,
        "workers": options.workers,
        "forecast_rows": rows,
        "order_rows": rows,
        "seconds": round(loaded + checks, 1),
        "of_them_checks": round(checks, 1),
        "forecast_rows_per_second": round(rows / (loaded + checks)),
        "peak_memory_of_a_worker_mb": peak,
        "questions_seconds": ask(database),
        "pages_seconds": draw(options.database),
    }
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def ask(database: ResultsDatabase) -> dict[str, float]:
    """Seconds that questions of a dashboard take."""
    seconds = {}
    for name, query in QUESTIONS.items():
        started = time.perf_counter()
        with database.reading() as connection:
            connection.execute(text(query)).fetchall()
        seconds[name] = round(time.perf_counter() - started, 2)
    return seconds


def draw(address: str) -> dict[str, list[float]]:
    """Seconds until each page of the dashboard is drawn, without filters: at first, and again."""
    from streamlit.testing.v1 import AppTest

    from demand_forecast.dashboard.pages import PAGES

    os.environ[ADDRESS] = address
    script = (
        "import streamlit as st\n"
        "from demand_forecast.dashboard.pages import PAGES\n"
        "from demand_forecast.dashboard.store import state\n"
        "st.session_state['state'] = state()\n"
    )
    AppTest.from_string(script, default_timeout=600).run()
    seconds: dict[str, list[float]] = {name: [] for name in PAGES}
    for name in (*PAGES, *PAGES):
        page = AppTest.from_string(f"{script}PAGES[{name!r}][1]()\n", default_timeout=600)
        started = time.perf_counter()
        page.run()
        seconds[name].append(round(time.perf_counter() - started, 2))
        if page.exception:
            raise SystemExit(f"page {name}: {page.exception[0].message}")
    return seconds


if __name__ == "__main__":
    main()
