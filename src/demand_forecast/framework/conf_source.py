"""The configuration as files, wherever it is: a folder, an archive or an object store.

Kedro's config loader reads and merges them; this says what is there, for error messages.
"""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath
from typing import Any

import fsspec
import yaml

from demand_forecast.exceptions import ConfigurationError, did_you_mean

_ARCHIVES = {
    "application/x-tar": "tar",
    "application/zip": "zip",
    "application/x-zip-compressed": "zip",
}


def check_environment(conf_source: str, env: str) -> None:
    """Refuse an environment that is not there.

    Raises:
        ConfigurationError: If there is no configuration, or no such environment in it.
    """
    valid = environments(conf_source)
    if not valid:
        raise ConfigurationError(f"--conf-source: there is no configuration in {conf_source}.")
    if env not in valid:
        raise ConfigurationError(
            f"--env: there is no environment '{env}' in {conf_source}. {did_you_mean(env, valid)}"
        )


def environments(conf_source: str) -> list[str]:
    """Names of the environments, sorted."""
    fs, root = _root(conf_source)
    entries = fs.ls(root, detail=True) if fs.isdir(root) else []
    return sorted(PurePosixPath(e["name"]).name for e in entries if e["type"] == "directory")


def file_in_force(conf_source: str, env: str | None, name: str) -> str:
    """Where a file is that an environment may have of its own: there, else in ``base``."""
    fs, root = _root(conf_source)
    own = env is not None and fs.exists(f"{root}/{env}/{name}")
    return f"{conf_source}/{env if own else 'base'}/{name}"


def documents(conf_source: str, env: str | None, folder: str) -> dict[str, dict[str, Any]]:
    """The YAML files of a folder, each a document of its own.

    Args:
        conf_source: Where the configuration is.
        env: Environment; what a file of it says at the top level replaces what ``base`` says.
        folder: Folder that ``base`` and environments may have.

    Returns:
        Content by the name of the file, without its ending.

    Raises:
        ConfigurationError: If a file is no YAML, or no mapping.
    """
    fs, root = _root(conf_source)
    read: dict[str, dict[str, Any]] = {}
    for place in [f"{root}/{name}/{folder}" for name in dict.fromkeys(("base", env)) if name]:
        for file in sorted(fs.glob(f"{place}/*.yml")):
            name = PurePosixPath(file).stem
            read[name] = read.get(name, {}) | _document(fs, file)
    return read


def _document(fs: fsspec.AbstractFileSystem, file: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(fs.cat_file(file))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file} is no YAML: {error}") from error
    if not isinstance(content or {}, dict):
        raise ConfigurationError(f"{file} holds {type(content).__name__}. Valid: a mapping.")
    return content or {}


def find_unreadable(conf_source: str, env: str | None) -> str | None:
    """The first YAML file of ``base`` or an environment that is no text, or nested too deeply."""
    fs, root = _root(conf_source)
    for place in [f"{root}/{name}" for name in ("base", env) if name]:
        for file in sorted(fs.glob(f"{place}/**/*.yml")):
            try:
                yaml.safe_load(fs.cat_file(file).decode())
            except (UnicodeDecodeError, RecursionError):
                return str(file)
            except (OSError, yaml.YAMLError):
                continue  # which the config loader says itself
    return None


def read_yaml(conf_source: str, name: str) -> dict[str, Any] | None:
    """A file beside the environments, such as ``logging.yml``; None where there is none."""
    fs, root = _root(conf_source)
    if not fs.exists(f"{root}/{name}"):
        return None
    content: dict[str, Any] = yaml.safe_load(fs.cat_file(f"{root}/{name}"))
    return content


def _root(conf_source: str) -> tuple[fsspec.AbstractFileSystem, str]:
    kind, _ = mimetypes.guess_type(conf_source)
    if kind not in _ARCHIVES:
        fs, root = fsspec.core.url_to_fs(conf_source)
        return fs, str(root)
    fs = fsspec.filesystem(_ARCHIVES[kind], fo=conf_source)
    # The folder that was packed, found as Kedro's loader finds it.
    return fs, str(fs.ls("", detail=False)[-1]).rstrip("/")
