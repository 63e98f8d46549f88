"""Digests of what runs have made, to compare places that must come to the same."""

from __future__ import annotations

import hashlib
import re

STAMP = re.compile(r"/\d{4}-\d\d-\d\dT[\d.]+Z/")
EQUAL = ("02_intermediate/", "03_primary/", "06_models/champions/", "07_model_output/")


def digests(address: str) -> dict[str, str]:
    """SHA-256 of the files that must be equal; in their paths runs are numbered."""
    import fsspec

    fs, root = fsspec.core.url_to_fs(address)
    fs.invalidate_cache()
    names = {path: path[len(root) :].strip("/") for path in fs.find(root)}
    runs = sorted({stamp for name in names.values() for stamp in STAMP.findall(name)})
    return {
        STAMP.sub(lambda stamp: f"/{runs.index(stamp[0])}/", name): sha256(fs.cat_file(path))
        for path, name in names.items()
        if name.startswith(EQUAL)
    }


def sha256(text: bytes) -> str:
    """Digest of a file's bytes."""
    return hashlib.sha256(text).hexdigest()
