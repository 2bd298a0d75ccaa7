"""What TADA makes of a distant backend that answers what it should not, as it comes over a real socket."""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.core.dumps.distant import DistantDumps
from services.core.errors import DumpDamaged, StorageDown, StorageRefused, TooLarge
from services.core.spool import prepare
from services.core.storage import ObjectMissing, Receipt
from services.core.storage.base import ListingUnsupported
from services.core.storage.distant.storage import DistantStorage
from tests.processes.distant_backend import (
    Answering,
    Asked,
    Backend,
    Told,
    answer,
    hasty,
    raw,
    response,
    settings_for,
    silence,
    told,
)
from tests.support.objects import an_object, listed, new, put, streamed

CAT = an_object(version=3)
DOG = an_object("DEV/dog.webp")
NAME = "dump_20250812T143052.json"
Asking = Callable[[DistantStorage], Any]


@pytest.fixture
async def backend() -> AsyncIterator[Told]:
    async with told() as made:
        yield made


@asynccontextmanager
async def opened(folder: Path, url: str, **settings: Any) -> AsyncIterator[DistantStorage]:
    made = DistantStorage(settings_for(url, folder, **settings))
    prepare(made.spool)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def storage(backend: Told, tmp_path: Path) -> AsyncIterator[DistantStorage]:
    async with opened(tmp_path, backend.url) as made:
        yield made


@pytest.fixture
async def dumps(backend: Told, tmp_path: Path) -> AsyncIterator[DistantDumps]:
    made = DistantDumps(settings_for(backend.url, tmp_path))
    await made.open()
    yield made
    await made.close()


def by_route(**answers: Answering) -> Answering:
    """Answer by the route: its method and path, joined by _, or `other`."""

    async def send(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await answers.get(f"{asked.method}_{asked.path[1:].partition('/')[0]}", answers["other"])(asked, writer)

    return send


READY = answer(200, {"status": "ready"})


def ready_but(other: Answering, **answers: Answering) -> Answering:
    """Be ready, and answer everything else alike."""
    return by_route(**{"GET_readiness-check": READY, "other": other, **answers})


async def _read(storage: DistantStorage) -> object:
    return await storage.read(CAT)


async def _stream(storage: DistantStorage) -> object:
    return await streamed(storage, CAT)


async def _stream_on(storage: DistantStorage) -> object:
    return await streamed(storage, CAT, 5, 5)


async def _size(storage: DistantStorage) -> object:
    return await storage.size(CAT)


async def _store(storage: DistantStorage) -> object:
    return await put(storage, CAT, b"meow")


async def _replace(storage: DistantStorage) -> object:
    return await put(storage, CAT, b"meow", replaces=True)


async def _delete(storage: DistantStorage) -> object:
    await storage.delete([CAT])
    return None


async def _delete_several(storage: DistantStorage) -> object:
    await storage.delete([CAT, DOG])
    return None


async def _list(storage: DistantStorage) -> object:
    return await listed(storage)


async def _check(storage: DistantStorage) -> object:
    await storage.ready()
    return None


READING: list[Asking] = [_read, _stream, _stream_on, _size]
EVERYTHING: list[Asking] = [*READING, _store, _replace, _delete, _delete_several, _list, _check]


# The token


@pytest.mark.parametrize("asking", EVERYTHING)
@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_is_named_and_not_tried_again(
    storage: DistantStorage, backend: Told, status: int, asking: Asking
) -> None:
    backend.answering = answer(status, {"error": "no"})
    with pytest.raises(StorageRefused, match=f"status {status}") as refused:
        await asking(storage)
    assert refused.value.hint == "An operator must check DELEGATED_STORAGE_TOKEN."
    assert len(backend.asked) == 1


async def test_several_files_that_are_refused_are_each_refused(storage: DistantStorage, backend: Told) -> None:
    backend.answering = answer(401)
    files = [new(storage, one, b"meow") for one in (CAT, DOG)]
    outcomes = await storage.put(files)
    assert [type(outcome) for outcome in outcomes] == [StorageRefused] * 2
    assert all(file.source.exists() for file in files)


async def test_the_reference_backend_refuses_a_wrong_token(tmp_path: Path) -> None:
    backend = Backend(tmp_path / "backend")
    backend.start()
    try:
        for token in ("another", ""):
            async with opened(tmp_path / "tada", backend.url, delegated_storage_token=token) as storage:
                for asking in EVERYTHING:
                    with pytest.raises(StorageRefused):
                        await asking(storage)
        assert backend.files() == {}
    finally:
        backend.stop()


# A wrong address


@pytest.mark.parametrize("page", [b"404 page not found\n", {"error": "not found"}])
@pytest.mark.parametrize("asking", EVERYTHING)
async def test_a_server_that_knows_nothing_is_no_storage_without_files(
    storage: DistantStorage, backend: Told, page: Any, asking: Asking
) -> None:
    backend.answering = answer(404, page)
    with pytest.raises(StorageDown) as wrong:
        await asking(storage)
    assert "does not know" in wrong.value.message
    assert "status 404" in wrong.value.message
    assert wrong.value.hint is not None
    assert "DELEGATED_STORAGE_HOST" in wrong.value.hint


async def test_readiness_names_the_route_that_is_missing(storage: DistantStorage, backend: Told) -> None:
    backend.answering = answer(404, b"<h1>It works!</h1>")
    with pytest.raises(StorageDown) as wrong:
        await storage.ready()
    assert wrong.value.message == (
        "The server at the storage's address does not know GET /readiness-check (status 404)."
    )
    assert wrong.value.hint == "An operator must check DELEGATED_STORAGE_HOST and DELEGATED_STORAGE_READINESS_CHECK."


async def test_a_wrong_path_is_named_when_something_is_stored(storage: DistantStorage, backend: Told) -> None:
    backend.answering = ready_but(answer(404, b"Cannot POST /file"))
    with pytest.raises(StorageDown, match=r"^The storage does not know POST /file \(status 404\)\.$"):
        await put(storage, CAT, b"meow")


@pytest.mark.parametrize("asking", READING)
async def test_a_file_is_missing_when_a_backend_that_is_ready_says_so(
    storage: DistantStorage, backend: Told, asking: Asking
) -> None:
    backend.answering = ready_but(answer(404, b"No such file.", Content_Type="text/html"))
    with pytest.raises(ObjectMissing):
        await asking(storage)


async def test_a_proxy_whose_backend_is_gone_does_not_make_files_missing(
    storage: DistantStorage, backend: Told
) -> None:
    """Ingress controllers answer 404 while they have no route to what is behind them."""
    backend.answering = by_route(**{"GET_readiness-check": answer(503), "other": answer(404)})
    for asking in (*READING, _delete):
        with pytest.raises(StorageDown):
            await asking(storage)


async def test_many_missing_files_cost_the_backend_one_more_question(storage: DistantStorage, backend: Told) -> None:
    backend.answering = ready_but(answer(404))
    outcomes = await asyncio.gather(*(storage.read(CAT) for _ in range(100)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {ObjectMissing}
    assert sum(asked.path == "/readiness-check" for asked in backend.asked) == 1


async def test_a_backend_that_cannot_list_is_another_thing_than_one_that_is_not_there(
    storage: DistantStorage, backend: Told
) -> None:
    backend.answering = ready_but(answer(404))
    with pytest.raises(ListingUnsupported):
        await listed(storage)


async def test_a_dump_is_missing_only_at_a_backend_that_is_ready(
    dumps: DistantDumps, backend: Told, tmp_path: Path
) -> None:
    backend.answering = answer(404)
    with pytest.raises(StorageDown, match="does not know GET /readiness-check"):
        await dumps.fetch_latest("json", tmp_path / "dump")
    backend.answering = ready_but(answer(404))
    with pytest.raises(ObjectMissing):
        await dumps.fetch_latest("json", tmp_path / "dump")


# What is lost at the backend


async def test_a_file_that_the_backend_has_lost_is_repaired_by_replacing_it(
    storage: DistantStorage, backend: Told
) -> None:
    created = answer(201, {"version": 4})
    backend.answering = ready_but(answer(404, {"error": "no such file"}), POST_file=created)
    receipt = await put(storage, CAT, b"meow", replaces=True)
    assert receipt == Receipt(4)
    assert [asked.method for asked in backend.asked] == ["PATCH", "POST"]
    assert backend.asked[1].fields == backend.asked[0].fields
    assert [part.content for part in backend.asked[1].files] == [b"meow"]


async def test_of_several_files_those_that_are_lost_are_repaired(storage: DistantStorage, backend: Told) -> None:
    """A backend that answers 404 to several because it has lost one of them."""

    async def patch(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await answer(404 if asked.fields["unique_name"] == "/DEV/dog.webp" else 200, {"version": 2})(asked, writer)

    backend.answering = by_route(
        PATCH_files=answer(404), PATCH_file=patch, POST_file=answer(201, {"version": 1}), other=answer(500)
    )
    outcomes = await storage.replace([new(storage, one, b"meow") for one in (CAT, DOG)])
    assert outcomes == [Receipt(2), Receipt(1)]


async def test_a_route_that_replaces_nothing_is_no_lost_file(storage: DistantStorage, backend: Told) -> None:
    backend.answering = ready_but(answer(404))
    with pytest.raises(StorageDown, match="does not know POST /file"):
        await put(storage, CAT, b"meow", replaces=True)
    assert [asked.method for asked in backend.asked] == ["PATCH", "POST"]
    assert len(list(storage.spool.iterdir())) == 1, "it can be sent again"


# Refusals that come before the end of an upload


@pytest.mark.parametrize("read", [1, 100_000, 3_000_000])
@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (401, StorageRefused, "refuses access"),
        (413, TooLarge, "refuses a file of this size"),
        (400, StorageDown, "an answer that is not valid"),
        (507, StorageDown, "status 507"),
    ],
)
async def test_an_upload_that_is_refused_before_its_end_is_reported_as_refused(
    tmp_path: Path, status: int, error: type[Exception], message: str, read: int
) -> None:
    async with (
        hasty(response(status, b"no", Connection="close"), read) as url,
        opened(tmp_path, url) as storage,
    ):
        for _ in range(5):
            [outcome] = await storage.put([new(storage, CAT, b"x" * 20_000_000)])
            assert isinstance(outcome, error)
            assert message in str(outcome)


async def test_an_upload_is_sent_whole_to_a_backend_that_is_too_quick_to_thank(tmp_path: Path) -> None:
    async with told() as backend, opened(tmp_path, backend.url) as storage:

        async def thank(asked: Asked, writer: asyncio.StreamWriter) -> None:
            writer.write(response(103) + response(201, b"{}"))

        backend.answering = thank
        await put(storage, CAT, b"x" * 20_000_000)
        assert len(backend.asked[0].body) > 20_000_000


async def test_an_upload_into_a_connection_that_closes_is_not_confirmed(tmp_path: Path) -> None:
    async with hasty(b"", 100_000) as url, opened(tmp_path, url) as storage:
        with pytest.raises(StorageDown, match="did not confirm"):
            await put(storage, CAT, b"x" * 20_000_000)


async def test_the_reference_backend_refuses_a_large_upload_before_it_comes(tmp_path: Path) -> None:
    backend = Backend(tmp_path / "backend")
    backend.start()
    try:
        async with opened(tmp_path / "tada", backend.url, delegated_storage_token="another") as storage:
            for _ in range(5):
                with pytest.raises(StorageRefused):
                    await put(storage, CAT, b"x" * 50_000_000)
    finally:
        backend.stop()


# Dumps


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _digest(content: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(content).digest()).decode()}:"


async def _fetch(dumps: DistantDumps, target: Path) -> None:
    await dumps.fetch(NAME, target)


async def _fetch_latest(dumps: DistantDumps, target: Path) -> None:
    await dumps.fetch_latest("json", target)


@pytest.mark.parametrize("fetching", [_fetch, _fetch_latest])
@pytest.mark.parametrize("header", ["Repr_Digest", "Content_Digest"])
@pytest.mark.parametrize("digest", [_digest(b"another"), "sha-256=:AAAA:", "md5=:AAAA:, sha-256=:=:"])
async def test_a_damaged_dump_is_said_to_be_damaged_and_nothing_is_left_of_it(
    dumps: DistantDumps, backend: Told, tmp_path: Path, digest: str, header: str, fetching: Any
) -> None:
    backend.answering = answer(200, b"[]", **{header: digest})
    with pytest.raises(DumpDamaged) as damaged:
        await fetching(dumps, tmp_path / "dump")
    assert "SHA-256 is different" in damaged.value.details
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("digest", [_digest(b"[]"), f"md5=:AAAA:, {_digest(b'[]')}", "md5=:AAAA:", None])
async def test_a_dump_is_taken_when_its_digest_is_right_or_unknown(
    dumps: DistantDumps, backend: Told, tmp_path: Path, digest: str | None
) -> None:
    backend.answering = answer(200, b"[]", **({"Repr_Digest": digest} if digest else {}))
    await dumps.fetch(NAME, tmp_path / "dump")
    assert (tmp_path / "dump").read_bytes() == b"[]"


async def test_a_dump_that_breaks_off_is_a_storage_that_fails(
    dumps: DistantDumps, backend: Told, tmp_path: Path
) -> None:
    backend.answering = raw(response(200, b"[", length=2), reset=True)
    with pytest.raises(StorageDown):
        await dumps.fetch(NAME, tmp_path / "dump")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (f'attachment; filename="{NAME}"', NAME),
        (f"attachment; filename={NAME}", NAME),
        ('attachment; filename="../etc/passwd"', None),
        ("inline", None),
        (None, None),
    ],
)
async def test_the_name_of_the_latest_dump_is_taken_over_if_it_is_one(
    dumps: DistantDumps, backend: Told, tmp_path: Path, said: str | None, name: str | None
) -> None:
    backend.answering = answer(200, b"[]", **({"Content_Disposition": said} if said else {}))
    assert await dumps.fetch_latest("json", tmp_path / "dump") == name


@pytest.mark.parametrize(
    ("answering", "error"),
    [
        (answer(401), StorageRefused),
        (answer(404), StorageDown),
        (answer(500), StorageDown),
        (silence, StorageDown),
        (raw(b"", reset=True), StorageDown),
    ],
)
async def test_a_dump_is_saved_only_if_the_backend_says_so(
    backend: Told, tmp_path: Path, answering: Answering, error: type[Exception]
) -> None:
    rdb, catalog = tmp_path / "dump_20250812T143052.rdb", tmp_path / NAME
    rdb.write_bytes(b"REDIS0011")
    catalog.write_bytes(b"[]")
    backend.answering = answering
    seconds = 0.3 if answering is silence else 10
    dumps = DistantDumps(
        settings_for(backend.url, tmp_path, storage_deadline_seconds=seconds, storage_read_seconds=seconds)
    )
    await dumps.open()
    with pytest.raises(error):
        await dumps.save(rdb, catalog)
    await dumps.close()
    assert len(backend.asked) == 1, "it is not sent twice: it may have been stored"
