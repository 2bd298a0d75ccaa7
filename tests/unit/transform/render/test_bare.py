import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from services.transform.render.bare import without_metadata, without_texts
from tests.support.colour_profiles import srgb
from tests.support.pictures import animation, encoded
from tests.support.pixels import decode
from tests.support.png import chunk

TYPES = {"PNG": "image/png", "WEBP": "image/webp", "JPEG": "image/jpeg"}


def talkative(file_format: str, **options: object) -> bytes:
    """Return a picture with every kind of metadata that its format has, and a secret behind its end."""
    exif = Image.Exif()
    exif[0x010E] = "secret description"
    options |= {"exif": exif, "icc_profile": srgb()}
    if file_format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", "secret comment")
        text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>secret xmp</x:xmpmeta>")
        options["pnginfo"] = text
    else:
        options["xmp"] = b"<x:xmpmeta>secret xmp</x:xmpmeta>"
    if file_format == "JPEG":
        options["comment"] = b"secret comment"
    image = Image.linear_gradient("L").resize((61, 40)).convert("RGB")
    return encoded(image, file_format, **options) + b"secret tail"


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("WEBP", {}), ("JPEG", {}), ("JPEG", {"progressive": True})],
)
def test_the_pixels_stay_and_the_rest_goes(file_format: str, options: dict[str, object]) -> None:
    source = talkative(file_format, **options)
    bare = without_metadata(source, TYPES[file_format])
    assert bare is not None
    assert np.array_equal(np.asarray(decode(bare)), np.asarray(decode(source)))
    assert b"secret" not in bare
    assert not any(word in bare for word in (b"Exif", b"EXIF", b"XMP ", b"ICC_PROFILE", b"ICCP", b"iCCP"))


def test_an_animation_keeps_its_frames_and_its_timing() -> None:
    source = animation("WEBP")
    bare = without_metadata(source, "image/webp")
    assert bare is not None
    one, other = Image.open(io.BytesIO(source)), Image.open(io.BytesIO(bare))
    assert (other.n_frames, other.info["loop"]) == (one.n_frames, one.info["loop"])  # type: ignore[attr-defined]


def test_transparency_stays() -> None:
    image = Image.new("RGBA", (20, 20), (10, 20, 30, 40))
    for file_format in ("PNG", "WEBP"):
        bare = without_metadata(encoded(image, file_format, exif=Image.Exif()), TYPES[file_format])
        assert bare is not None
        assert decode(bare).convert("RGBA").getpixel((5, 5))[3] == 40  # type: ignore[index]


@pytest.mark.parametrize("file_format", TYPES)
def test_what_cannot_be_followed_to_its_end_is_left_alone(file_format: str) -> None:
    source = talkative(file_format)
    whole = without_metadata(source, TYPES[file_format])
    for length in range(12, len(source), 7):
        found = without_metadata(source[:length], TYPES[file_format])
        assert found is None or found == whole or file_format == "WEBP"


@given(st.sampled_from(sorted(TYPES)), st.binary(max_size=60))
def test_whatever_it_is_it_is_rewritten_or_left_alone(file_format: str, change: bytes) -> None:
    source = talkative(file_format)
    for at in (12, 30, len(source) // 2):
        without_metadata(source[:at] + change + source[at:], TYPES[file_format])
        without_texts(source[:at] + change + source[at:])


def test_other_types_are_left_alone() -> None:
    assert without_metadata(b"GIF89a", "image/gif") is None


def test_a_png_loses_its_texts_and_keeps_what_turns_it() -> None:
    source = talkative("PNG")
    found = without_texts(source)
    assert b"eXIf" in found
    assert not any(name in found for name in (b"tEXt", b"iTXt", b"zTXt"))
    assert np.array_equal(np.asarray(decode(found)), np.asarray(decode(source)))
    assert without_texts(found) == found


def test_a_text_that_unpacks_to_much_is_not_unpacked() -> None:
    plain = encoded(Image.new("L", (9, 9)), "PNG")
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1_000_000)))
    assert without_texts(plain[:33] + text * 3 + plain[33:]) == plain
