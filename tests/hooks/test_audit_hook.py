"""The manifest that a run leaves, however it ends."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset, Version
from kedro.pipeline import Pipeline, node

from demand_forecast.datasets.atomic import CSVDataset, JSONDataset, ParquetDataset
from demand_forecast.datasets.optional import OptionalDataset
from demand_forecast.exceptions import ArtefactError, ContractError
from demand_forecast.framework import run_context
from demand_forecast.framework.failures import Failure, RunFailedError
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments
from demand_forecast.hooks import audit as module
from demand_forecast.hooks.audit import AuditHook
from demand_forecast.registry.audit import AuditTrail

RUN = "2026-01-01T00.00.00.000Z"
PLAN = Segments(
    store_formats=["large"], regions={"texas": {"layout": "plain"}}, layouts={"plain": {}}
)
BRANCH = "texas.large.fast"
_JUDGE = Pipeline([node(print, "totals", "verdict", name="judge")])
STEPS = Pipeline(
    [
        node(print, ["plan", "before"], "totals", name="total"),
        Pipeline(_JUDGE, namespace=BRANCH, inputs={"totals"}),
    ]
)
PARAMS = {"run_id": RUN, "env": "test", "pipeline_names": ["score"], "tags": ["texas"]}
VERDICT = {"passed": False, "reason": "worse than the champion", "rules": []}


class _Trouble:
    """A hook that finds something wrong when the run has ended."""

    @hook_impl
    def after_pipeline_run(self):
        raise ContractError("a total differs")


@pytest.fixture
def catalog(tmp_path):
    """What a run finds and what it has made."""
    memory = {"parameters": MemoryDataset({"training": {"seed": 7}})}
    before = {"type": CSVDataset, "filepath": str(tmp_path / "totals.csv"), "versioned": True}
    stored = {
        "plan": JSONDataset(filepath=str(tmp_path / "plan.json")),
        "before": OptionalDataset(dataset=before),
        "totals": ParquetDataset(filepath=str(tmp_path / "totals"), version=Version(None, RUN)),
        f"{BRANCH}.verdict": JSONDataset(
            filepath=str(tmp_path / "verdict.json"), version=Version(None, RUN)
        ),
    }
    stored["plan"].save({"price": 2})
    stored["totals"].save(pd.DataFrame({"units": [1, 2, 3]}))
    stored[f"{BRANCH}.verdict"].save(VERDICT)
    return DataCatalog(memory | stored)


@pytest.fixture
def end(catalog, tmp_path):
    """End a run, well or by an error, beside other hooks; gives its manifest."""

    def of(error=None, *others, root=str(tmp_path)):
        manager = _create_hook_manager()
        for hook in (AuditHook(), *others):
            manager.register(hook)
        given = {"run_params": PARAMS, "pipeline": STEPS, "catalog": catalog}
        with run_context.inside(RunContext(PLAN, data_root=root)):
            manager.hook.before_pipeline_run(**given)
            if error is None:
                manager.hook.after_pipeline_run(run_result={}, **given)
            else:
                manager.hook.on_pipeline_error(error=error, **given)
        return AuditTrail(str(tmp_path)).current()

    return of


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_says_who_when_and_with_what(end):
    manifest = end()
    assert (manifest.run, manifest.environment, manifest.status) == (RUN, "test", "complete")
    assert (manifest.pipelines, manifest.selection) == (("score",), ("texas",))
    assert manifest.started_at <= manifest.ended_at
    assert "@" in manifest.who
    assert (manifest.seed, manifest.release, manifest.error) == (7, None, None)
    parameters = json.dumps({"training": {"seed": 7}})
    assert manifest.parameters == hashlib.sha256(parameters.encode()).hexdigest()
    assert {"kedro", "pandas", "torch"} <= manifest.code.packages.keys()


def test_a_run_says_what_it_has_read_and_written(end, tmp_path):
    manifest = end()
    [plan] = manifest.inputs  # what need not be there, and is not, is no input
    assert (plan.dataset, plan.path, plan.version) == ("plan", "plan.json", None)
    assert plan.sha256 == _sha256(tmp_path / "plan.json")
    verdict, totals = manifest.outputs
    assert (totals.dataset, totals.path) == ("totals", f"totals/{RUN}/totals")
    assert (totals.version, totals.sha256) == (RUN, _sha256(tmp_path / totals.path))
    assert totals.size == (tmp_path / totals.path).stat().st_size
    assert verdict.dataset == f"{BRANCH}.verdict"
    assert manifest.verdicts[BRANCH].reason == "worse than the champion"


def test_a_run_that_went_on_says_what_failed_and_not_what_was_not_made(end):
    failure = Failure(f"{BRANCH}.judge", BRANCH, "node 'judge'", "no champion")
    manifest = end(RunFailedError([failure]))
    assert manifest.status == "in part"
    assert "node 'judge': no champion" in manifest.error
    assert [record.dataset for record in manifest.outputs] == ["totals"]
    assert manifest.verdicts == {}


def test_a_run_that_stopped_says_why(end):
    manifest = end(ValueError("at sqlite://me:secret@db/x"))
    assert (manifest.status, manifest.error) == ("failed", "ValueError: at sqlite://***@db/x")


def test_what_another_hook_finds_at_the_end_is_told(end, tmp_path):
    with pytest.raises(ContractError):
        end(None, _Trouble())
    manifest = AuditTrail(str(tmp_path)).current()
    assert (manifest.status, manifest.error) == ("failed", "a total differs")


def test_a_trail_that_cannot_be_written_spoils_no_run(end, tmp_path, caplog):
    (tmp_path / "09_audit").write_text("a file, where a folder should be")
    with pytest.raises(ArtefactError, match="cannot be read"):  # by this test, after the run
        end()
    assert "the run is missing from the audit trail" in caplog.text


def test_where_no_data_root_is_known_nothing_is_written(end):
    assert end(root=None) is None


def test_what_was_there_already_counts_as_read(end, catalog, tmp_path):
    """A run with ``--only-missing-outputs`` leaves out what makes the totals."""
    (tmp_path / f"totals/{RUN}").rename(tmp_path / "totals/2025-12-25T00.00.00.000Z")
    catalog.get("totals").release()
    manifest = end()
    assert [record.dataset for record in manifest.outputs] == [f"{BRANCH}.verdict"]
    assert {(r.dataset, r.version) for r in manifest.inputs} == {
        ("plan", None),
        ("totals", "2025-12-25T00.00.00.000Z"),
    }


def test_an_unreadable_release_is_none(caplog):
    models = [SimpleNamespace(releases=SimpleNamespace(reference=_unreadable))]
    assert module._in_force(models) is None
    assert "names no release: cut short" in caplog.text


def _unreadable():
    raise ArtefactError("cut short")
