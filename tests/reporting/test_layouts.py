"""What ``kedro layout draft`` writes and prints."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from demand_forecast.cli import cli
from demand_forecast.conditioning.drafting import DraftedFile, draft_environment
from demand_forecast.exceptions import ConfigurationError
from demand_forecast.reporting import layouts
from demand_forecast.reporting.layouts import open_questions, questions_of, write_draft
from demand_forecast.simulator import simulate


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """Three regions, two of them alike."""
    folder = tmp_path_factory.mktemp("raw")
    regions = {"a": "fiscal_weeks", "b": "us_csv", "c": "fiscal_weeks"}
    simulate(folder, stores=5, products=4, weeks=30, seed=3, regions=regions)
    return folder


def test_regions_share_a_layout_and_each_question_is_asked_once(raw, tmp_path, capsys) -> None:
    write_draft(raw, "acme", tmp_path)
    segments = yaml.safe_load((tmp_path / "segments.yml").read_text())
    assert segments["regions"] == {
        "a": {"layout": "acme"},
        "b": {"layout": "acme_b"},
        "c": {"layout": "acme"},
    }
    settings = yaml.safe_load((tmp_path / "globals.yml").read_text())
    assert settings["raw_folder"] == f"{raw}/{{region}}"
    shown = capsys.readouterr().out
    assert shown.count("the date of the first day of week 1") == 1
    assert "to decide in parameters/conditioning.yml, line 3: " in shown
    assert shown.rstrip().endswith("next: kedro layout check --env=acme")
    assert len(questions_of(tmp_path)) == 2


def test_nothing_is_replaced_without_force(raw, tmp_path, monkeypatch) -> None:
    files = draft_environment(raw / "b", "acme")
    monkeypatch.setattr(layouts, "draft_environment", lambda *_: files)  # it is slow to read
    write_draft(raw / "b", "acme", tmp_path)
    (tmp_path / "segments.yml").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"segments\.yml, .* would be replaced"):
        write_draft(raw / "b", "acme", tmp_path)
    assert (tmp_path / "segments.yml").read_text() == "mine"
    write_draft(raw / "b", "acme", tmp_path, force=True)
    assert (tmp_path / "segments.yml").read_text() != "mine"


def test_command(raw, tmp_path) -> None:
    output = ["--name=other", f"--output={tmp_path}"]
    result = CliRunner().invoke(cli, ["layout", "draft", str(raw / "b"), *output])
    assert result.exit_code == 0, result.output
    assert "nothing is left to decide" in result.output
    assert "other" in yaml.safe_load((tmp_path / "layouts" / "other.yml").read_text())
    (tmp_path / "empty").mkdir()
    wrong = CliRunner().invoke(cli, ["layout", "draft", str(tmp_path / "empty"), *output])
    assert wrong.exit_code == 1
    assert "empty, there is neither a file nor a folder" in wrong.output


def test_open_questions_are_lines_with_the_word_and_the_question() -> None:
    text = "# decide: about nothing\na: decide  # decide: one?\nb: *x  # decide: one?\nc: 1\n"
    assert open_questions(DraftedFile("f.yml", text)) == ["f.yml, line 2: one?"]


def test_raw_files_inside_the_project_are_written_as_relative(raw, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(raw / "b")
    write_draft(Path(), "acme", tmp_path, project=raw)
    settings = yaml.safe_load((tmp_path / "globals.yml").read_text())
    assert settings["raw_folder"] == "b"
    assert "b: {layout: acme}" in (tmp_path / "segments.yml").read_text()
