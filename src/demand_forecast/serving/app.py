"""The HTTP service: what can be asked, and with which words it is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Final

from fastapi import Depends, FastAPI, HTTPException, Query, Request, status
from fastapi.responses import JSONResponse

from demand_forecast.exceptions import (
    ConfigurationError,
    DemandForecastError,
    MissingInputError,
    RunInProgressError,
)
from demand_forecast.registry.addresses import masked
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.serving import lookups
from demand_forecast.serving.champions import Champions
from demand_forecast.serving.guard import Guard
from demand_forecast.serving.jobs import Jobs
from demand_forecast.serving.messages import (
    Forecasts,
    Run,
    RunRequest,
    Status,
    WhatIfAnswer,
    WhatIfQuestion,
)

_REFUSED: Final[dict[type[Exception], int]] = {
    ConfigurationError: status.HTTP_422_UNPROCESSABLE_CONTENT,
    MissingInputError: status.HTTP_409_CONFLICT,
    RunInProgressError: status.HTTP_429_TOO_MANY_REQUESTS,
}


def create_app(
    database: ResultsDatabase, champions: Champions, jobs: Jobs, token: str | None
) -> FastAPI:
    """The application.

    Args:
        database: The results store.
        champions: What answers a what-if.
        jobs: Runs that are asked for.
        token: Who brings it may start runs; None: nobody.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        jobs.close()

    app = FastAPI(title="demand_forecast", lifespan=lifespan)
    app.add_exception_handler(DemandForecastError, _refuse)
    _add_health(app, database)
    _add_questions(app, database, champions)
    _add_runs(app, jobs, Guard(token))
    return app


def _add_health(app: FastAPI, database: ResultsDatabase) -> None:
    @app.get("/health", tags=["health"], summary="Whether the service runs")
    async def health() -> Status:  # needs no thread, of which questions may hold all
        return Status(status="ok")

    @app.get("/ready", tags=["health"], summary="Whether there are forecasts to be asked for")
    def ready() -> Status:
        last = lookups.last_run(database)
        if last is None:
            raise HTTPException(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                f"no complete run has published yet: {lookups.FIRST}",
            )
        return Status(status="ok", run_id=last[0], as_of=last[1])


def _add_questions(app: FastAPI, database: ResultsDatabase, champions: Champions) -> None:
    @app.get("/forecasts/{store}/{product}", tags=["forecasts"], summary="Forecast and its parts")
    def forecasts(
        store: str,
        product: str,
        week: Annotated[date | None, Query(description="Last day of a week; default: all.")] = None,
        region: Annotated[str | None, Query(description="Where stores share a name.")] = None,
    ) -> Forecasts:
        rows = lookups.find(database, store, product, week, region)
        if not rows:
            asked = f"store {store}, product {product}" + (f", week {week}" if week else "")
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no forecast of {asked}")
        return Forecasts(forecasts=rows)

    @app.post("/what-if", tags=["forecasts"], summary="What another plan would do")
    def what_if(question: WhatIfQuestion) -> WhatIfAnswer:
        return champions.ask(question)


def _add_runs(app: FastAPI, jobs: Jobs, guard: Guard) -> None:
    guarded = [Depends(guard)]

    @app.post(
        "/runs", tags=["runs"], dependencies=guarded, status_code=status.HTTP_202_ACCEPTED,
        summary="Start a run",
    )  # fmt: skip
    def start(request: RunRequest) -> Run:
        return jobs.add(request)

    @app.get("/runs/{run_id}", tags=["runs"], dependencies=guarded, summary="State of a run")
    def state(run_id: str) -> Run:
        run = jobs.get(run_id)
        if run is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no run {run_id}")
        return run


async def _refuse(_request: Request, error: Exception) -> JSONResponse:
    """The project's own errors as answers: their message names the culprit and the way out."""
    code = _REFUSED.get(type(error), status.HTTP_503_SERVICE_UNAVAILABLE)
    return JSONResponse({"detail": masked(str(error))}, code)
