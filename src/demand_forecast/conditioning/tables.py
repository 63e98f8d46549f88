"""The standard tables that every region's raw files are turned into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "date", "week"]
Role = Literal["known_future", "observed", "static", "weather"]


@dataclass(frozen=True)
class StandardTable:
    """What a standard table holds.

    Attributes:
        columns: Kind of each column that has a meaning of its own.
        required: Columns without which the table is of no use, each never null.
        key: Columns that identify a row; those a layout leaves out do not count.
        measure: Column of units whose sum is followed from file to panel.
        roles: Roles that further columns may have.
        extra_role: Role of a further column that declares none; None: it must declare one.
        needed: True where a region cannot be forecast without the table.
        may_be_empty: True where a file without rows is no error.
        nullable: Key columns that may be empty.
        alternatives: Groups of columns of which a layout must declare at least one.
    """

    columns: dict[str, Kind]
    required: frozenset[str]
    key: tuple[str, ...]
    measure: str | None = None
    roles: tuple[Role, ...] = ()
    extra_role: Role | None = None
    needed: bool = False
    may_be_empty: bool = False
    nullable: frozenset[str] = frozenset()
    alternatives: tuple[frozenset[str], ...] = ()

    def kind(self, column: str, declared: Literal["text", "number"] | None = None) -> Kind:
        """Kind of a column; extra columns are numbers unless declared as text."""
        return self.columns.get(column, declared or "number")


_SALE_KEY = ("store_id", "product_id", "week")
_SALE: dict[str, Kind] = {"store_id": "text", "product_id": "text", "week": "week"}
_WEATHER: dict[str, Kind] = {
    "zip_code": "text",
    "issued_on": "date",
    "date": "date",
    "week": "week",
    "temperature_c": "number",
    "precipitation_mm": "number",
}
_DAY_OR_WEEK = (frozenset({"date", "week"}),)

TABLES: dict[str, StandardTable] = {
    "shipments": StandardTable(
        columns=_SALE | {"units_shipped": "number", "price": "number", "promotion": "number"},
        required=frozenset({*_SALE_KEY, "units_shipped"}),
        key=_SALE_KEY,
        measure="units_shipped",
        roles=("known_future", "observed"),
        needed=True,
    ),
    "returns": StandardTable(
        columns=_SALE | {"units_returned": "number"},
        required=frozenset({*_SALE_KEY, "units_returned"}),
        key=_SALE_KEY,
        measure="units_returned",
    ),
    "stores": StandardTable(
        columns={"store_id": "text", "region": "text", "store_format": "text", "zip_code": "text"},
        required=frozenset({"store_id", "store_format"}),
        key=("store_id",),
        roles=("static",),
        extra_role="static",
        needed=True,
    ),
    "products": StandardTable(
        columns={
            "product_id": "text",
            "category": "text",
            "pack_size": "number",
            "shelf_life_weeks": "number",
            "unit_price": "number",
            "unit_cost": "number",
        },
        required=frozenset({"product_id"}),
        key=("product_id",),
        roles=("static",),
        extra_role="static",
    ),
    "weather_observed": StandardTable(
        columns={k: v for k, v in _WEATHER.items() if k != "issued_on"},
        required=frozenset({"zip_code"}),
        key=("zip_code", "date", "week"),
        roles=("weather",),
        extra_role="weather",
        alternatives=_DAY_OR_WEEK,
    ),
    "weather_forecast": StandardTable(
        columns=_WEATHER,
        required=frozenset({"zip_code", "issued_on"}),
        key=("zip_code", "issued_on", "date", "week"),
        roles=("weather",),
        extra_role="weather",
        alternatives=_DAY_OR_WEEK,
    ),
    "events": StandardTable(
        columns={"region": "text", "week": "week", "name": "text", "kind": "text"},
        required=frozenset({"week", "kind"}),
        key=("region", "week", "name", "kind"),
        nullable=frozenset({"region", "name"}),
        may_be_empty=True,
    ),
    "promotions": StandardTable(
        columns=_SALE,
        required=frozenset({"week"}),
        key=_SALE_KEY,
        roles=("known_future",),
        extra_role="known_future",
        may_be_empty=True,
        alternatives=(frozenset({"store_id", "product_id"}),),
    ),
}
