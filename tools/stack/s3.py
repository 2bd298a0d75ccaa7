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
"""It listens on so many ports, one after the other; the first is that of S3. The others ask nobody who they are."""
_PROFILE = "default"


@dataclass(frozen=True, slots=True)
class Keys:
    """The one pair of keys that the server takes."""

    access: str
    secret: str = field(repr=False)


def kept_keys(file: Path) -> Keys:
    """Return the keys in a file; makes them, for the owner alone, when it is not there.

    The file is what S3 clients read by AWS_SHARED_CREDENTIALS_FILE.
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
    """Return where the server is when it is installed."""
    return Path(sys.executable).parent / "weed"


def command(data: Path, logs: Path, sockets: Path, port: int, *more: str) -> list[str]:
    """Return what runs the server on a folder; `sockets` is one whose path is short, as sockets need it.

    It talks a lot: only its errors are not left to the folder of logs.
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
        # It makes no bucket that nobody asked for, runs nothing else, and tells nobody about it.
        "-s3.autoCreateBucket=false",
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
        *more,
    ]


def environment(keys: Keys) -> dict[str, str]:
    """Return what the server is told beside its command line, which everybody on the machine can read."""
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
    """Remove what a server that was killed leaves in the folder for temporary files, whatever it is told."""
    for socket in Path("/tmp").glob("seaweedfs-*-grpc-*.sock"):  # noqa: S108 - the server's own choice
        number = socket.stem.rpartition("-")[2]
        if number.isdecimal() and int(number) in range(port, port + PORTS):
            socket.unlink(missing_ok=True)
