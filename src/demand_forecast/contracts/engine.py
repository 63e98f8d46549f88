"""The only place that knows Great Expectations: a frame and expectations in, findings out."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

from demand_forecast.exceptions import ConfigurationError, did_you_mean

_LOCK = threading.Lock()  # Great Expectations keeps its context in a global
_EXAMPLES = 3


class Finding(NamedTuple):
    """An expectation that was not met."""

    expectation: str
    column: str
    severity: str
    found: str

    def __str__(self) -> str:
        column = f" of column '{self.column}'" if self.column else ""
        return f"{self.expectation}{column} failed: {self.found}"


def run_expectations(
    frame: pd.DataFrame, expectations: list[dict[str, Any]], name: str
) -> list[Finding]:
    """Run expectations on a table.

    Args:
        frame: The table.
        expectations: ``type``, ``kwargs`` and ``severity`` of each.
        name: Name of the suite.

    Returns:
        The expectations that were not met, in the order given.

    Raises:
        ConfigurationError: If an expectation does not exist or its arguments do not fit.
    """
    with _LOCK:
        gx = _great_expectations()
        built = [_build(gx, expectation, name) for expectation in expectations]
        suite = gx.ExpectationSuite(name=name, expectations=built)
        view = frame.copy(deep=False)
        batch = _table(gx).get_batch({"dataframe": view})
        result = batch.validate(suite, result_format="BOOLEAN_ONLY")
        if not all(one.success for one in result.results):  # only then is it worth twice the time
            result = batch.validate(suite)
        for column in list(view):  # the context keeps its last frame: leave it an empty one
            del view[column]
    order = {e["type"] + str(e["kwargs"].get("column", "")): i for i, e in enumerate(expectations)}
    findings = [_finding(r) for r in result.results if not r.success]
    return sorted(findings, key=lambda f: order.get(f.expectation + f.column, 0))


@cache
def _great_expectations() -> Any:
    """Import it once somebody needs it (seconds), without its telemetry and deprecations."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations
    # The one module of it that sets a level of its own.
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    return great_expectations


def _build(gx: Any, expectation: dict[str, Any], name: str) -> Any:
    """One expectation; a suite would only log, and leave out, one that it cannot build."""
    kind, kinds = str(expectation["type"]), _kinds(gx)
    if kind not in kinds:
        hint = did_you_mean(kind, kinds)
        raise ConfigurationError(f"suite '{name}': there is no expectation '{kind}'. {hint}")
    try:
        return kinds[kind](**expectation["kwargs"], severity=expectation["severity"])
    except Exception as error:  # pydantic, of a version of its own
        raise ConfigurationError(f"suite '{name}', {kind}: {error}") from error


@cache
def _kinds(gx: Any) -> dict[str, Any]:
    """Expectations by name: ``expect_column_to_exist`` is the class ``ExpectColumnToExist``."""
    classes = [name for name in dir(gx.expectations) if name.startswith("Expect")]
    words = {name: re.findall("[A-Z][a-z0-9]*", name) for name in classes}
    return {"_".join(words[name]).lower(): getattr(gx.expectations, name) for name in classes}


@cache
def _table(gx: Any) -> Any:
    """A place for data frames in a context that exists in memory only."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("whole")


def _finding(result: Any) -> Finding:
    config = result.expectation_config
    column = config.kwargs.get("column") or ", ".join(config.kwargs.get("column_list", []))
    return Finding(config.type, column, str(config.severity.value), _found(result, config.kwargs))


def _found(result: Any, kwargs: dict[str, Any]) -> str:
    limits = {k: v for k, v in kwargs.items() if not k.startswith(("column", "batch_id"))}
    expected = f" (expected {limits})" if limits else ""
    details = result.result
    if not details:
        return f"{_exception(result)}{expected}"
    if "unexpected_count" in details:
        count, percent = details["unexpected_count"], details.get("unexpected_percent") or 0
        some = details.get("partial_unexpected_list") or []
        shown = ", ".join(dict.fromkeys(str(v) for v in some[: 10 * _EXAMPLES]))
        return f"{count} rows ({percent:.2f} %) are not as expected, such as {shown}{expected}"
    return f"found {details.get('observed_value', details)}{expected}"


def _exception(result: Any) -> str:
    """Great Expectations nests the message below the metric that failed."""
    info = result.exception_info or {}
    nested = [v for v in info.values() if isinstance(v, dict)]
    message = (nested[0] if nested else info).get("exception_message")
    return str(message or "the column does not exist")
