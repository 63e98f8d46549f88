from __future__ import annotations

import pickle

import pytest
from kedro.io.core import DatasetError, VersionNotFoundError
from mlflow.exceptions import MlflowException

from demand_forecast.datasets.atomic import JSONDataset
from demand_forecast.exceptions import SourceError
from demand_forecast.framework.failures import (
    Failure,
    Place,
    RunFailedError,
    explained,
    is_refused,
    is_told,
    mark,
    own_error,
    place_of,
    said_in_a_line,
)


def test_an_error_is_marked_once_and_keeps_it_when_pickled():
    error = SourceError("x is empty")
    mark(error, Place("condition", "raw", "loading"))
    mark(error, Place("other"))
    copied = pickle.loads(pickle.dumps(error))
    assert str(place_of(copied)) == "node 'condition', loading 'raw'"
    assert copied.__notes__ == ["in node 'condition', loading 'raw'"]


def test_the_own_error_is_found_among_the_causes():
    own = SourceError("x")
    outer, middle = ValueError("outer"), KeyError("middle")
    outer.__cause__, middle.__cause__ = middle, own
    assert own_error(outer) is own
    assert own_error(own) is own
    assert own_error(ValueError("x")) is None


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SourceError("x is empty"), "x is empty"),
        (PermissionError(13, "Permission denied", "/data/a.csv"), "/data/a.csv: Permission denied"),
        (IsADirectoryError(21, "Is a directory", "conf"), "conf: Is a directory"),
        (OSError("http://ann:secret@mlflow is down"), "http://***@mlflow is down"),
        (RecursionError("too deep"), "something is nested too deeply: too deep"),
        (MemoryError(), "the memory of this machine is not enough."),
        (
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
            "a file is not written in UTF-8: 'utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte",
        ),
    ],
)
def test_what_is_no_fault_of_the_code_is_a_line(error, line):
    assert explained(error) == line


def test_of_that_a_log_needs_no_traceback():
    full = ValueError("Failed while saving data")
    full.__cause__ = OSError(28, "No space left on device", "/data/x")
    assert is_told(full)
    assert said_in_a_line(full) == "OSError: [Errno 28] No space left on device: '/data/x'"
    deep = ValueError("Failed while loading data")
    deep.__cause__ = RecursionError("too deep")
    assert is_told(deep)
    assert said_in_a_line(deep) == "something is nested too deeply: too deep"
    gone = ValueError("Failed while loading data")
    gone.__cause__ = VersionNotFoundError("Did not find any versions for totals.csv")
    assert is_told(gone)
    assert not is_told(KeyError("week"))
    assert not is_told(OSError("no answer, as a library says it"))


@pytest.mark.parametrize("text", ["[" * 10_000, '{"passed": tr'])
def test_a_stored_file_that_is_no_json_is_a_line_with_its_name(tmp_path, text):
    file = tmp_path / "verdict.json"
    file.write_text(text)
    with pytest.raises(DatasetError) as caught:
        JSONDataset(filepath=str(file)).load()
    assert str(file) in str(explained(caught.value))
    assert "\n" not in str(explained(caught.value))


def test_a_server_that_was_given_up_is_said_without_mlflows_own_words():
    refused = MlflowException("got unsupported URI 'unreachable:' for model registry data storage")
    wrapped = ValueError("Failed while saving data")
    wrapped.__cause__ = refused
    assert is_refused(wrapped)
    assert said_in_a_line(wrapped).startswith("MLflow could not be reached in this run")


def test_what_may_be_one_is_not():
    assert explained(KeyError("week")) is None


def test_an_object_store_that_refuses_is_said_in_a_line_with_the_way_out():
    expired = type("TokenExpired", (Exception,), {"__module__": "botocore.exceptions"})
    try:
        try:
            raise expired("the token has expired\nRequestId: 1")
        except expired as error:
            raise ValueError("loading failed") from error
    except ValueError as error:
        said = explained(error)
        failure = Failure.of(error, "train", "florida")
    assert said == failure.why
    assert failure.why.startswith("TokenExpired: the token has expired. Look at the bucket, ")
    assert failure.why.endswith(": docs/how-to/run-on-aws.md.")


def test_what_fails_many_nodes_is_said_once():
    failures = [Failure(f"n{i}", "texas", f"node 'n{i}'", "no route to MLflow") for i in range(3)]
    failures.insert(1, Failure("other", "texas", "node 'other'", "KeyError: 'x'"))
    first, second, third, *_ = str(RunFailedError(failures)).splitlines()
    assert first == "node 'n0' and 2 more: no route to MLflow"
    assert second == "node 'other': KeyError: 'x'"
    assert third == "4 nodes failed. All others have run, and their results are stored."
