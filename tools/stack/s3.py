"""A real S3 server on this machine, for `make run STORAGE=s3` and for the tests: SeaweedFS, which comes in a wheel."""

import configparser
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORT = 8333
PORTS = 10
"""The number of its ports, one after the other. The first is the port of S3. The others need no key."""
_PROFILE = "default"


@dataclass(frozen=True, slots=True)
class Keys:
    """The only pair of keys that the server accepts."""

    access: str
    secret: str = field(repr=False)


def kept_keys(file: Path) -> Keys:
    """Return the keys in a file. If there is no file, make one that only the owner can read.

    S3 clients can read this file by AWS_SHARED_CREDENTIALS_FILE.
    """
    parser = configparser.ConfigParser()
    if not parser.read(file):
        parser[_PROFILE] = {
            "aws_access_key_id": secrets.token_hex(10),
            "aws_secret_access_key": secrets.token_hex(20),
        }
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            parser.write(out)
    found = parser[_PROFILE]
    return Keys(found["aws_access_key_id"], found["aws_secret_access_key"])


def program() -> Path:
    """Return the path of the server, whether or not it is installed."""
    return Path(sys.executable).parent / "weed"


def command(data: Path, logs: Path, sockets: Path, port: int, *more: str) -> list[str]:
    """Return the command that runs the server on a folder. `sockets` is a folder with a short path, as sockets need.

    Only errors go to its output. All other messages go to the folder `logs`.
    """
    ports = {
        name: port + offset
        for offset, name in enumerate(
            [
                *("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
                *("filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc"),
            ]
        )
    }
    return [
        str(program()),
        *("-logtostderr=false", "-alsologtostderr=false", "-stderrthreshold=ERROR", f"-logdir={logs}"),
        *("-log_max_size_mb=10", "-log_max_files=2"),
        "mini",
        f"-dir={data}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        *(f"-{name}={number}" for name, number in ports.items()),
        f"-filer.localSocket={sockets / 'filer.sock'}",
        f"-s3.localSocket={sockets / 's3.sock'}",
        # It creates no buckets by itself, runs no other servers, and sends no telemetry.
        "-s3.autoCreateBucket=false",
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
        *more,
    ]


def environment(keys: Keys) -> dict[str, str]:
    """Return the environment with the keys. Other users can read the command line, but not the environment."""
    return {**os.environ, "AWS_ACCESS_KEY_ID": keys.access, "AWS_SECRET_ACCESS_KEY": keys.secret}


def ready(port: int) -> str:
    return f"http://{LOOPBACK}:{port}/healthz"


def settings(keys: Keys, port: int) -> dict[str, str]:
    """Return the settings of the services that use the server."""
    return {
        "DELEGATED_STORAGE_METHOD": "S3",
        "S3_ENDPOINT": f"http://{LOOPBACK}:{port}",
        "S3_ACCESS_KEY": keys.access,
        "S3_SECRET_KEY": keys.secret,
        "S3_PATH_STYLE": "true",
    }


def remove_sockets(port: int) -> None:
    """Remove the sockets that a killed server leaves in the folder for temporary files. It has no setting for them."""
    for socket in Path("/tmp").glob("seaweedfs-*-grpc-*.sock"):  # noqa: S108 - the server's own choice
        number = socket.stem.rpartition("-")[2]
        if number.isdecimal() and int(number) in range(port, port + PORTS):
            socket.unlink(missing_ok=True)
