"""Base class of all settings: typed, frozen, and without room for a misspelt key."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """A group of settings that stands beside the code it steers.

    A key that does not exist or a value that is out of range is an error when the group is made, so
    a run stops before any work is done.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
