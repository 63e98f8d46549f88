"""Health of a segment's models: what is in use, how old it is, what has changed since."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from demand_forecast.modelling.columns import BRANCH
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.accuracy import of_version
from demand_forecast.modelling.lifecycle.changes import data_changes, learned_panel
from demand_forecast.modelling.lifecycle.degradation import measure_degradation
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.recipe import code_digest, parameters_digest
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.lifecycle.retraining import RetrainingParameters
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.lifecycle.versions import Versions
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.velocity import by_product


class ModelInUse(NamedTuple):
    """One velocity's ensemble, as far as it is known without its files.

    Attributes:
        champion: What the registry says of it.
        last: Where the model of the last training comes from, promoted or not; None before the
            first.
        training: Parameters of its training, as they are now.
        backtest: What the champion was judged on; empty where that is not known any more.
    """

    champion: RegisteredModel
    last: Lineage | None
    training: TrainingParameters
    backtest: pd.DataFrame


def segment_health(
    panel: Panel,
    models: Mapping[str, ModelInUse],
    *,
    classes: pd.DataFrame | None,
    past_panels: Versions[Panel],
    outcomes: pd.DataFrame,
    forecast: ForecastParameters,
    rules: RetrainingParameters,
) -> dict[str, Any]:
    """Health of one segment as it is stored: JSON only.

    Args:
        panel: The segment today.
        models: By velocity.
        classes: Velocity of each series from the last training; None before the first.
        past_panels: How to load each stored version of the panel.
        outcomes: Past forecasts that have come, see
            :func:`demand_forecast.modelling.lifecycle.accuracy.realised`; may be empty.
        forecast: Weeks ahead, and the origins of the validation, as they are now.
        rules: Limits.

    Returns:
        ``as_of`` and, per velocity, what
        :func:`demand_forecast.modelling.lifecycle.retraining.retrain_plan` reads.
    """
    digest, rows, data = panel.digest, [], _Data(panel, classes, past_panels, rules)
    for velocity, model in models.items():
        champion, lineage = model.champion, model.champion.lineage
        recipe = (code_digest(), parameters_digest(model.training, forecast))
        mine = of_version(outcomes, velocity, champion.version)
        rows.append(
            {
                "region": panel.region,
                "store_format": panel.store_format,
                "velocity": velocity,
                "model_version": champion.version or None,
                "trouble": champion.trouble,
                **_tried(model, velocity, (*recipe, digest), data),
                **_origin(lineage),
                "current_code_digest": recipe[0],
                "current_parameters_digest": recipe[1],
                "current_panel_digest": digest,
                "data_changes": lineage and data.changes(lineage, model.training, velocity),
                **_realised(mine, model.backtest, rules.degraded_by),
            }
        )
    return {"as_of": str(panel.as_of.date()), "models": rows}


def status_table(healths: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row per segment and velocity, for the retrain plan."""
    rows = [row | {"as_of": health["as_of"]} for health in healths for row in health["models"]]
    return pd.DataFrame(rows)


def troubles(status: pd.DataFrame) -> dict[str, str]:
    """Models of which it is not known what serves, and why.

    Args:
        status: From :func:`status_table`.
    """
    rows = status[status["trouble"].notna()]
    models = [".".join(place) for place in rows[BRANCH].itertuples(index=False)]
    return dict(zip(models, rows["trouble"], strict=True))


class _Data(NamedTuple):
    """What there is of a segment's data, today and before; see :func:`segment_health`."""

    panel: Panel
    classes: pd.DataFrame | None
    past: Versions[Panel]
    rules: RetrainingParameters

    def changes(
        self, lineage: Lineage, training: TrainingParameters, velocity: str
    ) -> list[str] | None:
        """What a model would learn otherwise today; None where what it learned is gone."""
        learned = learned_panel(lineage, self.panel, self.past)
        if learned is None:
            return None
        if learned is self.panel:
            return []
        if training.borrow or self.classes is None:  # then it learned from the others as well
            return data_changes(learned, self.panel, self.rules)
        of_product = by_product(self.classes)
        before, after = (_part(one, of_product, velocity) for one in (learned, self.panel))
        return data_changes(before, after, self.rules)


def _tried(
    model: ModelInUse, velocity: str, now: tuple[str, str, str], data: _Data
) -> dict[str, str | None]:
    """What became of today's recipe where the last training has tried it and it is not in use.

    Args:
        model: The champion, and the last training.
        velocity: Of its products.
        now: Digests of code, parameters and panel.
        data: Of the segment.

    Returns:
        ``refused``: why it is not in use; None where it is, or where a training would learn
        something else than new weeks. ``refused_as_of``: the last week that it learned; None where
        it was tried on these very data. ``tried_for``: the reasons for which it was trained.
    """
    last = model.last
    nothing = dict.fromkeys(("refused", "refused_as_of", "tried_for"))
    if last is None or _recipe(last)[:2] != now[:2]:
        return nothing
    refused, is_same = _refused(last, model.champion), last.panel_digest == now[2]
    if refused is None or not (is_same or data.changes(last, model.training, velocity) == []):
        return nothing
    until = None if is_same else str(last.as_of)
    return {"refused": refused, "refused_as_of": until, "tried_for": last.tried_for}


def _refused(last: Lineage, champion: RegisteredModel) -> str | None:
    """Why the model of the last training is not in use; None where it is, or was lost."""
    if not last.promoted:
        return last.reason or "not promoted"
    in_use, was_released = champion.lineage, champion.was_released
    if in_use is None or _recipe(in_use) == _recipe(last):
        return None
    if was_released is not None and not was_released(last):
        return None  # its run was killed before the release
    return "it was taken back"


def _recipe(lineage: Lineage) -> tuple[str | None, str | None, str]:
    return lineage.code_digest, lineage.parameters_digest, lineage.panel_digest


def _part(panel: Panel, of_product: Mapping[str, str] | pd.Series[str], velocity: str) -> Panel:
    return panel.select(
        np.asarray(panel.series["product_id"].map(of_product) == velocity, dtype=np.bool_)
    )


def _realised(outcomes: pd.DataFrame, backtest: pd.DataFrame, tolerated: float) -> dict[str, Any]:
    degradation = measure_degradation(outcomes, backtest, tolerated)
    figures = {
        "realised_rows": degradation.rows,
        "realised_weeks": degradation.weeks,
        "realised_mape": degradation.realised,
        "expected_mape": degradation.expected,
        "realised_error": degradation.error,
        "degraded_p": degradation.p_value,
    }
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _origin(lineage: Lineage | None) -> dict[str, Any]:
    """What is known of where a model comes from."""
    names = {
        "trained_at",
        "panel_digest",
        "code_digest",
        "parameters_digest",
        "git_commit",
        "validated_mape",
    }
    if lineage is None:
        return dict.fromkeys(["trained_until", *sorted(names)])
    return {"trained_until": lineage.as_of.isoformat()} | lineage.model_dump(
        mode="json", include=names
    )
