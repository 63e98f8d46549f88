"""All errors this project raises on purpose: one root, each names the culprit and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Self

_ALL, _NEAREST = 24, 5


class DemandForecastError(Exception):
    """Root of the project's errors."""


class ConfigurationError(DemandForecastError):
    """A key in ``conf/`` is unknown, missing or holds an impossible value."""


class SourceError(DemandForecastError):
    """A raw file cannot be used as a whole: missing, unreadable, empty or without its columns."""


class ContractError(DemandForecastError):
    """Data break a contract (an expectation suite or a control total)."""


class NotEnoughHistoryError(DemandForecastError):
    """A segment has too few weeks or series to train a model."""


class ArtefactError(DemandForecastError):
    """A stored artefact is incomplete, or its digest is not the one written with it."""


class StorageError(DemandForecastError):
    """A file or folder cannot be read or written: a full disk, missing permission."""


class RunInProgressError(DemandForecastError):
    """Another run is at work on the same regions."""


class TelemetryError(DemandForecastError):
    """A collector cannot be told of a run."""


class RegistryError(DemandForecastError):
    """The model registry does not answer, or refuses to."""


class ServiceError(DemandForecastError):
    """The HTTP service does not answer, or refuses to."""


class MissingInputError(DemandForecastError):
    """A stage was started before the one that makes its input."""

    @classmethod
    def of(cls, missing: Sequence[str], pipelines: str, env: str | None = None) -> Self:
        """The error with the command to run first.

        Args:
            missing: Names of the data, one at least.
            pipelines: What makes them, as ``kedro run`` takes it.
            env: The Kedro environment, if one was given.
        """
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        option = f" --env={env}" if env else ""
        return cls(
            f"'{missing[0]}'{more} has not been made yet: "
            f"run `kedro run --pipelines={pipelines}{option}` first."
        )

    @classmethod
    def at(
        cls, what: str, namespace: str | None, state: str, pipelines: str, env: str | None = None
    ) -> Self:
        """The error for what a place lacks, with the command to run first.

        Args:
            what: What is missing there, such as ``forecast``.
            namespace: The place; None for all segments.
            state: What is the matter with it.
            pipelines: What makes it, as ``kedro run`` takes it.
            env: The Kedro environment, if one was given.
        """
        options = {"--namespaces": namespace, "--env": env}
        given = "".join(f" {name}={value}" for name, value in options.items() if value)
        return cls(
            f"The {what} of {namespace or 'all segments'} {state}: "
            f"run `kedro run --pipelines={pipelines}{given}` first."
        )


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """Sentence with the valid names and the nearest one, to end an error message.

    Args:
        word: What was found.
        valid: The names that would have been accepted; of many, only the nearest are told.
    """
    names = sorted(valid)
    near = get_close_matches(word, names, n=_NEAREST)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    if len(names) <= _ALL:
        return f"Valid: {', '.join(names) or '(none)'}.{hint}"
    some = near or names[:_NEAREST]
    return f"Valid: {', '.join(some)} and {len(names) - len(some)} others.{hint}"


def extra_needed(
    error: ModuleNotFoundError, extra: str = "kedro", needs: str = "pipelines need it"
) -> str:
    """Line that says what to install where a module of an extra is missing.

    Args:
        error: What the import raised.
        extra: The extra that brings the module.
        needs: What needs it, with the verb.
    """
    return (
        f"demand-forecast: '{error.name}' is not installed, and {needs}. "
        f"Install it with: pip install 'demand-forecast[{extra}]'"
    )
