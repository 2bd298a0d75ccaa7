"""What only S3 has, on a real server: its bucket and keys, uploads in parts, checksums, lost answers, TLS."""

import asyncio
import base64
import hashlib
import secrets
import subprocess
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.core.errors import StorageDown, StorageRefused
from services.core.storage import ObjectExists, ObjectMissing, Receipt, Storage
from services.core.storage.s3 import upload as s3_upload
from services.core.storage.s3.upload import PART
from tests.processes.fault_proxy import Faulty
from tests.processes.s3_proxy import Asked, Way, answer, damaged, first, spoilt, way_to
from tests.processes.s3_server import BUCKET, S3Server, settings_for
from tests.support.objects import an_object, listed, new, put, streamed
from tests.support.ports import free_run_of_ports
from tests.support.storages import opened
from tests.support.waits import eventually

CAT = an_object()
LARGE = 2 * PART + 345
MB = 1024 * 1024

Use = Callable[[Storage], Awaitable[Any]]
USES: dict[str, Use] = {
    "store": lambda storage: put(storage, CAT, b"meow"),
    "store 5 MB": lambda storage: put(storage, CAT, secrets.token_bytes(PART)),
    "store large": lambda storage: put(storage, CAT, secrets.token_bytes(LARGE)),
    "read": lambda storage: storage.read(CAT),
    "stream": lambda storage: streamed(storage, CAT),
    "stream nothing": lambda storage: streamed(storage, CAT, 0, 0),
    "size": lambda storage: storage.size(CAT),
    "delete": lambda storage: storage.delete([CAT]),
    "delete several": lambda storage: storage.delete([CAT, an_object("DEV/dog.webp")]),
    "list": listed,
    "check": lambda storage: storage.ready(),
}
READS = ("read", "stream", "stream nothing", "size")


@pytest.fixture
def server(s3_server: S3Server) -> S3Server:
    s3_server.empty()
    return s3_server


@pytest.fixture
async def storage(server: S3Server, tmp_path: Path) -> AsyncIterator[Storage]:
    async with opened(settings_for(server.url, tmp_path)) as made:
        yield made


@pytest.fixture
async def way(server: S3Server) -> AsyncIterator[Way]:
    async with way_to(server.port) as found:
        yield found


@pytest.fixture
async def through(way: Way, tmp_path: Path) -> AsyncIterator[Storage]:
    """The same bucket, on the way that notes and changes things."""
    async with opened(settings_for(way.url, tmp_path)) as made:
        yield made


# The bucket


@pytest.mark.parametrize("use", ["check", "store", "store large"])
async def test_a_bucket_that_is_missing_is_made_for_the_first_write(
    server: S3Server, missing_bucket: str, tmp_path: Path, use: str
) -> None:
    async with opened(settings_for(server.url, tmp_path, s3_bucket_name=missing_bucket)) as storage:
        await USES[use](storage)
        assert len(await listed(storage)) == (use != "check")
        await storage.delete([CAT])


async def test_ten_services_that_start_at_once_make_one_bucket(
    server: S3Server, missing_bucket: str, tmp_path: Path
) -> None:
    async def start(number: int) -> None:
        async with opened(settings_for(server.url, tmp_path / str(number), s3_bucket_name=missing_bucket)) as storage:
            await storage.ready()

    await asyncio.gather(*(start(number) for number in range(10)))


@pytest.mark.parametrize("use", [*READS, "list"])
async def test_a_missing_bucket_is_a_wrong_setting_and_no_file_is_missing_by_it(
    server: S3Server, missing_bucket: str, tmp_path: Path, use: str
) -> None:
    async with opened(settings_for(server.url, tmp_path, s3_bucket_name=missing_bucket)) as storage:
        with pytest.raises(StorageDown, match="check S3_BUCKET_NAME"):
            await USES[use](storage)


# Keys and errors


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("wrong", [{"s3_access_key": "nobody"}, {"s3_secret_key": "guessed"}], ids=["access", "secret"])
async def test_wrong_keys_are_refused_whatever_is_asked(
    server: S3Server, tmp_path: Path, use: str, wrong: dict[str, str]
) -> None:
    async with opened(settings_for(server.url, tmp_path, **wrong)) as storage:
        with pytest.raises(StorageRefused, match="S3_ACCESS_KEY, S3_SECRET_KEY") as refused:
            await USES[use](storage)
    assert not any(value in refused.value.message for value in wrong.values())


NOT_ABOUT_THE_FILE = {
    "a page of a proxy": answer(404, b"<html><body>404 Not Found</body></html>", Content_Type="text/html"),
    "an empty 404": answer(404),
    "a 404 in JSON": answer(404, b'{"error": "no such route"}', Content_Type="application/json"),
    "a 200 without an ETag": answer(200, b"Welcome to the hotel's wireless network"),
    "an empty 200": answer(200),
    "a redirect": answer(307, Location="http://127.0.0.1:9/"),
    "a redirect of a proxy": answer(301, b"<html>moved</html>", Location="https://127.0.0.1/"),
    "a redirect of S3": answer(301, b"<Error><Code>PermanentRedirect</Code></Error>", x_amz_bucket_region="eu-west-1"),
    "an error of S3": answer(500, b"<Error><Code>InternalError</Code></Error>"),
    "a 503 of S3": answer(503, b"<Error><Code>SlowDown</Code></Error>"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no number": b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nabc",
}


@pytest.mark.parametrize("said", NOT_ABOUT_THE_FILE.values(), ids=NOT_ABOUT_THE_FILE.keys())
async def test_only_the_word_of_s3_makes_a_file_missing(way: Way, through: Storage, said: bytes) -> None:
    def instead(asked: Asked) -> bytes:
        # Nobody sends a body with an answer to HEAD.
        return said.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if asked.method == "HEAD" else said

    way.instead = instead
    for use in READS:
        with pytest.raises(StorageDown) as down:
            await USES[use](through)
        assert "127.0.0.1" not in down.value.message
    with pytest.raises(StorageDown):
        await listed(through)
    with pytest.raises(StorageDown):
        await put(through, CAT, b"meow")
    with pytest.raises(StorageDown):
        await through.ready()


async def test_a_missing_file_is_missing(through: Storage) -> None:
    for use in READS:
        with pytest.raises(ObjectMissing):
            await USES[use](through)


# Uploads


async def test_a_file_of_up_to_5_mb_goes_in_one_request_and_a_larger_one_in_parts(way: Way, through: Storage) -> None:
    await put(through, CAT, secrets.token_bytes(PART))
    assert [asked.method for asked in way.asked] == ["PUT"]
    way.asked.clear()
    content = secrets.token_bytes(LARGE)
    large = an_object("DEV/large.webp")
    await put(through, large, content)
    parts = [asked.body for asked in way.asked if asked.is_part]
    assert [len(part) for part in parts] == [PART, PART, 345]
    assert b"".join(parts) == content == await through.read(large)


class _CountingPart(s3_upload.FilePart):
    """A part of a file that counts the bytes which are read of it."""

    read_bytes = 0

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        _CountingPart.read_bytes += count
        return count


async def test_a_file_that_goes_in_one_request_is_read_once(
    server: S3Server, through: Storage, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_CountingPart, "read_bytes", 0)
    monkeypatch.setattr(s3_upload, "FilePart", _CountingPart)
    content = secrets.token_bytes(PART)
    await put(through, CAT, content)
    assert _CountingPart.read_bytes == PART
    assert hashlib.sha256(await through.read(CAT)).digest() == hashlib.sha256(content).digest()
    [stored] = [asked for asked in way.asked if asked.method == "PUT"]
    assert base64.b64decode(stored.headers["x-amz-checksum-sha256"]) == hashlib.sha256(content).digest()


async def test_a_file_that_is_not_the_one_that_was_uploaded_is_not_stored(storage: Storage) -> None:
    file = new(storage, CAT, b"meow")
    file.source.write_bytes(b"purr")
    with pytest.raises(StorageDown, match="damaged"):
        await storage.put([file])
    assert await listed(storage) == {}


async def test_large_files_are_not_held_in_memory(storage: Storage) -> None:
    files = [new(storage, an_object(f"DEV/{number}.pdf"), b"") for number in range(6)]
    for file in files:
        with file.source.open("wb") as out:
            out.truncate(30 * MB)
    tracemalloc.start()
    try:
        outcomes = await storage.put(files)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(isinstance(outcome, Receipt) for outcome in outcomes), outcomes
    assert most < 8 * MB


async def test_what_is_stored_has_its_media_type(server: S3Server, storage: Storage) -> None:
    await put(storage, CAT, b"meow")
    await put(storage, an_object("DEV/large.pdf", "application/pdf"), secrets.token_bytes(LARGE))
    assert server.client.head_object(Bucket=BUCKET, Key=CAT.key)["ContentType"] == "image/webp"
    assert server.client.head_object(Bucket=BUCKET, Key="DEV/large.pdf")["ContentType"] == "application/pdf"


async def test_uploads_that_are_cancelled_leave_no_parts(server: S3Server, storage: Storage) -> None:
    content = secrets.token_bytes(4 * PART)
    for number in range(20):
        one = an_object(f"DEV/{number}.webp")
        storing = asyncio.create_task(storage.put([new(storage, one, content)]))
        await asyncio.sleep(number * 0.01)
        storing.cancel()
        await asyncio.gather(storing, return_exceptions=True)

    async def all_ended() -> bool:
        return not server.unfinished()

    await eventually(all_ended)
    assert all(size == len(content) for size in (await listed(storage)).values())


async def test_an_upload_that_fails_in_the_middle_leaves_no_parts(server: S3Server, way: Way, through: Storage) -> None:
    way.instead = lambda asked: answer(500) if "partNumber=2" in asked.target else None
    with pytest.raises(StorageDown):
        await put(through, CAT, secrets.token_bytes(LARGE))
    assert server.unfinished() == []
    assert await listed(through) == {}


async def test_parts_that_were_left_for_a_day_are_removed_by_the_check_and_younger_ones_stay(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"Bucket": BUCKET, "Key": CAT.key}
    upload = server.client.create_multipart_upload(**keys)["UploadId"]
    server.client.upload_part(**keys, UploadId=upload, PartNumber=1, Body=b"x" * PART)
    async with opened(settings_for(server.url, tmp_path)) as storage:
        await storage.ready()
        assert len(server.unfinished()) == 1
    monkeypatch.setattr(s3_upload, "ABANDONED_AFTER", timedelta(seconds=-5))
    async with opened(settings_for(server.url, tmp_path)) as storage:
        await storage.ready()
        assert server.unfinished() == []


async def test_a_key_that_may_not_list_uploads_passes_the_check(way: Way, through: Storage) -> None:
    denied = answer(403, b"<Error><Code>AccessDenied</Code></Error>")
    way.instead = lambda asked: denied if asked.method == "GET" and "uploads" in asked.target else None
    await through.ready()


async def test_a_storage_that_is_down_when_the_service_ends_does_not_hold_it_up(
    server: S3Server, tmp_path: Path
) -> None:
    faulty = Faulty(server.port)
    try:
        settings = settings_for(f"http://127.0.0.1:{faulty.port}", tmp_path, storage_read_seconds=30)
        async with opened(settings) as storage:
            storing = asyncio.create_task(storage.put([new(storage, CAT, secrets.token_bytes(20 * PART))]))

            async def has_begun() -> bool:
                return bool(server.unfinished())

            await eventually(has_begun)
            faulty.set("slow")
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)
            started = time.monotonic()
        assert time.monotonic() - started < 4
    finally:
        faulty.close()


# Lost answers


def is_creation(asked: Asked) -> bool:
    """Say whether the object is there once this has been answered."""
    if asked.method == "PUT":
        return not asked.is_part
    return asked.method == "POST" and "uploadId=" in asked.target


@pytest.mark.parametrize("size", [1000, LARGE])
async def test_a_writer_whose_answer_was_lost_finds_its_own_object(way: Way, through: Storage, size: int) -> None:
    way.back = first(lambda asked, content: b"", of=is_creation)
    content = secrets.token_bytes(size)
    assert isinstance(await put(through, CAT, content), Receipt)
    assert await through.read(CAT) == content


@pytest.mark.parametrize("size", [1000, LARGE])
async def test_a_writer_whose_request_was_lost_does_not_take_the_object_of_another_for_its_own(
    server: S3Server, way: Way, through: Storage, size: int
) -> None:
    def somebody_else_was_faster(asked: Asked) -> bytes | None:
        if is_creation(asked):
            server.client.put_object(Bucket=BUCKET, Key=CAT.key, Body=b"of somebody else")
        return None

    way.instead = somebody_else_was_faster
    outcomes = await through.put([new(through, CAT, secrets.token_bytes(size))])
    assert isinstance(outcomes[0], ObjectExists)
    assert await through.read(CAT) == b"of somebody else"
    assert server.unfinished() == []


# Checksums


@pytest.mark.parametrize("size", [1000, LARGE])
async def test_every_body_is_sent_with_its_sha_256(way: Way, through: Storage, size: int) -> None:
    await put(through, CAT, secrets.token_bytes(size))
    bodies = [asked for asked in way.asked if asked.method == "PUT"]
    assert len(bodies) == (1 if size == 1000 else 3)
    for asked in bodies:
        digest = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
        assert asked.headers["x-amz-checksum-sha256"] == digest
        assert "x-amz-checksum-sha256" in asked.headers["authorization"], "and it is signed"


@pytest.mark.parametrize("size", [1000, LARGE])
async def test_bytes_that_are_damaged_on_their_way_are_not_stored(way: Way, through: Storage, size: int) -> None:
    way.there = lambda asked: damaged(asked) if asked.method == "PUT" else asked
    with pytest.raises(StorageDown, match="damaged"):
        await put(through, CAT, secrets.token_bytes(size))
    assert await listed(through) == {}


async def test_bytes_that_are_damaged_on_their_way_once_are_sent_again(way: Way, through: Storage) -> None:
    spoilt_once: list[Asked] = []

    def there(asked: Asked) -> Asked:
        if asked.method != "PUT" or spoilt_once:
            return asked
        spoilt_once.append(asked)
        return damaged(asked)

    way.there = there
    await put(through, CAT, b"meow")
    assert await through.read(CAT) == b"meow"


async def test_bytes_that_are_damaged_on_their_way_back_are_noticed(way: Way, through: Storage) -> None:
    await put(through, CAT, b"meow")
    way.back = lambda asked, content: spoilt(content) if asked.method == "GET" else content
    with pytest.raises(StorageDown, match="damaged"):
        await through.read(CAT)
    with pytest.raises(StorageDown, match="other bytes"):
        await streamed(through, CAT)
    way.back = first(lambda asked, content: spoilt(content), of=lambda asked: asked.method == "GET")
    assert await through.read(CAT) == b"meow"


# Reading


async def test_a_file_that_was_changed_while_it_was_read_is_not_two_halves(
    server: S3Server, way: Way, through: Storage
) -> None:
    server.client.put_object(Bucket=BUCKET, Key=CAT.key, Body=b"a" * 100)

    def half_of_it(asked: Asked, content: bytes) -> bytes:
        server.client.put_object(Bucket=BUCKET, Key=CAT.key, Body=b"b" * 100)
        return content[:-50]

    way.back = first(half_of_it, of=lambda asked: asked.method == "GET")
    with pytest.raises(StorageDown, match="changed while it was read"):
        await streamed(through, CAT)


async def test_a_server_that_ignores_ranges_is_noticed(way: Way, through: Storage) -> None:
    way.instead = lambda asked: answer(200, b"0123456789", ETag='"a"')
    with pytest.raises(StorageDown, match="range"):
        await streamed(through, CAT, 5, 3)


@pytest.mark.parametrize("use", USES)
async def test_a_server_that_is_silent_is_given_up_after_the_time_for_silence(
    server: S3Server, tmp_path: Path, use: str
) -> None:
    faulty = Faulty(server.port)
    try:
        url = f"http://127.0.0.1:{faulty.port}"
        limits = {"storage_read_seconds": 0.3, "storage_deadline_seconds": 30, "storage_retries": 0}
        async with opened(settings_for(url, tmp_path, **limits)) as storage:
            faulty.set("slow")
            with pytest.raises(StorageDown, match="stopped answering"):
                async with asyncio.timeout(5):
                    await USES[use](storage)
    finally:
        faulty.close()


# Connections


async def test_connections_are_used_again(way: Way, through: Storage) -> None:
    for number in range(10):
        await put(through, an_object(f"DEV/{number}.webp"), b"meow")
        assert await through.read(an_object(f"DEV/{number}.webp")) == b"meow"
    await listed(through)
    assert len(way.asked) == 21
    assert way.connections == 1


async def test_a_key_may_have_spaces_accents_and_signs_as_names_of_files_do(server: S3Server, storage: Storage) -> None:
    odd = an_object("DEV/Été à la plage/a+b&c=d 100%.webp")
    await put(storage, odd, secrets.token_bytes(LARGE))
    assert server.client.head_object(Bucket=BUCKET, Key=odd.key)["ContentLength"] == LARGE
    await storage.delete([odd, CAT])
    assert await listed(storage) == {}


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that nobody vouches for but itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    return folder / "cert.pem", folder / "key.pem"


async def test_by_tls_a_server_is_trusted_by_its_certificate_alone(
    tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate
    port = free_run_of_ports(1)
    options = (f"-s3.port.https={port}", f"-s3.cert.file={cert}", f"-s3.key.file={key}")
    server = S3Server(tmp_path / "server", *options)
    settings = settings_for("127.0.0.1", tmp_path / "tada", s3_port=port, s3_use_tls=True)
    try:
        server.start()
        async with opened(settings) as storage:
            with pytest.raises(StorageDown, match="AWS_CA_BUNDLE"):
                await storage.ready()
        monkeypatch.setenv("AWS_CA_BUNDLE", str(cert))
        async with opened(settings) as storage:
            await put(storage, CAT, secrets.token_bytes(LARGE))
            assert await storage.size(CAT) == LARGE
    finally:
        server.stop()
