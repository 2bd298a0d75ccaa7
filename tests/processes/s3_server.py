"""A real S3 server for tests, one for a whole run of them unless a test wants to break it, and its one bucket.

All tests share a bucket, and each begins with an empty one: every bucket takes volumes of its own, and with some 75 of
them this server answers each write with 500.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from services.core.storage import StorageSettings
from tests.support.ports import free_run_of_ports
from tests.support.waits import wait_until
from tools.stack import children, ready, s3

KEYS = s3.Keys("key-of-the-tests", "secret-of-the-tests")
BUCKET = "media"


class S3Server:
    """SeaweedFS on a folder and ports of its own; `options` are more of its command line."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = free_run_of_ports(s3.PORTS)
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = client(self.url, KEYS)
        self._options = options
        self._sockets = Path(tempfile.mkdtemp(prefix="tada-test-s3-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes an object."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ("-master.volumeSizeLimitMB=128", *self._options)  # Many of them, on small disks too.
        command = s3.command(self.folder, self._sockets, self._sockets, self.port, *options)
        with (self._sockets / "log").open("ab") as log:
            self._process = children.start(command, s3.environment(KEYS), stdout=log, stderr=log)
        wait_until(self._takes_objects, within=30)

    def _takes_objects(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log[-2000:]
        if not ready.answers(s3.ready(self.port)):
            return False
        try:
            with suppress(self.client.exceptions.BucketAlreadyOwnedByYou, self.client.exceptions.BucketAlreadyExists):
                self.client.create_bucket(Bucket=BUCKET)
            self.client.put_object(Bucket=BUCKET, Key="ready", Body=b"")
            self.client.delete_object(Bucket=BUCKET, Key="ready")
        except (BotoCoreError, ClientError):
            return False
        return True

    @property
    def log(self) -> str:
        return (self._sockets / "log").read_text(errors="replace")

    def kill(self) -> None:
        assert self._process
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """End it as its supervisor does: it may finish what it is doing."""
        assert self._process
        self._process.terminate()
        self._process.wait(30)

    def pause(self) -> None:
        assert self._process
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        os.killpg(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Kill it: what it has is thrown away, and ending properly would take it seconds."""
        if self._process and self._process.poll() is None:
            self.kill()
        s3.remove_sockets(self.port)
        shutil.rmtree(self._sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def empty(self, bucket: str = BUCKET) -> None:
        """Remove everything from the bucket, what was never completed too."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            if found := page.get("Contents"):
                self.client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": one["Key"]} for one in found]})
        for upload in self.unfinished(bucket):
            self.client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    def unfinished(self, bucket: str = BUCKET) -> list[dict[str, Any]]:
        """Return the multipart uploads that have not ended."""
        found: list[dict[str, Any]] = self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return found

    def environment(self, **more: str) -> dict[str, str]:
        """Return what services are told that use it."""
        return {**s3.settings(KEYS, self.port), "S3_BUCKET_NAME": BUCKET, **more}


def client(url: str, keys: s3.Keys) -> Any:
    """Return a client that is none of the product."""
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=keys.access,
        aws_secret_access_key=keys.secret,
        config=Config(connect_timeout=2, read_timeout=10, s3={"addressing_style": "path"}),
    )


def settings_for(url: str, folder: Path, **more: Any) -> StorageSettings:
    """Return the settings of a storage at `url`: with its keys, and quick to give up unless told otherwise."""
    values: dict[str, Any] = {
        "delegated_storage_method": "S3",
        "data_folder_path": folder,
        "s3_endpoint": url,
        "s3_access_key": KEYS.access,
        "s3_secret_key": KEYS.secret,
        "s3_bucket_name": BUCKET,
        "storage_connect_seconds": 2,
        "storage_read_seconds": 5,
        "storage_deadline_seconds": 10,
        "storage_retries": 1,
        "storage_breaker_failures": 1000,
    }
    return StorageSettings(**{**values, **more})
