"""What is refused at upload for the length of its sides."""

import io
from pathlib import Path

import pytest
from PIL import Image

from services.catalog.uploads import shape
from services.core.errors import BadRequest
from tests.support.hostile_files import avif_claiming, png_header, small_files, tiff_header

FILES = small_files()
LONG = {
    "image/png": png_header(1_000_000, 50),
    "image/tiff": tiff_header(12_000_000, 4),
    "image/avif": avif_claiming(FILES["avif"], 3, 70_000),
}


@pytest.mark.parametrize("media_type", LONG)
def test_a_side_that_is_never_rendered_is_refused_with_what_to_do(media_type: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(LONG[media_type])
    with pytest.raises(BadRequest, match="a side is too long to render") as refusal:
        shape.check(path, media_type)
    assert refusal.value.hint == "Upload an image with at most 65535 pixels on each side."


def test_what_can_be_rendered_passes_and_so_does_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    types = {"jpg": "jpeg", "svg": "svg+xml"}
    for extension, content in FILES.items():
        for part in (content, content[:20], b""):
            path.write_bytes(part)
            shape.check(path, f"image/{types.get(extension, extension)}")
    wide = io.BytesIO()
    Image.new("1", (65_535, 1)).save(wide, "PNG")
    path.write_bytes(wide.getvalue())
    shape.check(path, "image/png")
