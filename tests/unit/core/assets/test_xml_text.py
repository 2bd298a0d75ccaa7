from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import xml_text
from services.core.assets.containers import Malformed

ROOT = '<svg title="Größe"/>'


def declared(label: str, codec: str, text: str = ROOT) -> bytes:
    return f'<?xml version="1.0" encoding="{label}"?>{text}'.encode(codec)


@pytest.mark.parametrize(
    "document",
    [
        ROOT.encode(),
        declared("UTF-8", "utf-8"),
        declared("utf8", "utf-8-sig"),
        declared("UTF-16", "utf-16"),
        declared("utf-16", "utf-16-be"),
        declared("UTF-16LE", "utf-16-le"),
        ROOT.encode("utf-16"),
        declared("ISO-8859-1", "latin-1"),
        declared("windows-1252", "cp1252"),
        declared("iso-8859-15", "iso8859-15"),
        declared("ISO_8859-9", "cp1254"),
        declared("macintosh", "mac-roman"),
        declared("gb18030", "gb18030"),
        # What the first bytes are counts, not what a program wrote that meant other ones.
        declared("utf-16", "utf-8"),
        declared("utf-8", "utf-16"),
        declared("windows-1251", "utf-8-sig"),
        b"<?xml version='1.1' standalone='no' ?>" + ROOT.encode(),
    ],
)
def test_a_document_of_any_encoding_is_the_same_in_utf8(document: bytes) -> None:
    assert xml_text.utf8(document).decode() == ROOT


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("GBK", "gbk", "图标"),
        ("GB2312", "gb2312", "图标"),
        ("Big5", "big5", "圖示"),
        ("Shift_JIS", "cp932", "図形①"),
        ("x-sjis", "cp932", "図形"),
        ("EUC-JP", "euc_jp", "図形"),
        ("EUC-KR", "cp949", "그림"),
        ("windows-1251", "cp1251", "Рисунок"),
        ("KOI8-R", "koi8-r", "Рисунок"),
        ("windows-1253", "cp1253", "Σχέδιο"),
    ],
)
def test_texts_of_all_the_world_are_read(label: str, codec: str, text: str) -> None:
    assert xml_text.utf8(declared(label, codec, f"<!--{text}--><svg/>")).decode() == f"<!--{text}--><svg/>"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (declared("utf-7", "ascii", "<svg/>"), "'utf-7'"),
        (declared("cp037", "ascii", "<svg/>"), "'cp037'"),
        (declared("ISO-2022-JP", "ascii", "<svg/>"), "'iso-2022-jp'"),
        (declared("hz", "ascii", "<svg/>"), "'hz'"),
        (declared("rot13", "ascii", "<svg/>"), "'rot13'"),
        (declared("unicode_escape", "ascii", "<svg/>"), "'unicode_escape'"),
        (declared("x-user-defined", "ascii", "<svg/>"), "'x-user-defined'"),
        (declared("no such\0thing", "ascii", "<svg/>"), "that browsers do not read"),
        (declared("e" * 900, "ascii", "<svg/>"), "that browsers do not read"),
        (declared("utf-32", "utf-32"), "UTF-32"),
        (declared("GBK", "latin-1", "<!--ÿ--><svg/>"), "is not valid gb18030 at byte"),
        (ROOT.encode("utf-16") + b"\0", "is not valid utf-16-le at byte"),
        (b"\xff\xfe<\0\0\xd8<\0", "is not valid utf-16-le at byte"),
    ],
)
def test_what_browsers_read_otherwise_is_refused_with_the_reason(document: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        xml_text.utf8(document)


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"<?xml version='1.0' encoding='" + tail))
def test_no_bytes_are_too_odd(document: bytes) -> None:
    assert isinstance(xml_text.beginning(document), bytes)
    with suppress(Malformed):
        xml_text.utf8(document)


def test_the_beginning_may_end_within_a_character() -> None:
    assert xml_text.beginning(declared("UTF-16", "utf-16")[:-3]).decode().startswith('<svg title="Größe"')
    assert xml_text.beginning(declared("GBK", "gbk", "<!--图")[:-1]) == b"<!--"
