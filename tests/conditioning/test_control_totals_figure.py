from __future__ import annotations

import pandas as pd
from plotly import graph_objects as go

from demand_forecast.conditioning.figures import draw_control_totals


def test_quarantined_rows_are_shown_by_source_and_reason() -> None:
    totals = pd.DataFrame(
        {
            "source": ["shipments", "weather_observed"],
            "rows_in": [1000, 200],
            "rows_conditioned": [993, 199],
            "rows_quarantined": [7, 1],
            "reasons": ['{"bad_date": 5, "unknown_store": 2}', '{"bad_date": 1}'],
        }
    )
    figure = go.Figure(draw_control_totals(totals))  # which refuses what is no valid figure
    bars = {bar.name: dict(zip(bar.x, bar.y, strict=True)) for bar in figure.data}
    assert bars == {
        "bad date": {"shipments": 5, "weather observed": 1},
        "unknown store": {"shipments": 2, "weather observed": 0},
    }
    assert figure.layout.title.text == "1,200 rows read = 1,192 conditioned + 8 quarantined"


def test_without_a_rejected_row_the_title_remains() -> None:
    totals = pd.DataFrame(
        {
            "source": ["stores"],
            "rows_in": [8],
            "rows_conditioned": [8],
            "rows_quarantined": [0],
            "reasons": ["{}"],
        }
    )
    figure = go.Figure(draw_control_totals(totals))
    assert len(figure.data) == 0
    assert figure.layout.title.text == "8 rows read = 8 conditioned + 0 quarantined"
