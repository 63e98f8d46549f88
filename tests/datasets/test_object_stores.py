import pytest

from demand_forecast.datasets.atomic import writing
from demand_forecast.datasets.object_stores import (
    advice_for_address,
    advice_for_error,
    is_of_driver,
    is_of_storage,
    reaching,
    said,
)
from demand_forecast.exceptions import ConfigurationError, StorageError


def of(package):
    """The class of an error that a package of that name defines."""
    return type("TokenExpired", (Exception,), {"__module__": f"{package}.exceptions"})


@pytest.mark.parametrize(
    ("package", "page"),
    [("botocore", "aws"), ("azure", "azure"), ("google", "gcp"), ("gcsfs", "gcp")],
)
def test_a_drivers_error_is_told_by_its_package_with_the_way_out(package, page):
    error = of(package)("the token has expired")
    assert is_of_driver(error)
    assert is_of_storage(error)
    assert advice_for_error(error).endswith(f": docs/how-to/run-on-{page}.md.")


def test_other_errors_are_no_drivers():
    assert not is_of_driver(ValueError("x"))
    assert not is_of_driver(None)
    assert is_of_storage(PermissionError("x"))
    assert not is_of_storage(ValueError("x"))
    assert advice_for_error(ValueError("x")) == ""


def test_a_store_that_refuses_is_named_with_bucket_and_credentials():
    with pytest.raises(StorageError) as caught, reaching("abfs://lake/data"):
        raise of("azure")("the key is wrong.\nRequestId: 1")
    assert str(caught.value) == (
        "abfs://lake/data cannot be used: the key is wrong. Look at the container 'lake', the "
        "extra 'demand-forecast[azure]' and the credentials (AZURE_STORAGE_CONNECTION_STRING, or "
        "AZURE_STORAGE_ACCOUNT_NAME and a login): docs/how-to/run-on-azure.md."
    )


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileNotFoundError("nowhere/a.json"), "not found, nowhere/a.json"),
        (FileNotFoundError("The bucket does not exist"), "The bucket does not exist"),
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (TimeoutError(), "TimeoutError"),
        (OSError("x" * 300), "x" * 200),
    ],
)
def test_an_error_is_said_in_a_line(error, line):
    assert said(error) == line


def test_only_known_stores_have_a_way_out():
    assert advice_for_address("/data") == advice_for_address("memory://bucket/data") == ""
    assert "bucket 'shop'" in advice_for_address("gs://shop/data")


def test_what_cannot_be_written_to_a_store_is_said_and_faults_of_the_code_stay():
    refused = r"s3://shop/a cannot be written: expired\. Look at"
    with pytest.raises(StorageError, match=refused), writing("s3://shop/a"):
        raise of("botocore")("expired")
    with pytest.raises(ConfigurationError), writing("s3://shop/a"):
        raise ConfigurationError("x")
