from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.question import Question, answer
from demand_forecast.framework.segment_scoring import SegmentScoring
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.modelling.velocity import classify
from demand_forecast.reporting import what_if as asking
from stand_ins import Doubles

RULES = ScoringParameters(active_within_weeks=13, stale_after_days=60)


def _scoring(panel, n_champions: int = 2) -> SegmentScoring:
    panel.known_future["promotion"].values[:, panel.n_weeks :] = 0
    rule = RegisteredModel(HistoricalAverage().fit(panel), "rule", "1")
    models = {v: RegisteredModel(Doubles(10.0), v, "1") for v in ("fast", "slow")[:n_champions]}
    models |= {"slow": RegisteredModel(None, "slow", reason="none")} if n_champions == 1 else {}
    segment = SimpleNamespace(namespace="north_texas.large")
    return SegmentScoring(segment, panel, classify(panel), models, rule, 2, RULES, [])


def test_options_say_what_changes() -> None:
    assert asking.read_changes("-10%", None, ("feature=on",)) == {"price": "-10%", "feature": "on"}
    assert asking.read_changes(None, "off", ()) == {"promotion": "off"}
    with pytest.raises(ConfigurationError, match="say what changes: --price"):
        asking.read_changes(None, None, ())
    with pytest.raises(ConfigurationError, match="'feature' is not COLUMN=VALUE"):
        asking.read_changes(None, None, ("feature",))
    with pytest.raises(ConfigurationError, match="'price' is changed more than once"):
        asking.read_changes("-10%", None, ("price=3",))


def test_few_rows_are_printed_with_their_sums(make_panel, capsys, tmp_path) -> None:
    scoring = _scoring(make_panel(n_stores=2, n_products=2, n_weeks=60))
    question = Question({"promotion": "on"}, 1, store="S01", product="P01")
    told = answer(scoring, question)
    asking.print_answer(scoring, question, told, other=True)
    out = capsys.readouterr().out
    assert out.startswith("north_texas.large, store S01, product P01: promotion on for 1 week\n")
    assert "forecast, units" in out
    [sums] = [line.split() for line in out.splitlines() if line.startswith("forecast, units")]
    assert sums[-3:] == ["20", "40", "+20"]
    rows = [line for line in out.splitlines() if line.startswith("S01")]
    assert len(rows) == 2
    assert "How far to trust it" in out
    assert "The published forecast is another" in out
    assert "price taken off" not in out
    asking.write_answer(told, tmp_path / "rows.csv")
    written = pd.read_csv(tmp_path / "rows.csv")
    assert len(written) == 8
    assert written["promotion_after"].count() == 1
    assert written["effect"].sum() == 20.0


def test_many_rows_are_counted_and_others_are_told(make_panel, capsys) -> None:
    scoring = _scoring(make_panel(n_stores=7, n_products=2, n_weeks=60))
    question = Question({"promotion": "on"}, 2)
    told = answer(scoring, question)
    asking.print_answer(scoring, question, told, other=False)
    out = capsys.readouterr().out
    assert "28 rows differ; --output writes them all." in out
    assert "published" not in out
    others = told._replace(rows=told.rows.assign(is_chosen=told.rows["store_id"] == "S01"))
    asking.print_answer(scoring, question, others, other=False)
    assert "Other stores and products of the segment: +240 units in all" in capsys.readouterr().out


def test_the_effect_on_a_simple_rule_is_unknown(make_panel, capsys) -> None:
    scoring = _scoring(make_panel(n_stores=1, n_products=2, n_weeks=60), n_champions=1)
    question = Question({"promotion": "on"}, 1, product="P02")
    asking.print_answer(scoring, question, answer(scoring, question), other=False)
    assert "unknown" in capsys.readouterr().out


def test_a_lower_price_is_told(make_panel, capsys) -> None:
    panel = make_panel(n_stores=1, n_products=1, n_weeks=60)
    scoring = _scoring(panel)
    question = Question({"promotion": "on"}, 1)
    told = answer(scoring, question)
    told = told._replace(rows=told.rows.assign(price_given_up=[5.0, 0.0]))
    asking.print_answer(scoring, question, told, other=False)
    [line] = [x for x in capsys.readouterr().out.splitlines() if x.startswith("price taken")]
    assert line.split()[-1] == "-5"


def test_whether_what_was_published_is_the_same(make_panel, monkeypatch) -> None:
    scoring = _scoring(make_panel(n_stores=1, n_products=2, n_weeks=60))
    monkeypatch.setattr(SegmentScoring, "load", lambda catalog, name: scoring)
    catalog = DataCatalog({})
    same, told = asking.ask(catalog, "texas.large", Question({"promotion": "off"}))
    assert same is scoring
    assert told.rows["effect"].tolist() == [0.0] * 4
    assert not asking.published_differs(catalog, "texas.large", told)
    for table, differs in ((told.before, False), (told.before.assign(mean=3.0), True)):
        stored = DataCatalog({"texas.large.forecast": MemoryDataset(table)})
        assert asking.published_differs(stored, "texas.large", told) == differs
