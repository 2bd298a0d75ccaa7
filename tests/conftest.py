"""What tests of several kinds need."""

import functools
import secrets
from collections.abc import Iterator

import pytest
from httpx._config import create_ssl_context

from tests.processes.s3_server import S3Server
from tests.support.sandboxes import Children, sandboxes


@pytest.fixture(scope="session", autouse=True)
def _certificates_once() -> Iterator[None]:
    """Have clients of HTTP share what they know of certificates.

    httpx loads all of them for each client, and for each httpx.get(): that takes forty times the processor time of a
    request, and most tests ask for nothing with https.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", functools.cache(create_ssl_context))
        yield


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The one S3 server that no test breaks."""
    made = S3Server(tmp_path_factory.mktemp("s3") / "data")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def missing_bucket(s3_server: S3Server) -> Iterator[str]:
    """The name of a bucket that a test may have made. It is removed afterwards, with what is in it."""
    name = f"made-by-test-{secrets.token_hex(4)}"
    yield name
    if name in [bucket["Name"] for bucket in s3_server.client.list_buckets()["Buckets"]]:
        s3_server.empty(name)
        s3_server.client.delete_bucket(Bucket=name)


@pytest.fixture
def children() -> Children:
    before = sandboxes()
    return lambda: sandboxes() - before
