"""Arrays on disk."""

from __future__ import annotations

import numpy as np
import pytest

from demand_forecast.modelling.arrays import save_arrays


def test_what_cannot_be_written_is_an_error_of_the_system(tmp_path) -> None:
    with pytest.raises(OSError, match="No such file or directory"):
        save_arrays(tmp_path / "missing" / "model.safetensors", {"coef_": np.ones(2)})
