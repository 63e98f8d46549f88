"""Keys that a drafted layout leaves open: they hold the word ``decide`` until a person decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from demand_forecast.exceptions import ConfigurationError

DECIDE: Final = "decide"


def undecided(values: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of the keys that hold the word ``decide``.

    Args:
        values: What was read from YAML.
        path: Where it stands.
    """
    if values == DECIDE:
        yield path
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from undecided(value, (*path, str(key)))
    elif isinstance(values, list | tuple):
        for position, value in enumerate(values):
            yield from undecided(value, (*path, str(position)))


def check_decided(name: str, values: Mapping[str, object]) -> None:
    """Refuse a layout in which something is still to be decided.

    Raises:
        ConfigurationError: Naming the keys.
    """
    paths = [".".join(path) for path in undecided(values)]
    if paths:
        raise ConfigurationError(
            f"layout '{name}': to be decided: {', '.join(paths)}. The comment beside each "
            f"'{DECIDE}' in the layout says what the files leave open; "
            "`kedro layout check` shows the questions."
        )
