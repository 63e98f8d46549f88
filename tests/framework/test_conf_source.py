"""The configuration as a folder and in archives."""

from __future__ import annotations

import shutil

import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.conf_source import (
    check_environment,
    environments,
    file_in_force,
    find_unreadable,
    read_yaml,
)


@pytest.fixture(params=["folder", "gztar", "zip"])
def conf(request, tmp_path):
    folder = tmp_path / "project" / "conf"
    for env in ("base", "local", "dev"):
        (folder / env).mkdir(parents=True)
        (folder / env / "x.yml").write_text("a: 1")
    (folder / "dev" / "segments.yml").write_text("a: 1")
    (folder / "logging.yml").write_text("version: 1")
    if request.param == "folder":
        return str(folder)
    return shutil.make_archive(str(tmp_path / "conf"), request.param, folder.parent, "conf")


def test_environments_are_its_folders(conf):
    assert environments(conf) == ["base", "dev", "local"]
    check_environment(conf, "dev")
    with pytest.raises(ConfigurationError, match=r"no environment 'dve' in .*Did you mean 'dev'"):
        check_environment(conf, "dve")


def test_a_folder_without_any_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="--conf-source: there is no configuration in"):
        check_environment(str(tmp_path / "nowhere"), "dev")


def test_a_file_is_the_environments_own_where_it_has_one(conf):
    assert file_in_force(conf, "dev", "segments.yml") == f"{conf}/dev/segments.yml"
    assert file_in_force(conf, "local", "segments.yml") == f"{conf}/base/segments.yml"
    assert file_in_force(conf, None, "segments.yml") == f"{conf}/base/segments.yml"


def test_a_file_beside_the_environments_can_be_read(conf):
    assert read_yaml(conf, "logging.yml") == {"version": 1}
    assert read_yaml(conf, "nothing.yml") is None


def test_the_file_that_cannot_be_read_as_text_is_found(tmp_path):
    (tmp_path / "base" / "parameters").mkdir(parents=True)
    (tmp_path / "base" / "broken.yml").write_text("a: [")  # the loader itself says so
    assert find_unreadable(str(tmp_path), "dev") is None
    for content in (b"a: \xff", b"a: " + b"[" * 5000 + b"]" * 5000):
        file = tmp_path / "base" / "parameters" / "bad.yml"
        file.write_bytes(content)
        assert find_unreadable(str(tmp_path), "dev") == str(file)
