"""Small simulated panels for the tests of the forecasting core."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from demand_forecast.modelling.models.ensemble import Ensemble, EnsembleParameters
from demand_forecast.modelling.panel import Covariate, IssuedForecast, Panel


def simulated(
    stores: int = 6,
    products: int = 4,
    weeks: int = 80,
    future: int = 4,
    seed: int = 0,
    scale: float = 40.0,
    plans: bool = True,
) -> Panel:
    """Lognormal-Poisson demand with level, season, price and promotion effects that are known."""
    random = np.random.default_rng(seed)
    n, total = stores * products, weeks + future
    store, product = np.repeat(np.arange(stores), products), np.tile(np.arange(products), stores)
    time = np.arange(total)
    promotion = (random.random((n, total)) < 0.15).astype(np.float32)
    price = (3 + product[:, None]) * np.where(promotion > 0, 0.8, 1.0)
    price = (price * random.uniform(0.97, 1.03, (n, total))).astype(np.float32)
    logs = (
        np.log(scale)
        + random.normal(0, 0.5, stores)[store, None]
        + random.normal(0, 0.5, products)[product, None]
        + 0.3 * np.sin(2 * np.pi * time / 52.18)
        + (0.6 * promotion - 1.5 * np.log(price / (3 + product[:, None])) if plans else 0)
    )
    demand = random.poisson(np.exp(logs + random.normal(0, 0.15, (n, total)))).astype(np.float32)
    demand = demand[:, :weeks]
    temperature = 15 + 10 * np.sin(2 * np.pi * time / 52.18) + random.normal(0, 3, (stores, total))
    issued = np.stack(
        [
            temperature[:, np.minimum(np.arange(weeks) + lead + 1, total - 1)]
            + random.normal(0, 1 + lead, (stores, weeks))
            for lead in range(2)
        ],
        axis=2,
    )
    index = np.arange(n)
    return Panel(
        series=pd.DataFrame(
            {
                "store_id": [f"s{i}" for i in store],
                "product_id": [f"p{i}" for i in product],
                "category": [f"c{i % 2}" for i in product],
                "income": store.astype(float),
            }
        ),
        weeks=np.datetime64("2020-01-05") + 7 * time.astype("timedelta64[D]"),
        demand=demand,
        delivered=demand,
        censored=np.zeros(demand.shape, dtype=bool),
        known_future={
            "price": Covariate(price, index),
            "promotion": Covariate(promotion, index),
        }
        if plans
        else {},
        weather={
            "temperature_c": IssuedForecast(
                issued.astype(np.float32), temperature[:, :weeks].astype(np.float32), store
            )
        },
        region="test",
        store_format="large",
    )


def noised_after(panel: Panel, position: int) -> Panel:
    """Everything that could not be known at ``position`` replaced by noise."""
    random = np.random.default_rng(9)
    late = slice(position + 1, None)

    def noise(values: np.ndarray) -> np.ndarray:
        out = values.copy()
        view = out[:, late]
        view[...] = random.uniform(1, 1000, view.shape)
        return out

    return replace(
        panel,
        demand=noise(panel.demand),
        delivered=noise(panel.delivered),
        weather={
            k: IssuedForecast(noise(w.issued), noise(w.observed), w.index)
            for k, w in panel.weather.items()
        },
    )


def quick_ensemble(horizon: int = 4, seed: int = 0, **network: object) -> Ensemble:
    """A LASSO and a network with these parameters, not fitted."""
    members = {"lasso": {}, "network": network}
    return Ensemble.from_parameters(EnsembleParameters(members=members, seed=seed), horizon)
