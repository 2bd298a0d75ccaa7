from dataclasses import fields, replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.addresses.arguments import ACCEPT, ARGUMENTS
from services.core.addresses.form import Form, canonical, effective, parse, signed
from services.core.addresses.values import Focus
from services.core.errors import BadRequest, NotFound

ROUTE = "/assets/media"
SIDE_MAX = 8192
NAME = "/DEV/shop/cat.webp"

segments = st.from_regex(r"[A-Za-z0-9\-@_]{1,20}", fullmatch=True)
unique_names = st.builds(
    lambda namespace, folders, file, extension: "/" + "/".join([namespace, *folders, file]) + f".{extension}",
    segments.filter(lambda namespace: namespace != "image"),
    st.lists(segments, max_size=10),
    segments,
    st.sampled_from(["webp", "jpg", "png", "svg", "pdf"]),
)
sides = st.integers(0, SIDE_MAX // 4)
hundredths = st.integers(0, 100).map(lambda n: n / 100)
others: dict[str, Any] = {
    "quality": st.integers(0, 100),
    "format": st.none() | st.sampled_from(["webp", "avif", "jpeg", "png"]),
    "fit": st.sampled_from(["cover", "contain", "fill"]),
    "focus": st.none() | st.just("smart") | st.builds(Focus, hundredths, hundredths),
    "dpr": st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0]),
    "effects": st.just(()) | st.integers(30, 10_000).map(lambda hundredths: (("blur", hundredths / 100),)),
    "max_bytes": st.integers(0, 100_000).map(lambda kilobytes: kilobytes * 1024),
}
forms = st.one_of(
    st.builds(Form, st.just("original"), unique_names),
    st.builds(Form, st.just("full"), unique_names, sides, sides, **others),
    st.builds(Form, st.just("optimise"), unique_names, sides, sides, **others),
    st.builds(Form, st.sampled_from(["full", "optimise"]), unique_names, dpr=others["dpr"], preset=st.just("thumb")),
).map(effective)


def read(address: str) -> Form:
    path, _, query = address.partition("?")
    return parse(path, query, SIDE_MAX, ["thumb"])


@given(forms)
def test_a_form_is_read_back_from_its_canonical_address(form: Form) -> None:
    assert read(canonical(form)) == form


@given(forms)
def test_an_image_segment_before_the_namespace_names_the_same_asset(form: Form) -> None:
    assert read(canonical(form).replace(form.name, f"/image{form.name}")) == form


@given(forms, st.dictionaries(st.sampled_from(["v", "utm_source", "cache", "widths", "size"]), st.text(max_size=9)))
def test_an_unknown_argument_asks_for_nothing_else(form: Form, noise: dict[str, str]) -> None:
    path, _, query = canonical(form).partition("?")
    assert read(f"{path}?{'&'.join(part for part in (urlencode(noise), query) if part)}") == form


@given(forms)
def test_what_is_signed_is_the_canonical_address_without_what_a_client_accepts(form: Form) -> None:
    assert signed(form) == canonical(replace(form, accepted="webp"))
    assert "accept=" not in signed(form)


def test_each_field_of_a_form_is_what_the_path_says_or_an_argument() -> None:
    of_path = {"kind", "name", "preset", "effects"}
    assert {field.name for field in fields(Form)} == of_path | {
        each.field for each in (*ARGUMENTS, ACCEPT) if each.field
    }


@pytest.mark.parametrize(
    ("path", "query", "asked"),
    [
        (f"/assets/media/original{NAME}", "", Form("original", NAME)),
        (f"/assets/media/original{NAME}", "width=abc&quality=5", Form("original", NAME)),
        (f"/assets/media/full{NAME}", "", Form("full", NAME)),
        (f"/assets/media/full{NAME}", "width=200", Form("full", NAME, 200)),
        (f"/assets/media/full{NAME}", "height=100&width=200&quality=50", Form("full", NAME, 200, 100, 50)),
        (f"/assets/media/full{NAME}", "width=&height=&quality=", Form("full", NAME)),
        (f"/assets/media/full{NAME}", "width=200&width=300", Form("full", NAME, 200)),
        (f"/assets/media/full{NAME}", "Width=200&HEIGHT=100", Form("full", NAME, 200, 100)),
        (f"/assets/media/optimise/200x0{NAME}", "", Form("optimise", NAME, 200, 0)),
        (f"/assets/media/optimise/0x100{NAME}", "quality=50", Form("optimise", NAME, 0, 100, 50)),
        (f"/assets/media/optimise/0x0{NAME}", "", Form("optimise", NAME)),
        (f"/assets/media/optimise/10x20{NAME}", "width=9&height=9", Form("optimise", NAME, 10, 20)),
        ("/assets/media/full/image/DEV/default.webp", "", Form("full", "/DEV/default.webp")),
        ("/assets/media/full/DEV/image/cat.webp", "", Form("full", "/DEV/image/cat.webp")),
        (f"/assets/media/optimise/8192x8192{NAME}", "", Form("optimise", NAME, 8192, 8192)),
        (f"/assets/media/full{NAME}", "quality=100", Form("full", NAME, quality=100)),
        (f"/assets/media/full{NAME}", "format=jpg", Form("full", NAME, format="jpeg")),
        (f"/assets/media/full{NAME}", "crop=0.10%2C1.0&dpr=1.5", Form("full", NAME)),
        (
            f"/assets/media/optimise/9x9{NAME}",
            "crop=0.10%2C1.0&dpr=1.5",
            Form("optimise", NAME, 9, 9, focus=Focus(0.1, 1), dpr=1.5),
        ),
        (f"/assets/media/optimise/4096x10{NAME}", "dpr=4", Form("optimise", NAME, 4096, 10, dpr=4)),
        # What has no effect is not looked at, as in the gateway.
        ("/assets/media/full/DEV/cat.svg", "width=abc", Form("full", "/DEV/cat.svg")),
        ("/assets/media/optimise/0x0/DEV/cat.pdf", "quality=abc", Form("optimise", "/DEV/cat.pdf")),
        (f"/assets/media/full{NAME}", "width&width=5", Form("full", NAME, 5)),
        (f"/assets/media/full{NAME}", f"width={'0' * 5000}5", Form("full", NAME, 5)),
        (f"/assets/media/full{NAME}", "accept=plain", Form("full", NAME, accepted="plain")),
        (f"/assets/media/full{NAME}", "max_kb=20", Form("full", NAME, max_bytes=20480)),
        (f"/assets/media/full{NAME}", "blur=02.50", Form("full", NAME, effects=(("blur", 2.5),))),
        (f"/assets/media/full{NAME}", "blur=0.0", Form("full", NAME)),
        ("/assets/media/full/DEV/cat.svg", "blur=5", Form("full", "/DEV/cat.svg")),
        (f"/assets/media/original{NAME}", "blur=5", Form("original", NAME)),
        ("/assets/media/optimise/0x0/DEV/cat.svg", "blur=5", Form("optimise", "/DEV/cat.svg", effects=(("blur", 5),))),
        # A picture is WebP anyhow.
        (f"/assets/media/full{NAME}", "blur=5&format=webp", Form("full", NAME, effects=(("blur", 5),))),
    ],
)
def test_what_a_url_asks_for(path: str, query: str, asked: Form) -> None:
    assert parse(path, query, SIDE_MAX) == asked


@pytest.mark.parametrize(
    "box",
    [
        "200",
        "x",
        "٢x٢",
        "200x",
        "x200",
        "-1x0",
        "200X100",
        "1.5x2",
        "axb",
        "200x100x50",
        " 1x1",
        "0x8193",
        "8193x0",
        "9" * 30,
    ],
)
def test_a_size_that_cannot_be_is_a_bad_request(box: str) -> None:
    with pytest.raises(BadRequest):
        parse(f"/assets/media/optimise/{box}{NAME}", "", SIDE_MAX)


@pytest.mark.parametrize(
    "query",
    [
        "width=abc",
        "width=-1",
        "height=1.5",
        "height=8193",
        "quality=101",
        "quality=-5",
        "width=+5",
        "quality=1e1",
        "width=%32",
        "format=gif",
        "format=WEBP",
        "format=plain",
        "fit=inside",
        "crop=top",
        "crop=0.5",
        "crop=0.5,1.01",
        "crop=0.123,0",
        "crop=.5,.5",
        "crop=-0.1,0",
        "crop=0.5,0.5,",
        "crop=nan,0",
        "dpr=0",
        "dpr=2.0",
        "dpr=5",
        "max_kb=1.5",
        "max_kb=100001",
        "blur=0.29",
        "blur=100.01",
        "blur=1.234",
        "blur=.5",
        "blur=1e1",
        "width=٢",
    ],
)
def test_an_argument_that_cannot_be_is_a_bad_request(query: str) -> None:
    with pytest.raises(BadRequest, match=query.partition("=")[0]):
        parse(f"/assets/media/full{NAME}", query, SIDE_MAX)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/assets/media",
        "/assets/media/",
        f"/assets/media{NAME}",
        f"/assets/media/small{NAME}",
        "/assets/media/optimise/cat.webp",
        "/assets/media/full/cat.webp",
        "/assets/media/full/image/cat.webp",
        "/assets/media/full/image/image/cat",
        "/assets/media/full/image/image/cat.webp",
        "/assets/media/full/DEV/../../etc/passwd",
        "/assets/media/original/DEV/..%2fcat.webp",
        "/assets/media/original/DEV//cat.webp",
        "/assets/media/original/DEV/cat",
        "/assets/media/original/DEV/cat.webp/",
        "/assets/media/original/DEV/cat.webp\n",
        "/assets/media/fullDEV/cat.webp",
        f"x/assets/media/full{NAME}",
    ],
)
def test_a_path_that_can_name_no_asset_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        parse(path, "", SIDE_MAX)


@given(st.text(max_size=60), st.text(max_size=40))
def test_whatever_is_asked_is_understood_or_refused_politely(path: str, query: str) -> None:
    for wanted in (path, f"/assets/media/full/{path}", f"/assets/media/optimise/{path}{NAME}"):
        try:
            asked = parse(wanted, query, SIDE_MAX)
        except (BadRequest, NotFound):
            continue
        assert 0 <= asked.width <= SIDE_MAX
        assert 0 <= asked.height <= SIDE_MAX
        assert 0 <= asked.quality <= 100
