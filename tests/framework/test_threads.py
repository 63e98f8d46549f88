from __future__ import annotations

import os

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from demand_forecast.framework.threads import one_thread


def _threads():
    np.zeros(1) @ np.zeros(1)
    return {pool["num_threads"] for pool in threadpool_info()}


@pytest.mark.parametrize("given", ["2", None])
def test_inside_there_is_one_thread_whatever_the_variables_say(monkeypatch, given):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    with threadpool_limits(2):
        with one_thread():
            assert _threads() == {1}
            assert os.environ["OMP_NUM_THREADS"] == "1"
        assert max(_threads()) == 2 or os.cpu_count() == 1
    assert os.environ.get("OMP_NUM_THREADS") == given
