"""Error measures on arrays, and their table for a backtest.

``METRICS`` says of each measure which point of the predictive distribution it is of, in which unit,
and how the rows are averaged. To add one, write the function of what a row adds and put a
:class:`Metric` into ``METRICS``.

**Points.** Each measure has the point that is best for it: MAPE is least for ``mape_point`` (the
contract's MAPE), absolute errors and so WAPE for ``median`` (``wape_median``), and only ``mean``
adds up, so that bias and squared errors are of it. MAPE alone misleads: the lower a forecast, the
less a miss can cost it (at most 100 % below, without limit above), so it is always shown beside the
bias.

**Sold-out weeks.** There the actual is only a lower bound of the demand. The plain measures compare
with what was observed, as the contract does. In a table each has a twin, ``<name>_aware``, in which
a forecast above a sold-out quantity is no error (Powell, *Censored regression quantiles*, Journal
of Econometrics 32, 1986): demand may well have been there. Neither is the truth: a plain figure
charges for serving lost sales, an aware one forgives any excess in those weeks. Where nothing was
sold out, the twins are equal. Bias: plain is an upper limit of the true signed error in units,
because true demand can only be higher than what was observed.

Rows whose actual or forecast is NaN are left out; a measure of no rows is NaN; an infinite forecast
makes it infinite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.columns import require_columns
from demand_forecast.modelling.protocol import POINTS, QUANTILES

Array = npt.NDArray[np.float64]
Values = npt.ArrayLike
Term = Callable[[Array, Array, Array], Array]


class Unit(Enum):
    """What a measure is counted in."""

    PERCENT = "%"
    UNITS = "units per week"
    RATIO = "1"


class Average(Enum):
    """How the terms of the rows become one figure."""

    ROWS = "mean over the rows"
    DEMAND = "mean over the rows with demand"
    VOLUME = "sum over the rows, divided by the units observed"
    ROOT = "root of the mean over the rows"


class Metric(NamedTuple):
    """One error measure.

    Attributes:
        name: Its column in a table.
        what: One sentence for people.
        columns: The point that is measured, or the quantiles; columns of a forecast.
        term: What each row adds. Takes ``actual`` ``(rows,)``, ``forecast`` ``(rows,)`` or, of
            several columns, ``(rows, columns)``, and ``scale`` ``(rows,)``; gives ``(rows,)``, NaN
            where a row does not count.
        average: How the terms become one figure.
        unit: Of that figure.
        aware: Whether a forecast above a sold-out quantity is no error.
    """

    name: str
    what: str
    columns: tuple[str, ...]
    term: Term
    average: Average = Average.ROWS
    unit: Unit = Unit.PERCENT
    aware: bool = False

    @property
    def point(self) -> str:
        """The point that is measured, for headings."""
        return self.columns[0] if len(self.columns) == 1 else "quantiles"

    @property
    def twin(self) -> Metric:
        """The same measure, aware of sold-out weeks."""
        return self._replace(name=f"{self.name}_aware", aware=True)


def _percentage_error(actual: Array, forecast: Array, scale: Array) -> Array:
    return np.abs(forecast - actual) / np.where(actual > 0, actual, np.nan)


def _absolute_error(actual: Array, forecast: Array, scale: Array) -> Array:
    return np.abs(forecast - actual)


def _error(actual: Array, forecast: Array, scale: Array) -> Array:
    return forecast - actual


def _squared_error(actual: Array, forecast: Array, scale: Array) -> Array:
    return np.square(forecast - actual)


def _squared_error_without_demand(actual: Array, forecast: Array, scale: Array) -> Array:
    return np.where(actual <= 0, np.square(forecast - actual), np.nan)


def _scaled_squared_error(actual: Array, forecast: Array, scale: Array) -> Array:
    return np.square(forecast - actual) / np.square(np.where(scale > 0, scale, np.nan))


def _quantile_loss(actual: Array, forecast: Array, scale: Array) -> Array:
    excess = [actual - quantile for quantile in forecast.T]
    levels = QUANTILES.values()
    losses = [np.maximum(p * e, (p - 1) * e) for p, e in zip(levels, excess, strict=True)]
    mean: Array = np.mean(losses, axis=0)
    return mean


def _inside(actual: Array, forecast: Array, scale: Array) -> Array:
    lower, upper = forecast.T
    comparable = ~(np.isnan(actual) | np.isnan(lower) | np.isnan(upper))
    return np.where(comparable, (lower <= actual) & (actual <= upper), np.nan)


MAPE: Final = Metric(
    "mape",
    "Mean absolute percentage error over the rows with demand.",
    ("mape_point",),
    _percentage_error,
    Average.DEMAND,
)
MAPE_MEAN: Final = Metric(
    "mape_mean", "The same of the mean.", ("mean",), _percentage_error, Average.DEMAND
)
WAPE: Final = Metric(
    "wape",
    "Sum of absolute errors as a share of the volume.",
    ("mean",),
    _absolute_error,
    Average.VOLUME,
)
WAPE_MEDIAN: Final = Metric(
    "wape_median",
    "The same of the median, the point for which it is least.",
    ("median",),
    _absolute_error,
    Average.VOLUME,
)
# What the ensemble and simple rules are ranked by. Against what was sold the rule would win that
# forecasts least, where many weeks are sold out.
RANKING: Final = WAPE_MEDIAN.twin
BIAS: Final = Metric(
    "bias",
    "Sum of signed errors as a share of the volume; positive: forecast too high.",
    ("mean",),
    _error,
    Average.VOLUME,
)
METRICS: Final[tuple[Metric, ...]] = (
    MAPE,
    MAPE_MEAN,
    WAPE,
    WAPE_MEDIAN,
    BIAS,
    Metric(
        "rmse",
        "Root mean squared error.",
        ("mean",),
        _squared_error,
        Average.ROOT,
        Unit.UNITS,
    ),
    Metric(
        "rmse_zero",
        "RMSE over the rows that MAPE leaves out: actual 0, or below (late returns).",
        ("mean",),
        _squared_error_without_demand,
        Average.ROOT,
        Unit.UNITS,
    ),
    Metric(
        "rmsse",
        "Root mean squared scaled error (Hyndman & Koehler, 2006; M5 competition, 2022): 1 is as "
        "good as repeating the last week was inside the history.",
        ("mean",),
        _scaled_squared_error,
        Average.ROOT,
        Unit.RATIO,
    ),
    Metric(
        "pinball",
        "Mean quantile loss over all levels (Koenker & Bassett, 1978).",
        tuple(QUANTILES),
        _quantile_loss,
        unit=Unit.UNITS,
    ),
    Metric("coverage_80", "Share of actuals inside the 80 % interval.", ("q10", "q90"), _inside),
    Metric("coverage_95", "Share of actuals inside the 95 % interval.", ("q025", "q975"), _inside),
)


def measure(metric: Metric, actual: Values, forecast: Values, scale: Values = 1.0) -> float:
    """One measure of arrays.

    Args:
        metric: From ``METRICS``.
        actual: ``(rows,)`` units.
        forecast: ``(rows,)`` units, or ``(rows, columns)`` for a measure of several columns.
        scale: Per row, the root mean squared week-to-week change of the series' own history up to
            the origin; for RMSSE only. Rows where it is 0 or NaN are left out.
    """
    a, f, s = (np.asarray(values, dtype=np.float64) for values in (actual, forecast, scale))
    terms = metric.term(a, f, s)
    counts = ~np.isnan(terms)
    if not counts.any():
        return float("nan")
    return float(_finish(metric, terms[counts].mean(), a[counts].mean()))


def mape(actual: Values, forecast: Values) -> float:
    """Mean absolute percentage error over rows with ``actual > 0``, per cent."""
    return measure(MAPE, actual, forecast)


def wape(actual: Values, forecast: Values) -> float:
    """Sum of absolute errors as a share of the volume, per cent; NaN without volume."""
    return measure(WAPE, actual, forecast)


def bias(actual: Values, forecast: Values) -> float:
    """Sum of signed errors as a share of the volume, per cent; positive: forecast too high."""
    return measure(BIAS, actual, forecast)


def credit(forecast: Values, actual: Values, censored: npt.ArrayLike) -> Array:
    """Forecasts with the part above a sold-out quantity taken off: feed it to any measure above.

    Args:
        forecast: Units.
        actual: Observed units.
        censored: True where the week sold out, so that the actual is a lower bound.
    """
    f, a = (np.asarray(values, dtype=np.float64) for values in (forecast, actual))
    return np.where(np.asarray(censored, dtype=bool), np.fmin(f, a), f)


def summarise(
    frame: pd.DataFrame, by: Sequence[str] = ("model",), metrics: Sequence[Metric] = METRICS
) -> pd.DataFrame:
    """Measures of a backtest by group, plain and aware of sold-out weeks.

    Args:
        frame: From :func:`demand_forecast.modelling.evaluation.backtest.backtest`; further columns
            to group by (``velocity``...) may have been joined.
        by: Columns of the groups.
        metrics: What is measured.

    Returns:
        One row per group: ``by``, ``rows``, ``volume`` (units observed), ``share_left_out`` (per
        cent of the rows, those that MAPE cannot see), ``share_censored``, then a column for each
        of ``metrics`` and for its twin.

    Raises:
        ContractError: If ``frame`` lacks a column.
    """
    keys = list(by)
    require_columns(frame, [*keys, "actual", "censored", "scale", *POINTS, *QUANTILES])
    rows = frame[np.isfinite(frame["actual"].to_numpy(dtype=float))]
    columns = (*metrics, *(metric.twin for metric in metrics))
    table = rows[keys].assign(**_terms(rows, columns))
    groups = table.groupby(keys, sort=False, observed=True, dropna=False)
    means, counts = groups.mean(), groups.size().rename("rows")
    summary: pd.DataFrame = pd.concat([counts, _figures(means, counts, columns)], axis=1)
    return summary.reset_index()


def add_up(
    frame: pd.DataFrame, by: Sequence[str], metrics: Sequence[Metric] = METRICS
) -> pd.DataFrame:
    """What the rows of each group add to each measure, so that groups can be pooled afterwards.

    Args:
        frame: As for :func:`summarise`.
        by: Columns of the groups.
        metrics: What is measured.

    Returns:
        One row per group: ``by``, ``rows``, ``volume`` (units observed), ``rows_censored``, then
        for each of ``metrics`` ``<name>_sum``, ``<name>_aware_sum`` and ``<name>_rows``, the rows
        that count in both. A mean is a sum over its rows; one by volume, over ``volume``.

    Raises:
        ContractError: If ``frame`` lacks a column.
    """
    keys = list(by)
    require_columns(frame, [*keys, "actual", "censored", "scale", *POINTS, *QUANTILES])
    rows = frame[np.isfinite(frame["actual"].to_numpy(dtype=float))]
    terms = _terms(rows, (*metrics, *(metric.twin for metric in metrics)))
    names = [name for metric in metrics for name in (metric.name, metric.twin.name)]
    columns = {f"{name}_sum": terms[name] for name in names}
    counted = {f"{m.name}_rows": np.isfinite(terms[m.name]).astype(np.int64) for m in metrics}
    facts = {
        "rows": np.ones(len(rows), np.int64),
        "volume": terms["_volume"],
        "rows_censored": terms["_censored"].astype(np.int64),
    }
    table = rows[keys].assign(**facts, **columns, **counted)
    sums: pd.DataFrame = table.groupby(keys, sort=False, observed=True, dropna=False).sum()
    return sums.reset_index()


def figures_of_sums(
    sums: pd.DataFrame, by: Sequence[str], metrics: Sequence[Metric]
) -> pd.DataFrame:
    """Measures of groups that are pooled from others.

    Args:
        sums: From :func:`add_up`, of any groups.
        by: Columns of the groups to pool them into.
        metrics: What is measured; it was added up.

    Returns:
        One row per group: ``by``, ``rows`` and a column for each of ``metrics``.
    """
    groups = sums.groupby(list(by), sort=False, observed=True, dropna=False)
    pooled = groups.sum(numeric_only=True)
    table = pooled[["rows"]].copy()
    volume = pooled["volume"] / pooled["rows"]
    for metric in metrics:
        counted = pooled[f"{metric.name}_rows"]
        mean = (pooled[f"{metric.name}_sum"] / counted).where(counted > 0)
        table[metric.name] = _finish(metric, mean, volume)
    return table.reset_index()


def _terms(rows: pd.DataFrame, metrics: Sequence[Metric]) -> dict[str, Array]:
    """What each row adds to each figure, before the mean is taken."""
    plain = {name: rows[name].to_numpy(dtype=float) for name in (*POINTS, *QUANTILES)}
    actual, scale = (rows[name].to_numpy(dtype=float) for name in ("actual", "scale"))
    censored = rows["censored"].to_numpy(dtype=bool)
    aware = {name: credit(values, actual, censored) for name, values in plain.items()}
    terms = {
        metric.name: metric.term(actual, _measured(metric, aware if metric.aware else plain), scale)
        for metric in metrics
    }
    return terms | {"_volume": actual, "_left_out": actual <= 0, "_censored": censored}


def _measured(metric: Metric, forecast: Mapping[str, Array]) -> Array:
    if len(metric.columns) == 1:
        return forecast[metric.columns[0]]
    return np.column_stack([forecast[name] for name in metric.columns])


def _figures(
    means: pd.DataFrame, counts: pd.Series[int], metrics: Sequence[Metric]
) -> pd.DataFrame:
    out = pd.DataFrame({"volume": means["_volume"] * counts}, index=means.index)
    out["share_left_out"] = means["_left_out"] * 100
    out["share_censored"] = means["_censored"] * 100
    for metric in metrics:
        out[metric.name] = _finish(metric, means[metric.name], means["_volume"])
    return out


def _finish(metric: Metric, mean: Any, volume: Any) -> Any:
    """From the mean of the terms to the figure; of one group, or of a column of groups."""
    scaled = mean * (100 if metric.unit is Unit.PERCENT else 1)
    if metric.average is Average.ROOT:
        return np.sqrt(scaled)
    if metric.average is Average.VOLUME:
        return scaled / np.where(volume > 0, volume, np.nan)
    return scaled
