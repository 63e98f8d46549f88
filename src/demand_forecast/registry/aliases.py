"""Aliases of the MLflow registry: they follow the release in force, for people who look there.

Nothing is read from them, but once: models that were promoted before there were releases.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from demand_forecast.exceptions import ArtefactError, RegistryError
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.registry.availability import asked, is_absent
from demand_forecast.registry.registered import registered_models
from demand_forecast.registry.releases import Champion, Champions, ModelVersion, ReleaseStore

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModel

CHALLENGER, CHAMPION, PREVIOUS = "challenger", "champion", "previous_champion"
_LOGGER = logging.getLogger(__name__)


def synchronise(champions: Champions, environment: str) -> None:
    """Set the aliases of an environment's models as the release in force says.

    Done again it changes nothing; after a process that was killed before it, it makes up for it.
    Trouble with the registry is only logged: what serves does not depend on it.
    """
    try:
        with asked():
            for model in registered_models(f"{environment}."):
                _set_aliases(model, _wanted(champions.get(model.name)))
    except RegistryError as error:
        _LOGGER.warning("the aliases of the registry are not those of the release: %s", error)


def _set_aliases(model: RegisteredModel, wanted: Mapping[str, str]) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    client, aliases = MlflowClient(), _aliases(model)
    for alias, version in wanted.items():
        if aliases.get(alias) == version:
            continue
        try:
            client.set_registered_model_alias(model.name, alias, version)
        except MlflowException as error:
            if not is_absent(error):
                raise
            _LOGGER.warning("%s, %s: the registry has no version %s", model.name, alias, version)
    for alias in {CHAMPION, PREVIOUS} & aliases.keys() - wanted.keys():
        client.delete_registered_model_alias(model.name, alias)


def adopt(releases: ReleaseStore, environment: str) -> None:
    """Make the first release of what the aliases say, where there is none.

    Trouble with the registry is only logged; the next run tries again.
    """
    if releases.reference() is not None:
        return
    try:
        with asked():
            by_model = {m.name: _aliases(m) for m in registered_models(f"{environment}.")}
    except RegistryError as error:
        _LOGGER.warning("%s: no release yet, and %s", releases.root, error)
        return
    champions = {
        name: champion
        for name, aliases in by_model.items()
        if (champion := _adopted(name, aliases)) is not None
    }
    if champions:
        releases.publish(
            lambda _: champions, "adopted: promoted before releases were kept as documents"
        )


def registered_version(name: str, version: str) -> ModelVersion:
    """A version as the registry knows it.

    Raises:
        ArtefactError: If there is no such version, or its tags do not say where it comes from.
        RegistryError: If the registry does not answer.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    try:
        with asked():
            tags = MlflowClient().get_model_version(name, version).tags
    except MlflowException as error:
        raise ArtefactError(f"the registry has no {name} version {version}.") from error
    return ModelVersion(
        version=version, digest=tags.get("model_digest"), lineage=Lineage.from_tags(tags)
    )


def _adopted(name: str, aliases: Mapping[str, str]) -> Champion | None:
    """Champion of a model by its aliases, the one before it where that is not usable."""
    usable: list[ModelVersion] = []
    for alias in (CHAMPION, PREVIOUS):
        if alias in aliases:
            try:
                usable.append(registered_version(name, aliases[alias]))
            except ArtefactError as error:
                _LOGGER.warning("%s, %s: not adopted: %s", name, alias, error)
    champion = None
    for version in reversed(usable):
        champion = Champion.after(champion, version)
    return champion


def _aliases(model: RegisteredModel) -> dict[str, str]:
    return {alias: str(version) for alias, version in model.aliases.items()}


def _wanted(champion: Champion | None) -> dict[str, str]:
    if champion is None:
        return {}
    previous = {} if champion.previous is None else {PREVIOUS: champion.previous.version}
    return {CHAMPION: champion.version, **previous}
