"""Models in use, held in memory: read at the first question, and again when others serve."""

from __future__ import annotations

from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from kedro.io import CatalogProtocol

from demand_forecast.framework import run_context
from demand_forecast.framework.question import Question, answer, remarks
from demand_forecast.framework.segment_scoring import SegmentScoring
from demand_forecast.serving.messages import WhatIfAnswer, WhatIfQuestion

Catalog = CatalogProtocol[Any, Any]
MOST_ROWS: Final = 500


class _Held(NamedTuple):
    """A segment's models and their forecast with the plan as it is.

    Attributes:
        mark: Versions of the panel and the models.
        scoring: Panel and models.
        before: The forecast table.
    """

    mark: tuple[str, ...]
    scoring: SegmentScoring
    before: pd.DataFrame


class Champions:
    """What answers to a changed plan; one question at a time, so that each has a core of its own.

    Args:
        catalog: Of the environment.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._held: dict[str, _Held] = {}
        self._lock = Lock()

    def ask(self, asked: WhatIfQuestion) -> WhatIfAnswer:
        """What the models in use say to a changed plan.

        Raises:
            ConfigurationError: If there is no such segment, store or product, or the plan cannot
                be changed so.
            MissingInputError: If the segment has no panel yet.
        """
        question = Question(asked.changes, asked.weeks, asked.store, asked.product)
        with self._lock:
            held = self._of(asked.namespace)
            told = answer(held.scoring, question, held.before)
            total = told.total(told.chosen, held.scoring.backtests)
            said = remarks(held.scoring, question, told)
        rows = told.rows[told.chosen & told.differs]
        return WhatIfAnswer(
            place=question.place(held.scoring),
            total=_plain(total),
            remarks=said,
            rows=[_plain(row) for row in rows.head(MOST_ROWS).to_dict("records")],
            rows_left_out=max(len(rows) - MOST_ROWS, 0),
        )

    def _of(self, namespace: str) -> _Held:
        mark = self._mark(namespace)
        held = self._held.get(namespace)
        if held is None or held.mark != mark:
            scoring = SegmentScoring.load(self._catalog, namespace)
            held = self._held[namespace] = _Held(mark, scoring, scoring.score(scoring.panel))
        return held

    def _mark(self, namespace: str) -> tuple[str, ...]:
        branches = run_context.current().segments.segment(namespace).branches
        champions = [self._catalog.load(f"{b.namespace}.champion") for b in branches]
        versions = [str(champion.version) for champion in champions]
        panel: Any = self._catalog.get(f"{namespace}.panel")
        panel.release()  # it remembers the version that it has loaded
        newest = str(panel.resolve_load_version()) if panel.exists() else ""
        return (newest, *versions)


def _plain(values: Any) -> dict[str, Any]:
    """Values that JSON can hold; what is not known is null."""
    return {str(name): _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
