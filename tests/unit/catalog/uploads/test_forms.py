import hashlib
import itertools
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from services.catalog.uploads.forms import OVERHEAD, Form, read_form
from services.catalog.uploads.spool import RefusedFile, SpooledFile
from services.core.errors import BadRequest, TadaError, TooLarge

BOUNDARY = "----frontier42"
OWNER = "host-1-abcd"
LIMIT = 100_000


def field(name: str, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + raw


def file(content: bytes, name: str = "file", filename: str = "cat.png", kind: str | None = "image/png") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    head += f"Content-Type: {kind}\r\n" if kind else ""
    return f"{head}\r\n".encode() + content


def multipart(*parts: bytes) -> bytes:
    opened = b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts)
    return opened + f"--{BOUNDARY}--\r\n".encode()


def cut(body: bytes, at: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({min(position, len(body)) for position in at}), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


def asked(
    chunks: list[bytes], content_type: str = f"multipart/form-data; boundary={BOUNDARY}", length: int | None = None
) -> Request:
    headers = [(b"content-type", content_type.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def opened(
    spool: Path,
    *chunks: bytes,
    file_field: str = "file",
    max_files: int = 1,
    limit: int = LIMIT,
    content_type: str = f"multipart/form-data; boundary={BOUNDARY}",
    length: int | None = None,
) -> AbstractAsyncContextManager[Form]:
    return read_form(asked(list(chunks), content_type, length), spool, OWNER, file_field, max_files, limit)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path


def held(spool: Path) -> list[Path]:
    return list(spool.iterdir())


def kept(form: Form) -> list[SpooledFile]:
    """Return the files of a form, none of which was refused."""
    files = [read for read in form.files if isinstance(read, SpooledFile)]
    assert len(files) == len(form.files)
    return files


async def test_a_file_and_its_fields_are_read(spool: Path, photos: dict[str, bytes]) -> None:
    photo = photos["astronaut.png"]
    body = multipart(field("namespace", "DEV"), file(photo), field("information", "été"))
    async with opened(spool, body, limit=len(photo)) as form:
        [read] = kept(form)
        assert form.fields == {"namespace": "DEV", "information": "été"}
        assert read.path.read_bytes() == photo
        assert read.size == len(photo)
        assert read.signature == hashlib.sha256(photo).hexdigest()
        assert (read.given_name, read.declared_type, read.media_type) == ("cat.png", "image/png", "image/png")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.dictionaries(st.sampled_from(["namespace", "destination", "é"]), st.text(max_size=20), max_size=3),
    after=st.dictionaries(st.sampled_from(["filename", "toWebp", "information"]), st.text(max_size=20), max_size=3),
    content=st.binary(max_size=200) | st.sampled_from([b"\r\n", b"\r\n--", f"\r\n--{BOUNDARY[:-1]}x".encode(), b"-"]),
    at=st.lists(st.integers(0, 1200), max_size=40),
)
@example(before={"namespace": "DEV"}, after={"toWebp": "false"}, content=b"\r\n--\r\n", at=list(range(1200)))
async def test_however_the_body_arrives_the_form_is_the_same(
    spool: Path, before: dict[str, str], after: dict[str, str], content: bytes, at: list[int]
) -> None:
    body = multipart(
        *(field(name, value) for name, value in before.items()),
        file(content, filename="a b.png"),
        *(field(name, value) for name, value in after.items()),
    )
    async with opened(spool, *cut(body, at)) as form:
        assert form.fields == {**before, **after}
        assert [(read.given_name, read.path.read_bytes()) for read in kept(form)] == [("a b.png", content)]
        assert kept(form)[0].signature == hashlib.sha256(content).hexdigest()
    assert held(spool) == []


async def test_several_files_keep_their_order(spool: Path) -> None:
    contents = [f"file {number}".encode() for number in range(100)]
    body = multipart(*(file(content, "files", f"{content.decode()}.png") for content in contents))
    async with opened(spool, body, file_field="files", max_files=100) as form:
        assert [read.path.read_bytes() for read in kept(form)] == contents
        assert [read.given_name for read in kept(form)] == [f"{content.decode()}.png" for content in contents]


async def test_files_may_be_named_as_a_list(spool: Path) -> None:
    async with opened(
        spool, multipart(file(b"1", "files[]"), file(b"2", "files")), file_field="files", max_files=2
    ) as form:
        assert [read.path.read_bytes() for read in kept(form)] == [b"1", b"2"]


async def test_a_form_without_a_file_is_one_too(spool: Path) -> None:
    async with opened(spool, multipart(field("expired", "true"))) as form:
        assert (form.fields, form.files) == ({"expired": "true"}, [])


async def test_of_a_field_that_comes_twice_the_last_value_counts(spool: Path) -> None:
    async with opened(spool, multipart(field("namespace", "DEV"), field("namespace", "PROD"))) as form:
        assert form.fields == {"namespace": "PROD"}
        assert form.repeated == {"namespace": ["DEV", "PROD"]}
    async with opened(spool, multipart(field("namespace", "DEV"), field("title", "DEV"))) as form:
        assert form.repeated == {}


async def test_a_file_without_a_declared_type_declares_none(spool: Path) -> None:
    async with opened(spool, multipart(file(b"%PDF-1.7", filename="été.pdf", kind=None))) as form:
        [read] = kept(form)
        assert (read.given_name, read.declared_type, read.media_type) == ("été.pdf", None, "application/pdf")


async def test_a_file_that_is_nothing_known_is_told_to_be_none(spool: Path) -> None:
    async with opened(spool, multipart(file(b"MZ\x90", kind="image/png"))) as form:
        assert (kept(form)[0].declared_type, kept(form)[0].media_type) == ("image/png", None)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("a b;c=d.png", "a b;c=d.png"),
        ('say \\"cheese\\".png', 'say "cheese".png'),
        ("C:\\\\photos\\\\cat.png", "cat.png"),
        ("../../cat.png", "../../cat.png"),
        ("日本.png", "日本.png"),
    ],
)
async def test_a_file_name_is_read_as_the_client_means_it(spool: Path, sent: str, read: str) -> None:
    async with opened(spool, multipart(file(b"1", filename=sent))) as form:
        assert kept(form)[0].given_name == read


async def test_the_name_that_is_written_in_full_counts(spool: Path) -> None:
    parts = [
        b"Content-Disposition: form-data; name=file; filename*=UTF-8''caf%C3%A9.png\r\n\r\nmeow",
        b'Content-Disposition: form-data; name="=?utf-8?B?w6k=?="\r\n\r\n1',
    ]
    async with opened(spool, multipart(*parts)) as form:
        assert [(read.given_name, read.size) for read in kept(form)] == [("café.png", 4)]
        assert form.fields == {"é": "1"}


OPENINGS = [
    b"This text is to be ignored.\r\n",
    b"Two lines,\r\n\r\none of them empty, -- and hyphens.\r\n",
    f"Not at the start of a line: --{BOUNDARY}\r\n--{BOUNDARY}x\r\n--\r\n".encode(),
    b"\r\n",
    b"\r\n\r\n",
    b"x" * 60_000 + b"\r\n",
]


@pytest.mark.parametrize("opening", OPENINGS)
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
async def test_what_is_before_the_first_boundary_is_of_no_account(spool: Path, opening: bytes, size: int) -> None:
    body = opening + WHOLE
    async with opened(spool, *cut(body, range(0, len(body), size))) as form:
        assert len(form.files) == 1
        assert form.fields == {"namespace": "DEV", "toWebp": "true"}


@pytest.mark.parametrize("padding", [b" ", b"\t", b"  \t " * 10])
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
async def test_spaces_behind_a_boundary_are_of_no_account(spool: Path, padding: bytes, size: int) -> None:
    boundary = f"--{BOUNDARY}".encode()
    body = WHOLE.replace(boundary + b"\r\n", boundary + padding + b"\r\n")
    body = body.replace(boundary + b"--", boundary + b"--" + padding)
    async with opened(spool, *cut(body, range(0, len(body), size))) as form:
        assert (len(form.files), kept(form)[0].size) == (1, 308)
        assert form.fields == {"namespace": "DEV", "toWebp": "true"}


async def test_a_form_of_no_part_is_an_empty_one(spool: Path) -> None:
    async with opened(spool, f"--{BOUNDARY}--\r\n".encode()) as form:
        assert (form.fields, form.files) == ({}, [])


async def test_an_opening_without_end_is_refused_before_it_has_ended(spool: Path) -> None:
    chunks = [b"y" * 10_000] * 100
    request = asked(chunks)
    with pytest.raises(BadRequest, match="no boundary is in its first 65536 bytes"):
        async with read_form(request, spool, OWNER, "file", 1, LIMIT):
            pytest.fail("the form was taken")
    assert len([message async for message in _rest(request)]) > 90


async def test_a_part_without_quotes_or_capitals_is_read_as_well(spool: Path) -> None:
    part = b"content-disposition: form-data; name=file; filename=cat.png\r\n\r\nmeow"
    async with opened(spool, multipart(part)) as form:
        assert [(read.given_name, read.size) for read in kept(form)] == [("cat.png", 4)]


async def test_headers_without_end_are_refused(spool: Path) -> None:
    opening = f"--{BOUNDARY}\r\n".encode()
    for endless in (b"X-Long: " + b"x" * 1_000_000, b"X-Many: x\r\n" * 100_000):
        assert (await refused(spool, opening + endless)).status == 400


async def test_an_empty_file_is_a_file_of_no_bytes(spool: Path) -> None:
    async with opened(spool, multipart(file(b""))) as form:
        assert (kept(form)[0].size, kept(form)[0].path.read_bytes()) == (0, b"")


async def test_the_file_is_in_the_spool_under_the_name_of_the_process_that_reads_it(spool: Path) -> None:
    async with opened(spool, multipart(file(b"1", filename="../../etc/cat.png"))) as form:
        assert held(spool) == [kept(form)[0].path]
        assert kept(form)[0].path.name.startswith(OWNER)


async def test_nothing_stays_in_the_spool_after_the_form(spool: Path) -> None:
    async with opened(spool, multipart(file(b"1"))):
        assert len(held(spool)) == 1
    assert held(spool) == []


async def test_nothing_stays_in_the_spool_when_what_is_done_with_the_form_fails(spool: Path) -> None:
    with pytest.raises(RuntimeError):
        async with opened(spool, multipart(file(b"1"))):
            raise RuntimeError
    assert held(spool) == []


async def test_a_file_that_the_storage_has_taken_is_not_missed(spool: Path) -> None:
    taken = spool / "taken"
    async with opened(spool, multipart(file(b"1"))) as form:
        kept(form)[0].path.rename(taken)
    assert held(spool) == [taken]


async def refused(spool: Path, *chunks: bytes, **how: object) -> TadaError:
    with pytest.raises((BadRequest, TooLarge)) as raised:
        async with opened(spool, *chunks, **how):  # type: ignore[arg-type]
            pytest.fail("the form was taken")
    assert held(spool) == []
    return raised.value


WHOLE = multipart(field("namespace", "DEV"), file(b"\x89PNG\r\n\x1a\n" + b"x" * 300), field("toWebp", "true"))


@pytest.mark.parametrize("kept", range(0, len(WHOLE) - 4, 7))
async def test_a_body_that_ends_early_is_refused_and_leaves_nothing(spool: Path, kept: int) -> None:
    assert (await refused(spool, WHOLE[:kept])).status == 400


@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\r\nsome epilogue"])
async def test_what_comes_after_the_last_boundary_is_of_no_account(spool: Path, ending: bytes) -> None:
    async with opened(spool, WHOLE.removesuffix(b"\r\n") + ending) as form:
        assert len(form.files) == 1
        assert form.fields == {"namespace": "DEV", "toWebp": "true"}


@pytest.mark.parametrize(
    ("name", "file_field"), [("image", "file"), ("files", "file"), ("", "file"), ("file", "files"), ("FILE", "file")]
)
async def test_a_file_under_another_name_is_refused_with_the_right_one(spool: Path, name: str, file_field: str) -> None:
    refusal = await refused(spool, multipart(file(b"1", name)), file_field=file_field)
    assert refusal.status == 400
    assert repr(name) in refusal.message
    assert repr(file_field) in (refusal.hint or "")


async def test_a_second_file_where_one_is_expected_is_refused(spool: Path) -> None:
    refusal = await refused(spool, multipart(file(b"1"), file(b"2")))
    assert (refusal.message, refusal.hint) == ("The form has more than one file.", "Send several to /files.")


async def test_more_files_than_a_request_may_have_are_refused(spool: Path) -> None:
    body = multipart(*[file(b"1", "files")] * 101)
    refusal = await refused(spool, body, file_field="files", max_files=100)
    assert (refusal.status, refusal.message) == (400, "The form has more than 100 files.")
    assert refusal.hint == "Send 100 at a time, or raise PAYLOAD_MAX_FILES."


async def test_a_file_that_is_sent_as_text_is_told_how_to_be_one(spool: Path) -> None:
    refusal = await refused(spool, multipart(field("file", "x" * 70_000)))
    assert refusal.status == 413
    assert "curl -F 'file=@cat.jpg'" in (refusal.hint or "")


async def test_a_file_of_exactly_the_limit_is_taken(spool: Path) -> None:
    async with opened(spool, multipart(file(b"x" * LIMIT))) as form:
        assert kept(form)[0].size == LIMIT


async def test_a_file_of_one_byte_more_is_too_large(spool: Path) -> None:
    refusal = await refused(spool, multipart(file(b"x" * (LIMIT + 1))))
    assert (refusal.status, refusal.message) == (413, "The file has more than 100000 bytes.")


async def test_a_file_that_is_too_large_is_refused_without_reading_it_to_its_end(spool: Path) -> None:
    body = multipart(file(b"x" * LIMIT * 10))
    chunks = cut(body, range(0, len(body), 10_000))
    request = asked(chunks)
    with pytest.raises(TooLarge):
        async with read_form(request, spool, OWNER, "file", 1, LIMIT):
            pytest.fail("the form was taken")
    unread = [message async for message in _rest(request)]
    assert len(unread) > len(chunks) // 2


async def _rest(request: Request) -> AsyncIterator[Message]:
    while (message := await request.receive())["more_body"]:
        yield message


async def test_each_of_several_files_has_the_limit_for_itself(spool: Path) -> None:
    parts = [file(b"x" * LIMIT, "files") for _ in range(3)]
    async with opened(spool, multipart(*parts), file_field="files", max_files=3) as form:
        assert [read.size for read in kept(form)] == [LIMIT] * 3


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("size", [7_000, 10_000_000])
async def test_one_of_several_files_that_is_too_large_does_not_concern_the_others(
    spool: Path, place: int, size: int
) -> None:
    parts = [file(name * 3, "files", f"{name.decode()}.png") for name in (b"a", b"b")]
    parts.insert(place, file(b"x" * 20 * LIMIT, "files", "large.png"))
    body = multipart(field("namespace", "DEV"), *parts, field("information", "behind"))
    chunks = cut(body, range(0, len(body), size))
    async with opened(spool, *chunks, file_field="files", max_files=30) as form:
        [refused] = [read for read in form.files if isinstance(read, RefusedFile)]
        assert [read.given_name for read in form.files].index("large.png") == place
        assert refused.error.limit == LIMIT
        taken = [read for read in form.files if isinstance(read, SpooledFile)]
        assert [(read.given_name, read.path.read_bytes()) for read in taken] == [("a.png", b"aaa"), ("b.png", b"bbb")]
        assert sorted(held(spool)) == sorted(read.path for read in taken), "its bytes are gone already"
        assert form.fields == {"namespace": "DEV", "information": "behind"}
    assert held(spool) == []


async def test_files_that_are_too_large_are_held_nowhere(spool: Path) -> None:
    body = multipart(*[file(b"x" * (LIMIT + 1), "files")] * 40)
    chunks = cut(body, range(0, len(body), 50_000))
    tracemalloc.start()
    try:
        async with opened(spool, *chunks, file_field="files", max_files=40) as form:
            assert len(form.files) == 40
            assert tracemalloc.get_traced_memory()[1] < 5 * LIMIT, "at any time"
            assert held(spool) == []
    finally:
        tracemalloc.stop()


async def test_a_form_of_several_files_has_a_limit_too(spool: Path) -> None:
    whole = 3 * LIMIT + OVERHEAD
    chunks = cut(multipart(file(b"x" * 2 * whole, "files")), range(0, 2 * whole, 10_000))
    request = asked(chunks)
    with pytest.raises(TooLarge, match=f"The form has more than {whole} bytes"):
        async with read_form(request, spool, OWNER, "files", 3, LIMIT):
            pytest.fail("the form was taken")
    assert len([message async for message in _rest(request)]) > len(chunks) // 3
    assert held(spool) == []


async def test_a_declared_length_that_cannot_fit_is_refused_before_a_byte_is_read(spool: Path) -> None:
    request = asked([multipart(file(b"1"))], length=100 * LIMIT)
    with pytest.raises(TooLarge):
        async with read_form(request, spool, OWNER, "file", 1, LIMIT):
            pytest.fail("the form was taken")
    assert len([message async for message in _rest(request)]) == 1


async def test_a_field_may_not_be_as_long_as_a_file(spool: Path) -> None:
    async with opened(spool, multipart(field("information", "x" * 65_536))) as form:
        assert len(form.fields["information"]) == 65_536
    assert (await refused(spool, multipart(field("information", "x" * 65_537)))).status == 413


async def test_a_form_may_not_have_any_number_of_fields(spool: Path) -> None:
    fields = [field(f"f{number}", "x") for number in range(101)]
    async with opened(spool, multipart(*fields[:100])) as form:
        assert len(form.fields) == 100
    assert (await refused(spool, multipart(*fields))).status == 400


@pytest.mark.parametrize(
    "part",
    [
        field("information", b"\xff\xfe"),
        file(b"1").replace(b"cat", b"c\xe9t"),
        field("x", "1").replace(b'"x"', b'"\xff"'),
    ],
    ids=["value", "file name", "field name"],
)
async def test_text_that_is_not_utf_8_is_refused(spool: Path, part: bytes) -> None:
    refusal = await refused(spool, multipart(part))
    assert refusal.status == 400
    assert "is not UTF-8" in refusal.message


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/mixed; boundary=x"],
)
async def test_a_body_that_does_not_say_it_is_a_form_is_refused(spool: Path, content_type: str) -> None:
    refusal = await refused(spool, WHOLE, content_type=content_type)
    assert (refusal.status, refusal.message) == (400, "The body is not a form.")


@pytest.mark.parametrize(
    "content_type",
    [f'multipart/form-data; boundary="{BOUNDARY}"', f"Multipart/Form-Data; charset=utf-8; boundary={BOUNDARY}"],
)
async def test_the_boundary_may_be_written_as_the_standard_allows(spool: Path, content_type: str) -> None:
    async with opened(spool, WHOLE, content_type=content_type) as form:
        assert form.fields["namespace"] == "DEV"


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"\x00" * 500, b"--other\r\n\r\n--other--\r\n", b'{"namespace": "DEV"}', WHOLE.replace(b": ", b"")],
)
async def test_a_body_that_is_no_form_is_refused(spool: Path, body: bytes) -> None:
    assert (await refused(spool, body)).status == 400


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
async def test_a_damaged_body_is_read_or_refused_and_leaves_nothing(spool: Path, damage: list[tuple[int, int]]) -> None:
    body = bytearray(WHOLE)
    for position, value in damage:
        body[position] = value
    with suppress(BadRequest, TooLarge):
        async with opened(spool, bytes(body)) as form:
            assert len(form.files) <= 1
    assert held(spool) == []
