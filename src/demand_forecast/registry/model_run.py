"""The MLflow run of a model: what a person looks for when they compare models.

A run is a row of its own in the environment's experiment, named after the model and its version.
It is no child of the Kedro run's run, because the UI folds children away; the tag ``pipeline_run``
leads back to it.
"""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from demand_forecast import __version__
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.records import TrainedModel
from demand_forecast.modelling.protocol import FORECAST_COLUMNS
from demand_forecast.registry.aliases import CHALLENGER
from demand_forecast.registry.availability import asked, is_absent, is_trouble
from demand_forecast.registry.model_card import model_card
from demand_forecast.registry.tracking import PIPELINE_RUN, ParentRun, as_metrics

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric
    from mlflow.models import ModelSignature
    from mlflow.tracking import MlflowClient

_TYPES: Final = {"store_id": "string", "product_id": "string", "week": "datetime"}
_REQUEST: Final = {"panel": "string", "as_of": "string", "horizon": "long"}
_LONGEST_DIGEST: Final = 36  # of a dataset in MLflow
_LONGEST_VALUE: Final = 6000  # of a parameter in MLflow


class Registration(NamedTuple):
    """A model on its way into the registry.

    Attributes:
        name: Registered name.
        title: The name without the environment.
        parent: MLflow run of the Kedro run.
        trained: The model, with what is logged of it.
        lineage: Its lineage, complete.
        digest: Of its sealed files.
    """

    name: str
    title: str
    parent: ParentRun
    trained: TrainedModel
    lineage: Lineage
    digest: str

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the run and of the version."""
        above = self.parent.run_id
        return self.lineage.to_tags() | ({PIPELINE_RUN: above} if above else {})


def register(registration: Registration, files: Path, scratch: Path) -> str:
    """Log a model's run and register a version, the new challenger; returns the version.

    Args:
        registration: The model.
        files: Its sealed files.
        scratch: A folder for what is uploaded.

    Raises:
        RegistryError: If the registry does not answer.
    """
    from mlflow.tracking import MlflowClient

    with asked():
        client, parent = MlflowClient(), registration.parent
        run = client.create_run(
            parent.experiment_id, run_name=registration.title, tags=registration.tags
        )
        run_id = run.info.run_id
        try:
            model_id = _log_model(client, run_id, registration, files, scratch)
            _log_plots(client, run_id, registration.trained, scratch)
            _log_figures(client, run_id, model_id, registration)
            version = _create_version(client, run_id, model_id, registration)
            client.set_registered_model_alias(registration.name, CHALLENGER, version)
            client.update_run(run_id, name=f"{registration.title} v{version}")
        except BaseException as error:
            if not is_trouble(error):  # else it would be waited for once more
                client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
    return version


def _log_model(
    client: MlflowClient, run_id: str, registration: Registration, files: Path, scratch: Path
) -> str:
    """Log the files as MLflow's own command does, without starting a run and trying a request."""
    from mlflow import pyfunc
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    logged = client.create_logged_model(
        registration.parent.experiment_id,
        name=registration.title.replace(".", "-"),  # MLflow allows no dots here
        source_run_id=run_id,
        model_type=registration.lineage.kind,
    )
    folder = scratch / "logged"
    with warnings.catch_warnings(action="ignore"):  # MLflow's own, on the example's columns
        pyfunc.save_model(
            path=str(folder),
            loader_module="demand_forecast.registry.serving",
            data_path=str(files),
            pip_requirements=[f"demand-forecast[kedro]=={__version__}"],
            signature=_signature(),
            input_example=_example(registration.lineage),
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                model_uuid=logged.model_id,
                run_id=run_id,
                model_id=logged.model_id,
            ),
        )
    client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
    return str(logged.model_id)


def _log_plots(client: MlflowClient, run_id: str, trained: TrainedModel, scratch: Path) -> None:
    folder = scratch / "plots"
    folder.mkdir()
    for name, draw in trained.plots.items():
        draw().savefig(folder / f"{name}.png", dpi=80)
    if trained.plots:
        client.log_artifacts(run_id, str(folder), "plots")


def _log_figures(
    client: MlflowClient, run_id: str, model_id: str, registration: Registration
) -> None:
    from mlflow.entities import Param

    trained = registration.trained
    client.log_batch(
        run_id,
        metrics=[*as_metrics(trained.metrics, model_id), *_steps(trained)],
        params=[Param(k, str(v)[:_LONGEST_VALUE]) for k, v in trained.parameters.items()],
    )
    client.log_inputs(run_id, [_panel(registration.lineage)])


def _steps(trained: TrainedModel) -> list[Metric]:
    """Figures by lead, by origin and by step of the training."""
    from mlflow.entities import Metric

    now = int(time() * 1000)
    return [
        Metric(name, value, now, step)
        for name, curve in trained.curves.items()
        for step, value in curve.items()
    ]


def _panel(lineage: Lineage) -> DatasetInput:
    """The panel as MLflow's dataset: its digests and its size, not its data."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    name = f"{lineage.region}.{lineage.store_format}.panel"
    digests = {"panel": lineage.panel_digest, "training": lineage.training_digest}
    size = {"series": lineage.series, "weeks": lineage.weeks, "as_of": str(lineage.as_of)}
    dataset = Dataset(
        name=name,
        digest=lineage.panel_digest[:_LONGEST_DIGEST],
        source_type="kedro",
        source=json.dumps({"dataset": name, "sha256": digests}),
        profile=json.dumps(size),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _create_version(
    client: MlflowClient, run_id: str, model_id: str, registration: Registration
) -> str:
    from mlflow.exceptions import MlflowException

    card = model_card(registration.name, registration.trained, registration.lineage)
    arguments: dict[str, Any] = {
        "name": registration.name,
        "source": f"models:/{model_id}",
        "run_id": run_id,
        "tags": registration.tags | {"model_digest": registration.digest},
        "description": card,
        "model_id": model_id,
    }
    try:
        version = client.create_model_version(**arguments)
    except MlflowException as error:
        if not is_absent(error):
            raise
        client.create_registered_model(registration.name, description=card)
        return str(client.create_model_version(**arguments).version)
    if registration.lineage.promoted:
        client.update_registered_model(registration.name, card)
    return str(version.version)


@cache
def _signature() -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    answer = {name: _TYPES.get(name, "double") for name in FORECAST_COLUMNS} | {"horizon": "long"}
    return ModelSignature(
        inputs=Schema([ColSpec(kind, name) for name, kind in _REQUEST.items()]),
        outputs=Schema([ColSpec(kind, name) for name, kind in answer.items()]),
    )


def _example(lineage: Lineage) -> Any:
    import pandas as pd

    request = {"panel": ["path/to/panel"], "as_of": [str(lineage.as_of)], "horizon": [4]}
    return pd.DataFrame(request)
