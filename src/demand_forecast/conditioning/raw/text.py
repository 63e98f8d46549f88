"""Text files as UTF-8, whatever encoding and line ends they have."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.packed import content
from demand_forecast.exceptions import SourceError

_PIECE: Final = 2**24
_LIKE_ASCII: Final = {"ascii", "utf-8", "utf-8-sig", "iso8859-1", "cp1252"}


def read_text(path: Path, options: ReadOptions) -> bytes:
    r"""Content of a text file as UTF-8 without a byte order mark.

    Lines end with ``\n`` or ``\r\n``: a ``\r`` of its own ends a line, too, and is replaced.

    Raises:
        SourceError: If it is in another encoding, holds NUL characters, or only blanks.
    """
    text = _to_utf8(path, content(path, options), options.encoding)
    text = text.removeprefix(codecs.BOM_UTF8)
    if b"\x00" in text:
        raise SourceError(
            f"{path}: holds NUL characters; not {options.encoding}, probably utf-16. "
            "Give the right one under 'read: {encoding: ...}'."
        )
    if re.search(rb"\S", text) is None:
        raise SourceError(f"{path}: the file is empty (only blanks).")
    if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
        return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text


def _to_utf8(path: Path, data: bytes, encoding: str) -> bytes:
    try:
        name = codecs.lookup(encoding).name
        if name in _LIKE_ASCII and data.isascii():
            return data
        return _check_utf8(data) if name == "utf-8" else data.decode(encoding).encode()
    except UnicodeDecodeError:
        raise _wrong_byte(path, data, encoding) from None
    except LookupError as error:
        raise SourceError(f"{path}: there is no encoding '{encoding}'.") from error


def _check_utf8(data: bytes) -> bytes:
    """Decode piece by piece, so that the text is never in memory as a whole."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _PIECE):
        decoder.decode(data[start : start + _PIECE])
    decoder.decode(b"", True)
    return data


def _wrong_byte(path: Path, data: bytes, encoding: str) -> SourceError:
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return SourceError(
            f"{path}: not encoded in {encoding}: byte 0x{data[error.start]:02x} on line {line}. "
            "Give the right one under 'read: {encoding: ...}'."
        )
    return SourceError(f"{path}: not encoded in {encoding}.")
