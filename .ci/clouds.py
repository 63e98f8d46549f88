"""Run the sample on emulators of three object stores, and compare it with a run on this machine.

python .ci/clouds.py [NAMESPACES]      such as north_texas; without, the whole sample

Raw files, data and MLflow's artefacts lie in the store; addresses and credentials are environment
variables, as they are on the real one. What must be equal, byte by byte: conditioned tables,
panels, champions and all that they forecast, of a full run and of one that only forecasts.
"""

from __future__ import annotations

import base64
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from outputs import digests
from programs import DRIVERS, HOST, ROOT, TOOLS, free_port, kedro, must, serving, set_up

BUCKET = "demand"


class Cloud(NamedTuple):
    """An object store.

    Attributes:
        name: Of the service.
        emulator: The program that stands in for it.
        port: Where it listens.
        root: Address of the bucket.
        variables: What a user sets, beside the data root and the raw root.
        wrong: Variables of one who must not get in; empty where the emulator lets everybody in.
    """

    name: str
    emulator: list[str]
    port: int
    root: str
    variables: dict[str, str]
    wrong: dict[str, str]


def aws() -> Cloud:
    """Amazon S3, by moto."""
    port = free_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "AWS_ACCESS_KEY_ID": "emulated",
        "AWS_SECRET_ACCESS_KEY": "emulated",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    program = [str(TOOLS / "bin" / "moto_server"), f"-H{HOST}", f"-p{port}"]
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_EC2_METADATA_DISABLED": "true"}
    return Cloud("Amazon S3", program, port, f"s3://{BUCKET}", variables, nobody)


def azure() -> Cloud:
    """Azure Blob Storage, by Azurite, with an account and a key of this run's own."""
    port, account = free_port(), "emulated"
    key, other = (base64.b64encode(os.urandom(64)).decode() for _ in range(2))
    os.environ["AZURITE_ACCOUNTS"] = f"{account}:{key}"

    def connection(secret: str) -> str:
        place = f"BlobEndpoint=http://{HOST}:{port}/{account}"
        return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={secret};{place};"

    variables = {
        "AZURE_STORAGE_ACCOUNT_NAME": account,
        "AZURE_STORAGE_CONNECTION_STRING": connection(key),
        "DEMAND_FORECAST_ARTEFACT_ROOT": f"wasbs://{BUCKET}@{account}.blob.core.windows.net/models",
    }
    program = [str(TOOLS / "node_modules/.bin/azurite-blob"), "--silent", "--skipApiVersionCheck"]
    program += ["--disableTelemetry", "--inMemoryPersistence", f"--blobHost={HOST}"]
    program += [f"--blobPort={port}"]
    wrong = {"AZURE_STORAGE_CONNECTION_STRING": connection(other)}
    return Cloud("Azure Blob Storage", program, port, f"abfs://{BUCKET}", variables, wrong)


def google() -> Cloud:
    """Google Cloud Storage, by gcp-storage-emulator."""
    port = free_port()
    variables = {
        "STORAGE_EMULATOR_HOST": f"http://{HOST}:{port}",
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # asks what no emulator knows
    }
    program = [str(TOOLS / "bin" / "gcp-storage-emulator"), "start", f"--host={HOST}"]
    program += [f"--port={port}", "--in-memory"]
    return Cloud("Google Cloud Storage", program, port, f"gs://{BUCKET}", variables, {})


def main() -> int:
    """Run on this machine and on each store; returns 1 where something differs."""
    set_up()
    sys.path.insert(0, str(DRIVERS))
    chosen = [f"--namespaces={sys.argv[1]}"] if sys.argv[1:] else []
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / "here"
        expected = digests_of_runs(str(here), Path(folder), {}, chosen)
        return max(
            on_store(make(), Path(folder), expected, chosen) for make in (aws, azure, google)
        )


def on_store(cloud: Cloud, folder: Path, expected: Mapping[str, str], chosen: list[str]) -> int:
    """Compare the runs on one store; returns 1 where they differ."""
    scratch = folder / cloud.root.partition(":")[0]
    scratch.mkdir()
    with (
        serving(cloud.emulator, cloud.port, scratch / "emulator.log"),
        mock.patch.dict(os.environ, cloud.variables),
    ):
        upload(f"{cloud.root}/raw")
        start = time.perf_counter()
        roots = {"DEMAND_FORECAST_RAW_ROOT": f"{cloud.root}/raw"}
        found = digests_of_runs(f"{cloud.root}/data", scratch, roots, chosen)
        artefacts = cloud.variables.get("DEMAND_FORECAST_ARTEFACT_ROOT", "data/06_models/mlflow")
        models = count(f"{cloud.root}/{artefacts.rpartition('windows.net/')[2]}")
        refuse(cloud, scratch, chosen)
    differing = sorted(n for n in expected | found if expected.get(n) != found.get(n))
    same = len(expected) - len(set(differing) & expected.keys())
    print(
        f"{cloud.name}: {same} of {len(expected)} files as on this machine, {models} artefacts of "
        f"MLflow, {time.perf_counter() - start:.0f} s",
        *differing,
        sep="\n  ",
        flush=True,
    )
    return int(bool(differing) or not models)


def digests_of_runs(
    root: str, scratch: Path, variables: Mapping[str, str], chosen: list[str]
) -> dict[str, str]:
    """A full run and one that only forecasts; SHA-256 of what they made."""
    settings = {
        "DEMAND_FORECAST_DATA_ROOT": root,
        "DEMAND_FORECAST_RESULTS_DATABASE": f"sqlite:///{scratch}/results.db",
        "MLFLOW_TRACKING_URI": f"sqlite:///{scratch}/mlflow.db",
        **variables,
    }
    run = ["run", "--env=dev", "--runner=SegmentRunner", *chosen]
    must(kedro(*run, **settings))
    must(kedro(*run, "--pipelines=score,monitor", **settings))
    must(kedro("models", "list", "--env=dev", **settings))
    return digests(root)


def refuse(cloud: Cloud, scratch: Path, chosen: list[str]) -> None:
    """No bucket and no entrance are said in a line before anything is run.

    Raises:
        SystemExit: If they are not.
    """
    protocol = cloud.root.partition(":")[0]
    nowhere = {"DEMAND_FORECAST_DATA_ROOT": f"{protocol}://nowhere/data"}
    for wrong in filter(None, (nowhere, cloud.wrong)):
        settings = {
            "DEMAND_FORECAST_DATA_ROOT": f"{cloud.root}/data",
            "DEMAND_FORECAST_RAW_ROOT": f"{cloud.root}/raw",
            "DEMAND_FORECAST_RESULTS_DATABASE": f"sqlite:///{scratch}/results.db",
            "MLFLOW_TRACKING_URI": f"sqlite:///{scratch}/mlflow.db",
            **wrong,
        }
        done = kedro("run", "--env=dev", *chosen, **settings)
        last = done.stdout.strip().splitlines()[-1]
        if not done.returncode or "cannot be used" not in last:
            raise SystemExit(f"{cloud.name} with {wrong}: {done.stdout[-2000:]}")
        print(f"{cloud.name}: {last}", flush=True)


def upload(address: str) -> None:
    """Make the bucket and put the sample's raw files there."""
    import fsspec

    fs, path = fsspec.core.url_to_fs(address)
    fs.mkdir(BUCKET)
    raw = ROOT / "data" / "01_raw"
    for file in sorted(p for p in raw.rglob("*") if p.is_file()):
        fs.put_file(str(file), f"{path}/{file.relative_to(raw).as_posix()}")


def count(address: str) -> int:
    """How many files are below an address."""
    import fsspec

    fs, root = fsspec.core.url_to_fs(address)
    fs.invalidate_cache()
    return len(fs.find(root))


if __name__ == "__main__":
    sys.exit(main())
