from __future__ import annotations

import pandas as pd

from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.kinds import save_model
from demand_forecast.registry.serving import _load_pyfunc


def test_what_mlflow_opens_answers_as_the_model_does(make_panel, tmp_path) -> None:
    panel = make_panel(n_stores=1, n_products=2, n_weeks=20)
    model = HistoricalAverage().fit(panel)
    for folder in ("model", "panel"):
        (tmp_path / folder).mkdir()
    save_model(model, tmp_path / "model")
    panel.save(tmp_path / "panel")
    request = {"panel": str(tmp_path / "panel"), "as_of": str(panel.as_of.date()), "horizon": 2}
    answer = _load_pyfunc(str(tmp_path / "model")).predict(pd.DataFrame([request, request]))
    expected = model.predict(panel, panel.as_of, 2)
    pd.testing.assert_frame_equal(answer, pd.concat([expected, expected], ignore_index=True))
