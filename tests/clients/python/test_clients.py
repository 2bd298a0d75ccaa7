"""Both clients, against a service that answers as it is told."""

import asyncio
import hashlib
import inspect
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZipFile

import httpx
import pytest
from flit_core import buildapi
from tada_client import AsyncClient, BadAnswer, BytesSource, Client, Entry, NotReached, Resume, Unavailable
from tada_client.events import Parser

from tests.clients.python.service import Service, answer, problem, shown
from tools import python_client
from tools.stack.plan import ROOT


def test_the_client_that_waits_is_made_from_the_other_one() -> None:
    source = (python_client.SOURCE / "async_client.py").read_text()
    assert (python_client.SOURCE / "client.py").read_text() == python_client.made(source), (
        "python -m tools.python_client writes it anew"
    )
    assert inspect.signature(Client.upsert).parameters.keys() == inspect.signature(AsyncClient.upsert).parameters.keys()


def test_a_request_has_the_token_below_the_address_of_the_service() -> None:
    service = Service(answer(shown()))
    assert service.client().get("/DEV/cat.webp").unique_name == "/DEV/cat.webp"
    [request] = service.requests
    assert request.url == "http://tada.test/prefix/catalog/4ff11851-456d-6c0d-548f-6772ed560240"
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["user-agent"].startswith("tada-client/")


def test_retry_after_is_honoured_and_a_read_is_repeated() -> None:
    service = Service(problem(503, "unavailable", {"retry-after": "20"}), httpx.ReadError("gone"), answer(shown()))
    service.client().get("/DEV/cat.webp")
    assert len(service.requests) == 3
    assert 20 <= service.pauses[0] <= 22
    assert service.pauses[1] < 1


def test_who_is_told_to_come_back_much_later_is_told_so_at_once() -> None:
    service = Service(problem(503, "unavailable", {"retry-after": "3600"}))
    with pytest.raises(Unavailable) as caught:
        service.client().get("/DEV/cat.webp")
    assert caught.value.retry_after == 3600
    assert not service.pauses


@pytest.mark.parametrize(("on_conflict", "times"), [("refuse", 1), ("rename", 1), ("skip", 7)])
def test_an_upload_is_repeated_only_if_that_makes_no_second_asset(on_conflict: Any, times: int) -> None:
    service = Service(*[httpx.ReadError("gone")] * 7)
    with pytest.raises(NotReached):
        service.client().upload(b"cat", name="cat.jpg", on_conflict=on_conflict)
    assert len(service.requests) == times


def test_an_upload_that_was_never_sent_is_repeated_with_the_same_bytes() -> None:
    service = Service(httpx.ConnectError("refused"), problem(429, "too_many_requests"), answer(shown()))
    service.client().upload(b"cat", name="cat.jpg")
    assert len(service.requests) == 3
    assert [request.content.count(b"\r\n\r\ncat\r\n") for request in service.requests] == [1, 1, 1]


def test_upsert_sends_nothing_if_the_bytes_are_there() -> None:
    digest = "77af778b51abd4a3c51c5ddd97204a9c3ae614ebccb75a606c3b6865aed6744e"
    service = Service(answer(shown(signature=digest)))
    assert service.client().upsert(b"cat", name="cat.jpg").outcome == "same"
    service = Service(answer(shown(signature=digest)), answer(shown(signature=digest, alt="A cat")))
    assert service.client().upsert(b"cat", name="cat.jpg", alt="A cat").entry.alt == "A cat"
    assert [one.split()[0] for one in service.asked] == ["GET", "PATCH"]


def test_upsert_uploads_what_is_not_there_and_replaces_what_is_another() -> None:
    missing = [problem(404, "not_found")] * 2
    service = Service(*missing, answer(shown()))
    assert service.client().upsert(b"cat", name="cat.jpg").outcome == "stored"
    assert service.asked[-1] == "POST /prefix/file?on_conflict=skip"
    service = Service(
        *missing, problem(400, "already_exists", uuid="u"), answer(shown(uuid="u")), answer(shown(version=2))
    )
    assert service.client().upsert(b"cat", name="cat.jpg").outcome == "replaced"
    assert service.asked[-1] == "PATCH /prefix/file/u"


@pytest.mark.parametrize("was_done", [True, False])
def test_a_replacement_with_a_lost_answer_is_looked_up_before_it_is_repeated(was_done: bool) -> None:
    digest = "77af778b51abd4a3c51c5ddd97204a9c3ae614ebccb75a606c3b6865aed6744e"
    now = shown(version=2, signature=digest) if was_done else shown()
    more = [] if was_done else [answer(shown(version=2, signature=digest))]
    service = Service(answer(shown()), httpx.ReadError("gone"), answer(now), *more)
    replaced = service.client().replace("/DEV/cat.webp", b"cat")
    assert (replaced.outcome, replaced.entry.version) == ("replaced", 2)
    assert [one.split()[0] for one in service.asked] == ["GET", "PATCH", "GET", *(["PATCH"] * len(more))]


def test_a_large_upload_goes_on_where_it_broke_off() -> None:
    kept = Resume()
    begun = httpx.Response(201, headers={"location": "tus/abc"})
    offset = httpx.Response(200, headers={"upload-offset": "2"})
    done = httpx.Response(204, headers={"upload-entry": "4ff11851456d6c0d548f6772ed560240"})
    service = Service(begun, httpx.WriteError("gone"), offset, done, answer(shown()))
    assert service.client().upload(b"cats", name="cat.jpg", resumable_from=1, resume=kept).entry.filename == "cat.webp"
    assert service.asked[:4] == [
        "POST /prefix/tus?on_conflict=refuse",
        "PATCH /prefix/tus/abc",
        "HEAD /prefix/tus/abc",
        "PATCH /prefix/tus/abc",
    ]
    assert (service.requests[3].content, service.requests[3].headers["upload-offset"]) == (b"ts", "2")
    assert kept.path == ""


def test_an_upload_of_before_is_continued_and_one_that_has_ended_is_begun_anew() -> None:
    offset, gone = httpx.Response(200, headers={"upload-offset": "3"}), httpx.Response(404)
    done = httpx.Response(204, headers={"upload-entry": "4ff11851456d6c0d548f6772ed560240"})
    begun = httpx.Response(201, headers={"location": "tus/new"})
    service = Service(offset, done, answer(shown()))
    service.client().upload(b"cats", name="cat.jpg", resumable_from=1, resume=Resume("/tus/old"))
    assert service.requests[1].content == b"s"
    service = Service(gone, begun, done, answer(shown()))
    service.client().upload(b"cats", name="cat.jpg", resumable_from=1, resume=Resume("/tus/old"))
    assert service.asked[2] == "PATCH /prefix/tus/new"


def test_where_no_upload_can_be_resumed_a_form_is_sent() -> None:
    service = Service(problem(501, "not_supported"), answer(shown()))
    service.client().upload(b"cats", name="cat.jpg", resumable_from=1)
    assert service.asked[-1] == "POST /prefix/file?on_conflict=refuse"


def test_pages_follow_each_other_even_if_one_is_empty() -> None:
    def page(*data: Any, cursor: str | None) -> httpx.Response:
        return httpx.Response(200, json={"data": data, "total": 2, "cursor": cursor})

    service = Service(page(shown(), cursor="c1"), page(cursor="c2"), page(shown(), cursor=None))
    assert len(list(service.client().search(q="cat", tag=["a", "b"]))) == 2
    assert service.asked[1].endswith("/search?q=cat&tag=a&tag=b&sort=-uploaded_date&limit=200&cursor=c1")


def test_an_answer_of_another_service_is_no_crash() -> None:
    for content in (b"<html>", b"[]", b'{"data": {}}', b'{"data": []}'):
        with pytest.raises(BadAnswer):
            Service(httpx.Response(200, content=content)).client().get("/DEV/cat.webp")


def test_an_address_that_is_none_is_refused_at_once() -> None:
    for address in ("", "localhost:3001", "ftp://localhost", "http://"):
        with pytest.raises(ValueError, match="is not an address"):
            Client(address)


def test_a_stream_is_read_line_by_line_and_forgets_what_broke_off() -> None:
    parser = Parser()
    lines = [
        "retry: 2000",
        "",
        "id: 1",
        "event: change",
        'data: {"a": 1}',
        "",
        ": alive",
        "id: 2",
        "",
        "id: 3",
        "data: {",
    ]
    found = [event for event in map(parser.feed, lines) if event]
    assert [(event.name, event.id, event.data) for event in found] == [("change", "1", {"a": 1})]
    parser.broke_off()
    assert parser.feed("") is None
    assert parser.last_id == "2"


def test_an_entry_of_the_older_service_is_read_whatever_is_in_it() -> None:
    service = Service(answer({"uuid": "OLD", "unique_name": "/DEV/a.webp", "uploaded_date": "long ago", "tags": None}))
    entry = service.client().get("/DEV/a.webp")
    assert isinstance(entry, Entry)
    assert (entry.uuid, entry.uploaded_date, entry.tags, entry.folder) == ("OLD", None, (), "/DEV")


async def test_the_other_client_does_the_same() -> None:
    service = Service(httpx.ReadError("gone"), answer(shown()), answer(shown()))

    async def sleep(seconds: float) -> None:
        service.pauses.append(seconds)

    transport = httpx.MockTransport(service)
    async with AsyncClient("http://tada.test", namespace="DEV", sleep=sleep, transport=transport) as client:
        assert (await client.get("/DEV/cat.webp")).filename == "cat.webp"
        assert (await client.upload(b"cat", name="cat.jpg")).outcome == "stored"
    assert len(service.pauses) == 1
    assert b"\r\n\r\ncat\r\n" in service.requests[-1].content


def test_the_library_needs_nothing_of_the_command() -> None:
    code = "import sys; sys.modules.update(dict.fromkeys(['typer', 'rich', 'click'])); import tada_client"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "clients/python/src", check=True)


def test_the_distribution_has_its_types_and_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "clients/python")
    with ZipFile(tmp_path / buildapi.build_wheel(str(tmp_path))) as wheel:
        assert "tada_client/py.typed" in wheel.namelist()
        [entry_points] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
        assert "tada=tada_client.cli.__main__:main" in wheel.read(entry_points).decode()


def test_the_command_says_what_it_needs() -> None:
    code = "import sys; sys.modules['typer'] = None; from tada_client.cli.__main__ import main; main()"
    path = ROOT / "clients/python/src"
    ran = subprocess.run([sys.executable, "-c", code], cwd=path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.count("tada-client[cli]")) == (2, 1), ran.stderr


async def test_a_client_that_does_not_wait_goes_on_while_a_file_is_read() -> None:
    """The digest of a file is computed in a thread."""
    service = Service(answer(shown(signature=hashlib.sha256(b"cats").hexdigest())))
    reading, go = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(BytesSource):
        def open(self) -> BinaryIO:
            reading.set()
            asyncio.run_coroutine_threadsafe(go.wait(), loop).result(20)
            return super().open()

    transport = httpx.MockTransport(service)
    async with AsyncClient("http://tada.test", namespace="DEV", transport=transport) as client:
        sending = asyncio.create_task(client.upsert(Slow(b"cats", "cat.jpg"), "DEV"))
        await asyncio.to_thread(reading.wait, 20)
        go.set()
        assert (await sending).outcome == "same"
