from pathlib import Path

import pytest

from services.jobs.dumps import rdb

TARGET = Path("/spool/copy.rdb")


@pytest.mark.parametrize(
    ("address", "arguments"),
    [
        ("redis://redis", "-h redis -p 6379"),
        ("redis://redis:6380/3", "-h redis -p 6380"),
        ("unix:///run/redis.sock?db=2", "-s /run/redis.sock"),
        ("redis://:secret@redis:6379/0", "-h redis -p 6379"),
        ("redis://dumper:secret@redis:6379/0", "-h redis -p 6379 --user dumper"),
        ("rediss://redis", "-h redis -p 6379 --tls"),
        ("rediss://redis?ssl_ca_certs=/ca.pem", "-h redis -p 6379 --tls --cacert /ca.pem"),
        ("rediss://redis?ssl_certfile=/c.pem&ssl_keyfile=/k.pem", "-h redis -p 6379 --tls --cert /c.pem --key /k.pem"),
        ("rediss://redis?ssl_cert_reqs=none", "-h redis -p 6379 --tls --insecure"),
    ],
)
def test_redis_is_copied_from_where_its_address_says(address: str, arguments: str) -> None:
    command, secret = rdb.copying(address, TARGET)
    assert command == ["redis-cli", "--no-auth-warning", *arguments.split(), "--rdb", "/spool/copy.rdb"]
    assert secret == ({"REDISCLI_AUTH": "secret"} if "secret" in address else {})


@pytest.mark.parametrize(
    ("address", "number"), [("redis://redis", 0), ("redis://redis/7", 7), ("unix:///run/redis.sock?db=2", 2)]
)
def test_the_database_is_the_one_in_the_address(address: str, number: int) -> None:
    assert rdb.database_of(address) == number
