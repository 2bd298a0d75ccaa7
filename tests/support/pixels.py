"""Comparing pictures, with Pillow as a decoder that has nothing in common with the service's."""

import io

import numpy as np
from PIL import Image


def decode(content: bytes) -> Image.Image:
    """Return a picture, whole; raises when it is none."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def distance(content: bytes, expected: Image.Image) -> float:
    """Return the mean absolute difference of two pictures of the same size, 0 to 255, after a slight blur."""
    image = decode(content).convert("RGB")
    assert image.size == expected.size
    return float(np.abs(_soft(image) - _soft(expected.convert("RGB"))).mean())


def _soft(image: Image.Image) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    # Half the size evens out what two resampling filters do differently to single pixels.
    small = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64)
