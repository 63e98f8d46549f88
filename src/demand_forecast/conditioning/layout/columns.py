"""Columns of a layout: where a standard column comes from and how its text is read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from demand_forecast.conditioning.layout.expression import Expression
from demand_forecast.conditioning.parameters import Day


class Strict(BaseModel):
    """Refuses unknown keys; cannot be changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, coerce_numbers_to_str=True
    )


class Cut(Strict):
    """Classes of a number: below ``edges[0]`` is ``labels[0]``, from there on ``labels[1]``..."""

    edges: list[float] = Field(
        min_length=1,
        description="Bounds between the classes, ascending. A value equal to a bound belongs to "
        "the class above it.",
        examples=[[0.345], [1000, 5000]],
    )
    labels: list[str] = Field(
        description="Names of the classes from low to high, one more than there are bounds.",
        examples=[["small", "large"], ["low", "middle", "high"]],
    )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.edges != sorted(set(self.edges)):
            raise ValueError("edges must ascend")
        if len(self.labels) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges need {len(self.edges) + 1} labels")
        return self


def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression of a layout.

    Raises:
        ValueError: If it is none.
    """
    try:
        return re.compile(pattern)
    except (re.error, RecursionError) as error:
        raise ValueError(f"'{pattern}' is no regular expression: {error}") from error


def _gives_dates(date_format: str) -> bool:
    probe = datetime(2024, 1, 31, tzinfo=UTC)
    try:
        return datetime.strptime(probe.strftime(date_format), date_format).date() == probe.date()
    except ValueError:
        return False


class FiscalCalendar(Strict):
    """Weeks counted from the first day of a fiscal year."""

    year_starts: dict[int, date] = Field(
        min_length=1,
        description="First day of week 1 of each fiscal year.",
        examples=[{2023: "2023-01-29", 2024: "2024-02-04"}],
    )
    pattern: Literal["4-4-5", "4-5-4", "5-4-4"] | None = Field(
        default=None,
        description="Weeks of the three periods of a quarter, where the text is year, period and "
        "week of the period (`2024-03-2`); without it, it is year and week of the year "
        "(`2024-11`). A 53rd week belongs to the last period.",
        examples=["4-4-5"],
    )


class Column(Strict):
    """Where one standard column comes from and how its text is read.

    Exactly one of ``from``, ``constant``, ``pick``, ``compose`` and ``compute`` says where the text
    comes from. The short form ``store_id: Store Nbr`` means ``store_id: {from: Store Nbr}``.
    """

    from_: str | None = Field(
        default=None,
        alias="from",
        description="Header of the column in the raw file.",
        examples=["Store Nbr"],
    )
    constant: str | None = Field(
        default=None,
        description="Value of every row, for something that the file does not say.",
        examples=["large"],
    )
    pick: str | None = Field(
        default=None,
        description="Header that depends on the row: each `{column}` is replaced by what the row "
        "has in that standard column. For files with one column per product.",
        examples=["price{product_id}"],
    )
    compose: str | None = Field(
        default=None,
        description="Text put together from raw columns: each `{header}` is replaced by what the "
        "row has under that header. Empty where one of them is empty.",
        examples=["{Year}-{Period}-{Week}", "{Chain}-{Outlet}"],
    )
    compute: str | None = Field(
        default=None,
        description="Number computed from raw columns: headers in braces, numbers, `+`, `-`, `*`, "
        "`/` and parentheses. Empty where one of them is empty. For numbers.",
        examples=["{Gross} - {Returned}", "{Revenue} / {Units}"],
    )
    extract: str | None = Field(
        default=None,
        description="Regular expression with one group; the text is what the group matches. Text "
        "that does not match cannot be read.",
        examples=[r"Store (\d+)", r"(\d{5})(?:-\d{4})?"],
    )
    zfill: int | None = Field(
        default=None,
        ge=1,
        le=30,
        description="Length to which the text is filled up with zeros on the left, where a "
        "spreadsheet has taken them away. For ids and for dates without separators.",
        examples=[5],
    )
    date_format: str | None = Field(
        default=None,
        description="How a date is written, in the codes of Python's `strptime`. `iso_week` is a "
        "week without a day (`2024-W05`, `2024W5`, `202405`, `W05/2024`), `excel` the serial "
        "number of a spreadsheet (`45321`). ISO 8601 (`2024-01-31`) is understood without it. A "
        "time of day and a time zone are left out: the date counts as it is written. For dates and "
        "weeks.",
        examples=["%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "iso_week", "excel"],
    )
    fiscal: FiscalCalendar | None = Field(
        default=None,
        description="Calendar of the weeks of a fiscal year, where the text is a year and a week, "
        "or a year, a period and a week. For weeks.",
        examples=[{"pattern": "4-4-5", "year_starts": {2024: "2024-02-04"}}],
    )
    weekday: Day | None = Field(
        default=None,
        description="Weekday that every date of the column falls on. Dates on another one cannot "
        "be right and go to quarantine. For dates and weeks.",
        examples=["sunday"],
    )
    week_number_since: date | None = Field(
        default=None,
        description="First day of week 1, where the column numbers the weeks instead of giving a "
        "date. For weeks.",
        examples=["2017-01-02"],
    )
    week_is: Literal["any", "start", "end"] = Field(
        default="any",
        description="Which day of the week the dates of the column are: its first day (`start`), "
        "its last (`end`), or `any`. With `start` and `end` a date goes to the week that most of "
        "its seven days are in, should the file's weeks end on another day. For weeks.",
        examples=["end"],
    )
    unit: str | None = Field(
        default=None,
        description="Unit in the file, where it is not the standard one. `cases` become single "
        "units by the product's pack_size (for units shipped and returned), `fahrenheit` becomes "
        "degrees Celsius, `inches` become millimetres, `percent` becomes a share; a layout's own "
        "`units` come beside these.",
        examples=["cases", "percent"],
    )
    cut: Cut | None = Field(
        default=None,
        description="Turns a number into classes.",
        examples=[{"edges": [0.345], "labels": ["small", "large"]}],
    )
    map: dict[str, str] | None = Field(
        default=None,
        description="Standard value for each raw value, before anything else is done with the "
        "text. Raw values that are not listed stay as they are.",
        examples=[{"L": "large", "S": "small"}],
    )
    fill: float | None = Field(
        default=None,
        description="Value of a series in the weeks between the plan's first and last week in "
        "which the plan has no row for it. For columns of promotions.",
        examples=[0],
    )
    role: Literal["known_future", "observed", "static"] | None = Field(
        default=None,
        description="What a column is for the models: `known_future` is known ahead, `observed` "
        "only afterwards, `static` describes a store or product. Without it the standard table "
        "decides; extra columns of shipments must say it.",
        examples=["known_future"],
    )
    kind: Literal["price", "flag", "level", "event", "weather"] | None = Field(
        default=None,
        description="What a covariate is for a model: a `price` (its changes count in per cent), a "
        "`flag` (0 or 1), a `level` (any number), an `event` (a flag of the calendar) or "
        "`weather`. Without it the values decide, and the report says how.",
        examples=["price"],
    )
    type: Literal["number", "text"] | None = Field(
        default=None,
        description="What an extra column holds; numbers unless this says `text`. Columns of the "
        "standard tables have their own type.",
        examples=["text"],
    )
    optional: bool = Field(
        default=False,
        description="Whether a file may lack the column. Not for columns that the standard table "
        "requires.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = ("from_", "constant", "pick", "compose", "compute")
        if sum(getattr(self, key) is not None for key in origins) != 1:
            raise ValueError(
                "give exactly one of 'from', 'constant', 'pick', 'compose' and 'compute'"
            )
        return self

    @field_validator("extract")
    @classmethod
    def _one_group(cls, value: str | None) -> str | None:
        if value is not None and compiled(value).groups != 1:
            raise ValueError("takes a regular expression with exactly one group")
        return value

    @field_validator("compute")
    @classmethod
    def _computable(cls, value: str | None) -> str | None:
        if value is not None:
            Expression(value)
        return value

    @field_validator("date_format")
    @classmethod
    def _dates(cls, value: str | None) -> str | None:
        if value not in (None, "iso_week", "excel") and not _gives_dates(value):
            raise ValueError(
                "gives no full date (day, month and year in the codes of strptime); a week without "
                "a day is 'iso_week'"
            )
        return value

    @property
    def headers(self) -> tuple[str, ...]:
        """Raw headers that the column names in full; none where the row decides (``pick``)."""
        if self.from_ is not None:
            return (self.from_,)
        return tuple(dict.fromkeys(re.findall(r"{([^{}]+)}", self.compose or self.compute or "")))

    def reads(self, header: str) -> bool:
        """Whether the column uses a header of the raw file."""
        if self.pick is not None:
            parts = [re.escape(p) for p in re.split(r"{\w+}", self.pick)]
            return re.fullmatch(".+".join(parts), header) is not None
        return header in self.headers
