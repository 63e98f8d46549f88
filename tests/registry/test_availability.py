"""Whether the registry can be asked: looked at once, remembered, told without passwords."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest

from demand_forecast.exceptions import RegistryError
from demand_forecast.hooks.registry import RegistryHook
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
    assert problem.startswith("registry unreachable: ")
    assert problem.endswith("database is locked")


def test_a_file_that_is_no_database_is_told(file):
    file.write_text("no database at all, but a text that is long enough" * 10)
    assert "file is not a database" in probe(f"sqlite:///{file}")


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
    assert problem.startswith(f"registry unreachable: http://127.0.0.1:{port}: ")
    assert "secret" not in problem


def test_known_trouble_is_not_waited_for_again():
    availability.remember("registry unreachable: a test")
    with pytest.raises(RegistryError, match="a test"), asked():
        pytest.fail("it was asked")


def _context(uri):
    return SimpleNamespace(config_loader={"mlflow": {"server": {"mlflow_tracking_uri": uri}}})


def test_a_run_without_a_registry_is_logged_to_a_store_that_is_thrown_away(tmp_path):
    context = _context(f"sqlite:///{tmp_path}/missing/mlflow.db")
    RegistryHook().after_context_created(context)
    uri = context.config_loader["mlflow"]["server"]["mlflow_tracking_uri"]
    assert uri.startswith("sqlite:///")
    assert str(tmp_path) not in uri
    assert availability.trouble().startswith("registry unreachable: ")


def test_a_registry_that_is_back_is_used_again(file):
    availability.remember("registry unreachable: yesterday")
    context = _context(f"sqlite:///{file}")
    RegistryHook().after_context_created(context)
    assert context.config_loader["mlflow"]["server"]["mlflow_tracking_uri"] == f"sqlite:///{file}"
    assert availability.trouble() is None
