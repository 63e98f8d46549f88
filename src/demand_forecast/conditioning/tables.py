"""The standard tables that every region's raw files are turned into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "date", "week"]
Role = Literal["known_future", "observed", "static", "weather"]


@dataclass(frozen=True)
class StandardColumn:
    """A column that has a meaning of its own.

    Attributes:
        description: What it holds.
        kind: Type of its values; a ``week`` is a date moved to the end of its week.
        unit: Unit after conditioning; None where it has none.
        required: True where the table is of no use without it; never null then.
        is_key: True where it helps to identify a row; a layout may leave out those not required.
        nullable: True for a key that may be empty.
        role: What the column is for a model; None for keys, units and what only conditioning uses.
        is_positive: True where a number of zero or less cannot be right; such a cell is left empty.
    """

    description: str
    kind: Kind = "text"
    unit: str | None = None
    required: bool = False
    is_key: bool = False
    nullable: bool = False
    role: Role | None = None
    is_positive: bool = False


@dataclass(frozen=True)
class StandardTable:
    """What a standard table holds.

    Attributes:
        description: What a row is.
        columns: The columns that have a meaning of their own, by name; keys in their order.
        measure: Column of units whose sum is followed from file to panel.
        roles: Roles that further columns may have.
        extra_role: Role of a further column that declares none; None: it must declare one.
        needed: True where a region cannot be forecast without the table.
        may_be_empty: True where a file without rows is no error.
        last_will_do: True where the table of the last run stands in for files that cannot be read.
        alternatives: Groups of columns of which a layout must declare at least one.
    """

    description: str
    columns: dict[str, StandardColumn]
    measure: str | None = None
    roles: tuple[Role, ...] = ()
    extra_role: Role | None = None
    needed: bool = False
    may_be_empty: bool = False
    last_will_do: bool = False
    alternatives: tuple[frozenset[str], ...] = ()

    @property
    def required(self) -> frozenset[str]:
        """Columns that a layout must declare."""
        return frozenset(name for name, c in self.columns.items() if c.required)

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that identify a row; those that a layout leaves out do not count."""
        return tuple(name for name, c in self.columns.items() if c.is_key)

    @property
    def never_null(self) -> frozenset[str]:
        """Columns whose empty cells make a row unusable."""
        return frozenset(
            n for n, c in self.columns.items() if (c.required or c.is_key) and not c.nullable
        )

    def kind(self, column: str, declared: Literal["text", "number"] | None = None) -> Kind:
        """Kind of a column; extra columns are numbers unless declared as text."""
        standard = self.columns.get(column)
        return (declared or "number") if standard is None else standard.kind


_REGION = StandardColumn(
    "Region of the row, where a file has several; rows of others are set aside."
)


def _sale(required: bool) -> dict[str, StandardColumn]:
    return {
        "region": _REGION,
        "store_id": StandardColumn("Id of the store.", required=required, is_key=True),
        "product_id": StandardColumn("Id of the product.", required=required, is_key=True),
        "week": StandardColumn(
            "Last day of the week; any day of it in the file.",
            kind="week",
            required=True,
            is_key=True,
        ),
    }


_ZIP_CODE = StandardColumn("Zip code of the place.", required=True, is_key=True)
_ISSUED_ON = StandardColumn(
    "Day on which the forecast was issued.", kind="date", required=True, is_key=True
)
_WEATHER = {
    "date": StandardColumn("Day that the weather is of.", kind="date", is_key=True),
    "week": StandardColumn(
        "Last day of the week that the weather is of, instead of a day.", kind="week", is_key=True
    ),
    "temperature_c": StandardColumn(
        "Mean temperature.", kind="number", unit="degrees Celsius", role="weather"
    ),
    "precipitation_mm": StandardColumn(
        "Rain and melted snow.", kind="number", unit="millimetres", role="weather"
    ),
}
_DAY_OR_WEEK = (frozenset({"date", "week"}),)

TABLES: dict[str, StandardTable] = {
    "shipments": StandardTable(
        description="Units of a product delivered to a store in a week.",
        columns=_sale(required=True)
        | {
            "units_shipped": StandardColumn(
                "Units delivered; never negative.", kind="number", unit="units", required=True
            ),
            "price": StandardColumn(
                "Price to the consumer.", kind="number", unit="currency", role="observed"
            ),
            "promotion": StandardColumn(
                "Discount against the list price.", kind="number", unit="share", role="observed"
            ),
        },
        measure="units_shipped",
        roles=("known_future", "observed"),
        needed=True,
    ),
    "returns": StandardTable(
        description="Units of a product that a store sent back, by the week they were delivered. "
        "A delivery without returns is taken for sold out.",
        columns=_sale(required=True)
        | {
            "units_returned": StandardColumn(
                "Units that came back; never negative and never more than were delivered.",
                kind="number",
                unit="units",
                required=True,
            )
        },
        measure="units_returned",
    ),
    "stores": StandardTable(
        description="A store. Further columns describe it for the models.",
        columns={
            "store_id": StandardColumn("Id of the store.", required=True, is_key=True),
            "region": _REGION,
            "store_format": StandardColumn(
                "Format of the store: one of those in segments.yml.", required=True
            ),
            "zip_code": StandardColumn("Zip code of the store, to join the weather."),
            "valid_from": StandardColumn(
                "First day on which the row holds; empty: from the beginning. A store that "
                "reopens or changes its format has a row for each time.",
                kind="date",
                is_key=True,
                nullable=True,
            ),
            "valid_until": StandardColumn(
                "Last day on which the row holds; empty: until further notice. A store that has "
                "closed gets no forecast.",
                kind="date",
            ),
        },
        roles=("static",),
        extra_role="static",
        needed=True,
    ),
    "products": StandardTable(
        description="A product. Further columns describe it for the models.",
        columns={
            "product_id": StandardColumn("Id of the product.", required=True, is_key=True),
            "category": StandardColumn("Category of the product.", role="static"),
            "pack_size": StandardColumn(
                "Units in a case; needed where files count cases.",
                kind="number",
                unit="units",
                role="static",
                is_positive=True,
            ),
            "shelf_life_weeks": StandardColumn(
                "Time that a delivered unit can be sold.",
                kind="number",
                unit="weeks",
                role="static",
            ),
            "unit_price": StandardColumn(
                "Price of a unit to the store.", kind="number", unit="currency", role="static"
            ),
            "unit_cost": StandardColumn(
                "Cost of a unit to the company.", kind="number", unit="currency", role="static"
            ),
        },
        roles=("static",),
        extra_role="static",
    ),
    "successors": StandardTable(
        description="A product that replaces another one, or has got another number. The history "
        "of both is one series under the new id; weeks in which both were delivered are added up.",
        columns={
            "product_id": StandardColumn("Id that is replaced.", required=True, is_key=True),
            "successor_id": StandardColumn("Id that replaces it.", required=True),
            "valid_from": StandardColumn(
                "First day of the new id; empty: at any time. What begins after the last week of "
                "the history waits until then.",
                kind="date",
                nullable=True,
            ),
        },
        may_be_empty=True,
    ),
    "weather_observed": StandardTable(
        description="The weather that came, by place and day or week. Further columns are "
        "further kinds of weather.",
        columns={"zip_code": _ZIP_CODE} | _WEATHER,
        roles=("weather",),
        extra_role="weather",
        alternatives=_DAY_OR_WEEK,
        last_will_do=True,
    ),
    "weather_forecast": StandardTable(
        description="A weather forecast as it was issued, by place, day of issue, and day or "
        "week. Further columns are further kinds of weather.",
        columns={"zip_code": _ZIP_CODE, "issued_on": _ISSUED_ON} | _WEATHER,
        roles=("weather",),
        extra_role="weather",
        alternatives=_DAY_OR_WEEK,
        last_will_do=True,
    ),
    "events": StandardTable(
        description="An event in a region and week. Each kind becomes a feature of its own.",
        columns={
            "region": StandardColumn(
                "Region of the event; empty, `all` or `*` for every region.",
                is_key=True,
                nullable=True,
            ),
            "week": StandardColumn(
                "Last day of the week; any day of it in the file.",
                kind="week",
                required=True,
                is_key=True,
            ),
            "name": StandardColumn("Name of the event.", is_key=True, nullable=True),
            "kind": StandardColumn("Kind of the event.", required=True, is_key=True),
        },
        may_be_empty=True,
        last_will_do=True,
    ),
    "promotions": StandardTable(
        description="The plan for a week, by store, by product or by both. Further columns are "
        "what is planned: prices, discounts, leaflets.",
        columns=_sale(required=False),
        roles=("known_future",),
        extra_role="known_future",
        may_be_empty=True,
        alternatives=(frozenset({"store_id", "product_id"}),),
        last_will_do=True,
    ),
}
