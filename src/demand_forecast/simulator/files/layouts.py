"""Which regions to simulate, and the layouts of their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from demand_forecast.conditioning.layout import Layout, parse_layout
from demand_forecast.exceptions import ConfigurationError, did_you_mean


def choose_layouts(
    regions: Mapping[str, str] | Sequence[str] | None = None, conf: Path | str | None = None
) -> dict[str, Layout]:
    """Layouts by region.

    Args:
        regions: Regions with the names of their layouts; or names in ``segments.yml``; or None for
            all of ``segments.yml``.
        conf: Folder with ``segments.yml`` and ``layouts/``; None: the project's ``conf/base``.

    Raises:
        ConfigurationError: If a region or layout is unknown, or the folder cannot be found.
    """
    folder = _find(conf)
    declared = _declared_layouts(folder)
    layouts = {}
    for region, name in _pairs(regions, folder):
        if name not in declared:
            raise ConfigurationError(
                f"layout '{name}' of region '{region}' is not in {folder / 'layouts'}. "
                f"{did_you_mean(name, declared)}"
            )
        layouts[region] = parse_layout(name, declared[name])
    return layouts


def _pairs(
    regions: Mapping[str, str] | Sequence[str] | None, folder: Path
) -> Iterable[tuple[str, str]]:
    if isinstance(regions, Mapping):
        return regions.items()
    path = folder / "segments.yml"
    declared = yaml.safe_load(path.read_text(encoding="utf-8"))["regions"]
    names = list(declared) if regions is None else regions
    for name in names:
        if name not in declared:
            raise ConfigurationError(
                f"region '{name}' is not in {path}. {did_you_mean(name, declared)}"
            )
    return [(name, declared[name]["layout"]) for name in names]


def _declared_layouts(folder: Path) -> dict[str, Any]:
    declared: dict[str, Any] = {}
    for file in sorted((folder / "layouts").glob("*.yml")):
        declared |= yaml.safe_load(file.read_text(encoding="utf-8"))
    return declared


def _find(conf: Path | str | None) -> Path:
    if conf is not None:
        return Path(conf)
    for folder in [Path.cwd(), *Path(__file__).resolve().parents]:
        if (folder / "conf" / "base" / "segments.yml").exists():
            return folder / "conf" / "base"
    raise ConfigurationError(
        f"conf/base/segments.yml is neither in {Path.cwd()} nor above the package; give the folder "
        "with segments.yml and layouts/ as 'conf'."
    )
