"""Base class of all parameters: typed, frozen, and without room for a misspelt key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from demand_forecast.exceptions import did_you_mean

UNKNOWN_PARAMETER = "unknown_parameter"


@dataclass(frozen=True)
class Searched:
    """Marks a parameter as one that tuning may change, and says between which values.

    It stands in the annotation of the field: ``eps: Annotated[float, Searched(1e-5, 1e-2, True)]``.

    Attributes:
        low: Lowest value that is tried; whole numbers for a parameter that is one.
        high: Highest value that is tried.
        log: Whether to search by ratios, not by differences.
    """

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)


class Parameters(BaseModel):
    """A group of settings that stands beside the code it steers.

    A key that does not exist or a value that is out of range is an error when the group is made, so
    a run stops before any work is done.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _name_unknown_keys(cls, values: Any) -> Any:
        for key in values if isinstance(values, Mapping) else ():
            if key not in cls.model_fields:
                raise unknown_parameter(cls.__name__, str(key), cls.model_fields)
        return values

    def flat(self) -> dict[str, Any]:
        """Nested values as ``group.key`` to value, for a log that knows no groups."""
        return flatten(self.model_dump(mode="json"))


def unknown_parameter(group: str, key: str, valid: Mapping[str, Any]) -> PydanticCustomError:
    """Error about a key that does not exist, with the nearest one that does."""
    return PydanticCustomError(
        UNKNOWN_PARAMETER,
        "{group} has no parameter '{key}'. {hint}",
        {"group": group, "key": key, "hint": did_you_mean(key, valid)},
    )


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested parameters as ``group.key`` to value.

    >>> flatten({"borrow": True, "network": {"seeds": 2}})
    {'borrow': True, 'network.seeds': 2}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
