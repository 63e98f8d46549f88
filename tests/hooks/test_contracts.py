"""Suites reach the validators through the configuration."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.hooks.contracts import ContractHook, with_suites
from demand_forecast.settings import CONFIG_LOADER_ARGS


def _suite(pattern):
    kwargs = {"column": "code", "regex": pattern}
    return {"expectations": [{"type": "expect_column_values_to_match_regex", "kwargs": kwargs}]}


def _entry(path, suite):
    return {
        "type": "pandas.CSVDataset",
        "filepath": path,
        "save_args": {"index": False},
        "validator": {
            "class": "demand_forecast.contracts.ExpectationSuite",
            "options": {"suite": suite},
            "on": "save",
        },
    }


@pytest.fixture
def conf(tmp_path):
    """A configuration in which codes have three digits, in ``dev`` two."""
    entries = {
        "codes": _entry(f"{tmp_path}/codes.csv", "codes"),
        "{region}.raw_{source}": _entry(f"{tmp_path}/{{region}}_{{source}}.csv", "raw_{source}"),
    }
    files = {
        "base/catalog/x.yml": entries,
        "base/expectations/codes.yml": {"name": "codes"} | _suite(r"^\d{3}$"),
        "base/expectations/raw_codes.yml": _suite(r"^\d{3}$"),
        "base/expectations/raw_other.yml": _suite("x"),
        "dev/expectations/codes.yml": _suite(r"^\d{2}$"),
    }
    (tmp_path / "conf" / "local").mkdir(parents=True)
    for name, content in files.items():
        file = tmp_path / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(content))
    return tmp_path / "conf"


def _catalog(conf, env="local"):
    loader = OmegaConfigLoader(str(conf), env=env, **CONFIG_LOADER_ARGS)
    ContractHook().after_context_created(SimpleNamespace(config_loader=loader, env=env))
    return DataCatalog.from_config(dict(loader["catalog"]))


@pytest.mark.parametrize("name", ["codes", "texas.raw_codes"])
def test_a_suite_is_found_by_its_name_also_in_a_factory(conf, name):
    catalog = _catalog(conf)
    catalog.save(name, pd.DataFrame({"code": ["123"]}))
    with pytest.raises(Exception, match=rf"suite '{name.removeprefix('texas.')}'.*such as 12"):
        catalog.save(name, pd.DataFrame({"code": ["12"]}))


def test_an_environment_may_have_its_own(conf):
    catalog = _catalog(conf, "dev")
    catalog.save("codes", pd.DataFrame({"code": ["12"]}))
    with pytest.raises(Exception, match="such as 123"):
        catalog.save("codes", pd.DataFrame({"code": ["123"]}))
    catalog.save("texas.raw_codes", pd.DataFrame({"code": ["123"]}))


def test_a_source_without_a_suite_is_refused_when_it_is_used(conf):
    catalog = _catalog(conf)
    with pytest.raises(Exception, match=r"no suite 'raw_cods'.*Did you mean 'raw_codes'"):
        catalog.save("texas.raw_cods", pd.DataFrame({"code": ["123"]}))


def test_a_suite_that_no_file_describes_is_refused():
    with pytest.raises(ConfigurationError, match=r"'sales' names the suite 'code'.*mean 'codes'"):
        with_suites({"sales": _entry("x.csv", "code")}, {"codes": _suite("x")})


def test_entries_without_a_suite_are_left_alone():
    entries = {"_args": 3, "a": {"type": "MemoryDataset"}, "b": {"validator": "some.Class"}}
    assert with_suites(entries, {}) == entries
