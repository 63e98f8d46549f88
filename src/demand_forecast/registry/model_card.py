"""The model card: what a person must know of a registered model before they use it."""

from __future__ import annotations

from typing import Final

from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.records import TrainedModel
from demand_forecast.modelling.lifecycle.verdict_text import verdict_markdown

_FIGURES: Final = {
    "mape": ("MAPE, per cent", ".1f"),
    "wape": ("WAPE, per cent", ".1f"),
    "bias": ("bias, per cent", "+.1f"),
    "rmse": ("RMSE, units", ".2f"),
    "rmse_zero": ("RMSE where nothing was sold, units", ".2f"),
    "coverage_80": ("weeks inside q10 to q90, per cent", ".0f"),
}


def model_card(name: str, trained: TrainedModel, lineage: Lineage) -> str:
    """Markdown for the description of a version.

    Args:
        name: Registered name.
        trained: The model with its figures.
        lineage: Its lineage, complete.
    """
    parts = [_purpose(name, lineage), _data(lineage), _figures(trained), _verdict(trained, lineage)]
    return "\n\n".join([*parts, _limits(), _use(name)])


def _purpose(name: str, lineage: Lineage) -> str:
    products = f"{lineage.velocity} products" if lineage.velocity else "all products"
    return (
        f"# {name}\n\n"
        f"Weekly demand of the {products} of {lineage.region}, {lineage.store_format} stores: "
        f"{lineage.kind.replace('_', ' ')}, for the forecast and the order proposal."
    )


def _data(lineage: Lineage) -> str:
    return (
        "## Data\n\n"
        f"{lineage.series} series and {lineage.weeks} weeks up to {lineage.as_of}; "
        f"panel `{lineage.panel_digest}`, of it learned `{lineage.training_digest}`. "
        f"Code: commit `{lineage.git_commit}`."
    )


def _figures(trained: TrainedModel) -> str:
    metrics = trained.metrics
    rows = [
        f"| {title} | {_cell(metrics.get(key), shape)} "
        f"| {_cell(metrics.get(f'baseline_{key}'), shape)} |"
        for key, (title, shape) in _FIGURES.items()
        if key in metrics
    ]
    if not rows:
        return "## Figures\n\nNone: it was not validated on its own."
    head = ["| on the weeks of the validation | model | historical average |", "|---|---|---|"]
    return "## Figures\n\n" + "\n".join([*head, *rows])


def _verdict(trained: TrainedModel, lineage: Lineage) -> str:
    lines = ["## Gate"]
    if trained.verdict is not None:
        lines.append(verdict_markdown(trained.verdict).strip())
    lines.append("Promoted." if lineage.promoted else f"Not promoted: {lineage.reason}.")
    return "\n\n".join(lines)


def _limits() -> str:
    return (
        "## Limits\n\n"
        "The figures are of a model of the same recipe that had not seen those weeks. A sold-out "
        "week says only that demand was at least what was delivered. It answers for the segment "
        "and velocity that it was trained on, from a panel that was conditioned by this project, "
        "and gives way when its training data are old or its forecast breaks the output contract."
    )


def _use(name: str) -> str:
    return (
        "## Use\n\n"
        "`kedro run --pipelines=score` forecasts with the release in force; `kedro models show` "
        f"says which version that is. In Python: `load_version('{name}', VERSION)` of "
        "`demand_forecast.registry.model_registry`, which checks the digests."
    )


def _cell(value: float | None, shape: str) -> str:
    return "-" if value is None else f"{value:{shape}}"
