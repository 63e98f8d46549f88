"""Versions of registered models that may be deleted, once no release needs them any more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from demand_forecast.registry.availability import asked
from demand_forecast.registry.registered import registered_versions

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

_MODELS: Final = "models:/"
_LOGGED: Final = f"{_MODELS}m-"


class RegisteredVersion(NamedTuple):
    """A version of a registered model.

    Attributes:
        name: Registered name.
        version: Version.
        created_at: When it was registered.
        model_id: MLflow's name for its files; None where it was registered without.
    """

    name: str
    version: str
    created_at: datetime
    model_id: str | None


def old_versions(environment: str) -> list[RegisteredVersion]:
    """All versions of the models of an environment, the newest of each model left out.

    Raises:
        RegistryError: If the registry does not answer.
    """
    with asked():
        versions = registered_versions(f"{environment}.")
    registered = sorted(map(_registered, versions), key=lambda v: (v.name, int(v.version)))
    newest = {version.name: version.version for version in registered}
    return [version for version in registered if newest[version.name] != version.version]


def delete_version(version: RegisteredVersion) -> None:
    """Delete a version; its run stays, with all that was measured.

    Its files are marked as deleted, and go with ``mlflow gc``.

    Raises:
        RegistryError: If the registry does not answer.
    """
    from mlflow.tracking import MlflowClient

    with asked():
        client = MlflowClient()
        client.delete_model_version(version.name, version.version)
        if version.model_id is not None:
            client.delete_logged_model(version.model_id)


def _registered(version: ModelVersion) -> RegisteredVersion:
    created = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    source = str(version.source)  # the address that it was registered with
    logged = source.removeprefix(_MODELS) if source.startswith(_LOGGED) else None
    return RegisteredVersion(version.name, str(version.version), created, logged)
