"""Alerts for people: a table that is posted to a web address as well."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

_LOGGER = logging.getLogger(__name__)
_PLAIN = ("http", "https")


class WebhookDataset(AbstractDataset[pd.DataFrame, Any]):
    """Posts the rows of a table as JSON: ``text``, a line for people, and ``alerts``.

    Chat services show the ``text``. An empty table is not sent. A receiver that is down, slow or
    refuses is a warning, never an error. Of the address only the host is ever told: the rest is
    often a secret.
    """

    def __init__(
        self, *, url: str | None, timeout: float = 5.0, metadata: dict[str, Any] | None = None
    ) -> None:
        """Describe the receiver.

        Args:
            url: Address; None sends nothing.
            timeout: Seconds that the receiver has.
            metadata: Anything, for Kedro-Viz and others.
        """
        self._url = url or None
        self._timeout = timeout
        self.metadata = metadata

    def save(self, data: pd.DataFrame) -> None:
        """Send the rows, if there are any and there is an address."""
        if self._url is None or data.empty:
            return
        try:
            if urlsplit(self._url).scheme not in _PLAIN:
                raise ValueError(f"its address begins with none of {', '.join(_PLAIN)}")
            self._post(self._url, data)
        except (OSError, ValueError) as error:
            why = error.reason if isinstance(error, URLError) else type(error).__name__
            _LOGGER.warning("alerts could not be sent to %s: %s", self._host, why)
        else:
            _LOGGER.info("%d alerts sent to %s", len(data), self._host)

    def load(self) -> Any:
        """Refused: what was sent is in ``alerts``.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("a webhook is only written; read 'alerts'")

    def _post(self, url: str, data: pd.DataFrame) -> None:
        rows = json.loads(data.to_json(orient="records"))
        lines = [f"{r['severity']}: {r['what']}, {r['where']} ({r['how_much']})" for r in rows]
        body = json.dumps({"text": "\n".join(lines), "alerts": rows}).encode()
        request = Request(url, body, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - checked
        with urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - checked
            answer.read(1)

    @property
    def _host(self) -> str:
        return urlsplit(self._url or "").hostname or "its receiver"

    def _describe(self) -> dict[str, Any]:
        return {"host": None if self._url is None else self._host}
