import time

import pytest

from services.core.assets.svg_size import enlarged, size

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('width="40" height="20"', (40, 20)),
        ('width="40px" height="20.4px"', (40, 20.4)),
        ('width="1in" height="72pt"', (96, 96)),
        ('width="2.54cm" height="25.4mm"', (96, 96)),
        ('width="6pc" height="1e2"', (96, 100)),
        ('viewBox="0 0 300 150"', (300, 150)),
        ('viewBox="-5,-5 , 30.2 15"', (30.2, 15)),
        ('width="40" height="20" viewBox="0 0 300 150"', (40, 20)),
        ('width="600" viewBox="0 0 300 150"', (600, 300)),
        ('height="600" viewBox="0 0 300 150"', (1200, 600)),
        ('width="100%" height="100%" viewBox="0 0 300 150"', (300, 150)),
        ('width="600" height="auto" viewBox="0 0 300 150"', (600, 300)),
        ('width="0.2" height="0.2"', (0.2, 0.2)),
        ("", None),
        ('width="40"', None),
        ('width="100%" height="100%"', None),
        ('width="10em" height="10em"', None),
        ('width="0" height="20"', None),
        ('width="-4" height="20"', None),
        ('width="nan" height="inf"', None),
        ('viewBox="0 0 0 150"', None),
        ('viewBox="0 0 nan 150"', None),
        ('width="1e99" height="20"', None),
        ('width="40" height="20000000"', None),
        ('width="999" viewBox="0 0 1 1e99"', None),
    ],
)
def test_an_svg_is_as_large_as_it_says(attributes: str, expected: tuple[float, float] | None) -> None:
    assert size(f"<svg {NAMESPACE} {attributes}><rect/></svg>".encode()) == (expected and pytest.approx(expected))


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"<svg",
        b"<html width='1' height='1'/>",
        b"\xff\xfe<",
        b"%PDF-1.4",
        b"<svg width='1' width='2' height='3'/>",
    ],
)
def test_what_is_no_svg_has_no_size(source: bytes) -> None:
    assert size(source) is None


def test_nothing_behind_the_first_tag_is_read() -> None:
    head = b'<?xml version="1.0"?><!-- made by hand --><s:svg xmlns:s="x" width="3" height="4">'
    assert size(head + b"<g>" * 1_000_000 + b"</never>") == (3, 4)


def test_entities_that_grow_end_in_no_time() -> None:
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    source = f'<!DOCTYPE svg [<!ENTITY e0 "1111111111">{grown}]><svg width="&e9;" height="1"/>'
    started = time.monotonic()
    assert size(source.encode()) is None
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "tag",
    [
        '<svg xmlns="x" width="1" height="0.4">',
        "<svg width='1'\n height\t=\n'0.4' title='a>b height=\"7\"' xmlns='x'>",
        '<s:svg xmlns:s="x" width="1" height="0.4" viewBox="0 0 10 4">',
        '<!DOCTYPE svg><!-- <svg width="3"> --><svg xmlns="x" width="1" height="0.4" >',
        '<svg xmlns="x" s:width="7" xmlns:s="y" viewBox="0 0 1 .4" >',
    ],
)
def test_a_small_drawing_is_made_larger_by_other_sides_in_its_first_tag(tag: str) -> None:
    source = f"{tag}<rect width='1'/></{'s:' if '<s:' in tag else ''}svg>".encode()
    assert size(source) == (1, 0.4)
    larger = enlarged(source, 1, 0.4, 50)
    assert size(larger) == (50, 20)
    assert b"<rect width='1'/>" in larger
    assert larger.count(b"viewBox") == 1
