"""Where a model comes from: one typed record for release, registry, scoring and health."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.panel import Panel


class Lineage(BaseModel):
    """From which data, code and verdict a model comes; the registry keeps it as tags."""

    model_config = ConfigDict(frozen=True)

    kind: str = Field(description="Kind of model, such as ensemble.")
    region: str = Field(description="Region of its segment.")
    store_format: str = Field(description="Store format of its segment.")
    velocity: str | None = Field(
        default=None, description="Velocity of its products; none where it is for all of a segment."
    )
    as_of: date = Field(description="Last week of the data that it was trained on.")
    panel_digest: str = Field(description="Digest of the panel of the whole segment.")
    training_digest: str = Field(description="Digest of the part of it that the model learned.")
    series: int = Field(ge=0, description="Series that it learned.")
    weeks: int = Field(ge=0, description="Weeks of history that it learned.")
    validated_mape: float | None = Field(
        default=None, description="MAPE in the validation, per cent; none where not validated."
    )
    promoted: bool = Field(default=False, description="Whether it became the champion.")
    reason: str = Field(default="", description="Why not, or why there is no model.")
    tried_for: str | None = Field(
        default=None,
        description="Reasons of the retrain plan before its training; none where nothing was "
        "planned.",
    )
    alarm: str = Field(
        default="", description="Rules of the gate that it missed and that block nothing."
    )
    environment: str | None = Field(default=None, description="Kedro environment of the run.")
    git_commit: str | None = Field(default=None, description="Commit of the code that trained it.")
    code_digest: str | None = Field(
        default=None, description="Digest of the code between raw files and the model."
    )
    parameters_digest: str | None = Field(
        default=None, description="Digest of the parameters of its training."
    )
    trained_at: datetime | None = Field(default=None, description="When it was registered.")

    @classmethod
    def of(cls, kind: str, segment: Panel, learned: Panel, velocity: str | None = None) -> Self:
        """Lineage of a model of ``segment`` that has learned a part of it."""
        return cls(
            kind=kind,
            region=segment.region,
            store_format=segment.store_format,
            velocity=velocity,
            as_of=learned.as_of.date(),
            panel_digest=segment.digest,
            training_digest=learned.digest,
            series=learned.n_series,
            weeks=learned.n_weeks,
        )

    def to_tags(self) -> dict[str, str]:
        """As tags, which are texts; what is not known has none."""
        values = self.model_dump(mode="json", exclude_none=True)
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in values.items()
        }

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Self:
        """What :meth:`to_tags` wrote; other tags beside are left alone.

        Raises:
            ArtefactError: If a tag is missing or holds something else.
        """
        try:
            return cls.model_validate({k: v for k, v in tags.items() if k in cls.model_fields})
        except ValidationError as error:
            wrong = ", ".join(f"'{e['loc'][0]}': {e['msg']}" for e in error.errors())
            raise ArtefactError(
                f"the tags do not say where the model comes from ({wrong}). "
                "Train again: `kedro run --pipelines=train`."
            ) from error
