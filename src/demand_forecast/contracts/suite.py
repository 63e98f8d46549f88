"""A contract in YAML, run by Great Expectations on whatever a dataset holds.

In the catalog, for the suite ``panel`` in a file of ``conf/<env>/expectations/``::

    validator:
      class: demand_forecast.contracts.ExpectationSuite
      options: {suite: panel}

A hook adds what the configuration says of that suite. A suite is a list of ``expectations``
(``type``, ``kwargs``, ``severity``) for one table, or a dictionary ``tables`` of such lists for a
conditioned region. ``optional: true`` skips an expectation whose columns are not there;
``max_rows`` is the size of a sample of a large table.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from demand_forecast.conditioning.conditioned import REPORTS, ConditionedRegion
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.contracts.engine import Finding, run_expectations
from demand_forecast.exceptions import ConfigurationError, ContractError, did_you_mean
from demand_forecast.modelling.panel import Panel

_LOG = logging.getLogger(__name__)
_SHOWN = 5


class Expectation(BaseModel):
    """One line of a suite."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    kwargs: dict[str, Any] = {}
    severity: Literal["critical", "warning", "info"] = "critical"
    optional: bool = False

    @property
    def columns(self) -> list[str]:
        """Columns that the expectation looks at."""
        named = [v for k, v in self.kwargs.items() if k.startswith("column") and isinstance(v, str)]
        return named + list(self.kwargs.get("column_list", []))


class _Suite(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    expectations: list[Expectation] = []
    tables: dict[str, list[Expectation]] = {}
    max_rows: int | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> _Suite:
        if bool(self.expectations) == bool(self.tables):
            raise ValueError("give either 'expectations' or 'tables'")
        return self


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise ConfigurationError(f"expectations: {file} cannot be read: {error}") from error


class ExpectationSuite:
    """A data contract as a Kedro validator.

    Validates a data frame, the long table of a panel, each table of a conditioned region, or a raw
    source at the moment it is read. What breaks a ``critical`` expectation raises, the rest is
    logged.

    Args:
        suite: Name of the suite, or without ``suites`` the YAML file that describes it.
        suites: Suites by name, as the configuration describes them.

    Raises:
        ConfigurationError: If there is no such suite or file, or it is no suite.
    """

    def __init__(self, suite: str, suites: Mapping[str, Any] | None = None) -> None:
        self.name = Path(suite).stem if suites is None else suite
        content = _read(Path(suite)) if suites is None else suites.get(suite)
        if content is None:
            raise ConfigurationError(
                f"expectations: there is no suite '{suite}'. {did_you_mean(suite, suites or ())}"
            )
        try:
            self._suite = _Suite.model_validate(content)
        except ValidationError as error:
            raise ConfigurationError(f"expectations: suite '{suite}': {error}") from error

    def validate(self, data: Any) -> Any:
        """Run the suite and return the data unchanged (a raw source: with the suite attached).

        Raises:
            ContractError: If a critical expectation is not met, naming the suite, the expectation,
                the column and what was found.
            ConfigurationError: If the suite does not fit this kind of data.
        """
        if isinstance(data, RawSource):
            return data.require(self)
        if isinstance(data, ConditionedRegion):
            if data.directory is None:  # else it was checked when it was stored, and is unchanged
                self._check_region(data)
        elif isinstance(data, Panel):
            if data.contract != self.digest:
                self._check(self.name, self._frame(data), self._suite.expectations)
            return data.note(contract=self.digest)
        else:
            self._check(self.name, self._frame(data), self._suite.expectations)
        return data

    @property
    def digest(self) -> str:
        """SHA-256 of what is expected."""
        return hashlib.sha256(self._suite.model_dump_json().encode()).hexdigest()

    def _frame(self, data: Any) -> pd.DataFrame:
        frame = data.to_frame() if isinstance(data, Panel) else data
        if not isinstance(frame, pd.DataFrame) or not self._suite.expectations:
            raise ConfigurationError(f"suite '{self.name}' does not fit {type(data).__name__}.")
        limit = self._suite.max_rows
        return (
            frame if limit is None or len(frame) <= limit else frame.sample(limit, random_state=0)
        )

    def _check_region(self, region: ConditionedRegion) -> None:
        tables: Mapping[str, pd.DataFrame] = region.frames
        for word in self._suite.tables or [""]:
            if word not in {*TABLES, *REPORTS}:
                hint = did_you_mean(word, {*TABLES, *REPORTS})
                raise ConfigurationError(f"suite '{self.name}': no table '{word}'. {hint}")
        for table, expectations in self._suite.tables.items():
            if table in tables:
                self._check_table(region, table, expectations)

    def _check_table(
        self, region: ConditionedRegion, table: str, expectations: list[Expectation]
    ) -> None:
        """Check one table; where it is a report, what it reports says more than its figures."""
        try:
            self._check(f"{self.name}.{table}", region.frames[table], expectations)
        except ContractError as error:
            culprit = region.culprit() if table in REPORTS else ""
            raise ContractError(f"{error}\n{culprit}".strip()) from error

    def _check(self, where: str, frame: pd.DataFrame, expectations: list[Expectation]) -> None:
        wanted = [e for e in expectations if not e.optional or set(e.columns) <= set(frame.columns)]
        findings = run_expectations(
            frame, [e.model_dump(exclude={"optional"}) for e in wanted], where
        )
        critical = [f for f in findings if f.severity == "critical"]
        for finding in findings:
            if finding.severity != "critical":
                _LOG.warning("Suite '%s': %s", where, finding)
        if critical:
            raise ContractError(_message(where, critical))


def _message(where: str, findings: list[Finding]) -> str:
    lines = [f"suite '{where}': {finding}" for finding in findings[:_SHOWN]]
    more = len(findings) - _SHOWN
    return "\n".join([*lines, f"... and {more} more" if more > 0 else ""]).strip()
