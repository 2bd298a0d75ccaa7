"""What tests of several kinds need."""

from collections.abc import Iterator

import pytest

from tests.processes.s3_server import S3Server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The one S3 server that no test breaks."""
    made = S3Server(tmp_path_factory.mktemp("s3") / "data")
    try:
        made.start()
        yield made
    finally:
        made.stop()
