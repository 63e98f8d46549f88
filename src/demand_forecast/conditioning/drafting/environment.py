"""An environment drafted from a folder of raw files: regions, layouts and what they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from demand_forecast.conditioning.drafting.columns import SourceDrafter
from demand_forecast.conditioning.drafting.groups import read_folder
from demand_forecast.conditioning.drafting.guesses import Guess, Question, SourceGuess
from demand_forecast.conditioning.drafting.masters import country_of
from demand_forecast.conditioning.drafting.profile import Profile
from demand_forecast.conditioning.drafting.roles import Roles
from demand_forecast.conditioning.drafting.sources import by_overlap, choose_sources, unused
from demand_forecast.conditioning.drafting.times import week_end_day
from demand_forecast.conditioning.drafting.words import snake
from demand_forecast.conditioning.drafting.writing import LayoutWriter, flow
from demand_forecast.conditioning.layout import DECIDE
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.exceptions import SourceError

_TRAINING = """\
training:
  # All members, and the network as it is by default: base is set for the sample's small segments.
  network: {seeds: 3, mape_seeds: 3, min_steps: 300}
  trees: {}
  recent_level: {}
"""


@dataclass(frozen=True)
class DraftedFile:
    """One file of the environment.

    Attributes:
        path: Where it belongs, below the environment's folder.
        text: What is in it.
    """

    path: str
    text: str


class _Region(NamedTuple):
    name: str
    sources: tuple[SourceGuess, ...]
    notes: tuple[str, ...]
    week_ends_on: Guess
    formats: tuple[str, ...]
    country: tuple[str, str] | None

    @property
    def shape(self) -> tuple[object, ...]:
        """What makes two regions' files alike: patterns, headers and formats."""
        return tuple((s.source, s.files, _headers(s), *_read_as(s)) for s in self.sources)


def _headers(source: SourceGuess) -> frozenset[str]:
    return frozenset(source.ignored) | {str(c.keys.get("from")) for c in source.columns}


def _read_as(source: SourceGuess) -> Iterator[tuple[str, ...]]:
    """How the file is opened and its standard columns are read; others may vary by chance."""
    yield tuple(f"{k}: {v}" for k, v in source.read.items() if k != "na_values")
    for guess in source.columns:
        if guess.name in TABLES[source.source].columns:
            keys = ("from", "date_format", "week_is", "unit")
            yield (guess.name, *(str(guess.keys.get(key)) for key in keys))


def draft_environment(folder: Path, name: str, root: Path | None = None) -> list[DraftedFile]:
    """Look at raw files and write the configuration that reads them, as far as they say.

    Args:
        folder: Raw files of one region; or one folder per region.
        name: Name of the environment and of its layout.
        root: The project's folder; raw files inside it are written as relative to it.

    Returns:
        Files of the environment: ``segments.yml``, ``globals.yml``, the layouts and the parameters.

    Raises:
        SourceError: If there is no file that can be read.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: there is no such folder.")
    here = any(p.is_file() and p.name[0] not in "._" for p in folder.iterdir())
    folders = [folder] if here else sorted(p for p in folder.iterdir() if p.is_dir())
    regions = [_draft_region(f) for f in folders]
    if not regions:
        raise SourceError(f"{folder}: empty, there is neither a file nor a folder.")
    layouts = _name_layouts(regions, name)
    files = [
        DraftedFile(f"layouts/{layout}.yml", _write_layout(layout, region))
        for layout, region in layouts.values()
    ]
    names = {r.name: layouts[r.shape][0] for r in regions}
    return [
        DraftedFile("segments.yml", _segments(regions, names)),
        *files,
        DraftedFile("globals.yml", _globals(_path_from(folder, root), name, nested=not here)),
        DraftedFile("parameters/conditioning.yml", _parameters(regions)),
        DraftedFile("parameters/training.yml", _TRAINING),
    ]


def _draft_region(folder: Path) -> _Region:
    groups, left_out = read_folder(folder)
    if not groups:
        raise SourceError(f"{folder}: no file is a table. {' '.join(left_out)}")
    roles = by_overlap([Roles(group) for group in groups])
    chosen = choose_sources(roles)
    drafter = SourceDrafter(chosen)
    sources = [drafter.draft(source) for source in TABLES if source in chosen]
    missing = [s for s, t in TABLES.items() if t.needed and s not in chosen]
    sources += [_missing(source, [g.files for g in groups]) for source in missing]
    weeks = [
        (g, _profile(chosen[s.source], g))
        for s in sources
        if s.source in chosen
        for g in s.columns
        if g.name == "week"
    ]
    return _Region(
        name=snake(folder.resolve().name),
        sources=tuple(sources),
        notes=(*(f"not read: {x}" for x in [*left_out, *unused(roles, chosen)]),),
        week_ends_on=week_end_day(weeks),
        formats=_formats(sources, chosen),
        country=country_of(chosen),
    )


def _profile(roles: Roles, guess: Guess) -> Profile | None:
    return roles.group.columns.get(str(guess.keys.get("from")))


def _missing(source: str, files: Sequence[str]) -> SourceGuess:
    """A source without which nothing is forecast, and which no file seems to be."""
    question = Question(f"no file looks like {source}. Files: {', '.join(files)}")
    columns = [
        Guess(c, {}, "a guess", "").ask("from", f"which header? {spec.description}")
        for c, spec in TABLES[source].columns.items()
        if spec.required
    ]
    return SourceGuess(source, DECIDE, {}, tuple(columns), questions={"files": question})


def _formats(sources: Sequence[SourceGuess], chosen: Mapping[str, Roles]) -> tuple[str, ...]:
    stores = next((s for s in sources if s.source == "stores"), None)
    guess = stores.column("store_format") if stores else None
    if guess is None or guess.questions:
        return (DECIDE,)
    if "constant" in guess.keys:
        return (str(guess.keys["constant"]),)
    named = guess.keys.get("map")
    if isinstance(named, dict):
        return tuple(dict.fromkeys(named.values()))
    profile = _profile(chosen["stores"], guess)
    return tuple(sorted(snake(str(word)) for word in profile.words)) if profile else (DECIDE,)


def _name_layouts(
    regions: Sequence[_Region], name: str
) -> dict[tuple[object, ...], tuple[str, _Region]]:
    """A layout for each kind of region; the first kind has the name of the environment."""
    layouts: dict[tuple[object, ...], tuple[str, _Region]] = {}
    for region in regions:
        layout = name if not layouts else f"{name}_{region.name}"
        layouts.setdefault(region.shape, (layout, region))
    return layouts


def _write_layout(layout: str, region: _Region) -> str:
    return LayoutWriter(layout, region.country).write(region.sources, region.notes)


def _segments(regions: Sequence[_Region], layouts: Mapping[str, str]) -> str:
    formats = list(dict.fromkeys(f for r in regions for f in r.formats))
    decided = [f for f in formats if f != DECIDE] or [DECIDE]
    comment = (
        f"  # {DECIDE}: the formats of the stores, as the layout's store_format gives them"
        if decided == [DECIDE]
        else "  # as the layout's store_format gives them"
    )
    lines = [
        "# Regions and store formats; a segment is one of each.",
        f"store_formats: {flow(decided)}{comment}",
        "regions:",
        *(f"  {r.name}: {{layout: {layouts[r.name]}}}" for r in regions),
    ]
    return "\n".join(lines) + "\n"


def _path_from(folder: Path, root: Path | None) -> Path:
    """The folder as Kedro, which starts in the project, finds it from anywhere."""
    whole = folder.resolve()
    inside = root is not None and whole.is_relative_to(root.resolve())
    return whole.relative_to(root.resolve()) if inside and root is not None else whole


def _globals(folder: Path, name: str, nested: bool) -> str:
    raw = f"{folder}/{{region}}" if nested else str(folder)
    return (
        "# Where things are.\n"
        f"environment: {name}\n"
        f"data_root: data/{name}\n"
        f"raw_folder: {flow(raw)}\n"
    )


def _parameters(regions: Sequence[_Region]) -> str:
    guess = next((r.week_ends_on for r in regions if r.week_ends_on.questions), None)
    guess = guess or regions[0].week_ends_on
    days = dict.fromkeys(str(r.week_ends_on.keys["week_ends_on"]) for r in regions)
    question = guess.questions.get("week_ends_on")
    comment = f"{DECIDE}: {question.text}" if question else f"{guess.confidence}: {guess.why}"
    value = guess.keys["week_ends_on"]
    if len(days) > 1 and not question:
        value, comment = DECIDE, f"{DECIDE}: the regions disagree: {', '.join(days)}"
    return f"# From raw files to panels.\nconditioning:\n  week_ends_on: {value}  # {comment}\n"
