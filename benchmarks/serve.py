"""How long the HTTP service takes for a look-up and for a what-if, on the sample.

    python benchmarks/serve.py --json serve.json     # in the project's folder, after `make demo`

The service runs in a process of its own and is asked over one connection, one question after the
other: forecasts of stores, products and weeks drawn from all that are published, each time as JSON.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

QUERY = "SELECT store_id, product_id, week, region || '.' || store_format FROM v_forecasts"
STARTING_S = 120


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def started(port: int) -> subprocess.Popen[bytes]:
    """The service, ready to answer."""
    process = subprocess.Popen([sys.executable, "-m", "kedro", "serve", f"--port={port}"])
    until = time.monotonic() + STARTING_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if asked(http.client.HTTPConnection("127.0.0.1", port), "GET", "/ready")[0] == 200:
                return process
        except OSError:
            time.sleep(0.2)
    process.terminate()
    raise SystemExit("the service did not start: run `make demo` first, in the same folder")


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = None
) -> tuple[int, float]:
    """Status and milliseconds of one answer, read to its end."""
    text = None if body is None else json.dumps(body)
    start = time.perf_counter()
    connection.request(method, path, text, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status, 1000 * (time.perf_counter() - start)


def measured(times: list[tuple[int, float]]) -> dict[str, float]:
    assert {status for status, _ in times} == {200}
    values = np.array([value for _, value in times])
    return {
        "questions": len(values),
        "median ms": float(np.median(values)),
        "p99 ms": float(np.quantile(values, 0.99)),
        "longest ms": float(values.max()),
    }


def main() -> None:
    """Print how long answers take."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--database", type=Path, default=Path("data/results.db"))
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    rows = sqlite3.connect(options.database).execute(QUERY).fetchall()
    picks = np.random.default_rng(0).integers(0, len(rows), options.questions)
    port = free_port()
    process = started(port)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        paths = [f"/forecasts/{s}/{p}?week={w}" for s, p, w, _ in (rows[k] for k in picks)]
        asked(connection, "GET", paths[0])
        figures = {"look-up": measured([asked(connection, "GET", path) for path in paths])}
        store, product, _, place = rows[0]
        question = {"namespace": place, "store": store, "product": product}
        bodies = [question | {"changes": {"price": f"-{k}%"}} for k in range(11)]
        answers = [asked(connection, "POST", "/what-if", body) for body in bodies]
        figures["what-if, the first of a segment"] = measured(answers[:1])
        figures["what-if, later"] = measured(answers[1:])
    finally:
        process.terminate()
        process.wait()
    for name, figure in figures.items():
        print(f"{name:34s}", "  ".join(f"{k} {v:,.1f}" for k, v in figure.items()))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
