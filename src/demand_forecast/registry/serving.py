"""How MLflow opens a registered model: ``mlflow.pyfunc.load_model("models:/NAME@champion")``.

MLflow stores the model's files as they are and the name of this module; nothing is unpickled.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from demand_forecast.modelling.models.kinds import load_model
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import Forecaster


class DemandModel:
    """A demand model as MLflow serves it."""

    def __init__(self, model: Forecaster) -> None:
        self.model = model

    def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
        """Forecast for each row of the request.

        Args:
            model_input: ``panel`` (folder of a stored panel with the series of the model's
                velocity, as scoring hands them over), ``as_of`` (last week to look at) and
                ``horizon`` (weeks ahead).
        """
        frames = [
            self.model.predict(
                Panel.load(Path(str(row["panel"]))), pd.Timestamp(row["as_of"]), int(row["horizon"])
            )
            for row in model_input.to_dict("records")
        ]
        return pd.concat(frames, ignore_index=True)


def _load_pyfunc(path: str) -> DemandModel:
    """Called by MLflow with the folder of the model's files."""
    return DemandModel(load_model(Path(path)))
