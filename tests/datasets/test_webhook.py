from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pandas as pd
import pytest
from kedro.io import DatasetError

from demand_forecast.datasets.webhook import WebhookDataset

ALERTS = pd.DataFrame(
    [{"severity": "high", "what": "no new data", "where": "ohio", "how_much": "20 days"}]
)
SECRET = "T0/B1/s3cret"


class Receiver(HTTPServer):
    """Keeps what it is sent, and answers with a status; after a while, if told so."""

    status, delay = 200, 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.received: list[dict] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{SECRET}"


class Answering(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(json.loads(body))
        time.sleep(self.server.delay)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Silent."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _log(caplog) -> None:
    caplog.set_level(logging.INFO)


def test_alerts_are_posted_as_a_line_for_people_and_as_rows(receiver, caplog) -> None:
    WebhookDataset(url=receiver.url).save(ALERTS)
    [body] = receiver.received
    assert body["text"] == "high: no new data, ohio (20 days)"
    assert body["alerts"] == ALERTS.to_dict("records")
    assert "1 alerts sent to 127.0.0.1" in caplog.text
    assert SECRET not in caplog.text


def test_nothing_is_sent_without_alerts_or_address(receiver, caplog) -> None:
    WebhookDataset(url=receiver.url).save(ALERTS.iloc[:0])
    WebhookDataset(url=None).save(ALERTS)
    assert receiver.received == []
    assert caplog.text == ""


def test_a_receiver_that_refuses_or_is_slow_is_a_warning(receiver, caplog) -> None:
    receiver.status = 500
    WebhookDataset(url=receiver.url).save(ALERTS)
    receiver.delay = 0.3
    WebhookDataset(url=receiver.url, timeout=0.1).save(ALERTS)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "alerts could not be sent to 127.0.0.1" in caplog.text
    assert SECRET not in caplog.text


def test_a_receiver_that_is_down_is_a_warning(caplog) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    WebhookDataset(url=f"http://127.0.0.1:{port}/{SECRET}").save(ALERTS)
    assert "refused" in caplog.text
    assert SECRET not in caplog.text


def test_an_address_of_another_kind_is_a_warning_and_opens_no_file(tmp_path, caplog) -> None:
    WebhookDataset(url=f"file://{tmp_path}/x").save(ALERTS)
    assert "could not be sent to its receiver" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_webhook_is_not_read_and_does_not_show_its_address() -> None:
    dataset = WebhookDataset(url=f"https://hooks.example.com/{SECRET}")
    with pytest.raises(DatasetError, match="only written"):
        dataset.load()
    assert SECRET not in str(dataset)
    assert "hooks.example.com" in str(dataset)
