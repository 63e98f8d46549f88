"""What MLflow has registered under a prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel


def registered_models(prefix: str) -> list[RegisteredModel]:
    """All registered models whose names begin so.

    Raises:
        MlflowException: If the registry does not answer.
    """
    import mlflow

    models = mlflow.search_registered_models(filter_string=_like(prefix))
    return [model for model in models if model.name.startswith(prefix)]


def registered_versions(prefix: str) -> list[ModelVersion]:
    """All versions of the registered models whose names begin so; none says its own aliases.

    Raises:
        MlflowException: If the registry does not answer.
    """
    import mlflow

    versions = mlflow.search_model_versions(filter_string=_like(prefix))
    return [version for version in versions if version.name.startswith(prefix)]


def _like(prefix: str) -> str:
    """It finds more than is meant: an underscore stands for any character."""
    return f"name LIKE '{prefix}%'"
