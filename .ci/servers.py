"""Run the sample through real servers: PostgreSQL, MLflow on it, and its artefacts on S3.

python .ci/servers.py [NAMESPACES]      such as north_texas; without, the whole sample

A folder takes the data, `--env=dev` all the rest. The runs know the address of the MLflow server
and nothing of its database or of its object store. Checked are registry, results and forecasts; the
last must be those of a run without any server, byte by byte. A results store of each older revision
is upgraded.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from clouds import aws
from outputs import digests
from programs import DRIVERS, HOST, call, free_port, kedro, must, serving, set_up

USER = "forecast"
BUCKET = "models"


def main() -> int:
    """Run with servers and without; returns 1 where forecasts differ."""
    set_up()
    sys.path.insert(0, str(DRIVERS))
    chosen = [f"--namespaces={sys.argv[1]}"] if sys.argv[1:] else []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL refuses to run as root, and its user must get through
        expected = run(folder / "here", _files(folder / "here"), chosen)
        database = stack.enter_context(postgres(folder))
        storage = stack.enter_context(s3(folder))
        address = stack.enter_context(mlflow(folder, f"{database}/mlflow", storage))
        settings = {
            "MLFLOW_TRACKING_URI": address,
            "DEMAND_FORECAST_ARTEFACT_ROOT": "mlflow-artifacts:/dev",
            "DEMAND_FORECAST_RESULTS_DATABASE": f"{database}/results",
        }
        found = run(folder / "dev", settings, chosen)
        look_into_registry(address)
        look_into_results(f"{database}/results")
        upgrade_all(database)
    different = sorted(n for n in expected | found if expected.get(n) != found.get(n))
    print(f"{len(expected)} files, {len(different)} differ", *different, sep="\n  ")
    return int(bool(different))


def _files(folder: Path) -> dict[str, str]:
    folder.mkdir()
    return {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "DEMAND_FORECAST_RESULTS_DATABASE": f"sqlite:///{folder}/results.db",
    }


def run(root: Path, settings: Mapping[str, str], chosen: list[str]) -> dict[str, str]:
    """A full run and one that forecasts; digests of what they made."""
    variables = {"DEMAND_FORECAST_DATA_ROOT": str(root), **settings}
    for stages in ([], ["--pipelines=score,monitor"]):
        must(kedro("run", "--env=dev", "--runner=SegmentRunner", *chosen, *stages, **variables))
    return digests(str(root))


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL server with databases for MLflow and for results; yields its address.

    Raises:
        SystemExit: If PostgreSQL is not installed.
    """
    port, place, password = free_port(), folder / "postgres", secrets.token_urlsafe(16)
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    words = folder / "password"
    words.write_text(password)
    place.mkdir()
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(place, "postgres")
        shutil.chown(words, "postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    own = [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={words}", "--no-sync"]
    cluster = [*as_user, str(programs[-1] / "initdb"), f"--pgdata={place}", *own]
    subprocess.run(cluster, check=True, stdout=subprocess.DEVNULL)
    server = [*as_user, str(programs[-1] / "postgres"), "-D", str(place), "-h", HOST]
    with serving([*server, "-p", str(port), "-k", str(place)], port, folder / "postgres.log"):
        for name in ("mlflow", "results"):
            create = [str(programs[-1] / "createdb"), f"--host={HOST}", f"--port={port}"]
            call(*create, f"--username={USER}", name, PGPASSWORD=password)
        yield f"postgresql+psycopg://{USER}:{password}@{HOST}:{port}"


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """An S3 store with a bucket; yields the variables of who may use it."""
    store = aws()
    with serving(store.emulator, store.port, folder / "s3.log"):
        import boto3

        with mock.patch.dict(os.environ, store.variables):
            client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield store.variables
        count = client.list_objects_v2(Bucket=BUCKET).get("KeyCount", 0)
        print(f"object store: {count} artefacts")


@contextmanager
def mlflow(folder: Path, database: str, storage: Mapping[str, str]) -> Iterator[str]:
    """An MLflow server that keeps artefacts for its clients; yields its address."""
    port = free_port()
    program = [sys.executable, "-m", "mlflow", "server", f"--host={HOST}", f"--port={port}"]
    program += [f"--backend-store-uri={database}", "--workers=1", "--serve-artifacts"]
    program += [f"--artifacts-destination=s3://{BUCKET}"]
    variables = {"PYTHONPATH": str(DRIVERS), **storage}
    with serving(program, port, folder / "mlflow.log", variables):
        yield f"http://{HOST}:{port}"


def look_into_registry(address: str) -> None:
    """Say what is registered.

    Raises:
        SystemExit: If there is no champion.
    """
    from mlflow.tracking import MlflowClient

    models = MlflowClient(address, address).search_registered_models(max_results=1000)
    champions = [model.name for model in models if "champion" in model.aliases]
    print(f"registry: {len(models)} models, {len(champions)} with a champion")
    if not champions:
        raise SystemExit("no model has been promoted")


def look_into_results(address: str) -> None:
    """Say what is published.

    Raises:
        SystemExit: If a run is not complete, or nothing is forecast.
    """
    from sqlalchemy import create_engine, text

    with create_engine(address).connect() as connection:
        states = connection.execute(text("SELECT status, count(*) FROM dim_runs GROUP BY 1")).all()
        forecasts = connection.execute(text("SELECT count(*) FROM v_forecasts")).scalar_one()
    print(f"results: runs {dict(map(tuple, states))}, {forecasts} forecasts in v_forecasts")
    if [status for status, _ in states] != ["complete"] or not forecasts:
        raise SystemExit("the results are not what was run")


def upgrade_all(database: str) -> None:
    """Upgrade an empty results store, and one of each older revision.

    Raises:
        SystemExit: If the tables are not those of today.
    """
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine, text

    from demand_forecast.results_store.database import ResultsDatabase
    from demand_forecast.results_store.migrations import HEAD, prepare, upgrade
    from demand_forecast.results_store.schema import METADATA

    server = create_engine(f"{database}/postgres", isolation_level="AUTOCOMMIT")
    revisions = [f"{number:04}" for number in range(int(HEAD) + 1)]
    for revision in revisions:
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "from_{revision}"'))
        store = ResultsDatabase(f"{database}/from_{revision}")
        if int(revision):
            with store.writing() as connection:
                upgrade(connection, revision)
        prepare(store)
        with store.reading() as connection:
            if found := compare_metadata(MigrationContext.configure(connection), METADATA):
                raise SystemExit(f"revision {revision} does not lead to the schema: {found}")
    print(f"results store upgraded from nothing and from {', '.join(revisions[1:])}")


if __name__ == "__main__":
    sys.exit(main())
