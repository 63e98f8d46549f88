"""Words that headers and file names are made of, and what they stand for."""

from __future__ import annotations

import re
from typing import Final

_COMPOUND: Final = 7
_LONG: Final = 4
_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")


def tokens(text: str) -> frozenset[str]:
    """Words of a header or file name in lower case: ``meanTempF`` is mean, temp and f.

    Of a compound such as ``Artikelnummer`` the words that it begins and ends with count, too.
    """
    parts = {part.lower() for part in _PARTS.findall(text)}
    compounds = {p for p in parts - VOCABULARY if len(p) >= _COMPOUND}
    inside = {
        word for p in compounds for word in LONG_WORDS if p.startswith(word) or p.endswith(word)
    }
    return frozenset(parts | inside)


def snake(text: str) -> str:
    """A header as the name of a column: ``Shelf Life (Weeks)`` is ``shelf_life_weeks``."""
    if re.fullmatch(r"[a-z][a-z0-9_]*", text):
        return text
    name = "_".join(part.lower() for part in _PARTS.findall(text)) or "column"
    name = re.sub(r"[^a-z0-9_]", "", name) or "column"
    return name if name[0].isalpha() else f"c_{name}"


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


STORE: Final = _set(
    "store stores str customer customers cust outlet outlets shop shops location locations loc "
    "site branch kunde kunden filial filiale filialen markt tienda magasin storedemo"
)
PRODUCT: Final = _set(
    "product products prod item items itm sku skus article articles art artikel upc ean gtin plu "
    "material materials brand dept department producto produit"
)
ID: Final = _set("id nbr no num number key code cd nr ident nummer")
NAME: Final = _set("name names description desc title text label")
WEEK: Final = _set("week wk weeks kw woche semana semaine fisc")
YEAR: Final = _set("year yr jahr ano annee fy")
DATE: Final = _set(
    "date dt day on datum tag fecha ending valid issued delivered week wk time timestamp jour"
)
START: Final = _set("start starts starting begin begins beginning first von")
END: Final = _set("end ends ending last bis")
UNITS: Final = _set(
    "units unit qty quantity menge volume sold sales cases case cs pieces pcs stk delivered "
    "shipped dlv movement demand cantidad quantite umsatz absatz"
)
BEST_UNITS: Final = _set("units qty quantity menge cases pieces pcs sold demand absatz")
RETURNED: Final = _set("returned returns return retrn rtn credited credit credits waste retoure")
CASES: Final = _set("cases case cs cartons carton ctn kolli kartons")
ZIP: Final = _set("zip zipcode postal postcode plz postleitzahl zipcodes")
FORMAT: Final = _set("format formats class type typ tier cluster banner store_format size")
STATE_WORDS: Final = _set("city state street address county")
CATEGORY: Final = _set(
    "category ctgry categories group grp family dept department warengruppe class"
)
PACK: Final = _set("pack packsize casepack case units per")
SHELF: Final = _set("shelf shlf mhd haltbarkeit")
LEAD: Final = _set("life lf lead age old ahead horizon")
LIFE: Final = _set("life lf wks wk weeks days day")
PRICE: Final = _set("price prc prices preis precio prix list")
COST: Final = _set("cost costs cst cogs kosten")
TEMPERATURE: Final = _set("temp temperature tmp temperatur temperatura")
RAIN: Final = _set("rain precip prcp precipitation rainfall niederschlag regen lluvia")
ISSUED: Final = _set("issued issue issuedon run made created")
REGION: Final = _set("region market mkt area territory zone regions")
EVENT: Final = _set("event events occasion title name holiday name")
KIND: Final = _set("kind type category class art")
PLAN: Final = _set(
    "price prc promo promotion promotions promoted discount disc feature featured feat leaflet ad "
    "display deal coupon flag holiday isholiday markdown campaign flyer"
)
AFTERWARDS: Final = _set("profit margin revenue turnover stock inventory traffic visitors gross")
STATES: Final = _set(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM "
    "NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR"
)
PERCENT: Final = _set("percent pct prozent percentage")
FAHRENHEIT: Final = _set("f fahrenheit")
CELSIUS: Final = _set("c celsius")
INCHES: Final = _set("in inch inches")
MILLIMETRES: Final = _set("mm millimetres millimeters")

SOURCE_WORDS: Final[dict[str, frozenset[str]]] = {
    "shipments": _set(
        "shipments shipment deliveries delivery dlvry dlvy sales sale orders demand movement "
        "transactions weekly lieferungen verkauf"
    ),
    "returns": _set("returns return retrn retrns credit credits rtn waste retouren"),
    "stores": STORE,
    "products": PRODUCT,
    "promotions": _set(
        "promo promos promotion promotions plan plans price prices offers campaign campaigns "
        "features aktionen"
    ),
    "weather_observed": _set("weather wthr climate wetter actual obs observed daily history act"),
    "weather_forecast": _set("weather wthr wetter forecast fcst outlook prognose"),
    "events": _set("event events holidays calendar holiday"),
    "successors": _set("successors successor replacements mapping renumbering"),
}

VOCABULARY: Final = frozenset().union(
    *(STORE, PRODUCT, ID, NAME, WEEK, YEAR, DATE, START, END, UNITS, RETURNED, CASES, ZIP, FORMAT),
    *(CATEGORY, PACK, SHELF, PRICE, COST, TEMPERATURE, RAIN, ISSUED, REGION, EVENT, KIND, PLAN),
    *(AFTERWARDS, PERCENT, FAHRENHEIT, CELSIUS, INCHES, MILLIMETRES, *SOURCE_WORDS.values()),
    {"weekday", "weekend", "household", "discount", "updated", "restore"},
)
LONG_WORDS: Final = frozenset(word for word in VOCABULARY if len(word) >= _LONG)


def numbered_stem(header: str) -> tuple[str, str] | None:
    """Stem and number of a header such as ``price11``; None where it does not end so."""
    match = re.fullmatch(r"(\D+?)_?(\d+)", header)
    return (header[: match.start(2)], match[2]) if match else None
