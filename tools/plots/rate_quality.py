"""docs/img/rate-quality.svg: the quality of photographs by their bytes, for each format.

    .venv/bin/python -m tools.plots.rate_quality

Needs what the tests need. Prints the numbers of docs/rendering.md; takes half a minute.
"""

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import skimage
import sklearn
from PIL import Image
from skimage.metrics import structural_similarity

from services.core.addresses.values import Format
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tools.stack.plan import ROOT

WIDTH = 800
QUALITIES = (30, 45, 60, 70, 75, 80, 85, 90, 95)
COLOURS = {"webp": "#2563a8", "avif": "#1c8a4d", "jpeg": "#b5542c"}
TARGET = ROOT / "docs/img/rate-quality.svg"

_SKIMAGE = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg")
_SKLEARN = ("china.jpg", "flower.jpg")


@dataclass(frozen=True, slots=True)
class Point:
    quality: int
    bits_per_pixel: float
    ssim: float
    ms_per_megapixel: float


def photographs() -> list[Image.Image]:
    """Return six real photographs, 800 pixels wide at most."""
    data, images = Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets/images"
    found = []
    for path in [*(data / name for name in _SKIMAGE), *(images / name for name in _SKLEARN)]:
        image = Image.open(path).convert("RGB")
        image.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
        found.append(image)
    return found


def measure(images: list[Image.Image], wanted: Format, quality: int) -> Point:
    """Render all photographs at full size in one format and quality."""
    size, pixels, similar, seconds = 0, 0, [], 0.0
    for image in images:
        source = io.BytesIO()
        image.save(source, "PNG")
        started = time.process_time()
        content = pipeline.render(source.getvalue(), Plan(quality=quality, format=wanted), Limits()).content
        seconds += time.process_time() - started
        shown = Image.open(io.BytesIO(content)).convert("RGB")
        similar.append(
            structural_similarity(  # type: ignore[no-untyped-call]
                np.asarray(image),
                np.asarray(shown),
                channel_axis=2,
                data_range=255,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
        )
        size, pixels = size + len(content), pixels + image.width * image.height
    return Point(quality, 8 * size / pixels, float(np.mean(similar)), seconds * 1e9 / pixels)


def draw(curves: dict[str, list[Point]]) -> str:
    """Return the plot: bits per pixel to the right, SSIM upwards."""
    left, top, width, height = 62, 18, 560, 330
    rates, marks = (0.0, 3.0), (0.86, 0.98)

    def x(rate: float) -> float:
        return left + (rate - rates[0]) / (rates[1] - rates[0]) * width

    def y(ssim: float) -> float:
        return top + (marks[1] - ssim) / (marks[1] - marks[0]) * height

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 410"',
        ' font-family="sans-serif" font-size="13" fill="#333">',
        '<rect width="660" height="410" fill="#fff"/>',
    ]
    for step in range(7):
        rate = step / 2
        parts.append(f'<path d="M{x(rate):.1f} {top}V{top + height}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(rate):.1f}" y="{top + height + 20}" text-anchor="middle">{rate:g}</text>')
        ssim = marks[0] + step * 0.02
        parts.append(f'<path d="M{left} {y(ssim):.1f}H{left + width}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y(ssim) + 4:.1f}" text-anchor="end">{ssim:.2f}</text>')
    parts.append(f'<text x="{left + width / 2}" y="402" text-anchor="middle">bits per pixel</text>')
    parts.append(f'<text x="16" y="{top + height / 2}" transform="rotate(-90 16 {top + height / 2})">SSIM</text>')
    for number, (name, points) in enumerate(curves.items()):
        shown = [point for point in points if point.bits_per_pixel <= rates[1] and point.ssim >= marks[0]]
        line = " ".join(f"{x(point.bits_per_pixel):.1f},{y(point.ssim):.1f}" for point in shown)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        for point in shown:
            fill = COLOURS[name] if point.quality in (75, 80, 85) else "#fff"
            spot = f'cx="{x(point.bits_per_pixel):.1f}" cy="{y(point.ssim):.1f}"'
            parts.append(f'<circle {spot} r="3.5" fill="{fill}" stroke="{COLOURS[name]}" stroke-width="1.5"/>')
        parts.append(f'<text x="560" y="{290 + 20 * number}" fill="{COLOURS[name]}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    images = photographs()
    curves = {
        wanted: [measure(images, wanted, quality) for quality in QUALITIES]
        for wanted in get_args(Format)
        if wanted in COLOURS
    }
    for name, points in curves.items():
        for point in points:
            print(
                f"| {name} | {point.quality} | {point.bits_per_pixel:.2f} | {point.ssim:.4f} "
                f"| {point.ms_per_megapixel:.0f} |"
            )
    TARGET.write_text(draw(curves))


if __name__ == "__main__":
    main()
