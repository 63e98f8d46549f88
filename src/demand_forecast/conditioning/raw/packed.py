"""Bytes of a file, unpacked where it is compressed, and never more than the layout allows."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.exceptions import SourceError

_PIECE: Final = 2**24
_MOST_TIMES: Final = 200  # tables of text shrink to a fifth or a twentieth, bombs to a thousandth
_HARMLESS: Final = 2**26  # up to this size nobody is harmed, however well it was compressed


def content(path: Path, options: ReadOptions) -> bytes:
    """All bytes of a file, unpacked if its suffix is .gz, .bz2, .xz or .zip.

    Raises:
        SourceError: If it is larger than the layout allows, or a bomb.
    """
    check_size(path, path.stat().st_size, options)
    opener = OPENERS.get(path.suffix.lower())
    if opener is None:
        return path.read_bytes()
    pieces, size = [], 0
    with opener(path) as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            check_size(path, size, options)
            pieces.append(piece)
    return b"".join(pieces)


def check_size(path: Path, size: int, options: ReadOptions) -> None:
    """Refuse a file that takes more than ``max_bytes``, or unpacks to many times its size.

    Args:
        path: The file.
        size: Its unpacked size in bytes, or what is known of it so far.
        options: Limits; the ratio counts only where ``max_bytes`` is not declared.

    Raises:
        SourceError: If it is too large.
    """
    if size > options.max_bytes:
        raise SourceError(
            f"{path}: takes more than {options.max_bytes:,} bytes unpacked. If it is right, "
            "declare 'read: {max_bytes: ...}'."
        )
    packed = path.stat().st_size
    bomb = size > max(_HARMLESS, _MOST_TIMES * packed)
    if bomb and "max_bytes" not in options.model_fields_set:
        raise SourceError(
            f"{path}: {packed:,} bytes unpack to {size:,} or more, over {_MOST_TIMES} times as "
            "many; such a file is damaged or hostile. If it is right, declare 'read: {max_bytes: "
            "...}'."
        )


def check_rows(path: Path, count: int, options: ReadOptions) -> None:
    """Refuse a file with too many rows.

    Raises:
        SourceError: If there are more than the layout allows.
    """
    if count > options.max_rows:
        raise SourceError(
            f"{path}: has {count:,} rows, more than {options.max_rows:,}. If it is right, declare "
            "'read: {max_rows: ...}'."
        )


def _open_zip(path: Path) -> IO[bytes]:
    archive = zipfile.ZipFile(path)
    names = [n.filename for n in archive.infolist() if not n.is_dir()]
    members = [n for n in names if not n.startswith("__MACOSX/")]
    if len(members) != 1:
        raise SourceError(
            f"{path}: holds {len(members)} files ({', '.join(members[:3])}); a .zip file must "
            "hold exactly one."
        )
    return archive.open(members[0])


_Opened = IO[bytes] | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
OPENERS: Final[dict[str, Callable[[Path], _Opened]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zip": _open_zip,
}
