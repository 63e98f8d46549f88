"""How the files of a source are opened."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from demand_forecast.conditioning.layout.columns import Strict


class ReadOptions(Strict):
    """How a file is opened; keys that do not apply to its type are ignored."""

    delimiter: str = Field(
        default=",",
        min_length=1,
        max_length=1,
        description="Character between the cells of a CSV file.",
        examples=[";", "|", "\t"],
    )
    encoding: str = Field(
        default="utf-8",
        description="Character encoding of a CSV or JSON file, by its name in Python.",
        examples=["latin-1", "utf-16"],
    )
    quote: str | None = Field(
        default='"',
        max_length=1,
        description="Character around cells of a CSV file that hold a delimiter or line break; "
        "null where quotation marks are ordinary characters, such as inch marks.",
        examples=["'", None],
    )
    decimal: Literal[".", ","] = Field(
        default=".",
        description="Decimal sign of the numbers.",
        examples=[","],
    )
    thousands: Literal[",", ".", " ", "'"] | None = Field(
        default=None,
        description="Sign between groups of three digits. Without it a number with such a sign "
        "cannot be read.",
        examples=[",", "."],
    )
    currency: str | None = Field(
        default=None,
        min_length=1,
        description="Sign or code before or after amounts of money.",
        examples=["$", "EUR"],
    )
    percent: bool = Field(
        default=False,
        description="Whether numbers may end in `%`, which divides them by 100.",
        examples=[True],
    )
    na_values: tuple[str, ...] = Field(
        default=(),
        description="Further words for an empty cell, beside `NA`, `N/A`, `#N/A`, `NaN`, "
        "`null`, `none` and `NaT` in any case.",
        examples=[["-", "#REF!"]],
    )
    true_values: tuple[str, ...] = Field(
        default=("true",),
        description="Words that are the number 1, in any case.",
        examples=[["yes", "J"]],
    )
    false_values: tuple[str, ...] = Field(
        default=("false",),
        description="Words that are the number 0, in any case.",
        examples=[["no", "N"]],
    )
    header_row: int = Field(
        default=1,
        ge=1,
        description="Row of a CSV or Excel file that holds the headers, counted from 1; what "
        "stands above it is left out.",
        examples=[4],
    )
    header_rows: int = Field(
        default=1,
        ge=1,
        le=5,
        description="Number of header rows; their texts are joined by a blank. An empty cell of an "
        "upper row repeats the one to its left, as merged cells look.",
        examples=[2],
    )
    footer_rows: int = Field(
        default=0,
        ge=0,
        description="Rows at the end of a CSV or Excel file that are no data, such as a total.",
        examples=[1],
    )
    max_bytes: int = Field(
        default=8 * 2**30,
        ge=1,
        description="Largest size of a file, unpacked; a larger one is refused.",
        examples=[2**30],
    )
    max_rows: int = Field(
        default=200_000_000,
        ge=1,
        description="Largest number of rows of a file; one with more is refused.",
        examples=[1_000_000],
    )
    sheet: str | None = Field(
        default=None,
        description="Sheet of an Excel workbook; without it, the first one.",
        examples=["Customers"],
    )


class Melt(Strict):
    """Turns a wide file, with a column per week or product, into one row for each cell."""

    columns: str = Field(
        description="Regular expression that the headers of the columns to be stacked match in "
        "full; with a group, the group is what the header says.",
        examples=[r"W(\d{6})", r"\d{4}-\d{2}-\d{2}"],
    )
    variable: str = Field(
        default="variable",
        description="Header under which what the header said stands after it.",
        examples=["Week"],
    )
    value: str = Field(
        default="value",
        description="Header under which the cells stand after it.",
        examples=["Units"],
    )
