"""Error measures on arrays, and their table for a backtest.

All shares (MAPE, WAPE, bias, coverage...) are in **per cent**, all RMSE in units per week. Rows
whose actual or forecast is NaN are left out; a metric of no rows is NaN; an infinite forecast makes
it infinite.

**Which point is measured.** The contract's MAPE is that of ``mape_point``. Everything about volume
(WAPE, bias, RMSE, RMSSE) is that of ``mean``, the number that adds up; ``wape_median`` is the WAPE
of the ``median``, the point that minimises it. MAPE alone misleads: the lower a forecast, the less
a miss can cost it (at most 100 % below, without limit above), so it is always shown beside the
bias.

**Sold-out weeks.** There the actual is only a lower bound of the demand. The plain metrics compare
with what was observed, as the contract does. In a table each has an ``_aware`` twin in which a
forecast above a sold-out quantity is no error (Powell, *Censored regression quantiles*, Journal of
Econometrics 32, 1986): demand may well have been there. Neither is the truth: a plain figure
charges for serving lost sales, an aware one forgives any excess in those weeks. Where nothing was
sold out, the twins are equal. Bias: plain is an upper limit of the true signed error in units,
because true demand can only be higher than what was observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.exceptions import ContractError, did_you_mean
from demand_forecast.modelling.protocol import POINTS, QUANTILES

Array = npt.NDArray[np.float64]
Values = npt.ArrayLike

INTERVALS: Final = {"coverage_80": ("q10", "q90"), "coverage_95": ("q025", "q975")}
AWARE: Final = "_aware"
_ROOTS: Final = ("rmse", "rmse_zero", "rmsse")
_RATIOS: Final = ("wape", "wape_median", "bias")


def mape(actual: Values, forecast: Values) -> float:
    """Mean absolute percentage error over rows with ``actual > 0``, per cent."""
    return 100 * _mean(_percentage_error(*_arrays(actual, forecast)))


def rmse(actual: Values, forecast: Values) -> float:
    """Root mean squared error, units."""
    return float(np.sqrt(_mean(_squared_error(*_arrays(actual, forecast)))))


def rmse_zero(actual: Values, forecast: Values) -> float:
    """RMSE over the rows that MAPE leaves out: ``actual`` 0 (or below: late returns), units."""
    a, f = _arrays(actual, forecast)
    return float(np.sqrt(_mean(np.where(a <= 0, _squared_error(a, f), np.nan))))


def wape(actual: Values, forecast: Values) -> float:
    """Sum of absolute errors as a share of the volume, per cent; NaN without volume."""
    a, f = _arrays(actual, forecast)
    return 100 * _ratio(np.abs(f - a), a)


def bias(actual: Values, forecast: Values) -> float:
    """Sum of signed errors as a share of the volume, per cent; positive: forecast too high."""
    a, f = _arrays(actual, forecast)
    return 100 * _ratio(f - a, a)


def rmsse(actual: Values, forecast: Values, scale: Values) -> float:
    """Root mean squared scaled error (Hyndman & Koehler, 2006; M5 competition, 2022).

    Args:
        actual: Units.
        forecast: Units.
        scale: Per row, the root mean squared week-to-week change of the series' own history up to
            the origin; rows where it is 0 or NaN are left out.

    Returns:
        1 is as good as repeating the last week was inside the history.
    """
    a, f, s = _arrays(actual, forecast, scale)
    return float(np.sqrt(_mean(_scaled_squared_error(a, f, s))))


def pinball(actual: Values, forecast: Values, level: float) -> float:
    """Mean quantile loss at ``level``, units (Koenker & Bassett, 1978)."""
    a, f = _arrays(actual, forecast)
    return _mean(_pinball_loss(a, f, level))


def coverage(actual: Values, lower: Values, upper: Values) -> float:
    """Share of actuals inside ``[lower, upper]``, per cent."""
    return 100 * _mean(_inside(*_arrays(actual, lower, upper)))


def share_left_out(actual: Values) -> float:
    """Share of the observed rows that MAPE cannot see (actual not above 0), per cent."""
    (a,) = _arrays(actual)
    return 100 * _mean(np.where(np.isfinite(a), a <= 0, np.nan))


def credit(forecast: Values, actual: Values, censored: npt.ArrayLike) -> Array:
    """Forecasts with the part above a sold-out quantity taken off: feed it to any metric above.

    Args:
        forecast: Units.
        actual: Observed units.
        censored: True where the week sold out, so that the actual is a lower bound.
    """
    f, a = _arrays(forecast, actual)
    return np.where(np.asarray(censored, dtype=bool), np.fmin(f, a), f)


def summarise(frame: pd.DataFrame, by: Sequence[str] = ("model",)) -> pd.DataFrame:
    """Metrics of a backtest by group, plain and aware of sold-out weeks.

    Args:
        frame: From :func:`demand_forecast.modelling.evaluation.backtest.backtest`; further columns
            to group by (``velocity``...) may have been joined.
        by: Columns of the groups.

    Returns:
        One row per group: ``by``, ``rows``, ``volume`` (units observed), ``share_left_out``,
        ``share_censored``, ``mape``, ``wape``, ``wape_median``, ``bias``, ``rmse``, ``rmse_zero``,
        ``rmsse``, ``pinball`` (mean over the levels), ``coverage_80``, ``coverage_95`` and, but for
        the shares, each with its twin ``..._aware``.

    Raises:
        ContractError: If ``frame`` lacks a column.
    """
    keys = list(by)
    _require(frame, [*keys, "actual", "censored", "scale", *POINTS, *QUANTILES])
    rows = frame[np.isfinite(frame["actual"].to_numpy(dtype=float))]
    terms = _plain_terms(rows) | {k + AWARE: v for k, v in _plain_terms(_credited(rows)).items()}
    table = rows[keys].assign(**terms, _volume=rows["actual"].to_numpy(dtype=float))
    table["share_left_out"] = rows["actual"].to_numpy() <= 0
    table["share_censored"] = rows["censored"].to_numpy(dtype=bool)
    groups = table.groupby(keys, sort=False, observed=True, dropna=False)
    means = groups.mean()
    counts = groups.size().rename("rows")
    summary: pd.DataFrame = pd.concat([counts, _finish(means, counts)], axis=1).reset_index()
    return summary


def roll_up(
    summary: pd.DataFrame, by: Sequence[str] = ("model",), metrics: Sequence[str] = ("mape",)
) -> pd.DataFrame:
    """Several groups' metrics in one line: volume-weighted mean, worst, and which group that is.

    Args:
        summary: From :func:`summarise`, by ``by`` and further columns (segment, velocity, horizon).
        by: Columns that stay.
        metrics: Metrics of ``summary``. Worst is the largest, of bias the farthest from 0.

    Returns:
        Long table: ``by``, ``metric``, ``weighted``, ``worst``, ``worst_group``. Groups in which a
        metric is NaN (MAPE of a segment without sales) are left out of that metric.
    """
    keys = list(by)
    _require(summary, [*keys, "volume", *metrics])
    known = {"rows", "volume", *keys, *_metric_names()}
    labels = pd.Series("", index=summary.index)
    for position, column in enumerate(c for c in summary.columns if c not in known):
        labels = labels + ("." if position else "") + summary[column].astype(str)
    parts = [_rolled(summary, keys, metric, labels) for metric in metrics]
    return pd.concat(parts, ignore_index=True)


def _rolled(
    summary: pd.DataFrame, keys: list[str], metric: str, labels: pd.Series[str]
) -> pd.DataFrame:
    rows = summary.assign(worst_group=labels, metric=metric).dropna(subset=[metric])
    rows["_product"] = rows[metric] * rows["volume"]
    sums = rows.groupby(keys, sort=False, dropna=False)[["_product", "volume"]].sum()
    worst_first = rows.sort_values(metric, key=np.abs, ascending=False, kind="stable")
    worst = worst_first.groupby(keys, sort=False, dropna=False)[
        ["metric", metric, "worst_group"]
    ].first()
    worst.insert(1, "weighted", sums["_product"] / sums["volume"].where(sums["volume"] > 0))
    return worst.loc[sums.index].rename(columns={metric: "worst"}).reset_index()


def _plain_terms(frame: pd.DataFrame) -> dict[str, Array]:
    """What each row adds to each metric, before the mean is taken."""
    a = frame["actual"].to_numpy(dtype=float)
    mean, median, point = (frame[name].to_numpy(dtype=float) for name in POINTS)
    squared = _squared_error(a, mean)
    losses = [_pinball_loss(a, frame[q].to_numpy(dtype=float), p) for q, p in QUANTILES.items()]
    terms = {
        "mape": _percentage_error(a, point),
        "wape": np.abs(mean - a),
        "wape_median": np.abs(median - a),
        "bias": mean - a,
        "rmse": squared,
        "rmse_zero": np.where(a <= 0, squared, np.nan),
        "rmsse": _scaled_squared_error(a, mean, frame["scale"].to_numpy(dtype=float)),
        "pinball": np.mean(losses, axis=0),
    }
    for name, (lower, upper) in INTERVALS.items():
        ends = (frame[end].to_numpy(dtype=float) for end in (lower, upper))
        terms[name] = _inside(a, *ends)
    return terms


def _credited(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every point and quantile credited."""
    columns = [*POINTS, *QUANTILES]
    credited = {c: credit(frame[c], frame["actual"], frame["censored"]) for c in columns}
    return frame.assign(**credited)


def _finish(means: pd.DataFrame, counts: pd.Series[int]) -> pd.DataFrame:
    """From mean terms to metrics: ratios over the mean actual, roots, per cent."""
    out = pd.DataFrame({"volume": means["_volume"] * counts}, index=means.index)
    volume = means["_volume"].where(means["_volume"] > 0)
    for name in _metric_names():
        plain = name.removesuffix(AWARE)
        if plain in _RATIOS:
            out[name] = 100 * means[name] / volume
        elif plain in _ROOTS:
            out[name] = np.sqrt(means[name])
        else:
            out[name] = means[name] * (1 if plain == "pinball" else 100)
    return out


def _metric_names() -> list[str]:
    plain = ["mape", *_RATIOS, *_ROOTS, "pinball", *INTERVALS]
    return ["share_left_out", "share_censored", *plain, *(name + AWARE for name in plain)]


def _arrays(*values: Values) -> tuple[Array, ...]:
    return tuple(np.asarray(v, dtype=np.float64) for v in values)


def _mean(terms: Array) -> float:
    known = terms[~np.isnan(terms)]
    return float(known.mean()) if known.size else float("nan")


def _ratio(terms: Array, actual: Array) -> float:
    seen = ~np.isnan(terms)
    volume = actual[seen].sum()
    return float(terms[seen].sum() / volume) if volume > 0 else float("nan")


def _percentage_error(actual: Array, forecast: Array) -> Array:
    positive = np.where(actual > 0, actual, np.nan)
    return np.abs(forecast - actual) / positive


def _squared_error(actual: Array, forecast: Array) -> Array:
    return np.square(forecast - actual)


def _scaled_squared_error(actual: Array, forecast: Array, scale: Array) -> Array:
    return _squared_error(actual, forecast) / np.square(np.where(scale > 0, scale, np.nan))


def _pinball_loss(actual: Array, forecast: Array, level: float) -> Array:
    return np.maximum(level * (actual - forecast), (level - 1) * (actual - forecast))


def _inside(actual: Array, lower: Array, upper: Array) -> Array:
    known = ~(np.isnan(actual) | np.isnan(lower) | np.isnan(upper))
    return np.where(known, (lower <= actual) & (actual <= upper), np.nan)


def _require(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in frame.columns:
            raise ContractError(
                f"Column '{column}' is missing. {did_you_mean(column, frame.columns)}"
            )
