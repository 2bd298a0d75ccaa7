import time

import pytest

from services.jobs.describe.svg_size import size_of

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="40" height="20"', (40, 20)),
        ('width="40px" height="20.4px"', (40, 20)),
        ('width="1in" height="72pt"', (96, 96)),
        ('width="2.54cm" height="25.4mm"', (96, 96)),
        ('width="6pc" height="1e2"', (96, 100)),
        ('viewBox="0 0 300 150"', (300, 150)),
        ('viewBox="-5,-5 , 30.2 15"', (30, 15)),
        ('width="40" height="20" viewBox="0 0 300 150"', (40, 20)),
        ('width="600" viewBox="0 0 300 150"', (600, 300)),
        ('height="600" viewBox="0 0 300 150"', (1200, 600)),
        ('width="100%" height="100%" viewBox="0 0 300 150"', (300, 150)),
        ('width="600" height="auto" viewBox="0 0 300 150"', (600, 300)),
        ('width="0.2" height="0.2"', (1, 1)),
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
def test_an_svg_is_as_large_as_it_says(attributes: str, size: tuple[int, int] | None) -> None:
    assert size_of(f"<svg {NAMESPACE} {attributes}><rect/></svg>".encode()) == size


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
    assert size_of(source) is None


def test_nothing_behind_the_first_tag_is_read() -> None:
    head = b'<?xml version="1.0"?><!-- made by hand --><s:svg xmlns:s="x" width="3" height="4">'
    assert size_of(head + b"<g>" * 1_000_000 + b"</never>") == (3, 4)


def test_entities_that_grow_end_in_no_time() -> None:
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    source = f'<!DOCTYPE svg [<!ENTITY e0 "1111111111">{grown}]><svg width="&e9;" height="1"/>'
    started = time.monotonic()
    assert size_of(source.encode()) is None
    assert time.monotonic() - started < 2
