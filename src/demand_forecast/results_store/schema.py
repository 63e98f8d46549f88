"""Tables of the results store: a star of dimensions (``dim_``) and facts (``fct_``).

The grain of each table is the first sentence of its comment, and its primary key says the same.
Keys are the names that people use (region, store, product, week), so that a query can be read.
Every fact carries the run that wrote it and is never overwritten. ``fct_publications`` says which
run wrote what a run has published: facts that have not changed are not written again.

Facts have no foreign keys: checked row by row, they would cost more than the loading itself.
:mod:`demand_forecast.results_store.checks` looks at all of a run at once before it counts.

A change here needs a migration, see :mod:`demand_forecast.results_store.migrations`.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from demand_forecast.modelling.decisions.value import VALUE_COLUMNS
from demand_forecast.modelling.evaluation.metrics import METRICS, Metric
from demand_forecast.modelling.explanation.explain import GROUPS
from demand_forecast.modelling.protocol import POINTS, QUANTILES

METADATA: Final = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s"}
)
PARTS: Final = GROUPS  # of a forecast, columns of fct_explanations
ALL: Final = ""  # stands for all regions, store formats or velocities in a key
SEGMENT: Final = ("region", "store_format")
BRANCH: Final = (*SEGMENT, "velocity")
SERIES: Final = (*SEGMENT, "store_id", "product_id")


def _column(
    name: str, kind: type[TypeEngine[Any]], comment: str, *, optional: bool = False
) -> Column[Any]:
    return Column(name, kind, nullable=optional, comment=comment)


def _key(*names: str) -> list[Column[Any]]:
    return [_column(name, *_KEYS[name]) for name in names]


def _facts(
    kind: type[TypeEngine[Any]], optional: bool = False, /, **comments: str
) -> list[Column[Any]]:
    return [_column(name, kind, text, optional=optional) for name, text in comments.items()]


def _numbers(**comments: str) -> list[Column[Any]]:
    return _facts(Double, **comments)


def _maybe_numbers(**comments: str) -> list[Column[Any]]:
    return _facts(Double, True, **comments)


def _counts(**comments: str) -> list[Column[Any]]:
    return _facts(BigInteger, **comments)


def _texts(**comments: str) -> list[Column[Any]]:
    return _facts(Text, **comments)


def _maybe_texts(**comments: str) -> list[Column[Any]]:
    return _facts(Text, True, **comments)


def _table(name: str, comment: str, key: tuple[str, ...], *parts: list[Any]) -> Table:
    """A table whose rows lie in the order of its key."""
    items: list[SchemaItem] = [item for part in parts for item in part]
    return Table(
        name,
        METADATA,
        *items,
        PrimaryKeyConstraint(*key),
        comment=comment,
        sqlite_with_rowid=False,
    )


_KEYS: Final[dict[str, tuple[type[TypeEngine[Any]], str]]] = {
    "run_id": (
        Text,
        "Run that wrote the row: its version in file names, so that runs sort.",
    ),
    "region": (Text, "Region."),
    "store_format": (Text, "Store format: with the region, the segment."),
    "velocity": (Text, "fast or slow: how well the product sells in its segment."),
    "store_id": (Text, "Store, as the region's files name it."),
    "product_id": (Text, "Product, as the region's files name it."),
    "week": (Date, "Last day of the week."),
    "source": (Text, "Raw source, such as shipments."),
    "model": (Text, "Model, such as ensemble or historical_average."),
    "origin": (Date, "Last week that the model was shown."),
    "horizon": (Integer, "Weeks ahead."),
    "as_of": (Date, "Last week of history that was used."),
    "rule": (Text, "Rule of the gate."),
}


# A measure that joins METRICS later is stored once it is named here, which takes a migration.
_STORED: Final = frozenset(
    {
        "mape", "mape_mean", "wape", "wape_median", "bias", "rmse", "rmse_zero", "rmsse", "pinball",
        "coverage_80", "coverage_95",
    }
)  # fmt: skip
STORED: Final[tuple[Metric, ...]] = tuple(m for m in METRICS if m.name in _STORED)


def terms() -> list[Column[Any]]:
    """Columns of sums from which every stored measure can be computed, of any group of rows."""
    columns = _counts(rows="Forecasts that are measured.") + _numbers(
        volume="Units observed in them."
    )
    columns += _counts(rows_censored="Those of sold-out weeks.")
    for metric in STORED:
        what = f"{metric.name} ({metric.what.rstrip('.')}, {metric.average.value})"
        columns += [
            _column(f"{metric.name}_sum", Double, f"Sum of the terms of {what}."),
            _column(
                f"{metric.twin.name}_sum",
                Double,
                "The same where a forecast above a sold-out quantity is no error.",
            ),
            _column(f"{metric.name}_rows", BigInteger, "Rows that count in both."),
        ]
    return columns


# ---- dimensions ---------------------------------------------------------------------------------

RUNS: Final = _table(
    "dim_runs",
    "One row per run that publishes. Views look at complete runs only.",
    ("run_id",),
    [_column("run_id", Text, "Its version in the file names, so that runs sort in time.")],
    _facts(DateTime, started_at="When it started, UTC."),
    _facts(DateTime, True, ended_at="When it ended, UTC; null while it goes on."),
    _texts(
        environment="Environment of the configuration.",
        pipelines="What was run, as kedro run takes it.",
        namespaces="Slice that was run; empty: all segments.",
    ),
    _maybe_texts(git_commit="Commit of the code.", tracking_run="Its run in MLflow."),
    _facts(Date, True, as_of="Last week of history in what it published."),
    _texts(status="running, complete or failed."),
    _maybe_numbers(seconds="From start to end by the clock."),
    _maybe_texts(error="What it failed by.", host="Machine on which it was started."),
    _facts(BigInteger, True, process="Number of its process there."),
    [
        CheckConstraint("status IN ('running', 'complete', 'failed')", name="status"),
        CheckConstraint("status = 'running' OR ended_at IS NOT NULL", name="ended"),
    ],
)
SEGMENTS: Final = _table(
    "dim_segments",
    "One row per segment: a region and a store format.",
    SEGMENT,
    _key(*SEGMENT),
    _texts(segment="Both in one, as commands take it: north_texas.large."),
    [Index("ix_dim_segments_segment", "segment", unique=True)],
)
STORES: Final = _table(
    "dim_stores",
    "One row per store of a region, as the last run found it.",
    ("region", "store_id"),
    _key("region", "store_id"),
    _texts(store_format="Its format today."),
    _maybe_texts(zip_code="Zip code."),
    _facts(Boolean, is_closed="Whether it has closed."),
    _maybe_texts(attributes="What else the region's files say of it, as JSON."),
)
PRODUCTS: Final = _table(
    "dim_products",
    "One row per product of a region, as the last run found it.",
    ("region", "product_id"),
    _key("region", "product_id"),
    _maybe_texts(category="Category."),
    _maybe_numbers(
        pack_size="Units in a case.",
        shelf_life_weeks="Weeks that a delivered unit can be sold.",
        unit_price="Price of a unit to the store, in the company's currency.",
        unit_cost="Cost of a unit to the company, in the same currency.",
    ),
    _maybe_texts(attributes="What else the region's files say of it, as JSON."),
)
WEEKS: Final = _table(
    "dim_weeks",
    "One row per region and week, a year ahead: holidays and events differ by region.",
    ("region", "week"),
    _key("region", "week"),
    _facts(
        Integer,
        year="Calendar year of its last day.",
        quarter="Quarter of its last day.",
        month="Month of its last day.",
        iso_year="ISO 8601 year.",
        iso_week="ISO 8601 week, 1 to 53.",
    ),
    _facts(
        Integer,
        True,
        fiscal_year="Fiscal year, where the region's layout has a fiscal calendar.",
        fiscal_week="Week of it, from 1 on.",
    ),
    _maybe_texts(
        holidays="Public holidays in it, separated by commas.",
        events="Events in it from the region's files, separated by commas.",
    ),
)
MODELS: Final = _table(
    "dim_models",
    "One row per registered model and version.",
    ("model_name", "model_version"),
    _texts(
        model_name="Name in the registry.",
        model_version="Version in the registry.",
        region="Region.",
        store_format="Store format.",
        velocity="fast or slow; empty for the baseline, which is of the whole segment.",
        kind="Kind, such as ensemble.",
    ),
    _facts(Date, as_of="Last week of the data that it was trained on."),
    _facts(DateTime, True, trained_at="When it was registered, UTC."),
    _facts(Boolean, is_promoted="Whether the gate let it become the champion."),
    _texts(
        reason="Verdict of the gate in one line.",
        alarm="Limits it missed that block nothing; empty if none.",
    ),
    _maybe_texts(
        alias="What the registry has it for now: champion, previous_champion, challenger.",
        model_digest="Digest of its files.",
        panel_digest="Digest of the data of its segment.",
        parameters_digest="Digest of the parameters of its training.",
        code_digest="Digest of the code that made it.",
        git_commit="Commit of that code.",
    ),
    _maybe_numbers(validated_mape="MAPE in the validation, per cent."),
    _counts(series="Series that it learned.", weeks="Weeks of history that it learned."),
)

# ---- facts: demand, forecasts, orders ------------------------------------------------------------

DEMANDS: Final = _table(
    "fct_demands",
    "One row per store, product, week and run that found other figures than the run before. The "
    "newest row of a week is valid; v_demands shows it.",
    (*SERIES, "week", "run_id"),
    _key(*SERIES, "week", "run_id"),
    _maybe_numbers(
        delivered="Units delivered; null where the delivery is no longer in the files.",
        returned="Units of them that came back.",
        demand="Delivered less returned; null where the delivery cannot be right.",
    ),
    _facts(
        Boolean,
        is_sold_out="Whether nothing came back: demand was at least this much.",
        is_outlier="Whether the delivery cannot be right, so that demand is unknown.",
        is_withdrawn="Whether the delivery is no longer in the files.",
    ),
    [CheckConstraint("is_withdrawn = (delivered IS NULL)", name="withdrawn")],
)
_QUANTILES: Final = {name: f"Quantile {level:g}, units." for name, level in QUANTILES.items()}
_POINTS: Final = dict(
    zip(
        POINTS,
        (
            "Mean, units; the only point that adds up.",
            "Median, units; best for absolute errors.",
            "Point that is best for percentage errors, units.",
        ),
        strict=True,
    )
)
FORECASTS: Final = _table(
    "fct_forecasts",
    "One row per run, store, product and forecast week.",
    ("run_id", *SERIES, "week"),
    _key("run_id", *SERIES, "week", "velocity", "as_of", "horizon"),
    _numbers(**_POINTS, **_QUANTILES),
    _texts(
        source="champion, previous_champion, baseline, or challenger in an experiment.",
        reason="Why it is not the champion, why no challenger serves, or why it is on the last "
        "panel; else empty.",
        model_kind="Kind of the model.",
        model_name="Its name in the registry.",
        model_version="Its version; empty if it was computed on the spot.",
    ),
    _maybe_texts(
        experiment="Experiment that the row belongs to; null: none.",
        arm="Its arm in it, control or challenger; null: none.",
    ),
    [
        CheckConstraint("horizon >= 1", name="horizon"),
        CheckConstraint("mean >= 0 AND q025 <= q50 AND q50 <= q975", name="quantiles"),
    ],
)
ORDERS: Final = _table(
    "fct_orders",
    "One row per run, store, product and delivery week: the order, after what people have changed.",
    ("run_id", *SERIES, "week"),
    _key("run_id", *SERIES, "week", "as_of", "horizon"),
    _numbers(critical_ratio="Quantile of demand that is ordered: margin / (margin + loss)."),
    _counts(order_quantity="Units, in whole packs."),
    _numbers(pack_size="Units in a pack, as it was ordered."),
    _texts(
        order_bound_by="The rule that decided: newsvendor, pack, min_service_level, capacity ...",
        margin_unit="Unit of margin and cost: money, or units where price or cost are not known.",
    ),
    _numbers(
        sell_out_probability="That nothing will be left over.",
        expected_fill_rate="Share of the expected demand that the order serves.",
        expected_waste="Units that are expected to be left over.",
        expected_margin="What sales earn less what surplus costs, expected.",
        expected_cost="What surplus and lost sales cost, expected.",
    ),
    _facts(Boolean, beyond_history="Whether the forecast lies beyond all that was ever sold."),
    _facts(Date, delivery_date="Day of the delivery; of several in the week, the first."),
    _maybe_texts(
        forecast_override="Override of the forecast that it was made from; null: none.",
        order_override="Override of the order itself; null: none.",
    ),
    _maybe_numbers(
        overridden_mean="Mean of the forecast after its override, units; null: none.",
        order_without_override="What would have been ordered, units; null: no override.",
        units_at_risk="Units too many and too few that are to be expected.",
        money_at_risk="What they cost; null where price or cost are not known.",
    ),
    _maybe_texts(
        risk="What is likely to cost more: may sell out, or may come back.",
        cause="Why it deserves a look: sells out likely, override, no champion ...",
    ),
    [CheckConstraint("order_quantity >= 0", name="quantity")],
)
EXPLANATIONS: Final = _table(
    "fct_explanations",
    "One row per run, store, product and forecast week: what the mean is made of, in units.",
    ("run_id", *SERIES, "week"),
    _key("run_id", *SERIES, "week", "as_of", "horizon"),
    _numbers(mean="The mean, which the parts add up to."),
    _numbers(**{name: f"Part: {name.replace('_', ' ')}, units." for name in GROUPS}),
)
TOTALS: Final = _table(
    "fct_totals",
    "One row per run, level, place, product and period: what is forecast in all.",
    ("run_id", "level", *SEGMENT, "product_id", "period", "week"),
    _key("run_id"),
    _texts(
        level="What is added up: product, region, store_format, segment or all.",
        region="Region; all where added up.",
        store_format="Store format; all where added up.",
        product_id="Product; all where added up.",
        period="week, or horizon for all weeks together.",
    ),
    _facts(Date, first_week="First week of the period.", week="Last week of the period."),
    _key("as_of"),
    _counts(series="Series in it."),
    _numbers(mean=_POINTS["mean"], **_QUANTILES),
)

# ---- facts: models -------------------------------------------------------------------------------

BACKTESTS: Final = _table(
    "fct_backtests",
    "One row per run, segment, velocity, model, origin and horizon of the validation: sums from "
    "which every measure can be computed.",
    ("run_id", *BRANCH, "model", "origin", "horizon"),
    _key("run_id", *BRANCH, "model", "origin", "horizon", "week"),
    terms(),
)
ACCURACY: Final = _table(
    "fct_accuracy",
    "One row per run, segment, velocity, source, model version, as_of and horizon of delivered "
    "forecasts whose week has come: sums from which every measure can be computed.",
    ("run_id", *BRANCH, "source", "model_name", "model_version", "as_of", "horizon"),
    _key("run_id", *BRANCH),
    _texts(
        source="champion, previous_champion, baseline, or challenger in an experiment.",
        model_name="Name in the registry.",
        model_version="Version in the registry.",
    ),
    _key("as_of", "horizon", "week"),
    terms(),
)
VALIDATIONS: Final = _table(
    "fct_validations",
    "One row per run, segment and velocity: the verdict of the gate.",
    ("run_id", *BRANCH),
    _key("run_id", *BRANCH),
    _texts(challenger="Model that was judged."),
    _facts(Boolean, is_passed="Whether it may be promoted."),
    _texts(
        reason="Which rules keep it from promotion and why, or that none does.",
        alarm="Limits it missed that block nothing; empty if none.",
    ),
)
VERDICTS: Final = _table(
    "fct_verdicts",
    "One row per run, segment, velocity and rule of the gate.",
    ("run_id", *BRANCH, "rule"),
    _key("run_id", *BRANCH, "rule"),
    _facts(Integer, position="Order of the rules, from 0 on."),
    _facts(
        Boolean,
        is_passed="Whether the figure keeps to the limit.",
        is_blocking="Whether failing keeps the challenger from promotion.",
    ),
    _maybe_numbers(figure="What was measured; null where it cannot be.", bound="What is allowed."),
    _texts(detail="Both in a sentence."),
)
HEALTH: Final = _table(
    "fct_model_health",
    "One row per run, segment and velocity: the model in use, its age and how it did.",
    ("run_id", *BRANCH),
    _key("run_id", *BRANCH, "as_of"),
    _maybe_texts(model_version="Version in use; null where there is none."),
    _facts(Date, True, trained_until="Last week of the data that it was trained on."),
    _facts(Integer, True, data_age_days="Days from then to as_of."),
    _maybe_numbers(
        validated_mape="MAPE in its validation, per cent.",
        realised_mape="MAPE of delivered forecasts whose week has come, per cent.",
    ),
    _counts(realised_rows="How many these are."),
)
RETRAINING: Final = _table(
    "fct_retraining",
    "One row per run, segment and velocity: whether to train again, and why.",
    ("run_id", *BRANCH),
    _key("run_id", *BRANCH),
    _facts(Boolean, retrain="Whether it should be trained again."),
    _texts(
        reasons="no_champion, stale, data_changed, code_changed, degraded, drifted.",
        details="A sentence with the figures for each.",
    ),
)
RELEASES: Final = _table(
    "fct_releases",
    "One row per release and model in it.",
    ("release_id", "model_name"),
    _texts(release_id="Release.", model_name="Name in the registry.", model_version="Version."),
    _key("run_id", *BRANCH),
    _facts(DateTime, released_at="When it was released, UTC."),
    _maybe_texts(note="Why, such as the release that it rolls back to."),
)

# ---- facts: data, alerts, people -----------------------------------------------------------------

QUALITY: Final = _table(
    "fct_data_quality",
    "One row per run, region and raw source: rows and units in, and what became of them.",
    ("run_id", "region", "source"),
    _key("run_id", "region", "source", "as_of"),
    _counts(
        rows_in="Rows that came in.",
        rows_conditioned="Rows of the standard table.",
        rows_merged="Rows that were added to another one.",
        rows_quarantined="Rows that were rejected.",
        rows_set_aside="Rows that are no part of the table, and not wrong.",
        rows_units_unknown="Rows whose units cannot be read; in no sum of units.",
        cells_blanked="Unreadable cells in rows that stayed.",
    ),
    _numbers(
        units_in="Units in them, in the file's own unit.",
        units_conditioned="Units of them in the standard table.",
        units_quarantined="Units of rejected rows.",
        units_set_aside="Units of rows set aside.",
        units_standard="Units of the standard table, in single units.",
        share_quarantined="Share of the rows that were rejected, 0 to 1.",
    ),
    [
        CheckConstraint(
            "rows_in = rows_conditioned + rows_merged + rows_quarantined + rows_set_aside",
            name="rows",
        )
    ],
)
REJECTIONS: Final = _table(
    "fct_rejections",
    "One row per run, region, raw source, outcome and reason: rows that were left out.",
    ("run_id", "region", "source", "outcome", "reason"),
    _key("run_id", "region", "source"),
    _texts(outcome="quarantined or set_aside.", reason="Why."),
    _counts(rows="How many rows."),
)
QUARANTINE: Final = _table(
    "fct_quarantined_rows",
    "One row per run, region and rejected row of a raw file.",
    ("run_id", "region", "position"),
    _key("run_id", "region"),
    _facts(Integer, position="Its place among the rejected rows of the region, from 0 on."),
    _texts(
        source="Raw source, such as shipments.",
        file="File.",
        row="Row, as a spreadsheet counts.",
        reason="Why it was rejected.",
        detail="Column at fault.",
        record="The row as it was, as JSON.",
    ),
)
STEPS: Final = _table(
    "fct_steps",
    "One row per run, stage and place that was worked on.",
    ("run_id", "stage", "place"),
    _key("run_id"),
    _texts(stage="Stage, such as training.", place="Region or segment, or all segments."),
    _counts(nodes="Steps that were done."),
    _numbers(seconds="Work in all of them."),
    _maybe_texts(error="What one of them failed by."),
)
ALERTS: Final = _table(
    "fct_alerts",
    "One row per run and alert, the most urgent first.",
    ("run_id", "rank"),
    _key("run_id"),
    _facts(Integer, rank="1 is the most urgent."),
    _texts(
        kind="What kind of trouble.",
        severity="high, medium or low.",
        message="What, in a sentence.",
        action="What to do.",
        region="Region; empty: all.",
        store_format="Store format; empty: all.",
        velocity="Velocity; empty: both.",
    ),
    _facts(Date, True, since="Since when."),
    _maybe_numbers(money="Money at risk.", units="Units at risk."),
)
OVERRIDES: Final = _table(
    "fct_overrides",
    "One row per run, segment and override: a person's correction, and what became of it.",
    ("run_id", *SEGMENT, "override_id"),
    _key("run_id", *SEGMENT),
    _texts(
        override_id="Override.",
        target="forecast or order.",
        store_id="Store; empty: all.",
        product_id="Product; empty: all.",
        owner="Who answers for it.",
        reason="Reason from the list.",
        note="Reason in free words.",
    ),
    _facts(Date, True, first_week="First week.", last_week="Last week."),
    _maybe_numbers(
        factor="What units are multiplied by, or null.",
        amount="Units that are added per store, product and week, or null.",
    ),
    _facts(Date, True, expires_on="Last day of history with which it is applied; null: any."),
    _facts(DateTime, made_at="When it was made, or its file written, UTC."),
    _facts(DateTime, True, ended_at="When it was ended before its time, UTC."),
    _texts(
        made_in="command, or the file and row.",
        status="in_force, past, ended, withdrawn (no longer in its file) or refused.",
        problem="Why it is refused or past; empty if it is neither.",
    ),
    [
        CheckConstraint(
            "status = 'refused' OR (factor IS NULL) <> (amount IS NULL)", name="one_change"
        )
    ],
)
VALUE_ADDED: Final = _table(
    "fct_value_added",
    "One row per run, owner, reason and step of the forecasts that people corrected and whose "
    "weeks have come: what each step added to the one before.",
    ("run_id", "owner", "reason", "step"),
    _key("run_id"),
    _texts(
        owner="Owner of the overrides; all: everybody.",
        reason="Their reason; all: any.",
        step="seasonal_naive, historical_average, ensemble (the model in use) or override.",
    ),
    _counts(
        overrides="Overrides that were applied.",
        rows="Stores, products and weeks that they changed.",
        weeks="Different weeks among them.",
    ),
    _facts(Date, first_week="The first of these."),
    _numbers(volume="Units sold in them."),
    _maybe_numbers(
        wape="WAPE of the step, per cent; sold-out weeks count as in wape_aware.",
        wape_gain="Points of WAPE less than the step before.",
        wape_gain_lower="Lower end of its interval, of the overrides.",
        wape_gain_upper="Upper end.",
        value="What the orders of the step were worth, in unit.",
        value_gain="What is more than in the step before.",
        value_gain_lower="Lower end of its interval, of the overrides.",
        value_gain_upper="Upper end.",
    ),
    _texts(
        unit="money, or units where no price and cost is known.",
        verdict="Of the overrides: better, worse, or open where chance may explain it.",
    ),
)
EXPERIMENTS: Final = _table(
    "fct_experiments",
    "One row per run and experiment: how it stands.",
    ("run_id", "experiment"),
    _key("run_id"),
    _texts(
        experiment="Name of the experiment.",
        status="planned, running, over, or stopped.",
        kind="ab, interleaved or shadow.",
        owner="Who answers for it.",
        models="Models with the version that is tried.",
    ),
    _maybe_numbers(share="Share of the stores that the challengers serve, 0 to 1; of ab only."),
    _facts(Date, start_week="First day that a week's last day may be."),
    _facts(Date, True, end_week="Last day that it may be; null: until it is stopped."),
    _counts(
        stores="Stores that take part.",
        stores_chosen="Stores that the challengers serve; 0 unless it is ab.",
        weeks="Weeks that have come.",
    ),
    _texts(
        why="Why it was stopped; empty if it was not.",
        problem="Why a challenger could not be used in the last scoring; empty if it could.",
    ),
)
READOUTS: Final = _table(
    "fct_experiment_readouts",
    "One row per run, experiment, measure and week: what was known when that week had come.",
    ("run_id", "experiment", "measure", "week"),
    _key("run_id"),
    _texts(experiment="Name of the experiment.", measure="wape, mape or value."),
    _facts(Date, week="Last day of the week."),
    _maybe_numbers(
        control="Figure of the champions' arm.",
        challenger="Figure of the challengers' arm.",
        difference="The challengers' less the champions', adjusted in ab for what stores are like.",
        lower="Lower end of its interval; null where it is too early for one.",
        upper="Upper end. The intervals of all weeks and measures hold together.",
    ),
    _texts(
        unit="% (differences in points), or money or units per 1,000 units of demand.",
        verdict="better, worse, or open where chance may explain it.",
    ),
    _facts(Boolean, is_harmful="Whether it is surely worse than the experiment's limit."),
)
_VALUE_TEXTS: Final = ("segment", "policy", "unit")
_VALUE_COUNTS: Final = ("weeks", "rows", "estimated", "unpriced")
VALUES: Final = _table(
    "fct_values",
    "One row per run, segment and policy of ordering: the weeks of the validation, delivered again "
    "by it.",
    ("run_id", "segment", "policy"),
    _key("run_id"),
    _texts(**{name: VALUE_COLUMNS[name] for name in _VALUE_TEXTS}),
    _counts(**{name: VALUE_COLUMNS[name] for name in _VALUE_COUNTS}),
    _maybe_numbers(
        **{n: c for n, c in VALUE_COLUMNS.items() if n not in (*_VALUE_TEXTS, *_VALUE_COUNTS)}
    ),
)
PUBLICATIONS: Final = _table(
    "fct_publications",
    "One row per run, fact table and place: what the run has published, and which run wrote it.",
    ("run_id", "fact", *BRANCH),
    [_column("run_id", Text, "Run that published it.")],
    _texts(
        fact="Table.",
        region="Region; empty: all.",
        store_format="Store format; empty: all.",
        velocity="Velocity; empty: both.",
        written_by="Run whose rows these are: an earlier one where nothing has changed.",
        digest="SHA-256 of the rows.",
    ),
    _counts(rows="How many rows this run wrote, or would have."),
    _maybe_numbers(units="Their control total: units delivered, forecast, ordered or read."),
    _facts(DateTime, published_at="When, UTC."),
)

VIEW_STATE: Final = _table(
    "results_store_views",
    "One row: which version of the views the database has.",
    ("digest",),
    _texts(digest="SHA-256 of their definitions."),
)

FACTS: Final = tuple(t for t in METADATA.sorted_tables if t.name.startswith("fct_"))
DIMENSIONS: Final = tuple(t for t in METADATA.sorted_tables if t.name.startswith("dim_"))
# Column whose sum is followed from what a run has made to the database.
CONTROLLED: Final = {
    DEMANDS.name: "delivered",
    FORECASTS.name: "mean",
    ORDERS.name: "order_quantity",
    EXPLANATIONS.name: "mean",
    QUALITY.name: "units_in",
    BACKTESTS.name: "volume",
    ACCURACY.name: "volume",
}
# Written where a row differs from the last one, instead of all rows where any differs.
VERSIONED: Final = frozenset({DEMANDS.name})
