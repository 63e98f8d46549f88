"""The way back from a number: whatever byte is changed on it is found and named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from kedro.io import Version

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.datasets.artefact import ArtefactDataset, seal
from demand_forecast.datasets.atomic import JSONDataset, ParquetDataset
from demand_forecast.exceptions import ArtefactError, ConfigurationError
from demand_forecast.registry.audit import Code, Manifest, Outcome
from demand_forecast.registry.documents import Author
from demand_forecast.registry.releases import Champion, ModelVersion
from demand_forecast.reporting import trace as under_test
from demand_forecast.reporting.trace import Stored, print_trace, trace
from stand_ins import lineage

RUN, NEXT = "2026-01-01T00.00.00.000Z", "2026-01-08T00.00.00.000Z"
START = datetime(2026, 1, 1, tzinfo=UTC)
SEGMENT, MODEL = "texas.large", "unit.texas.large.fast"
RAW = "01_raw/texas/shipments.csv"
REGION = "02_intermediate/texas/conditioned"
PANEL = f"03_primary/texas/large/panel/{RUN}/panel"
FORECAST = f"07_model_output/texas/large/forecast.parquet/{RUN}/forecast.parquet"
VERDICT = f"08_reporting/texas/large/fast/verdict.json/{RUN}/verdict.json"
COPY = f"06_models/champions/{MODEL}/3"
PLACES = {
    "forecast": FORECAST,
    "audit chain": "09_audit/00001.json",
    "release": "06_models/releases/00001.json",
    "model": f"{COPY}/weights",
    "sealed model": f"{COPY}/manifest.json",
    "verdict": VERDICT,
    "panel": f"{PANEL}/arrays.safetensors",
    "sealed panel": f"{PANEL}/manifest.json",
    "conditioned region": f"{REGION}/tables/shipments.parquet",
    "raw file": RAW,
}
DATASETS = {
    f"{SEGMENT}.forecast": FORECAST,
    f"{SEGMENT}.fast.verdict": VERDICT,
    f"{SEGMENT}.panel": PANEL,
    "texas.conditioned": REGION,
}


def _region(panel):
    rejected = {"source": "shipments", "file": "shipments.csv", "reason": "bad_date"}
    records = [{"Store": s, "SKU": p, "Week": "soon"} for s, p in (("S1", "P1"), ("S1", "P2"))]
    return ConditionedRegion(
        tables={"shipments": panel.series[["store_id", "product_id"]]},
        quarantine=pd.DataFrame(
            [
                {**rejected, "row": 17 + n, "detail": "week", "record": json.dumps(record)}
                for n, record in enumerate(records)
            ]
        ),
        control_totals=pd.DataFrame({"source": ["shipments"], "rows_in": [1]}),
        manifest={"digest": "region", "region": "texas"},  # type: ignore[typeddict-item]
    )


def _save(root, panel):
    """What a run leaves behind, written with the datasets of the catalog."""
    (root / RAW).parent.mkdir(parents=True)
    (root / RAW).write_text("Store,SKU,Week\nS1,P1,soon\n")
    conditioned = f"{ConditionedRegion.__module__}.ConditionedRegion"
    ArtefactDataset(filepath=str(root / REGION), artefact=conditioned).save(_region(panel))
    version = Version(None, RUN)
    ArtefactDataset(
        filepath=str((root / PANEL).parents[1]),
        artefact="demand_forecast.modelling.panel.Panel",
        version=version,
    ).save(panel)
    JSONDataset(filepath=str((root / VERDICT).parents[1]), version=version).save({"passed": True})
    row = {"week": pd.Timestamp("2026-01-10"), "mean": 12.5, "order_quantity": 16.0}
    model = {"model_name": MODEL, "model_version": "3", "model_kind": "ensemble"}
    table = [{"store_id": "S1", "product_id": p, **row, **model} for p in ("P1", "P2")]
    ParquetDataset(filepath=str((root / FORECAST).parents[1]), version=version).save(
        pd.DataFrame(table)
    )


def _release(stored, panel, scratch):
    """A model of the panel, its copy kept and released."""
    scratch.mkdir()
    (scratch / "weights").write_bytes(b"0123456789")
    version = ModelVersion(
        version="3",
        digest=seal(scratch),
        lineage=lineage(
            velocity="fast", panel_digest=panel.digest, trained_at=START + timedelta(seconds=1)
        ),
    )
    stored.copies.keep(MODEL, "3", scratch)
    stored.releases.publish(
        lambda before: {**before, MODEL: Champion.after(None, version)},
        "passed the gate",
        author=Author("ada@host", "kedro run"),
    )


def _note(root, run=RUN):
    """The manifest of a run over what lies there now."""
    stored = Stored.below(str(root))  # which has read nothing yet
    of = stored.files.record
    saved = [of(name, str(root / path), run) for name, path in DATASETS.items()]
    stored.trail.append(
        Manifest(
            id="",
            run=run,
            who="ada@host",
            command="kedro run",
            started_at=START,
            ended_at=START + timedelta(hours=1),
            pipelines=("__default__",),
            status="complete",
            code=Code(commit="abc", python="3.11", packages={}),
            parameters="p",
            release=stored.releases.reference(),
            verdicts={f"{SEGMENT}.fast": Outcome(passed=True, reason="all rules passed")},
            inputs=(of("texas.raw_shipments", str(root / RAW)),),
            outputs=tuple(saved),
        )
    )


@pytest.fixture
def root(tmp_path, make_panel):
    """The data root of a company whose only run has ended."""
    panel = make_panel(n_stores=1, n_products=2, n_weeks=20)
    root = tmp_path / "data"
    _save(root, panel)
    _release(Stored.below(str(root)), panel, tmp_path / "model")
    _note(root)
    return root


def _traced(root, **wanted):
    series = {"store_id": "S1", "product_id": "P1", "week": None}
    return trace(Stored.below(str(root)), SEGMENT, str(root / FORECAST), series | wanted)


def _flip(file):
    """Change one bit in the middle of a file."""
    text = bytearray(file.read_bytes())
    text[len(text) // 2] ^= 1
    file.write_bytes(text)


def test_a_number_leads_to_its_raw_files(root, capsys):
    traced = _traced(root)
    assert {step.what: step.state for step in traced.steps} == dict.fromkeys(
        [
            "audit chain",
            "forecast",
            "run",
            "release",
            "model",
            "training run",
            "verdict",
            "panel",
            "conditioned region",
            "rejected rows",
            "raw file",
        ],
        "ok",
    )
    told = {step.what: step.told for step in traced.steps}
    assert told["rejected rows"] == "shipments.csv, row 17: bad_date week"
    assert told["verdict"].startswith("passed: all rules passed")
    print_trace(traced)
    shown = capsys.readouterr().out
    assert "texas.large, store S1, product P1, week 2026-01-10: mean 12.5, order 16" in shown
    assert "Every link holds." in shown


@pytest.mark.parametrize("what", PLACES)
def test_one_changed_bit_is_found_and_its_place_is_named(root, capsys, what):
    _flip(root / PLACES[what])
    traced = _traced(root)
    assert not traced.is_good
    print_trace(traced)
    shown = capsys.readouterr().out
    assert "Every link holds." not in shown
    assert str(root / PLACES[what]) in shown or PLACES[what] in shown
    assert what.removeprefix("sealed ") in {s.what for s in traced.steps if not s.is_good}


@pytest.mark.parametrize("what", ["verdict", "raw file"])
def test_what_is_gone_is_missed(root, what):
    (root / PLACES[what]).unlink()
    [bad] = [step for step in _traced(root).steps if not step.is_good]
    assert (bad.what, bad.state) == (what, "missing")
    assert bad.problem == f"{root / PLACES[what]} is missing"


def test_what_a_challenger_has_forecast_leads_back_though_no_release_names_it(root, monkeypatch):
    table = pd.read_parquet(root / FORECAST)
    table.assign(experiment="try", arm="challenger").to_parquet(root / FORECAST)
    _note(root)
    current = Stored.below(str(root)).releases.current()
    known = {(MODEL, "3"): current.champions[MODEL]}
    monkeypatch.setattr(under_test, "registered_version", lambda *name: known[name])
    traced = _traced(root)
    assert traced.is_good
    [step] = [step for step in traced.steps if step.what == "experiment"]
    assert (step.name, step.told) == ("try", "tries version 3, as the registry has it")
    assert "release" not in {step.what for step in traced.steps}

    def gone(*name):
        raise ArtefactError("the registry has it no more")

    monkeypatch.setattr(under_test, "registered_version", gone)
    assert [s.problem for s in _traced(root).steps if not s.is_good] == [
        "the registry has it no more"
    ]


def test_a_model_that_was_changed_and_sealed_again_is_found(root):
    (root / COPY / "weights").write_bytes(b"nan")
    seal(root / COPY)
    [bad] = [step for step in _traced(root).steps if not step.is_good]
    assert (bad.what, bad.state) == ("model", "changed")
    assert "is not what was registered" in bad.problem


def test_what_a_later_run_has_replaced_is_no_fault(root):
    (root / RAW).write_text("Store,SKU,Week\nS1,P1,2026-01-03\n")
    assert not _traced(root).is_good
    _note(root, NEXT)
    traced = _traced(root)
    assert traced.is_good
    assert len(traced.steps[0].told.split()) == 2


def test_a_forecast_without_a_manifest_is_told(root):
    other = root / "07_model_output/texas/large/forecast.parquet" / NEXT / "forecast.parquet"
    other.parent.mkdir()
    other.write_bytes((root / FORECAST).read_bytes())
    series = {"store_id": "S1", "product_id": "P1", "week": None}
    traced = trace(Stored.below(str(root)), SEGMENT, str(other), series)
    bad = traced.steps[-1]
    assert (traced.number, bad.what, bad.state) == (None, "forecast", "missing")
    assert bad.name == str(other)


def test_a_series_that_is_not_forecast_is_told(root):
    with pytest.raises(ConfigurationError, match="--product: there is no forecast for 'P7'"):
        _traced(root, product_id="P7")
