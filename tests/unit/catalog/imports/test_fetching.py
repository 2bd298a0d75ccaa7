"""What a file from elsewhere is called, and which answers are one."""

from collections.abc import AsyncGenerator

import pytest

from services.catalog.imports.fetching import check_status, name_of
from services.core.errors import NoSource, OutwardFailed
from services.core.outward.addresses import Allowed
from services.core.outward.answer import Answer
from services.core.outward.urls import read


async def nothing() -> AsyncGenerator[bytes, None]:
    yield b""


@pytest.mark.parametrize(
    ("disposition", "asked", "found", "name"),
    [
        ("", "/pictures/cat.jpg?v=2", "/pictures/cat.jpg", "cat.jpg"),
        ("", "/K%C3%A4se%20eins.jpg", "/x", "Käse eins.jpg"),
        ("", "/a%2Fb.jpg", "/x", "b.jpg"),
        ("", "/folder/", "/moved/dog.png", "dog.png"),
        ("", "/", "/", "cms.example.com"),
        ('attachment; filename="cat.jpg"', "/download", "/x", "cat.jpg"),
        ("attachment; filename*=UTF-8''%C3%A9t%C3%A9.jpg", "/download", "/x", "été.jpg"),
        ('attachment; filename="../../etc/passwd"', "/download", "/x", "passwd"),
        ('attachment; filename="C:\\\\cat.jpg"', "/download", "/x", "cat.jpg"),
        ("attachment; filename=\xe9.jpg", "/cat.jpg", "/x", "cat.jpg"),
        ('attachment; filename=""', "/cat.jpg", "/x", "cat.jpg"),
        ("inline", "/cat.jpg", "/x", "cat.jpg"),
    ],
)
def test_a_file_is_named_by_its_server_otherwise_by_its_address(
    disposition: str, asked: str, found: str, name: str
) -> None:
    url, last = (read(f"https://cms.example.com{path}", Allowed()) for path in (asked, found))
    assert name_of(Answer(last, 200, {"content-disposition": disposition}, nothing), url) == name


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_an_answer_that_may_be_another_later_is_tried_again(status: int) -> None:
    with pytest.raises(OutwardFailed):
        check_status("cms.example.com", status)


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 400, 401, 403, 404, 410, 451])
def test_every_other_answer_than_200_is_final(status: int) -> None:
    check_status("cms.example.com", 200)
    with pytest.raises(NoSource):
        check_status("cms.example.com", status)
