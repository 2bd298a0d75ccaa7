import base64

import pytest

from services.core.assets import xml_text
from services.core.assets.containers import Malformed
from services.core.assets.svg import DEPTH_MAX, ELEMENTS_MAX, check
from tests.support.hostile_files import drawings

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">'
PNG = base64.b64encode(b"\x89PNG").decode()


@pytest.mark.parametrize(
    "inside",
    [
        "",
        '<a href="https://example.com/"><rect width="9" height="9"/></a>',
        '<defs><linearGradient id="a"/><linearGradient id="b" xlink:href="#a"/></defs><use href="#a"/>',
        f'<image href="data:image/png;base64,{PNG}"/>',
        f'<image xlink:href=" data:image/PNG;base64,{PNG}"/>',
        "<style>.a { fill: red }</style><script>alert(1)</script>",
        "<metadata><rdf:RDF xmlns:rdf='x'/></metadata>",
        "<g>" * (DEPTH_MAX - 1) + "</g>" * (DEPTH_MAX - 1),
    ],
)
def test_what_has_everything_in_it_is_drawn(inside: str) -> None:
    check(f"{OPEN}{inside}</svg>".encode())


def test_short_names_that_editors_define_are_no_harm() -> None:
    doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd" [<!ENTITY ns "http://x/">]>'
    check(f'<?xml version="1.0"?>{doctype}{OPEN}<g xmlns:a="&ns;"/></svg>'.encode())


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ('<image href="https://example.com/a.png"/>', "refers to other files"),
        ('<image xlink:href="file:///etc/passwd"/>', "refers to other files"),
        ('<image href="data:image/svg+xml,x"/>', "refers to other files"),
        ('<use href="other.svg#a"/>', "refers to other files"),
        ('<svg:image xmlns:svg="http://www.w3.org/2000/svg" href="a.png"/>', "refers to other files"),
        ('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="a"/>', "includes other files"),
        ("<g>" * DEPTH_MAX + "</g>" * DEPTH_MAX, f"more than {DEPTH_MAX} deep"),
        ("<g/>" * ELEMENTS_MAX, f"more than {ELEMENTS_MAX} elements"),
        ("<g>", "not well formed"),
        ("&none;", "not well formed"),
    ],
)
def test_what_is_not_drawn_is_refused_with_the_reason(inside: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        check(f"{OPEN}{inside}</svg>".encode())


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_nothing_is_smuggled_through_in_another_encoding(codec: str) -> None:
    for inside in ('<image href="http://x/y"/>', '<use xlink:href="a.svg#a"/>'):
        with pytest.raises(Malformed, match="refers to other files"):
            check(xml_text.utf8(f"{OPEN}{inside}</svg>".encode(codec)))
    entity = f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>{OPEN}&a;</svg>'
    with pytest.raises(Malformed, match="entities"):
        check(xml_text.utf8(entity.encode(codec)))


@pytest.mark.parametrize(
    ("entities", "uses"),
    [('<!ENTITY a "' + "x" * 1900 + '">', "&a;" * 100_000), ("".join(f'<!ENTITY b{n} "">' for n in range(300)), "")],
)
def test_short_texts_that_come_to_much_are_refused_before_they_are_read(entities: str, uses: str) -> None:
    with pytest.raises(Malformed, match="grows too large"):
        check(f'<!DOCTYPE svg [{entities}]>{OPEN}<g id="{uses}"/></svg>'.encode())


def test_attributes_that_the_doctype_gives_to_each_element_are_counted() -> None:
    doctype = f'<!DOCTYPE svg [<!ATTLIST g x CDATA "{"x" * 100_000}">]>'
    check(f"{doctype}{OPEN}{'<g/>' * 30}</svg>".encode())
    with pytest.raises(Malformed, match="grows too large"):
        check(f"{doctype}{OPEN}{'<g/>' * 50_000}</svg>".encode())


@pytest.mark.parametrize("file", [file for file in drawings() if "entity" in file.name or "laughs" in file.name])
def test_entities_that_are_more_than_short_texts_are_refused(file: object) -> None:
    with pytest.raises(Malformed):
        check(file.content)  # type: ignore[attr-defined]
