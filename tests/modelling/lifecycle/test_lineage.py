from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.lifecycle.lineage import Lineage
from stand_ins import lineage

TEXT = st.text(min_size=1, max_size=8)
LINEAGES = st.builds(
    Lineage,
    kind=TEXT,
    region=TEXT,
    store_format=TEXT,
    velocity=st.none() | TEXT,
    as_of=st.dates(),
    panel_digest=TEXT,
    training_digest=TEXT,
    series=st.integers(0),
    weeks=st.integers(0),
    validated_mape=st.none() | st.floats(0, 1e6),
    promoted=st.booleans(),
    reason=st.text(max_size=8),
    environment=st.none() | TEXT,
    git_commit=st.none() | TEXT,
    code_digest=st.none() | TEXT,
    parameters_digest=st.none() | TEXT,
    trained_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(LINEAGES)
def test_tags_lead_back_to_the_same_lineage(origin) -> None:
    tags = origin.to_tags()
    assert all(isinstance(value, str) for value in tags.values())
    assert Lineage.from_tags(tags | {"mlflow.parentRunId": "abc"}) == origin


def test_the_part_that_is_learned_is_told_from_the_whole(panel) -> None:
    part = panel.select((panel.series["product_id"] == "P01").to_numpy())
    origin = Lineage.of("ensemble", panel, part, "fast")
    assert origin.panel_digest == panel.digest
    assert origin.training_digest == part.digest != panel.digest
    assert (origin.series, origin.weeks) == (part.n_series, panel.n_weeks)
    assert origin.as_of == date(2024, 12, 28)
    assert (origin.region, origin.store_format, origin.velocity) == ("north_texas", "large", "fast")


def test_the_week_of_the_data_is_not_the_time_of_the_training() -> None:
    """A model that is trained again today on old data is old."""
    tags = lineage(as_of="2024-10-05", trained_at=datetime(2025, 1, 2, 3, tzinfo=UTC)).to_tags()
    assert tags["as_of"] == "2024-10-05"
    assert tags["trained_at"] == "2025-01-02T03:00:00Z"


def test_what_is_not_known_has_no_tag() -> None:
    tags = lineage(promoted=True).to_tags()
    assert tags["promoted"] == "true"
    assert not {"velocity", "validated_mape", "trained_at"} & set(tags)


@pytest.mark.parametrize("name", ["as_of", "panel_digest", "training_digest"])
def test_a_missing_tag_is_named(name) -> None:
    tags = lineage().to_tags()
    del tags[name]
    with pytest.raises(ArtefactError, match=rf"'{name}': Field required.*kedro run"):
        Lineage.from_tags(tags)
