"""Small synthetic panels and backtests for the tests of the pure modelling code."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import product
from pathlib import Path

import coverage
import numpy as np
import pandas as pd
import pytest

import profiles
from core_panels import quick_ensemble
from demand_forecast.framework.environment import look_for_ibis_once
from demand_forecast.modelling.arrays import FloatArray
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.panel import Covariate, IssuedForecast, Panel

PanelFactory = Callable[..., Panel]
LAST_WEEK = pd.Timestamp("2024-12-28")
WEEKS_PER_YEAR = 52
_LARGE = (
    "great_expectations",
    "kedro.framework.cli",
    "kedro_mlflow",
    "lightgbm",
    "matplotlib.pyplot",
    "mlflow",
    "pytorch_lightning",
    "sklearn.linear_model",
)

profiles.load()
look_for_ibis_once()


@contextmanager
def _not_measured() -> Iterator[None]:
    stopped = []
    # In a worker of pytest-xdist there are two: the one below goes on when that above it stops.
    while (current := coverage.Coverage.current()) is not None:
        current.stop()
        stopped.append(current)
    try:
        yield
    finally:
        for one in reversed(stopped):
            one.start()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Workers import the large libraries unmeasured: it takes half the time, and all need them."""
    if not hasattr(session.config, "workerinput") or coverage.Coverage.current() is None:
        return
    with _not_measured(), warnings.catch_warnings(action="ignore"):
        for name in _LARGE:
            import_module(name)
    # Measured: it is imported late, and may be so by a test that is not.
    import_module("demand_forecast.modelling.models.network.training")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Sessions that train, properties and other things tried many times are not measured.

    It would double their time, and the other unit tests get to the same lines.
    """
    marks = {mark.name for mark in item.iter_markers()}
    if not marks & {"e2e", "hypothesis", "trials"} or "measured" in marks:
        return (yield)
    with _not_measured():
        return (yield)


def _weeks(n_weeks: int, n_future: int, last: pd.Timestamp) -> np.ndarray:
    start = np.datetime64(last, "D") - np.timedelta64(7 * (n_weeks - 1), "D")
    return start + 7 * np.arange(n_weeks + n_future).astype("timedelta64[D]")


def _latent(
    levels: FloatArray,
    season: float,
    promotion: FloatArray,
    price: FloatArray,
    n_weeks: int,
) -> FloatArray:
    """Mean demand: level x season x promotion x price, ``(series, weeks)``."""
    wave = 1 + season * np.sin(2 * np.pi * np.arange(n_weeks) / WEEKS_PER_YEAR)
    uplift = np.where(promotion[:, :n_weeks] > 0, 1.6, 1.0) * price[:, :n_weeks] ** -1.5
    return levels[:, None] * wave[None, :] * uplift


def _issued(rng: np.random.Generator, observed: FloatArray, leads: int) -> FloatArray:
    """Forecasts of ``observed`` whose error grows with the lead, ``(groups, weeks, leads)``."""
    n_weeks = observed.shape[1]
    ahead = np.concatenate([observed, np.repeat(observed[:, -1:], leads, axis=1)], axis=1)
    issued = np.stack([ahead[:, lead : lead + n_weeks] for lead in range(1, leads + 1)], axis=2)
    noise = rng.normal(size=issued.shape) * np.arange(1, leads + 1)
    return (issued + noise).astype(np.float32)


def build_panel(
    *,
    n_stores: int = 3,
    n_products: int = 4,
    n_weeks: int = 120,
    n_future: int = 4,
    seed: int = 0,
    level: float = 40.0,
    spread: float = 4.0,
    season: float = 0.2,
    missing: float = 0.0,
    censored: float = 0.0,
    noise: bool = True,
    weather: bool = True,
    statics: bool = True,
    last: pd.Timestamp = LAST_WEEK,
) -> Panel:
    """One segment with every product in every store.

    Args:
        n_stores: Stores, ``S01``...
        n_products: Products, ``P01`` (fastest) to the slowest.
        n_weeks: Weeks of history, ending at ``last``.
        n_future: Weeks after it for which price and promotion are planned.
        seed: Of the random numbers.
        level: Units per week of the fastest product in an average store.
        spread: The fastest product sells ``spread ** 2`` times the slowest.
        season: Amplitude of the yearly wave, as a share of the level.
        missing: Share of the cells without a delivery.
        censored: Share of the cells that were sold out: a fifth of their demand was not delivered.
        noise: Poisson demand; without it, demand is its mean.
        weather: Whether there are observed and issued temperatures per store.
        statics: Whether series carry ``category`` and ``unit_price``.
        last: Last week of the history.
    """
    rng = np.random.default_rng(seed)
    keys = list(product(range(n_stores), range(n_products)))
    store, item = np.array(keys).T
    series = pd.DataFrame(
        {
            "store_id": [f"S{s + 1:02d}" for s in store],
            "product_id": [f"P{p + 1:02d}" for p in item],
        }
    )
    if statics:
        series["category"] = np.where(item % 2 == 0, "bread", "cake")
        series["unit_price"] = 2.0 + item
    horizon = n_weeks + n_future
    promotion = (rng.random((n_products, horizon)) < 0.1).astype(np.float32)
    price = np.where(promotion > 0, 0.9, 1.0).astype(np.float32)
    steps = item / max(n_products - 1, 1)
    levels = level * spread ** (-2.0 * steps) * rng.uniform(0.8, 1.2, n_stores)[store]
    mean = _latent(levels, season, promotion[item], price[item], n_weeks)
    demand = (rng.poisson(mean) if noise else mean).astype(np.float32)
    sold_out = rng.random(demand.shape) < censored
    demand = np.where(sold_out, np.floor(0.8 * demand), demand).astype(np.float32)
    demand[rng.random(demand.shape) < missing] = np.nan
    sold_out &= np.isfinite(demand)
    temperature = rng.normal(15, 8, (n_stores, n_weeks)).astype(np.float32)
    return Panel(
        series=series,
        weeks=_weeks(n_weeks, n_future, last),
        demand=demand,
        delivered=np.where(sold_out, demand, demand + 2).astype(np.float32),
        censored=sold_out,
        known_future={
            "promotion": Covariate(promotion, item.astype(np.int64)),
            "price": Covariate(price, item.astype(np.int64)),
        },
        weather={
            "temperature_c": IssuedForecast(
                _issued(rng, temperature, 4), temperature, store.astype(np.int64)
            )
        }
        if weather
        else {},
        region="north_texas",
        store_format="large",
    )


@pytest.fixture(scope="session")
def make_panel() -> PanelFactory:
    """Factory of small panels, see :func:`build_panel` for its arguments."""
    return build_panel


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store whose tables exist, to be copied: making them takes seconds."""
    from mlflow.tracking import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def own_store(empty_store: Path, tmp_path: Path) -> Iterator[None]:
    """MLflow uses a store of the test's own, whatever sessions before have left it with."""
    import mlflow

    before = mlflow.get_tracking_uri()
    uri = f"sqlite:///{shutil.copy(empty_store, tmp_path / 'mlflow.db')}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    mlflow.set_experiment(experiment_id="0")
    yield
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(None)  # that is, the tracking store
    os.environ.pop("MLFLOW_REGISTRY_URI", None)


@pytest.fixture(scope="session")
def trained_ensemble(make_panel: PanelFactory) -> tuple[Panel, Ensemble]:
    """A small segment and an ensemble trained on it, hardly: for what is done with one."""
    panel = make_panel(n_stores=2, n_products=3, n_weeks=70)
    model = quick_ensemble(2, seeds=1, min_steps=5, max_steps=5)
    return panel, model.fit(panel)


@pytest.fixture
def panel(make_panel: PanelFactory) -> Panel:
    """A segment of 3 stores, 4 products and 120 weeks."""
    return make_panel()
