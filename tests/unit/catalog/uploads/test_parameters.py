import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.uploads import parameters

READ = [
    (b'filename="cat.png"', "cat.png"),
    ('filename="été.png"'.encode(), "été.png"),
    (b"filename=cat.png", "cat.png"),
    (b"filename*=UTF-8''caf%C3%A9.png", "café.png"),
    (b"FileName*=utf-8'fr'caf%c3%a9.png", "café.png"),
    (b"filename*=\"UTF-8''caf%C3%A9.png\"", "café.png"),
    (b"filename*=ISO-8859-1''caf%E9.png", "café.png"),
    (b"filename=\"cafe.png\"; filename*=UTF-8''caf%C3%A9.png", "café.png"),
    (b"filename*=UTF-8''caf%C3%A9.png; filename=\"cafe.png\"", "café.png"),
    (b"filename*=UTF-8''it%27s%3B%20new.png", "it's; new.png"),
    (b"filename*0*=UTF-8''caf%C3%A9; filename*1=\".png\"", "café.png"),
    # What cannot be read does not count beside what can.
    (b"filename=\"cafe.png\"; filename*=UTF-8''caf%E9.png", "cafe.png"),
    (b"filename=\"cafe.png\"; filename*=x-none''caf%C3%A9.png", "cafe.png"),
    (b"filename=\"cafe.png\"; filename*=utf-7''+2AA-.png", "cafe.png"),
    # Words of RFC 2047, alone and as .NET sends them.
    (b'filename="=?utf-8?B?R3LDtsOfZS5wbmc=?="', "Größe.png"),
    (b'filename="=?UTF-8?Q?Gr=C3=B6=C3=9Fe_1.png?="', "Größe 1.png"),
    (b'filename="=?utf-8?B?R3LDtg==?= =?utf-8?B?w59lLnBuZw==?="', "Größe.png"),
    (b"filename=\"=?utf-8?B?R3LDtsOfZS5wbmc=?=\"; filename*=utf-8''Gr%C3%B6%C3%9Fe.png", "Größe.png"),
    (b'filename="=?utf-8?B?R3L/?="', "=?utf-8?B?R3L/?="),
    (b'filename="=?x-none?B?R3LD?="', "=?x-none?B?R3LD?="),
    (b'filename="=?what?.png"', "=?what?.png"),
    (b'filename="a*b.png"', "a*b.png"),
]


@pytest.mark.parametrize(("written", "meant"), READ)
def test_a_file_name_is_read_as_it_is_meant(written: bytes, meant: str) -> None:
    assert parameters.read(b'form-data; name="file"; ' + written) == {"name": "file", "filename": meant}
    assert parameters.read(b"form-data; " + written + b'; name="file"')["filename"] == meant


def test_the_name_of_a_field_is_read_in_the_same_ways() -> None:
    assert parameters.read(b'form-data; name="=?utf-8?B?w6k=?="') == {"name": "é"}
    assert parameters.read(b"form-data; name*=UTF-8''%C3%A9") == {"name": "é"}


@pytest.mark.parametrize(
    "header",
    [
        b'form-data; name="\xff"',
        b'form-data; name="x"; filename="c\xe9t.png"',
        b"form-data; name=x; filename*=UTF-8''caf%E9.png",
        b"form-data; name=x; filename*=x-none''cafe.png",
        b"form-data; name=x; filename*=utf-7''+2AA-.png",
        b"form-data; name=x; filename*=UTF-8''a.png; filename*0=b.png",
        b"form-data; name=x; filename*" + b"1" * 4400 + b"=b",
    ],
)
def test_a_text_in_no_known_encoding_is_refused(header: bytes) -> None:
    with pytest.raises(parameters.NotReadable):
        parameters.read(header)


@given(st.binary(max_size=80), st.sampled_from([b"", b"filename*=", b"filename*=utf-16''", b'filename="=?utf-7?B?']))
def test_whatever_is_sent_is_text_or_refused(rest: bytes, beginning: bytes) -> None:
    try:
        found = parameters.read(b'form-data; name="file"; ' + beginning + rest)
    except parameters.NotReadable:
        return
    for text in found.values():
        text.encode()
