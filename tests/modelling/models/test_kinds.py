from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.models.baseline import (
    HistoricalAverage,
    MovingAverage,
    SeasonalNaive,
    Smoothing,
)
from demand_forecast.modelling.models.kinds import (
    KINDS,
    kind_of,
    load_model,
    model_class,
    save_model,
)
from demand_forecast.modelling.models.recent_level import RecentLevel
from demand_forecast.modelling.models.trees import BoostedTrees, TreesParameters


@pytest.fixture
def models(trained_ensemble):
    panel, ensemble = trained_ensemble
    return {
        "historical_average": HistoricalAverage().fit(panel),
        "seasonal_naive": SeasonalNaive().fit(panel),
        "moving_average": MovingAverage().fit(panel),
        "smoothing": Smoothing().fit(panel),
        "lasso": ensemble.members_["lasso"],
        "network": ensemble.members_["network"],
        "trees": BoostedTrees(TreesParameters(rounds=5), horizon=ensemble.horizon).fit(panel),
        "recent_level": RecentLevel(horizon=ensemble.horizon).fit(panel),
        "ensemble": ensemble,
    }


@pytest.mark.trials
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_back_with_the_same_forecasts(
    trained_ensemble, models, kind, tmp_path
) -> None:
    panel, model = trained_ensemble[0], models[kind]
    assert kind_of(model) == kind
    save_model(model, tmp_path)
    loaded = load_model(tmp_path)
    assert type(loaded) is type(model) is model_class(kind)
    before, after = (m.predict(panel, panel.as_of, 2) for m in (model, loaded))
    pd.testing.assert_frame_equal(before, after)


def test_a_stored_model_is_data_and_no_code(models, tmp_path) -> None:
    for kind, model in models.items():
        (tmp_path / kind).mkdir()
        save_model(model, tmp_path / kind)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".parquet", ".safetensors"}
    assert not any(path.read_bytes().startswith(b"\x80") for path in files)  # how pickles begin


def test_the_package_never_unpickles() -> None:
    source = Path(__file__).parents[3] / "src" / "demand_forecast"
    words = ("import pickle", "import joblib", "import dill", "cloudpickle", "torch.load")
    found = [p.name for p in source.rglob("*.py") if any(w in p.read_text() for w in words)]
    assert found == []


@pytest.mark.parametrize("kind", ["os.system", "ensembel", "ensemble.Ensemble"])
def test_an_unknown_kind_is_refused(tmp_path, kind) -> None:
    (tmp_path / "kind.json").write_text(json.dumps({"kind": kind}))
    with pytest.raises(ArtefactError, match=f"no kind of model '{kind}'"):
        load_model(tmp_path)


def test_the_nearest_kind_is_offered() -> None:
    with pytest.raises(ArtefactError, match="Did you mean 'ensemble'"):
        model_class("ensembel")
