"""Numbers as people write them: signs of thousands, currencies, per cent, words for yes and no."""

from __future__ import annotations

import json
import re
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import Conversion, Cut, ReadOptions

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# No sale, price or temperature comes near it; sums of such numbers lose the units of all others.
ABSURD: Final = 1e12
_LISTED: Final = 3
_NOTHING: Final = r"\W+|#\w+[!?]?|[A-Za-z.]{1,4}"
_YES: Final = ("yes", "y", "ja", "j", "si", "oui", "x")
_NO: Final = ("no", "n", "nein", "non")
_GROUPED: Final = r"[+-]?\d{1,3}(?:[.,'\u2019\s]\d{2,3})*[.,'\u2019\s]\d{3}(?:[.,]\d+)?"
_ONE_GROUP: Final = r"[+-]?[1-9]\d{0,2}\.\d{3}"
_SIGNED: Final = r"\(.*\)|.*-|[\u2212\u2013].*|[+-]\s+.*|.*\d\s*(?:CR|DR|Cr|Dr)"
_DECIMAL_COMMA: Final = r"[+-]?\d+,\d{1,2}"
_CURRENCY: Final = r"^[+-]?\s*([$\u20ac\u00a3\u00a5]|[A-Z]{3})\s*[\d.]"
_CURRENCY_AFTER: Final = r"\d\s*([$\u20ac\u00a3\u00a5]|[A-Z]{3})$"
_SPACES: Final = r"[\u00a0\u2007\u2009\u202f]"
_APOSTROPHES: Final = r"[\u2018\u2019]"


def parse_numbers(
    words: pd.Series, options: ReadOptions, conversion: Conversion | None = None
) -> tuple[pd.Series, Mask]:
    """Read numbers.

    Args:
        words: Distinct texts.
        options: How the file writes numbers.
        conversion: To the standard unit, if the file has another one.

    Returns:
        Values, NaN where there is none, and True where the text is no number.
    """
    numbers = plain_numbers(words, options)
    values = numbers if conversion is None else conversion(numbers)
    return pd.Series(values), np.isnan(numbers)


def plain_numbers(words: pd.Series, options: ReadOptions) -> Floats:
    """Numbers in the file's own unit; NaN where there is none, or one that cannot be."""
    text, percent = _without_signs(words, options)
    if options.decimal != ".":
        text = text.str.replace(".", "?", regex=False).str.replace(options.decimal, ".")
    numbers = pd.to_numeric(text.astype(object), errors="coerce").to_numpy(np.float64)
    numbers = np.where(percent, numbers / 100, numbers)
    numbers = _yes_and_no(words, options, numbers)
    usable = np.isfinite(numbers) & (np.abs(numbers) <= ABSURD)
    return np.asarray(np.where(usable, numbers, np.nan))


def parse_classes(words: pd.Series, options: ReadOptions, cut: Cut) -> tuple[pd.Series, Mask]:
    """Classes of numbers, and True where the text is no number."""
    numbers = plain_numbers(words, options)
    labels = np.array(cut.labels, object)[
        np.searchsorted(cut.edges, numbers, side="right") % len(cut.labels)
    ]
    return pd.Series(labels, dtype="str"), np.isnan(numbers)


def ambiguous(words: pd.Series, options: ReadOptions) -> Mask:
    """True for whole amounts that may be grouped: ``1.900`` where all decimals have three digits.

    A column in which some number has one or two decimals, or more than three, or begins with a
    zero, writes decimals so. A layout that says ``decimal`` or ``thousands`` has decided.
    """
    none = np.zeros(len(words), bool)
    if {"decimal", "thousands"} & options.model_fields_set or options.decimal != ".":
        return none
    pointed = words.str.contains(".", regex=False, na=False).to_numpy(bool)
    one_group = words.str.fullmatch(_ONE_GROUP).fillna(False).to_numpy(bool)
    numeric = np.isfinite(pd.to_numeric(words.astype(object), errors="coerce").to_numpy(float))
    if (pointed & numeric & ~one_group).any():
        return none
    return np.asarray(one_group)


def hint(words: pd.Series, options: ReadOptions, unclear: bool) -> str:
    """What to declare so that these texts can be read; empty where nothing is known.

    Args:
        words: Texts that could not be read.
        options: How they were read.
        unclear: Whether they could be read in two ways.
    """
    if unclear:
        return 'Say what \'.\' is: read: {decimal: "."} or read: {thousands: "."}.'
    if looks_grouped(words).any() and options.thousands is None:
        sign = words[looks_grouped(words)].str.extract(r"\d([^\d])\d{3}", expand=False).iloc[0]
        sign = re.sub(_APOSTROPHES, "'", re.sub(r"\s", " ", sign))
        return f'If "{sign}" is the sign of thousands, say read: {{thousands: "{sign}"}}.'
    return _hint_about_signs(words, options)


def _hint_about_signs(words: pd.Series, options: ReadOptions) -> str:
    signs = words.str.extract(_CURRENCY, expand=False)
    signs = signs.fillna(words.str.extract(_CURRENCY_AFTER, expand=False)).dropna()
    if words.str.endswith("%").any() and not options.percent:
        return "Say read: {percent: true}."
    if len(signs) and options.currency is None:
        return f'Say read: {{currency: "{signs.iloc[0]}"}}.'
    if looks_signed(words).any():
        return "These look like negative numbers; have them written with a minus in front."
    if options.decimal == "." and words.str.fullmatch(_DECIMAL_COMMA).fillna(False).any():
        return 'If "," is the decimal sign, say read: {decimal: ","}.'
    return _hint_about_words(words)


def _hint_about_words(words: pd.Series) -> str:
    lower = words.str.lower()
    is_yes, is_no = lower.isin(_YES).to_numpy(bool), lower.isin(_NO).to_numpy(bool)
    if (is_yes | is_no).all() and is_yes.any():
        yes, no = _listed(words[is_yes]), _listed(words[is_no])
        return f"If these are yes and no, say read: {{true_values: {yes}, false_values: {no}}}."
    nothing = words[words.str.fullmatch(_NOTHING).fillna(False)]
    if nothing.empty:
        return ""
    first, listed = nothing.iloc[0], _listed(nothing)
    return f'If "{first}" says that there is none, say read: {{na_values: {listed}}}.'


def _listed(words: pd.Series) -> str:
    return json.dumps([str(word) for word in words[:_LISTED]], ensure_ascii=False)


def looks_grouped(words: pd.Series) -> Mask:
    """True for texts with signs between groups of three digits."""
    return np.asarray(words.str.fullmatch(_GROUPED).fillna(False).to_numpy(bool))


def looks_signed(words: pd.Series) -> Mask:
    """True for negative numbers as bookkeepers write them: ``(12)``, ``12-``."""
    digits = words.str.contains(r"\d", na=False)
    return np.asarray((digits & words.str.fullmatch(_SIGNED).fillna(False)).to_numpy(bool))


def _without_signs(words: pd.Series, options: ReadOptions) -> tuple[pd.Series, Mask]:
    """Texts without currency, per cent and signs of thousands, and where there was a per cent."""
    text, percent = words, np.zeros(len(words), bool)
    if options.currency is not None:
        text = _without_currency(text, options.currency)
    if options.percent:
        percent = text.str.endswith("%").fillna(False).to_numpy(bool)
        text = text.str.removesuffix("%").str.strip()
    if options.thousands is not None:
        text = _without_thousands(text, options.thousands, options.decimal)
    return text, percent


def _without_currency(text: pd.Series, currency: str) -> pd.Series:
    sign = text.str.extract(r"^([+-]?)", expand=False).fillna("")
    rest = text.str.replace(r"^[+-]", "", regex=True)
    return sign + rest.str.removeprefix(currency).str.removesuffix(currency).str.strip()


def _without_thousands(text: pd.Series, thousands: str, decimal: str) -> pd.Series:
    """Only complete groups count: of three, or as in ``1,23,456``; others are no numbers."""
    text = text.str.replace(_SPACES, " ", regex=True).str.replace(_APOSTROPHES, "'", regex=True)
    mark, point = rf"\{thousands}", rf"\{decimal}"
    indian = rf"\d{{1,2}}(?:{mark}\d{{2}})+{mark}\d{{3}}"
    groups = rf"[+-]?(?:\d{{1,3}}(?:{mark}\d{{3}})+|{indian})(?:{point}\d+)?"
    grouped = text.str.fullmatch(groups).fillna(False)
    bare = text.str.replace(thousands, "", regex=False)
    # "1.9" is no thousand where "." separates thousands
    other = text.where(~text.str.contains(thousands, regex=False, na=False), "?")
    return bare.where(grouped, other)


def _yes_and_no(words: pd.Series, options: ReadOptions, numbers: Floats) -> Floats:
    lower = words.str.lower()
    for value, names in ((1.0, options.true_values), (0.0, options.false_values)):
        mine = lower.isin([name.lower() for name in names]).to_numpy(bool)
        numbers = np.where(mine, value, numbers)
    return numbers
