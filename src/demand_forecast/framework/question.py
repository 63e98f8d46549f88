"""A question about another plan, and what a segment's models say to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework.segment_scoring import SegmentScoring
from demand_forecast.modelling.arrays import BoolArray
from demand_forecast.modelling.decisions.plan_change import Change, replanned
from demand_forecast.modelling.scoring.replanned import WhatIf, what_if


@dataclass(frozen=True)
class Question:
    """A changed plan.

    Attributes:
        changes: What becomes of each column, as :meth:`Change.parse` reads it.
        weeks: How many of the coming weeks change.
        store: In one store only, if given.
        product: For one product only, if given.
    """

    changes: Mapping[str, str]
    weeks: int = 1
    store: str | None = None
    product: str | None = None

    def chosen(self, series: pd.DataFrame) -> BoolArray:
        """``(series,)`` whose plan changes.

        Raises:
            ConfigurationError: If there is no such store or product, or not together.
        """
        mask = np.ones(len(series), dtype=bool)
        for column, value in (("store_id", self.store), ("product_id", self.product)):
            if value is None:
                continue
            ids = series[column].astype(str)
            if not (mask & (ids == value)).any():
                valid = set(ids[mask])
                raise ConfigurationError(
                    f"--{column.removesuffix('_id')}: '{value}' is not in the segment, or not "
                    f"with the store that was named. {did_you_mean(value, valid)}"
                )
            mask &= (ids == value).to_numpy()
        return mask

    def place(self, scoring: SegmentScoring) -> str:
        """What is asked about, in words."""
        named = {"store": self.store, "product": self.product}
        parts = [f"{what} {value}" for what, value in named.items() if value]
        return ", ".join([scoring.segment.namespace, *parts])


def answer(
    scoring: SegmentScoring, question: Question, before: pd.DataFrame | None = None
) -> WhatIf:
    """What the models in use say to a changed plan.

    Args:
        scoring: Panel and models of the segment.
        question: What changes.
        before: The forecast with the plan as it is, if it is there already.

    Raises:
        ConfigurationError: If there is no such store or product, or the plan cannot be changed so.
    """
    panel = scoring.panel
    changes = [Change.parse(column, text) for column, text in question.changes.items()]
    if question.weeks > scoring.horizon:
        raise ConfigurationError(
            f"weeks is {question.weeks}; valid: 1 to {scoring.horizon}, which are forecast"
        )
    chosen = question.chosen(panel.series)
    changed = replanned(panel, changes, chosen, question.weeks)
    told = what_if(scoring.score, panel, changed, chosen, before)
    if not told.chosen.any():
        raise ConfigurationError(
            f"{question.place(scoring)}: there is no forecast, because nothing was delivered of "
            "late; see scoring.active_within_weeks"
        )
    return told


def remarks(scoring: SegmentScoring, question: Question, told: WhatIf) -> list[str]:
    """How far the answer can be trusted: what training has seen of the plan, a sentence each."""
    return [*_unanswered(scoring, question, told), *_familiarity(told)]


def _unanswered(scoring: SegmentScoring, question: Question, told: WhatIf) -> Iterator[str]:
    if told.unanswered:
        yield (
            f"{told.unanswered} of the changed forecasts are by a simple rule that does not answer "
            "to plans: the effect on them is not known."
        )
    for column in question.changes:
        if without := scoring.unused(column):
            yield (
                f"{column}: left out of the model of {' and '.join(without)} products, whose "
                "forecasts it did not improve."
            )


def _familiarity(told: WhatIf) -> Iterator[str]:
    for column, values in told.familiarity.groupby("column", sort=False):
        never = values[values["weeks_seen"] == 0]
        if len(never):
            nowhere = int((never["weeks_seen_stores"] == 0).sum())
            yield (
                f"{column}: {len(never)} of {len(values)} new values were never seen in their "
                f"store, {nowhere} of them in no store of the segment.{_how_far(never)}"
            )
        else:
            weeks = f"{values['weeks_seen'].median():.0f} weeks (median)"
            yield f"{column}: such values were seen in {weeks} of a store and product."
    if told.unseen:
        yield (
            f"{told.unseen} of {int(told.rows['is_changed'].sum())} changed plans were never seen "
            "as a whole, in no store: their intervals are wider."
        )


def _how_far(never: pd.DataFrame) -> str:
    """The value that lies furthest beyond what its series has seen."""
    farthest = never.nlargest(1, "beyond").to_dict("records")
    if not farthest or not farthest[0]["beyond"] > 0:
        return ""
    row = farthest[0]
    place = f"store {row['store_id']}, product {row['product_id']}"
    return f" Farthest: {row['after']:g} in {place}, {row['beyond']:.3g} beyond all it has had."
