"""Raw files of any type as text: what a cell says, and on which row it stands.

Types are not guessed here: ``"007"`` stays as it is and a word among numbers is a bad row, not a
broken column. Rows of the wrong width are kept aside, never lost.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from pathlib import Path

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.csv_file import read_csv
from demand_forecast.conditioning.raw.excel_file import CountsOnce, read_excel
from demand_forecast.conditioning.raw.json_file import read_json, read_jsonl
from demand_forecast.conditioning.raw.packed import OPENERS, check_rows
from demand_forecast.conditioning.raw.parquet_file import read_parquet
from demand_forecast.conditioning.raw.rows import Rows
from demand_forecast.exceptions import ContractError, DemandForecastError, SourceError, did_you_mean

_TEXT = {".csv": read_csv, ".json": read_json, ".jsonl": read_jsonl}
_READERS = {
    **_TEXT,
    **{text + packed: reader for text, reader in _TEXT.items() for packed in OPENERS},
    ".parquet": read_parquet,
}
_EXCEL = (".xlsx", ".xlsm")
SUFFIXES = (*_READERS, *_EXCEL)
_DAMAGED = (zlib.error, zipfile.BadZipFile, lzma.LZMAError)


def read_rows(path: Path, options: ReadOptions, counts_once: CountsOnce | None = None) -> Rows:
    """Read one file; its suffix names the reader.

    Args:
        path: The file.
        options: How it is opened.
        counts_once: Whether a header is that of a column in which a cell merged over several rows
            counts once.

    Raises:
        SourceError: If it is empty, too large, unreadable or in another encoding.
        ContractError: If a row was lost.
    """
    packed = path.suffix.lower() in OPENERS
    suffix = "".join(path.suffixes[-2:] if packed else path.suffixes[-1:]).lower()
    if suffix not in SUFFIXES:
        raise SourceError(f"{path}: no reader for '{suffix}'. {did_you_mean(suffix, SUFFIXES)}")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty (0 bytes).")
    rows = _read(path, suffix, options, counts_once)
    check_rows(path, rows.counted, options)
    if rows.counted != len(rows.frame) + len(rows.malformed):
        raise ContractError(
            f"{path}: holds {rows.counted} rows, but {len(rows.frame)} were read and "
            f"{len(rows.malformed)} are malformed."
        )
    _check_headers(path, list(rows.frame.columns))
    return rows


def _read(path: Path, suffix: str, options: ReadOptions, counts_once: CountsOnce | None) -> Rows:
    """Whatever a library says about a broken file becomes an error that names the file."""
    try:
        if suffix in _EXCEL:
            return read_excel(path, options, counts_once)
        return _READERS[suffix](path, options)
    except DemandForecastError:
        raise
    except _DAMAGED as error:
        raise SourceError(f"{path}: damaged {suffix} file: {_first_line(error)}") from error
    except RecursionError as error:
        raise SourceError(f"{path}: not readable as {suffix}: nested too deeply.") from error
    except Exception as error:
        raise SourceError(f"{path}: not readable as {suffix}: {_first_line(error)}") from error


def _check_headers(path: Path, headers: list[str]) -> None:
    twice = sorted({h for h in headers if headers.count(h) > 1})
    if twice:
        raise SourceError(f"{path}: the header names {twice} more than once.")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
