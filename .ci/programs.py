"""Programs that tests start on this machine's loopback address, and the environment they need."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".venv-emulators"  # apart from the project's own: neither has to suit the other
DRIVERS = TOOLS / "drivers"
EMULATORS = ("moto[server]>=5.2,<6", "gcp-storage-emulator==2026.7.19")
AZURITE = "azurite@3.35"
HOST = "127.0.0.1"
_PATIENCE = 60.0


def set_up() -> None:
    """Install emulators and drivers, once for each list of them.

    A script that is told to end stops what it has started from now on.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    drivers = _wanted("aws", "azure", "gcp", "postgres")
    pins = ROOT / "constraints.txt"
    done, state = TOOLS / ".installed", "\n".join([*EMULATORS, AZURITE, *drivers, pins.read_text()])
    if done.exists() and done.read_text() == state:
        return
    print(f"installing emulators and drivers into {TOOLS.name}: some 600 MB, a minute or two")
    call(sys.executable, "-m", "venv", str(TOOLS))
    call(str(TOOLS / "bin" / "python"), "-m", "pip", "install", "--quiet", *EMULATORS)
    call("npm", "install", "--silent", "--no-audit", "--no-fund", f"--prefix={TOOLS}", AZURITE)
    own = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade"]
    call(*own, f"--constraint={pins}", f"--target={DRIVERS}", *drivers)
    done.write_text(state)


def _wanted(*extras: str) -> list[str]:
    """What some extras of the project bring, without the project itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [line for name in extras for line in project["optional-dependencies"][name]]
    return [line for line in lines if not line.startswith("demand-forecast")]


def call(*command: str, **variables: str) -> None:
    """Run a command to its end.

    Raises:
        CalledProcessError: If it fails.
    """
    subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=True)


def kedro(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command of the project, with the drivers within reach; it need not succeed."""
    paths = [str(ROOT / "src"), str(DRIVERS)]
    settings = {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "kedro", *options],
        cwd=ROOT,
        env={**os.environ, **settings, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def must(done: subprocess.CompletedProcess[str]) -> str:
    """The output of a command that must have succeeded.

    Raises:
        SystemExit: If it has not, with what it said last.
    """
    if done.returncode:
        raise SystemExit(f"{' '.join(done.args)} failed:\n{done.stdout[-4000:]}")
    return done.stdout


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str], port: int, log: Path, variables: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Start a program, and stop it and what it has started at the end.

    Args:
        command: The program.
        port: Where it will listen.
        log: File for what it says.
        variables: Environment variables beside those of this process.

    Raises:
        SystemExit: If it ends or does not listen within a minute.
    """
    with log.open("wb") as file:
        program = subprocess.Popen(
            command,
            cwd=log.parent,
            env={**os.environ, **(variables or {})},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for(program, port, log)
            yield
        finally:
            stop(program)


def stop(program: subprocess.Popen[bytes]) -> None:
    """End a program and the processes of its session, gently and then not."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(program.pid, sign)
            program.wait(timeout=15)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _wait_for(program: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and program.poll() is None:
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit(f"{program.args} does not listen on {port}:\n{log.read_text()[-2000:]}")
