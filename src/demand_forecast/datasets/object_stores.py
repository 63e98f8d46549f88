"""Object stores that refuse or do not answer: where, why, and what to look at.

Their drivers belong to fsspec. They raise errors of many kinds, which are told by the package that
they come from; no driver need be installed for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from demand_forecast.exceptions import StorageError


class _Store(NamedTuple):
    """How a kind of object store is got at.

    Attributes:
        extra: The extra of this package with its driver; its how-to page is named after it.
        bucket: What it calls the first part of a path.
        credentials: Environment variables that its driver reads.
        packages: Whose errors are the store's.
    """

    extra: str
    bucket: str
    credentials: str
    packages: frozenset[str]

    def advice(self, bucket: str = "") -> str:
        """What to look at, in a sentence that begins with a space."""
        named = f"{self.bucket} '{bucket}'" if bucket else self.bucket
        return (
            f" Look at the {named}, the extra 'demand-forecast[{self.extra}]' and the credentials "
            f"({self.credentials}): docs/how-to/run-on-{self.extra}.md."
        )


_AWS: Final = _Store(
    "aws", "bucket", "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY", frozenset({"botocore", "boto3"})
)
_AZURE: Final = _Store(
    "azure",
    "container",
    "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and a login",
    frozenset({"azure", "adlfs"}),
)
_GOOGLE: Final = _Store(
    "gcp", "bucket", "GOOGLE_APPLICATION_CREDENTIALS, or a login", frozenset({"google", "gcsfs"})
)
_BY_PROTOCOL: Final = {
    "s3": _AWS, "s3a": _AWS, "abfs": _AZURE, "abfss": _AZURE, "az": _AZURE, "gs": _GOOGLE,
    "gcs": _GOOGLE,
}  # fmt: skip
_STORES: Final = (_AWS, _AZURE, _GOOGLE)
_OF_ANY: Final = frozenset({"aiohttp"})
_LONGEST: Final = 200


def is_of_storage(error: BaseException | None) -> bool:
    """Whether an error is one of the system, the network or an object store's driver."""
    return isinstance(error, OSError) or is_of_driver(error)


def is_of_driver(error: BaseException | None) -> bool:
    """Whether an error is one of an object store's driver."""
    return _package(error) in _OF_ANY.union(*(store.packages for store in _STORES))


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Ask an object store for something, and nothing else.

    Args:
        address: Where, for the message.

    Raises:
        StorageError: In place of whatever its driver raises, and where there is no driver.
    """
    try:
        yield
    except Exception as error:
        raise StorageError(
            f"{address} cannot be used: {said(error)}.{advice_for_address(address)}"
        ) from error


def said(error: BaseException) -> str:
    """What an error says, in a line of at most 200 characters."""
    strerror = getattr(error, "strerror", None)
    lines = [line.strip() for line in (strerror or str(error)).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    if isinstance(error, FileNotFoundError) and not strerror and "exist" not in line:
        line = f"not found, {line}"
    return line[:_LONGEST].rstrip(". ")


def advice_for_address(address: str) -> str:
    """What to look at where an address cannot be used; empty for what is no object store known."""
    protocol, _, path = address.partition("://")
    store = _BY_PROTOCOL.get(protocol)
    return "" if store is None else store.advice(path.partition("/")[0])


def advice_for_error(error: BaseException) -> str:
    """The same for an error of :func:`is_of_driver`; empty for others."""
    stores = [store for store in _STORES if _package(error) in store.packages]
    return stores[0].advice() if stores else ""


def _package(error: BaseException | None) -> str:
    return type(error).__module__.partition(".")[0]
