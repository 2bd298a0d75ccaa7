"""Pictures whose parts can be told apart, and what is seen in them."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 20), (20, 20, 220), (255, 255, 255)
FRAMES = (RED, GREEN, BLUE)


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, file_format, **options)
    return content.getvalue()


def marked(size: tuple[int, int], mark: tuple[int, int, int]) -> Image.Image:
    """Return a grey picture with a mark in its middle and a black left half of its upper edge."""
    image = Image.new("RGB", size, (128, 128, 128))
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.rectangle((width * 3 // 8, height * 3 // 8, width * 5 // 8, height * 5 // 8), fill=mark)
    draw.rectangle((0, 0, width // 2, height // 8), fill=(0, 0, 0))
    return image


def animation(file_format: str, size: tuple[int, int] = (120, 80), **options: object) -> bytes:
    first, *others = (marked(size, mark) for mark in FRAMES)
    timing = {"duration": [100, 200, 300], "loop": 3} | options
    return encoded(first, file_format, save_all=True, append_images=others, **timing)


def frames_of(content: bytes) -> list[tuple[int, Image.Image]]:
    """Return the frames of an animation, each with its milliseconds."""
    image = Image.open(io.BytesIO(content))
    found = []
    for at in range(getattr(image, "n_frames", 1)):
        image.seek(at)
        image.load()
        found.append((int(image.info.get("duration", 0)), image.convert("RGB")))
    return found


def is_near(found: Sequence[int], wanted: Sequence[int], tolerance: int = 16) -> bool:
    return all(abs(one - other) <= tolerance for one, other in zip(found, wanted, strict=True))
