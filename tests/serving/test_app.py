"""What is asked over HTTP, and with which code and words it is answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest
from anyio.to_thread import current_default_thread_limiter
from fastapi.testclient import TestClient

from demand_forecast.exceptions import (
    ConfigurationError,
    ContractError,
    MissingInputError,
    RunInProgressError,
)
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.serving.app import create_app
from demand_forecast.serving.messages import Run, RunRequest, WhatIfAnswer, WhatIfQuestion

ALLOWED = {"Authorization": "Bearer a secret"}
DEEP = "[" * 10_000 + "]" * 10_000
REQUEST = RunRequest(pipelines=["score"])
NOTHING = WhatIfAnswer(place="ohio.large", total={}, remarks=[], rows=[], rows_left_out=0)
WAITING = Run(id="7", state="queued", request=REQUEST, asked_at=datetime(2026, 1, 5, tzinfo=UTC))


def test_a_forecast_comes_with_its_parts_and_its_order(client) -> None:
    answer = client.get("/forecasts/OH-large/P1", params={"week": "2026-01-17"})
    assert answer.status_code == 200
    [told] = answer.json()["forecasts"]
    assert told["region"] == "ohio"
    assert (told["as_of"], told["horizon"]) == ("2026-01-10", 1)
    assert (told["mean"], told["quantiles"]["q90"]) == (13.0, 20.0)
    assert told["explanation"]["level"] + told["explanation"]["season"] == 13.0
    assert told["order"]["order_quantity"] == 12
    assert told["order"]["delivery_date"] == "2026-01-11"
    assert told["source"] == "champion"


def test_all_weeks_are_told_unless_one_is_named(client) -> None:
    told = client.get("/forecasts/OH-large/P2").json()["forecasts"]
    assert [row["week"] for row in told] == ["2026-01-17", "2026-01-24"]
    assert {row["reason"] for row in told} == {"no champion"}


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/forecasts/OH-large/P9", 404, "there is no forecast of store OH-large, product P9"),
        ("/forecasts/OH-large/P1?week=2030-01-05", 404, "product P1, week 2030-01-05"),
        ("/forecasts/OH-large/P1?region=florida", 404, "there is no forecast"),
    ],
)
def test_what_is_not_forecast_is_not_found(client, path, code, words) -> None:
    answer = client.get(path)
    assert answer.status_code == code
    assert words in answer.json()["detail"]
    assert client.get("/forecasts/OH-large/P1?week=soon").status_code == 422


def test_health_and_readiness(client, tmp_path, champions, jobs) -> None:
    assert client.get("/health").json()["status"] == "ok"
    ready = client.get("/ready").json()
    assert ready == {"status": "ok", "run_id": "2026-01-12T06.00.00.000Z", "as_of": "2026-01-10"}
    nowhere = ResultsDatabase(f"sqlite:///{tmp_path / 'none.db'}")
    with TestClient(create_app(nowhere, champions, jobs, None)) as empty:
        assert empty.get("/health").status_code == 200
        answer = empty.get("/ready")
    assert answer.status_code == 503
    assert "kedro run --pipelines=score" in answer.json()["detail"]
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("name", ["none.db", "empty.db"])
def test_before_the_first_run_a_forecast_is_refused(tmp_path, champions, jobs, name) -> None:
    (tmp_path / "empty.db").touch()
    nothing = ResultsDatabase(f"sqlite:///{tmp_path / name}")
    with TestClient(create_app(nothing, champions, jobs, None)) as empty:
        answer = empty.get("/forecasts/OH-large/P1")
    assert answer.status_code == 409
    assert "kedro run --pipelines=score" in answer.json()["detail"]
    assert not (tmp_path / "none.db").exists()


def test_a_what_if_is_answered_by_the_champions(client, champions) -> None:
    champions.ask.return_value = NOTHING.model_copy(update={"total": {"effect": 3.0}})
    question = {"namespace": "ohio.large", "changes": {"price": "-10%"}, "weeks": 2}
    answer = client.post("/what-if", json=question)
    assert answer.json()["total"] == {"effect": 3.0}
    champions.ask.assert_called_once_with(WhatIfQuestion(**question))
    assert client.post("/what-if", json=question | {"changes": {}}).status_code == 422
    assert client.post("/what-if", json=question | {"wek": 2}).status_code == 422


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("'prise' is no column"), 422),
        (MissingInputError("nothing there yet"), 409),
        (ContractError("nothing to forecast"), 503),
    ],
)
def test_the_projects_own_errors_are_told_in_their_words(client, champions, error, code) -> None:
    champions.ask.side_effect = error
    question = {"namespace": "ohio.large", "changes": {"price": "-10%"}}
    answer = client.post("/what-if", json=question)
    assert (answer.status_code, answer.json()) == (code, {"detail": str(error)})


def test_an_error_tells_no_password(client, champions) -> None:
    champions.ask.side_effect = ContractError("postgresql://me:pw@host/db has no such table")
    answer = client.post("/what-if", json={"namespace": "ohio.large", "changes": {"price": "1"}})
    assert answer.json() == {"detail": "postgresql://***@host/db has no such table"}


def test_health_is_answered_while_questions_hold_all_threads(client, champions) -> None:
    threads = client.portal.call(current_default_thread_limiter)
    threads.total_tokens = 1
    asked, healthy = Event(), Event()
    champions.ask.side_effect = lambda _: (asked.set(), healthy.wait(10), NOTHING)[-1]
    question = {"namespace": "ohio.large", "changes": {"price": "-10%"}}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.post, "/what-if", json=question)
        assert asked.wait(10)
        assert client.get("/health").status_code == 200
        assert not waiting.done()
        healthy.set()
        assert waiting.result().status_code == 200


def test_a_run_is_started_and_polled(client, jobs) -> None:
    jobs.add.return_value = jobs.get.return_value = WAITING
    answer = client.post("/runs", json={"pipelines": ["score"]}, headers=ALLOWED)
    assert answer.status_code == 202
    assert (answer.json()["id"], answer.json()["state"]) == ("7", "queued")
    jobs.add.assert_called_once_with(REQUEST)
    assert client.get("/runs/7", headers=ALLOWED).json() == answer.json()
    jobs.get.return_value = None
    assert client.get("/runs/8", headers=ALLOWED).status_code == 404
    jobs.add.side_effect = RunInProgressError("10 runs are waiting")
    assert client.post("/runs", json={"pipelines": ["x"]}, headers=ALLOWED).status_code == 429


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer a secreT"}, {"Authorization": "Basic a secret"}]
)
def test_without_the_token_no_run_is_started_or_shown(client, jobs, headers) -> None:
    for answer in (
        client.post("/runs", json={"pipelines": ["score"]}, headers=headers),
        client.get("/runs/7", headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not jobs.mock_calls


@pytest.mark.parametrize("token", [None, ""])
def test_a_service_without_a_token_only_reads(database, champions, jobs, token) -> None:
    with TestClient(create_app(database, champions, jobs, token)) as client:
        answer = client.post("/runs", json={"pipelines": ["score"]}, headers=ALLOWED)
        empty = client.get("/runs/7", headers={"Authorization": "Bearer "})
    assert answer.status_code == empty.status_code == 403
    assert "DEMAND_FORECAST_TOKEN" in answer.json()["detail"]
    jobs.close.assert_called_once_with()
    assert not jobs.add.called


@pytest.mark.parametrize("path", ["/what-if", "/runs"])
@pytest.mark.parametrize(
    "body", ["[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000]
)
def test_a_body_nested_ten_thousand_deep_is_refused(client, champions, jobs, path, body) -> None:
    answer = client.post(path, content=body, headers=ALLOWED)
    assert answer.status_code in {400, 422}
    assert not champions.mock_calls
    assert not jobs.add.called


def test_the_openapi_page_lists_what_can_be_asked(client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/health", "/ready", "/forecasts/{store}/{product}", "/what-if", "/runs", "/runs/{run_id}",
    }  # fmt: skip
    assert client.get("/docs").status_code == 200
