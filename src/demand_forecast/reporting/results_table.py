"""The results of a training run as a table for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_COLUMNS = {
    "models": "models",
    "mape_baseline": "MAPE baseline",
    "mape_ensemble": "MAPE ensemble",
    "reduction": "reduction",
    "wape": "WAPE",
    "bias": "bias",
    "share_passed": "gate passed",
}
_NEXT = (
    ("runs and models", "mlflow ui"),
    ("pipelines", "kedro viz run"),
    ("forecasts", "{root}/07_model_output/<region>/<format>/forecast.parquet"),
    ("these figures", "{root}/08_reporting/summary.json"),
    ("rejected rows", "{root}/02_intermediate/<region>/quarantine.csv"),
)


def print_summary(summary: dict[str, Any], env: str | None) -> None:
    """Print the table of a summary and where to look next.

    Args:
        summary: As the ``summary`` dataset holds it, with ``seconds`` per stage.
        env: Kedro environment, None for the base one.
    """
    console = Console(width=110, highlight=False)
    console.print(_accuracy(summary["models"]))
    rows = summary["rows"]
    console.print(
        f"rows: {rows['rows_in']:,} read = {rows['rows_conditioned']:,} conditioned "
        f"+ {rows['rows_quarantined']:,} quarantined"
    )
    seconds = dict(summary["seconds"])
    total = seconds.pop("total")
    stages = ", ".join(f"{stage} {value:.0f}" for stage, value in seconds.items())
    console.print(f"seconds: {total:.0f} in total; work by stage: {stages}")
    root = "data" if env in (None, "base", "local") else f"data/{env}"
    for what, where in _NEXT:
        console.print(f"  {what:<16} {where.format(root=root)}", markup=False)


def _accuracy(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Rolling-origin validation, ensemble against the historical average")
    table.add_column("velocity")
    for title in _COLUMNS.values():
        table.add_column(title, justify="right")
    for row in rows:
        cells = [_cell(key, row[key]) for key in _COLUMNS]
        table.add_row(row["velocity"], *cells, style="bold" if row["velocity"] == "total" else "")
    return table


def _cell(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    if key == "models":
        return str(value)
    return f"{value:+.1f} %" if key == "bias" else f"{value:.1f} %"
