"""The configuration as a folder and in archives."""

from __future__ import annotations

import shutil

import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.conf_source import (
    check_environment,
    documents,
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
    for env, suite in (("base", "{a: 1, b: 1}"), ("dev", "b: 2")):
        (folder / env / "suites").mkdir()
        (folder / env / "suites" / "codes.yml").write_text(suite)
    (folder / "base" / "suites" / "empty.yml").write_text("")
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


def test_documents_of_an_environment_replace_what_base_says(conf):
    assert documents(conf, "dev", "suites") == {"codes": {"a": 1, "b": 2}, "empty": {}}
    assert documents(conf, None, "suites") == {"codes": {"a": 1, "b": 1}, "empty": {}}
    assert documents(conf, "base", "nothing") == {}


@pytest.mark.parametrize(
    ("content", "message"), [("[1]", "list. Valid: a mapping"), ("a: [", "no YAML: while parsing")]
)
def test_a_document_that_is_none_is_named(tmp_path, content, message):
    (tmp_path / "base" / "suites").mkdir(parents=True)
    (tmp_path / "base" / "suites" / "codes.yml").write_text(content)
    with pytest.raises(ConfigurationError, match=rf"base/suites/codes\.yml.*{message}"):
        documents(str(tmp_path), None, "suites")


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
