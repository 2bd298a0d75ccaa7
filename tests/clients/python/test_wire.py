"""What is sent."""

import email.parser
import email.policy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tada_client import BytesSource, FileChanged
from tada_client.operations import form_fields
from tada_client.wire import Form, Rest, encoded, source

PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
NAMES = PRINTABLE | st.sampled_from(['a".jpg', "a\r\nb.jpg"])


@given(st.binary(max_size=3000), NAMES, st.dictionaries(st.sampled_from("abc"), PRINTABLE))
def test_a_form_has_the_length_that_is_told_and_is_read_as_it_was_meant(
    content: bytes, name: str, fields: dict[str, str]
) -> None:
    form = Form(tuple(fields.items()), (BytesSource(content, name),))
    body = b"".join(form.pieces())
    assert len(body) == form.size
    head = f"Content-Type: {form.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    *parts, file = message.iter_parts()
    assert file.get_content() == content
    said = {str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True) for part in parts}
    assert said == {key: value.encode() for key, value in fields.items()}


def test_a_large_file_is_read_in_pieces_and_tells_its_progress(tmp_path: Path) -> None:
    path, told = tmp_path / "large.jpg", list[tuple[int, int]]()
    path.write_bytes(bytes(3 << 20))
    form = Form((), (source(path),), progress=lambda sent, size: told.append((sent, size)))
    pieces = list(form.pieces())
    assert max(map(len, pieces)) <= 1 << 18
    assert sum(map(len, pieces)) == form.size
    assert told == sorted(told)
    assert (told[0], told[-1]) == ((0, 3 << 20), (3 << 20, 3 << 20))
    assert b"".join(Rest(source(path), (3 << 20) - 5).pieces()) == bytes(5)


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4))
def test_a_form_may_have_several_files(contents: list[bytes]) -> None:
    form = Form((("a", "b"),), tuple(BytesSource(content, "x") for content in contents), "files")
    body = b"".join(form.pieces())
    assert len(body) == form.size
    head = f"Content-Type: {form.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    assert [part.get_content() for part in message.iter_parts()][1:] == contents


@pytest.mark.parametrize("size", [100, 3 << 20])
def test_a_file_that_changes_while_it_is_sent_is_noticed(tmp_path: Path, size: int) -> None:
    path = tmp_path / "cat.jpg"
    path.write_bytes(bytes(size))
    form = Form((), (source(path),))
    path.write_bytes(bytes(size - 1))
    with pytest.raises(FileChanged):
        list(form.pieces())


def test_fields_are_written_as_a_form_has_them() -> None:
    fields = dict(
        form_fields("DEV", "", {"tags": ["a,b", "c"], "alt": None, "focus": (0.25, 0.5), "meta": {"ä": 1}}, None)
    )
    assert fields == {
        "namespace": "DEV",
        "tags": '["a,b", "c"]',
        "alt": "",
        "focus_x": "0.25",
        "focus_y": "0.5",
        "meta": '{"ä": 1}',
    }
    assert dict(form_fields("", "", {"focus": None, "expired": True}, False)) == {
        "toWebp": "false",
        "expired": "true",
        "focus_x": "",
        "focus_y": "",
    }


def test_arguments_are_encoded() -> None:
    assert encoded({}) == ""
    assert encoded({"q": "a&b", "tag": ["x", "y"], "expired": False, "none": None, "n": 3}) == (
        "?q=a%26b&tag=x&tag=y&expired=false&n=3"
    )
