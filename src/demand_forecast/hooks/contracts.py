"""Gives every validator in the catalog its expectation suite from ``conf/<env>/expectations/``."""

from __future__ import annotations

import re
from collections import UserDict
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework.conf_source import documents

Config = dict[str, Any]


class ContractHook:
    """Replaces the name of a suite in the catalog by the suites of that name.

    An environment's own suite replaces that of ``base``, and a configuration elsewhere, or in an
    archive, brings its own. They are documents of Great Expectations: nothing in them is
    interpolated.
    """

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Fill in the suites before the catalog is made.

        Raises:
            ConfigurationError: If the catalog names a suite that no file describes.
        """
        loader = context.config_loader
        suites = documents(str(loader.conf_source), context.env, "expectations")
        loader["catalog"] = with_suites(dict(loader["catalog"]), suites)


def with_suites(catalog: Config, suites: Config) -> Config:
    """The catalog with ``options: {suite: NAME, suites: {NAME: ...}}`` in each validator.

    Args:
        catalog: Entries by name, or by the pattern of a dataset factory.
        suites: Suites by name.

    Raises:
        ConfigurationError: If an entry names a suite that does not exist.
    """
    filled = deepcopy(catalog)
    for entry, config in filled.items():
        options = _options(config)
        if "suite" in options:
            options["suites"] = _suites_named(entry, options["suite"], suites)
    return filled


def _options(config: Any) -> Config:
    validator = config.get("validator") if isinstance(config, dict) else None
    options = validator.get("options") if isinstance(validator, dict) else None
    return options if isinstance(options, dict) else {}


def _suites_named(entry: str, name: str, suites: Config) -> UserDict[str, Any]:
    pattern = re.sub(r"\{[^}]*\}", "*", name)
    named = {suite: suites[suite] for suite in suites if fnmatchcase(suite, pattern)}
    if not named:
        raise ConfigurationError(
            f"catalog: '{entry}' names the suite '{name}', which no file in expectations/ "
            f"describes. {did_you_mean(name, suites)}"
        )
    # No dict: Kedro would take braces, as in a regular expression, for placeholders of a factory.
    return UserDict(named)
