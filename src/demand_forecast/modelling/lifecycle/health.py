"""Health of a segment's models: what is in use, how old it is, how its forecasts turned out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from demand_forecast.modelling.evaluation.metrics import summarise
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.lifecycle.retraining import realised
from demand_forecast.modelling.panel import Panel


def segment_health(
    panel: Panel,
    models: Mapping[str, RegisteredModel],
    forecasts: pd.DataFrame,
    git_commit: str,
) -> dict[str, Any]:
    """Health of one segment as it is stored: JSON only.

    Args:
        panel: The segment today.
        models: Champions by velocity.
        forecasts: Past forecast tables, joined; may be empty.
        git_commit: Commit of the code that runs now.

    Returns:
        ``as_of`` and, per velocity, the columns of
        :func:`demand_forecast.modelling.lifecycle.retraining.retrain_plan`'s ``status``.
    """
    errors, digest = _realised_errors(forecasts, panel), panel.digest
    rows = [
        {
            "region": panel.region,
            "store_format": panel.store_format,
            "velocity": velocity,
            "model_version": model.version or None,
            **_origin(model.lineage),
            "current_panel_digest": digest,
            "current_git_commit": git_commit,
            **errors.get(velocity, {"realised_mape": None, "realised_rows": 0}),
        }
        for velocity, model in models.items()
    ]
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


def _origin(lineage: Lineage | None) -> dict[str, Any]:
    """What is known of where a model comes from."""
    names = {"trained_at", "panel_digest", "git_commit", "validated_mape"}
    if lineage is None:
        return dict.fromkeys(["trained_until", *sorted(names)])
    return {"trained_until": lineage.as_of.isoformat()} | lineage.model_dump(
        mode="json", include=names
    )
