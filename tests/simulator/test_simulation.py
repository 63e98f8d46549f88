import json
import shutil
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from demand_forecast.cli import cli
from demand_forecast.exceptions import ConfigurationError, SourceError
from demand_forecast.simulator import read_truth, simulate, simulation
from demand_forecast.simulator.world import demand

LAYOUTS = ["us_csv", "excel_office", "parquet_lake", "json_feed", "fiscal_weeks"]
SMALL = {"stores": 3, "products": 4, "weeks": 30}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.mark.trials
@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_seed_same_bytes_other_seed_other_data(tmp_path, layout):
    for name, seed in {"a": 1, "b": 1, "c": 2}.items():
        simulate(tmp_path / name, **SMALL, seed=seed, regions={"florida": layout})
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert a == b
    assert a.keys() == c.keys()
    same = {k for k in a if a[k] == c[k]}
    assert all("event" in k.lower() for k in same)


def test_region_does_not_depend_on_the_others(tmp_path):
    simulate(tmp_path / "one", **SMALL, seed=1, regions=["florida"])
    simulate(tmp_path / "two", **SMALL, seed=1, regions=["north_texas", "florida"])
    assert digests(tmp_path / "one/florida") == digests(tmp_path / "two/florida")


def test_summary_counts_the_rows_written(tmp_path):
    (summary,) = simulate(tmp_path, **SMALL, seed=1, regions={"florida": "parquet_lake"})
    folder = tmp_path / "florida"
    for source, stem in {"shipments": "fact_delivery", "returns": "fact_return"}.items():
        rows = sum(len(pd.read_parquet(p)) for p in folder.glob(f"{stem}_*.parquet"))
        assert rows == summary.rows[source] > 0
    assert json.loads((folder / "simulated.json").read_text())["rows"] == dict(summary.rows)


def test_blocks_bound_the_work_and_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(demand, "CELLS_PER_BLOCK", 4 * 30)
    simulate(tmp_path, stores=5, products=4, weeks=30, seed=1, regions={"florida": "us_csv"})
    names = sorted(p.name for p in (tmp_path / "florida").glob("shipments*"))
    assert names == [
        f"shipments_{f}_{n}.csv.gz"
        for f, n in [("large", 1), ("large", 2), ("small", 1), ("small", 2), ("small", 3)]
    ]


def test_one_format_gives_one_segment(tmp_path):
    simulate(tmp_path, **SMALL, seed=1, regions={"florida": "parquet_lake"}, formats=["small"])
    stores = pd.read_parquet(tmp_path / "florida/dim_store.parquet")
    assert list(stores["format_name"].unique()) == ["small"]
    assert len(stores) == 3


def test_any_new_region_can_be_simulated(tmp_path):
    simulate(tmp_path, **SMALL, seed=1, regions={"atlantis": "us_csv", "hawaii": "us_csv"})
    zips = {
        name: pd.read_csv(tmp_path / name / "stores.csv", dtype=str)["ZIP"].str[:3].unique()
        for name in ("atlantis", "hawaii")
    }
    assert set(zips["hawaii"]) <= {"968", "967"}
    assert len(zips["atlantis"]) >= 1


def test_truth_is_apart_and_an_old_one_is_replaced(tmp_path):
    raw, truth = tmp_path / "raw", tmp_path / "truth"
    old = truth / "florida" / "truth_large_7.parquet"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    simulate(raw, **SMALL, seed=1, regions=["florida"], truth=truth)
    frame = read_truth(truth, "florida")
    assert not old.exists()
    assert not list(raw.rglob("*truth*"))
    assert (frame["censored"] == (frame["demand"] >= frame["delivered"])).all()
    assert (frame["latent_mean"] > 0).all()
    assert (frame["delivered"] >= 1).all()
    assert set(frame["velocity"]) == {"fast", "slow"}
    assert not frame.duplicated(["store_id", "product_id", "week"]).any()


def test_missing_truth_is_an_error_that_says_how_to_get_it(tmp_path):
    with pytest.raises(SourceError, match="--truth"):
        read_truth(tmp_path, "florida")


def test_folder_of_somebody_else_is_left_alone(tmp_path):
    precious = tmp_path / "florida" / "precious.csv"
    precious.parent.mkdir()
    precious.write_text("a,b\n")
    with pytest.raises(ConfigurationError, match="no simulation wrote"):
        simulate(tmp_path, **SMALL, seed=1, regions=["florida"])
    assert precious.read_text() == "a,b\n"


def test_interrupted_run_leaves_the_old_folder_whole(tmp_path, monkeypatch):
    simulate(tmp_path, **SMALL, seed=1, regions=["florida"])
    before = digests(tmp_path)

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation, "_add_block", fail)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, **SMALL, seed=2, regions=["florida"])
    assert digests(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stores": 0}, "stores is 0"),
        ({"weeks": -1}, "weeks is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"formats": ["larg"]}, "Did you mean 'large'"),
        ({"formats": []}, r"\(none\)"),
        ({"regions": ["floridda"]}, "Did you mean 'florida'"),
        ({"regions": {"florida": "us_cvs"}}, "Did you mean 'us_csv'"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, change, message):
    arguments = {**SMALL, "seed": 1, "regions": ["florida"], **change}
    with pytest.raises(ConfigurationError, match=message):
        simulate(tmp_path / "raw", **arguments)
    assert not (tmp_path / "raw").exists()


def test_layout_the_simulator_cannot_write(tmp_path, root):
    conf = tmp_path / "conf"
    shutil.copytree(root / "conf/base/layouts", conf / "layouts")
    layout = yaml.safe_load((conf / "layouts/us_csv.yml").read_text())
    layout["us_csv"]["sources"]["shipments"]["files"] = "shipments.csv"
    (conf / "layouts/us_csv.yml").write_text(yaml.safe_dump(layout))
    with pytest.raises(
        ConfigurationError, match=r"'shipments': files 'shipments.csv' needs a '\*'"
    ):
        simulate(tmp_path / "raw", **SMALL, seed=1, regions={"florida": "us_csv"}, conf=conf)
    assert not (tmp_path / "raw/florida").exists()


def test_command_writes_and_reports(tmp_path):
    sizes = ["--stores", "2", "--products", "2", "--weeks", "10", "--seed", "5"]
    where = ["--output", str(tmp_path / "raw"), "--truth", str(tmp_path / "truth")]
    names = ["--regions", "florida, north_texas"]
    result = CliRunner().invoke(cli, ["sample-data", *sizes, *where, *names])
    assert result.exit_code == 0, result.output
    assert "florida" in result.output and "rows" in result.output
    assert (tmp_path / "raw/north_texas/stores.csv").exists()
    assert len(read_truth(tmp_path / "truth", "florida"))


def test_command_shows_errors_in_one_line(tmp_path):
    result = CliRunner().invoke(
        cli, ["sample-data", "--regions", "texas", "--output", str(tmp_path)]
    )
    assert result.exit_code == 1
    assert result.output.startswith("Error: region 'texas'")


def test_committed_sample_is_the_commands(root, tmp_path):
    regions = yaml.safe_load((root / "conf/base/segments.yml").read_text())["regions"]
    folder = root / "data/01_raw"
    assert len(regions) == 14
    assert {p.parent.name for p in folder.glob("*/simulated.json")} >= set(regions)
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 5_000_000
    note = json.loads((folder / "north_texas/simulated.json").read_text())
    defaults = {p.name: p.default for p in cli.commands["sample-data"].params}
    assert note["company"] == {
        **{k: defaults[k] for k in ("stores", "products", "weeks", "seed")},
        "formats": ["large", "small"],
    }
    simulate(tmp_path, **note["company"], regions=["north_texas"])
    for name in ("stores.csv", "products.csv", "events.csv"):
        assert (tmp_path / "north_texas" / name).read_text() == (
            folder / "north_texas" / name
        ).read_text()
