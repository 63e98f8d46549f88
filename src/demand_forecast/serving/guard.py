"""Who may start runs: those who know the token of the service."""

from __future__ import annotations

import secrets
from typing import Annotated, Final

from fastapi import Depends, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

VARIABLE: Final = "DEMAND_FORECAST_TOKEN"
_SCHEME = HTTPBearer(auto_error=False, description=f"The value of {VARIABLE}.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_SCHEME)]


class Guard:
    """Lets through who brings the token; nobody where there is none.

    Args:
        token: The token; None or empty: the service only reads.
    """

    def __init__(self, token: str | None) -> None:
        self._token = (token or "").encode()

    def __call__(self, given: Credentials) -> None:
        """Check a request.

        Raises:
            HTTPException: 403 where there is no token, 401 where another one was given.
        """
        if not self._token:
            raise HTTPException(
                status.HTTP_403_FORBIDDEN, f"runs are off: the service has no {VARIABLE}"
            )
        brought = b"" if given is None else given.credentials.encode()
        if not secrets.compare_digest(brought, self._token):  # takes as long for any other
            raise HTTPException(
                status.HTTP_401_UNAUTHORIZED,
                "the token is missing or another one",
                {"WWW-Authenticate": "Bearer"},
            )
