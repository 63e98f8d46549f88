"""Copies of champions beside the data."""

from __future__ import annotations

import shutil

import pytest

from demand_forecast.datasets.artefact import seal
from demand_forecast.exceptions import StorageError
from demand_forecast.registry import model_copies
from demand_forecast.registry.model_copies import ModelCopies


def test_on_a_full_disk_no_half_of_a_copy_stays(tmp_path, monkeypatch):
    files = tmp_path / "model"
    files.mkdir()
    (files / "weights.json").write_text("[1]")
    seal(files)
    copies = ModelCopies(f"{tmp_path}/champions")
    copies.keep("prod.texas", "1", files)

    def full(source, target, **_):
        (target / "weights.json").touch()
        why = f"[Errno 28] No space left on device: '{target}'"
        raise shutil.Error([(str(source), str(target), why)])

    monkeypatch.setattr(model_copies.shutil, "copytree", full)
    with pytest.raises(
        StorageError, match=r"champions/prod\.texas/2 cannot be written: .*No space"
    ):
        copies.keep("prod.texas", "2", files)
    assert copies.held() == [("prod.texas", "1")]
    assert [path.name for path in (tmp_path / "champions/prod.texas").iterdir()] == ["1"]
