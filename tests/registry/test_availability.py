"""Whether the registry can be asked: looked at once, remembered, told without passwords."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from demand_forecast.exceptions import RegistryError
from demand_forecast.registry import availability
from demand_forecast.registry.availability import asked, probe


@pytest.fixture(autouse=True)
def _available():
    availability.remember(None)
    yield
    availability.remember(None)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (id INTEGER)")
    return path


def test_a_file_that_can_be_written_will_do(file, tmp_path):
    assert probe(f"sqlite:///{file}") is None
    assert probe(f"sqlite:///{tmp_path / 'new.db'}") is None


def test_a_file_in_no_folder_is_told(tmp_path):
    assert "there is no folder" in probe(f"sqlite:///{tmp_path}/missing/mlflow.db")


def test_a_locked_file_is_told(file, monkeypatch):
    monkeypatch.setattr(availability, "_SECONDS", 0.01)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        problem = probe(f"sqlite:///{file}")
    assert problem == "database is locked"


def test_a_file_that_is_no_database_is_told(file):
    file.write_text("no database at all, but a text that is long enough" * 10)
    assert "file is not a database" in probe(f"sqlite:///{file}")


def test_a_file_that_can_only_be_read_is_told(file, tmp_path, monkeypatch):
    uri, connect = f"sqlite:///{file}", sqlite3.connect
    assert availability.read_only(uri) is None
    assert availability.read_only(f"sqlite:///{tmp_path / 'new.db'}") is None
    assert availability.read_only("http://mlflow.invalid") is None
    # whoever runs the tests may write everything
    monkeypatch.setattr(
        availability.sqlite3,
        "connect",
        lambda path, **given: connect(f"file:{path}?mode=ro", uri=True, **given),
    )
    assert availability.read_only(uri) == "attempt to write a readonly database"
    assert probe(uri) is None


def test_trouble_with_writing_keeps_nobody_from_reading():
    availability.remember("read-only", only_writing=True)
    assert availability.trouble() is None
    assert availability.trouble(writing=True) == "read-only"
    availability.remember(None)
    assert availability.trouble(writing=True) is None


def _serve(status):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            """Be quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize(("status", "told"), [(200, None), (404, None), (503, "answers 503")])
def test_a_server_is_asked_how_it_is(status, told):
    server = _serve(status)
    problem = probe(f"http://127.0.0.1:{server.server_port}", ask=False)
    server.shutdown()
    server.server_close()
    assert problem is None if told is None else told in problem


def test_a_server_that_is_down_is_told_without_the_password():
    server = _serve(200)
    port = server.server_port
    server.shutdown()
    server.server_close()
    problem = probe(f"http://ada:secret@127.0.0.1:{port}")
    assert problem == "no connection"
    database = probe(f"postgresql+psycopg://ada:secret@127.0.0.1:{port}/mlflow")
    assert "refused" in database
    assert "secret" not in database


@pytest.mark.parametrize("uri", ["databricks", "", "file:///tmp/mlruns"])
def test_what_has_no_address_is_left_to_mlflow(uri):
    assert probe(uri) is None


def test_known_trouble_is_not_waited_for_again():
    availability.remember("registry unreachable: a test")
    with pytest.raises(RegistryError, match="a test"), asked():
        pytest.fail("it was asked")
