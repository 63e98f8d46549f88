import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node, pipeline

from demand_forecast.framework.reconnection import connect_anew

NODES = pipeline(
    [node(lambda remote, here, held: None, ["remote", "here", "held"], None, name="n")]
)
ADDRESS = "memory://reconnection_of_test/note.json"


@pytest.fixture
def catalog(tmp_path):
    json = "demand_forecast.datasets.atomic.JSONDataset"
    entries = {
        "remote": {"type": json, "filepath": ADDRESS},
        "here": {"type": json, "filepath": str(tmp_path / "note.json")},
    }
    catalog = DataCatalog.from_config(entries)
    catalog["held"] = MemoryDataset(data="see s3://bucket")
    return catalog


class Severed:
    """A connection of the process before the fork."""

    def open(self, *_, **__):
        raise RuntimeError("This class is not fork-safe")


def test_a_dataset_at_an_address_is_connected_anew_in_its_place(catalog):
    remote, here = catalog.get("remote"), catalog.get("here")
    remote.save({"a": 1})
    remote._fs = Severed()
    local = here._fs
    connect_anew(NODES, catalog)
    assert catalog.get("remote") is remote
    assert remote.load() == {"a": 1}
    assert here._fs is local
    assert catalog.load("held") == "see s3://bucket"
    remote._fs.rm(str(remote._filepath))
