"""Where in a run an error arose, and how it is said in one line."""

from __future__ import annotations

from dataclasses import dataclass

from demand_forecast.exceptions import DemandForecastError

_PLACE = "failed_in"


@dataclass(frozen=True)
class Place:
    """The node that was at work, and the dataset that it was loading or saving, if any."""

    node: str
    dataset: str | None = None
    doing: str = "running"

    def __str__(self) -> str:
        dataset = f", {self.doing} '{self.dataset}'" if self.dataset else ""
        return f"node '{self.node}'{dataset}"


def mark(error: BaseException, place: Place) -> None:
    """Say once where an error arose: in its traceback, and for :func:`place_of`."""
    if place_of(error) is None:
        setattr(error, _PLACE, place)  # pickled with the error, as notes are
        error.add_note(f"in {place}")


def place_of(error: BaseException) -> Place | None:
    """Where an error arose, if that was said."""
    place: Place | None = getattr(error, _PLACE, None)
    return place


def own_error(error: BaseException | None) -> DemandForecastError | None:
    """The project's own error among an error and its causes."""
    while error is not None and not isinstance(error, DemandForecastError):
        error = error.__cause__
    return error
