"""Health of a segment's models: what is in use, how old it is, how its forecasts turned out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from demand_forecast.modelling.evaluation.metrics import summarise
from demand_forecast.modelling.lifecycle.retraining import realised
from demand_forecast.modelling.models.kinds import RegisteredModel
from demand_forecast.modelling.panel import Panel


def segment_health(
    panel: Panel,
    models: Mapping[str, RegisteredModel],
    forecasts: pd.DataFrame,
    code_version: str,
) -> dict[str, Any]:
    """Health of one segment as it is stored: JSON only.

    Args:
        panel: The segment today.
        models: Champions by velocity.
        forecasts: Past forecast tables, joined; may be empty.
        code_version: Commit of the code that runs now.

    Returns:
        ``as_of`` and, per velocity, the columns of
        :func:`demand_forecast.modelling.lifecycle.retraining.retrain_plan`'s ``status``. Age
        counts from the last week of the data a model was trained on: a model retrained today on
        old data is old.
    """
    errors = _realised_errors(forecasts, panel)
    rows = []
    for which, model in models.items():
        tags = model.tags if model.model is not None else {}
        rows.append(
            {
                "region": panel.region,
                "store_format": panel.store_format,
                "velocity": which,
                "model_version": model.version or None,
                "trained_at": tags.get("as_of"),
                "data_digest": tags.get("panel_digest"),
                "current_data_digest": panel.digest,
                "code_version": tags.get("git_commit"),
                "current_code_version": code_version,
                "validated_mape": _number(tags.get("validated_mape")),
                **errors.get(which, {"realised_mape": None, "realised_rows": 0}),
            }
        )
    return {"as_of": str(panel.as_of.date()), "models": rows}


def status_table(healths: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row per segment and velocity, for the retrain plan."""
    rows = [row | {"as_of": health["as_of"]} for health in healths for row in health["models"]]
    return pd.DataFrame(rows)


def _realised_errors(forecasts: pd.DataFrame, panel: Panel) -> dict[str, dict[str, Any]]:
    if forecasts.empty:
        return {}
    come = realised(forecasts, panel)
    come = come[come["source"] != "baseline"]
    if come.empty:
        return {}
    table = summarise(come, by=["velocity"])
    return {
        str(row["velocity"]): {
            "realised_mape": None if pd.isna(row["mape"]) else float(row["mape"]),
            "realised_rows": int(row["rows"]),
        }
        for row in table.to_dict("records")
    }


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
