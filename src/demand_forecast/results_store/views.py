"""Views of the results store in the words of a business: what counts today, of complete runs only.

A view holds no data. All are made anew whenever one of them has changed, see
:func:`demand_forecast.results_store.migrations.prepare`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from demand_forecast.modelling.decisions.review import ACTIONS
from demand_forecast.modelling.evaluation.metrics import Average, Metric, Unit
from demand_forecast.results_store import schema

_SERIES: Final = ", ".join(f"f.{name}" for name in schema.SERIES)
_PLACE: Final = "p.region = f.region AND p.store_format = f.store_format"
_PRODUCT: Final = "LEFT JOIN dim_products i ON i.region = f.region AND i.product_id = f.product_id"


class View(NamedTuple):
    """A view.

    Attributes:
        name: Its name.
        comment: What a row is; the first sentence is its grain.
        query: One SELECT that SQLite and PostgreSQL understand alike.
    """

    name: str
    comment: str
    query: str


def figure(metric: Metric, prefix: str = "") -> str:
    """SQL of a measure of a group of rows of ``fct_backtests`` or ``fct_accuracy``.

    Args:
        metric: One of ``STORED`` or its twin.
        prefix: Alias of the table with a dot.
    """
    plain = next(stored.name for stored in schema.STORED if metric in (stored, stored.twin))
    by_volume = metric.average is Average.VOLUME
    count = f"{prefix}volume" if by_volume else f"{prefix}{plain}_rows"
    mean = f"SUM({prefix}{metric.name}_sum) / NULLIF(SUM({count}), 0)"
    if metric.unit is Unit.PERCENT:
        mean = f"100 * {mean}"
    return f"SQRT({mean})" if metric.average is Average.ROOT else mean


def _figures(prefix: str) -> str:
    shown = [m for metric in schema.STORED for m in (metric, metric.twin)]
    return ",\n  ".join(f"{figure(m, prefix)} AS {m.name}" for m in shown)


def _valid(fact: str, columns: str, joins: str = "", place: str = _PLACE) -> str:
    """Rows of a fact that the newest complete run has published for each place."""
    return (
        f"SELECT {columns}\nFROM v_published p\nJOIN {fact} f ON f.run_id = p.written_by"
        f" AND {place}\n{joins}\nWHERE p.fact = '{fact}'"
    ).replace("\n\n", "\n")


_PUBLISHED: Final = """SELECT p.*
FROM fct_publications p
JOIN dim_runs r ON r.run_id = p.run_id AND r.status = 'complete'
WHERE NOT EXISTS (
  SELECT 1 FROM fct_publications n
  JOIN dim_runs q ON q.run_id = n.run_id AND q.status = 'complete'
  WHERE n.fact = p.fact AND n.region = p.region AND n.store_format = p.store_format
    AND n.velocity = p.velocity AND n.run_id > p.run_id)"""

_DEMANDS: Final = """SELECT f.*
FROM fct_demands f
JOIN dim_runs r ON r.run_id = f.run_id AND r.status = 'complete'
WHERE NOT f.is_withdrawn AND NOT EXISTS (
  SELECT 1 FROM fct_demands n
  JOIN dim_runs q ON q.run_id = n.run_id AND q.status = 'complete'
  WHERE n.region = f.region AND n.store_format = f.store_format AND n.store_id = f.store_id
    AND n.product_id = f.product_id AND n.week = f.week AND n.run_id > f.run_id)"""

_ACTIONS: Final = " ".join(
    f"WHEN '{cause.value}' THEN '{action}'" for cause, action in ACTIONS.items()
)

_ORDERS: Final = f"""SELECT {_SERIES}, i.category, f.week, f.as_of, o.order_quantity,
  o.order_quantity / NULLIF(o.pack_size, 0) AS cases, o.delivery_date, o.critical_ratio,
  o.order_bound_by, o.sell_out_probability, o.expected_fill_rate, o.expected_waste,
  o.expected_margin, o.expected_cost, o.margin_unit, o.beyond_history,
  o.forecast_override, o.order_override, o.overridden_mean, o.order_without_override,
  o.units_at_risk, o.money_at_risk, o.risk, o.cause,
  CASE o.cause {_ACTIONS} END AS action,
  f.mean AS forecast, f.q10, f.q90, f.source, f.reason, i.unit_price, i.unit_cost
FROM v_published p
JOIN fct_orders o ON o.run_id = p.written_by AND o.region = p.region
  AND o.store_format = p.store_format AND o.horizon = 1
JOIN v_published s ON s.fact = 'fct_forecasts' AND s.region = p.region
  AND s.store_format = p.store_format
JOIN fct_forecasts f ON f.run_id = s.written_by AND f.region = o.region
  AND f.store_format = o.store_format AND f.store_id = o.store_id
  AND f.product_id = o.product_id AND f.week = o.week AND f.horizon = o.horizon
{_PRODUCT}
WHERE p.fact = 'fct_orders'"""

_EXCEPTIONS: Final = """SELECT RANK() OVER (ORDER BY COALESCE(o.money_at_risk, 0) DESC,
    o.units_at_risk DESC) AS position, o.*
FROM v_next_orders o"""

_CHANGES: Final = f"""SELECT {_SERIES}, f.week, f.as_of, f.mean, b.as_of AS as_of_before,
  b.mean AS mean_before, f.mean - b.mean AS change
FROM v_forecasts f
JOIN fct_publications p ON p.fact = 'fct_forecasts' AND {_PLACE}
  AND p.run_id = (
    SELECT MAX(n.run_id) FROM fct_publications n
    JOIN dim_runs r ON r.run_id = n.run_id AND r.status = 'complete'
    WHERE n.fact = p.fact AND n.region = f.region AND n.store_format = f.store_format
      AND n.written_by < f.run_id)
JOIN fct_forecasts b ON b.run_id = p.written_by AND b.region = f.region
  AND b.store_format = f.store_format AND b.store_id = f.store_id
  AND b.product_id = f.product_id AND b.week = f.week"""

_BRANCH: Final = f"{_PLACE} AND p.velocity = f.velocity"
_GROUP: Final = "f.region, f.store_format, f.velocity"

_HEALTH: Final = f"""SELECT {_GROUP}, f.as_of, f.model_version, f.trained_until, f.data_age_days,
  f.validated_mape, f.realised_mape, f.realised_rows, t.retrain, t.reasons, t.details
FROM v_published p
JOIN fct_model_health f ON f.run_id = p.written_by AND {_PLACE}
LEFT JOIN v_published s ON s.fact = 'fct_retraining'
LEFT JOIN fct_retraining t ON t.run_id = s.written_by AND t.region = f.region
  AND t.store_format = f.store_format AND t.velocity = f.velocity
WHERE p.fact = 'fct_model_health'"""

_QUALITY: Final = _valid("fct_data_quality", "f.*", place="p.region = f.region")

VIEWS: Final = (
    View(
        "v_published",
        "One row per fact table and place: the newest complete run that published it, and the run "
        "whose rows these are.",
        _PUBLISHED,
    ),
    View(
        "v_demands",
        "One row per store, product and week with a delivery: what was delivered and demanded.",
        _DEMANDS,
    ),
    View(
        "v_forecasts",
        "One row per store, product and forecast week: the newest forecast.",
        _valid("fct_forecasts", "f.*"),
    ),
    View(
        "v_explanations",
        "One row per store, product and forecast week: what the newest forecast is made of, units.",
        _valid("fct_explanations", "f.*"),
    ),
    View(
        "v_forecast_changes",
        "One row per store, product and week that was forecast before: the newest forecast and the "
        "one before, and the change in units.",
        _CHANGES,
    ),
    View(
        "v_next_orders",
        "One row per store and product: the next delivery in units and cases, with its forecast.",
        _ORDERS,
    ),
    View(
        "v_exceptions",
        "One row per store and product of the next delivery, what has most at risk first: what "
        "surplus and lost sales are expected to cost, with the cause and what to do.",
        _EXCEPTIONS,
    ),
    View(
        "v_totals",
        "One row per level, place, product and period: what is forecast in all, with its interval.",
        _valid("fct_totals", "f.*", place="p.region = ''"),
    ),
    View(
        "v_forecast_accuracy",
        "One row per segment, velocity, horizon and week that has come: how delivered forecasts "
        "turned out.",
        _valid(
            "fct_accuracy",
            f"{_GROUP}, f.horizon, f.week, SUM(f.rows) AS rows, SUM(f.volume) AS volume,\n  "
            + _figures("f."),
        )
        + f"\nGROUP BY {_GROUP}, f.horizon, f.week",
    ),
    View(
        "v_validated_accuracy",
        "One row per segment, velocity and model of the last validation: its measures over all "
        "origins and horizons.",
        _valid(
            "fct_backtests",
            f"{_GROUP}, f.model, SUM(f.rows) AS rows, SUM(f.volume) AS volume,\n  "
            + _figures("f."),
            place=_BRANCH,
        )
        + f"\nGROUP BY {_GROUP}, f.model",
    ),
    View(
        "v_verdicts",
        "One row per segment, velocity and rule of the gate in the last validation.",
        _valid("fct_verdicts", "f.*", place=_BRANCH),
    ),
    View(
        "v_model_health",
        "One row per segment and velocity: the model in use, its age, how it did, and whether to "
        "train it again.",
        _HEALTH,
    ),
    View(
        "v_stale_models",
        "One row per segment and velocity whose model is missing or older than the limit, the "
        "oldest first.",
        "SELECT * FROM v_model_health\n"
        "WHERE model_version IS NULL OR reasons LIKE '%stale%' OR reasons LIKE '%no_champion%'\n"
        "ORDER BY data_age_days DESC",
    ),
    View(
        "v_data_quality",
        "One row per region and raw source: rows and units in, and what became of them.",
        _QUALITY,
    ),
    View(
        "v_quarantined_rows",
        "One row per region and rejected row of a raw file.",
        _valid("fct_quarantined_rows", "f.*", place="p.region = f.region"),
    ),
    View(
        "v_overrides",
        "One row per segment and override: a person's correction, and what became of it in the "
        "newest forecast.",
        _valid("fct_overrides", "f.*"),
    ),
    View(
        "v_value_added",
        "One row per owner, reason and step: what each step has added to the forecasts that people "
        "corrected.",
        _valid("fct_value_added", "f.*", place="p.region = ''"),
    ),
    View(
        "v_values",
        "One row per segment and policy of ordering, and per policy in all: what the validation's "
        "weeks are worth if it delivers.",
        _valid("fct_values", "f.*", place="p.region = ''"),
    ),
    View(
        "v_experiments",
        "One row per experiment: how it stands.",
        _valid("fct_experiments", "f.*", place="p.region = ''"),
    ),
    View(
        "v_experiment_readouts",
        "One row per experiment, measure and week: what was known when that week had come.",
        _valid("fct_experiment_readouts", "f.*", place="p.region = ''"),
    ),
    View(
        "v_alerts",
        "One row per alert, the most urgent first.",
        _valid("fct_alerts", "f.*", place="p.region = ''") + "\nORDER BY f.rank",
    ),
)
