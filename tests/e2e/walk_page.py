"""The page of the documentation about the walk, from what was seen of each week."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from walk import Week

_WORSE = re.compile(r"not_worse_than_incumbent: (MAPE .+? above that of incumbent)")
_TEMPLATE = Path(__file__).with_name("twelve-weeks.md.j2")


def write_page(file: Path, weeks: list[Week]) -> None:
    """Fill the template with a table of the weeks."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(_TEMPLATE.read_text())
    befores = [None, *weeks[:-1]]
    pairs = zip(befores, weeks, strict=True)
    rows = [_row(number, *pair) for number, pair in enumerate(pairs, 1)]
    file.write_text(template.render(rows=rows, weeks=weeks, refused=_first_refusal(weeks)))


def _row(number: int, before: Week | None, week: Week) -> list[str]:
    cells = [_planned(week), _released(before, week), _served(week), _alerts(week)]
    return [f"{number}<br>{week.until}", *week.events, *cells]


def _planned(week: Week) -> str:
    by_reason: dict[str, list[str]] = {}
    for model, reasons in week.reasons.items():
        for reason in reasons.split("; "):
            by_reason.setdefault(reason, []).append(model)
    lines = [f"`{reason}`: {_together(models)}" for reason, models in by_reason.items()]
    return "<br>".join(lines) or "nothing to train"


def _released(before: Week | None, week: Week) -> str:
    lines = [f"refused: {_together(week.refused)}"] if week.refused else []
    lines += [f"not tried again: {_together(week.waiting)}"] if week.waiting else []
    if before is not None and before.release.id == week.release.id:
        return "<br>".join(["none", *lines])
    number, restored = week.release.id.lstrip("0"), week.release.restores
    what = f"as release {restored.lstrip('0')}" if restored else _together(week.released)
    return "<br>".join([f"**release {number}**: {what}", *lines])


def _served(week: Week) -> str:
    """How many of each source, and what is told of those that are no champions of today."""
    lines = [f"{len(models)} by {source}" for source, models in week.sources.items()]
    told: dict[str, list[str]] = {}
    for model, served in week.served.items():
        if served.reason:  # when the last panel was read, and which file it was, is not for here
            told.setdefault(served.reason.partition(", read on")[0], []).append(model)
        elif served.as_of != week.until:
            told.setdefault(f"made on data until {served.as_of}", []).append(model)
    lines += [f"{_together(models)}: {why}" for why, models in told.items()]
    lines += ["exit code 1"] if week.scored.exit_code else []
    return "<br>".join(lines)


def _alerts(week: Week) -> str:
    return "<br>".join(f"{a.severity}: {a.what} ({a.where})" for a in week.alerts) or "none"


def _together(models: Iterable[str]) -> str:
    """Models by name; those of a segment or a region together, if all of it are there."""
    names = set(models)
    for halves in (("fast", "slow"), ("large", "small")):
        for place in {name.rpartition(".")[0] for name in names}:
            parts = {f"{place}.{half}" for half in halves}
            if parts <= names:
                names = names - parts | {place}
    return ", ".join(sorted(names))


def _first_refusal(weeks: list[Week]) -> tuple[str, str]:
    """The first challenger that was refused as worse than the champion, and by how much."""
    refusals = [refusal for week in weeks for refusal in sorted(week.refused.items())]
    told = ((name, _WORSE.search(why)) for name, why in refusals)
    return next((name, found[1]) for name, found in told if found)
