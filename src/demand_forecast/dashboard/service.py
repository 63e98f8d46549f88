"""Questions that no table answers: those to the models in use, which ``kedro serve`` holds."""

from __future__ import annotations

import os
from typing import Any, Final

import requests

from demand_forecast.exceptions import ServiceError

ADDRESS: Final = "DEMAND_FORECAST_SERVICE"
DEFAULT: Final = "http://127.0.0.1:8000"
_SECONDS: Final = 120


def address() -> str:
    """Address of the service."""
    return os.environ.get(ADDRESS, DEFAULT).rstrip("/")


def what_if(question: dict[str, Any]) -> dict[str, Any]:
    """What the models in use say to another plan.

    Args:
        question: As ``POST /what-if`` takes it.

    Raises:
        ServiceError: If there is none.
    """
    try:
        answer = requests.post(f"{address()}/what-if", json=question, timeout=_SECONDS)
        told = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise ServiceError(
            f"The service at {address()} does not answer. Start it with `kedro serve`, for the "
            f"same environment; {ADDRESS} says where it is."
        ) from error
    if not answer.ok:
        raise ServiceError(str(told.get("detail", told)))
    return dict(told)
