"""How demand answers to plans and season: shared slopes and slopes per product, by ridge.

Fitted once on log demand about each series' mean; what it explains is taken out of the history before
levels and lags are formed, so that a promotion four weeks ago does not pass for a higher level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demand_forecast.modelling.panel import FloatArray

_PRIOR_ROWS = 60.0


@dataclass(frozen=True)
class Response:
    """Slopes of log demand on the columns of the plan.

    Attributes:
        shared: ``(features,)``.
        by_product: ``(products + 1, features)`` with the shared slopes in the last row, for products
            that were not seen.
    """

    shared: FloatArray
    by_product: FloatArray

    def __call__(self, columns: FloatArray, product: np.ndarray) -> FloatArray:
        """Log effect of each week's plan, ``(weeks, series)``.

        Args:
            columns: ``(weeks, series, features)``.
            product: ``(series,)`` row of ``by_product``.
        """
        effect: FloatArray = np.einsum("wsf,sf->ws", columns, self.by_product[product])
        return effect


def fit_response(
    log_demand: FloatArray, columns: FloatArray, product: np.ndarray, n_products: int
) -> Response:
    """Ridge on within-series deviations; each product is shrunk to the slopes of all (empirical Bayes).

    Args:
        log_demand: ``(weeks, series)``, NaN where nothing was delivered.
        columns: ``(weeks, series, features)`` without gaps.
        product: ``(series,)`` 0..n_products-1, or ``n_products`` for unknown.
        n_products: Number of known products.
    """
    n_features = columns.shape[2]
    valid = np.isfinite(log_demand)
    count = np.maximum(valid.sum(axis=0), 1)
    target = np.where(valid, log_demand, 0)
    target = np.where(valid, target - target.sum(axis=0) / count, 0)
    gram = np.zeros((n_products + 1, n_features, n_features))
    moment = np.zeros((n_products + 1, n_features))
    rows = np.zeros(n_products + 1)
    for code in range(n_products + 1):
        mine = product == code
        if mine.any():
            x = columns[:, mine] * valid[:, mine, None]
            x = (x - x.sum(axis=0) / count[mine, None]) * valid[:, mine, None]
            flat = x.reshape(-1, n_features)
            gram[code] = flat.T @ flat
            moment[code] = flat.T @ target[:, mine].reshape(-1)
            rows[code] = valid[:, mine].sum()
    total = max(rows.sum(), 1)
    variance = np.maximum(np.diag(gram.sum(axis=0)) / total, 1e-6)
    ridge = np.diag(variance) * _PRIOR_ROWS
    shared = np.linalg.solve(gram.sum(axis=0) + ridge, moment.sum(axis=0))
    rest = moment - gram @ shared
    own = np.linalg.solve(gram + ridge, rest[..., None])[..., 0]
    own[n_products] = 0
    return Response(shared.astype(np.float32), (shared + own).astype(np.float32))
