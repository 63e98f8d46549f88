"""The script MLflow stores with each model ("models from code"): plain data beside it, no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from demand_forecast.modelling.models import load_model
from demand_forecast.modelling.panel import Panel


class DemandModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined, unused-ignore]
    """A demand model as MLflow serves it: one row names a stored panel, a week and a horizon."""

    def load_context(self, context: Any) -> None:
        """Read the model's files."""
        self.model = load_model(Path(context.artifacts["model"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Forecast for each row (``panel``: folder, ``as_of``: week, ``horizon``: weeks)."""
        frames = [
            self.model.predict(
                Panel.load(Path(str(row["panel"]))), pd.Timestamp(row["as_of"]), int(row["horizon"])
            )
            for row in model_input.to_dict("records")
        ]
        return pd.concat(frames, ignore_index=True)


mlflow.models.set_model(DemandModel())
