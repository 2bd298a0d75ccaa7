import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.core.storage import StorageSettings
from services.core.storage.s3.client import connect, endpoint


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in StorageSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def settings(**values: Any) -> StorageSettings:
    keys = {"s3_access_key": "the-key", "s3_secret_key": "the-secret"}
    return StorageSettings(delegated_storage_method="S3", **{**keys, **values})


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, None),
        ({"s3_endpoint": "minio"}, "http://minio"),
        ({"s3_endpoint": "minio", "s3_port": 9000}, "http://minio:9000"),
        ({"s3_endpoint": "minio:9000"}, "http://minio:9000"),
        ({"s3_endpoint": "minio:9000", "s3_port": 9001}, "http://minio:9000"),
        ({"s3_endpoint": "minio", "s3_use_tls": True}, "https://minio"),
        ({"s3_endpoint": "https://minio/", "s3_port": 9000}, "https://minio:9000"),
        ({"s3_endpoint": "http://minio", "s3_use_tls": True}, "http://minio"),
        ({"s3_endpoint": "[::1]", "s3_port": 9000}, "http://[::1]:9000"),
        ({"s3_endpoint": "[::1]:8333", "s3_port": 9000}, "http://[::1]:8333"),
    ],
)
def test_the_address_is_made_of_host_port_and_tls(given: dict[str, Any], address: str | None) -> None:
    assert endpoint(settings(**given)) == address


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"s3_access_key": ""}, "S3_ACCESS_KEY"),
        ({"s3_secret_key": ""}, "S3_SECRET_KEY"),
        ({"s3_endpoint": "ftp://minio"}, "expected a host such as minio"),
        ({"s3_endpoint": "minio/path"}, "expected a host such as minio"),
        ({"s3_bucket_name": "Media"}, "3 to 63 lower-case letters"),
        ({"s3_bucket_name": "ab"}, "3 to 63 lower-case letters"),
        ({"s3_port": 70000}, "less than 65536"),
        ({"s3_region": "us east"}, "s3_region"),
    ],
)
def test_a_setting_that_cannot_be_stops_the_start(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        settings(**given)


def test_the_keys_are_in_no_text_of_the_settings() -> None:
    assert "the-secret" not in repr(settings())
    assert "the-key" not in str(settings())


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"s3_endpoint": "minio:9000"}, "http://minio:9000/media/DEV/a%20b%C3%A9.webp?"),
        ({"s3_endpoint": "minio:9000", "s3_path_style": False}, "http://media.minio:9000/DEV/a%20b%C3%A9.webp?"),
        ({"s3_path_style": False}, "https://media.s3.amazonaws.com/DEV/a%20b%C3%A9.webp?"),
        ({"s3_region": "eu-west-3"}, "https://s3.eu-west-3.amazonaws.com/media/DEV/a%20b%C3%A9.webp?"),
    ],
)
async def test_the_bucket_is_in_the_path_or_in_the_host(given: dict[str, Any], url: str, tmp_path: Path) -> None:
    async with connect(settings(**given, data_folder_path=tmp_path)) as client:
        made = await client.generate_presigned_url("get_object", Params={"Bucket": "media", "Key": "DEV/a bé.webp"})
    assert made.startswith(url)


def test_the_examples_of_the_manual_are_settings() -> None:
    page = (Path(__file__).parents[5] / "docs/storage-s3.md").read_text()
    examples = re.findall(r"```\n(DELEGATED_STORAGE_METHOD=S3\n.+?)```", page, re.DOTALL)
    given = [dict(line.split("=", 1) for line in example.splitlines()) for example in examples]
    made = [StorageSettings(**{name.lower(): value for name, value in one.items()}) for one in given]
    assert all(name.lower() in StorageSettings.model_fields for one in given for name in one)
    assert [endpoint(one) for one in made] == [None, "https://minio.example.com:9000", "http://seaweedfs:8333"]


async def test_what_says_how_long_and_how_many_is_what_the_settings_say() -> None:
    given = settings(storage_connect_seconds=1.5, storage_read_seconds=2.5, storage_pool_size=7)
    async with connect(given) as client:
        config: Any = client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (1.5, 2.5, 7)
    assert config.retries["total_max_attempts"] == 1
