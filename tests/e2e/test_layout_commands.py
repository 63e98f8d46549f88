"""``kedro layout``: from raw files of a stranger to a region that is conditioned."""

from __future__ import annotations

import pytest
import yaml
from project import ROOT, Project


@pytest.fixture(scope="module")
def project(make_project) -> Project:
    """A fresh clone with one region; its raw files stand for those of another company."""
    return make_project(regions={"north_texas": "us_csv"})


def layout(project: Project, *words: str):
    with project.inside():
        return project.command(*words, of="layout")


def test_draft_check_and_run(project) -> None:
    raw = ROOT / "data" / "01_raw" / "ohio_valley"
    result = layout(project, "draft", str(raw), "--name=acme")
    assert result.exit_code == 0, result.output
    settings = yaml.safe_load((project.root / "conf/acme/globals.yml").read_text())
    assert settings["raw_folder"] == str(raw)
    refused = layout(project, "check", "--env=acme")
    assert refused.exit_code == 1
    assert "conf/acme: still to be decided:" in refused.output
    assert "the date of the first day of week 1" in refused.output
    run = project.command("--pipelines=conditioning", "--env=acme")
    assert run.exit_code == 1
    project.edit("conf/acme/layouts/acme.yml", "&week_1_begins decide", "&week_1_begins 2017-01-02")
    project.edit("conf/acme/parameters/conditioning.yml", "ends_on: decide", "ends_on: sunday")
    checked = layout(project, "check", "--env=acme", "--region=ohio_valley")
    assert checked.exit_code == 0, checked.output
    assert "what a model makes of it" in checked.output
    assert "known future" in checked.output
    run = project.command("--pipelines=conditioning", "--env=acme")
    assert run.exit_code == 0, run.output
    [page] = (project.root / "data/acme/08_reporting/ohio_valley/quality.html").rglob("*.html")
    assert "<h1>Data quality: ohio_valley</h1>" in page.read_text()


@pytest.mark.measured
def test_check_says_what_would_stop_a_run(project) -> None:
    unknown = layout(project, "check", "--env=test", "--region=north_texs")
    assert unknown.exit_code == 1
    assert "Did you mean 'north_texas'?" in unknown.output
    file = project.root / "data/01_raw/north_texas/stores.csv"
    before = file.read_text()
    file.write_text(before.replace("Class", "Klass"))
    result = layout(project, "check", "--env=test")
    file.write_text(before)
    assert result.exit_code == 1
    assert "stops a run: source 'stores'" in result.output
    assert "If 'Klass' is its new name" in result.output


@pytest.mark.measured
def test_contracts(project, tmp_path) -> None:
    printed = layout(project, "contract", "--env=test", "--source=shipments")
    assert printed.exit_code == 0, printed.output
    [contract] = yaml.safe_load_all(printed.output[printed.output.index("---") :])
    assert contract["id"] == "us_csv.shipments"
    assert len(contract["schema"][0]["quality"]) == 6
    written = layout(project, "contract", "--env=test", f"--output={tmp_path}")
    assert written.exit_code == 0, written.output
    assert len(list(tmp_path.glob("us_csv.*.odcs.yaml"))) == 8
    wrong = layout(project, "contract", "--source=shipmnts")
    assert wrong.exit_code == 1
    assert "Did you mean 'shipments'?" in wrong.output
