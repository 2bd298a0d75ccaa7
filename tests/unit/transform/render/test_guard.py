from dataclasses import replace

import pytest

from services.core.errors import Undecodable
from services.transform.render.guard import Header, Limits, check, check_size, sniff

LIMITS = Limits(
    source_bytes=1000,
    pixels=10_000,
    frames=50,
    frame_pixels=20_000,
    decoder_bytes=75_000,
    source_side=2000,
    line_bytes=1000,
)
PNG, GIF, AVIF = "image/png", "image/gif", "image/avif"


@pytest.mark.parametrize(
    "header",
    [
        Header(PNG, 100, 100),
        Header(PNG, 100, 100, bands=4, bits=16),
        Header(PNG, 100, 100, interlaced=True),
        Header("image/jpeg", 100, 100, interlaced=True),
        Header("image/jpeg", 100, 100, bands=4, subsampled=False),
        Header(GIF, 100, 100, 2),
        Header(GIF, 20, 20, 50),
        Header(AVIF, 100, 50),
        Header("image/tiff", 1, 300),
        Header("image/jpeg", 33, 300, bands=3),
        Header(PNG, 20, 10, bands=4),
    ],
)
def test_a_source_at_its_limits_passes(header: Header) -> None:
    check(header, LIMITS)


@pytest.mark.parametrize(
    ("header", "claimed", "allowed"),
    [
        (Header(PNG, 101, 100, 1), "101x100 pixels", "10000 pixels"),
        (Header(PNG, 30_000, 30_000, 1), "30000x30000 pixels", "10000 pixels"),
        (Header(GIF, 1, 1, 51), "51 frames", "50 frames"),
        (Header(GIF, 100, 100, 3), "100x100 pixels in 3 frames", "20000 pixels"),
        (Header(AVIF, 101, 50, 1), "101x50 pixels", "5000 pixels"),
        (Header(PNG, 97, 97, bands=4, bits=16, interlaced=True), "97x97 pixels", "9375 pixels"),
        (Header("image/tiff", 1, 2001, bands=1), "1x2001 pixels: a side", "2000 pixels on each side"),
        (Header(PNG, 334, 1), "334x1 pixels, which is too wide", "333 pixels in a line"),
        (Header(PNG, 201, 1, bands=4), "201x1 pixels, which is too wide", "200 pixels in a line"),
        (Header(PNG, 167, 1, bands=3, bits=16), "167x1", "166 pixels in a line"),
        (Header("image/jpeg", 97, 97, bands=4, interlaced=True, subsampled=False), "97x97 pixels", "9375 pixels"),
    ],
)
def test_a_source_beyond_a_limit_is_refused_with_what_it_claims_and_what_is_allowed(
    header: Header, claimed: str, allowed: str
) -> None:
    with pytest.raises(Undecodable) as refusal:
        check(header, LIMITS)
    assert claimed in refusal.value.message
    assert allowed in (refusal.value.hint or "")


@pytest.mark.parametrize("axis", ["pixels", "frames", "frame_pixels"])
def test_each_limit_can_be_raised_by_itself(axis: str) -> None:
    beyond = {
        "pixels": Header(PNG, 101, 100, 1),
        "frames": Header(GIF, 1, 1, 51),
        "frame_pixels": Header(GIF, 100, 100, 3),
    }
    check(beyond[axis], replace(LIMITS, **{axis: 100_000}))


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", GIF),
        (b"%PDF-1.7", "application/pdf"),
        (b"<svg/>", "image/svg+xml"),
    ],
)
def test_what_is_rendered_is_told_by_its_bytes(head: bytes, media_type: str) -> None:
    assert sniff(head) == media_type


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"just text",
        b"PK\x03\x04 a zip",
        b"<html><body/></html>",
        b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
        b"P6 1 1 255 abc",
        b"BM" + bytes(60),
        b"\0\0\1\0 an icon",
        b"8BPS a Photoshop file",
    ],
)
def test_every_other_type_is_refused_before_a_decoder_sees_it(source: bytes) -> None:
    with pytest.raises(Undecodable, match="cannot be rendered"):
        sniff(source)


def test_more_bytes_than_allowed_are_not_looked_at() -> None:
    check_size(1000, LIMITS)
    with pytest.raises(Undecodable, match="1001 bytes"):
        check_size(1001, LIMITS)
