"""Makes the pictures of docs/delivery.md with a TADA that runs, and prints their sizes in bytes.

make run FORMAT_NEGOTIATION=true PRESETS='thumb:90x120?crop=smart; banner:300x100?crop=smart&quality=60'
python -m tools.pictures [internal entry]
"""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import skimage
from PIL import Image, ImageDraw, ImageFont

PHOTOS = Path(skimage.__file__).parent / "data"
TARGET = Path(__file__).parents[1] / "docs" / "img"
FORMS = {
    "delivery-cover.webp": "300x120",
    "delivery-contain.webp": "300x120?fit=contain",
    "delivery-fill.webp": "300x120?fit=fill",
    "delivery-smart.webp": "300x120?crop=smart",
    "delivery-point.webp": "300x120?crop=0.5,0.25",
    "delivery-preset-thumb.webp": "thumb",
    "delivery-preset-banner.webp": "banner",
}
FOCAL_POINT = {"focus_x": "0.43", "focus_y": "0.22"}
FOCUSED = {"delivery-focus-wide.webp": "300x100", "delivery-focus-tall.webp": "75x150"}
CAT = {
    "delivery-dpr-1.webp": "150x100",
    "delivery-dpr-2.webp": "150x100?dpr=2",
    "delivery-kb-8.webp": "300x200?max_kb=8",
    "delivery-kb-3.webp": "300x200?max_kb=3",
}
COFFEE = "300x200"
ACCEPT = {"delivery-plain.jpg": "image/jpeg", "delivery-webp.webp": "image/webp", "delivery-avif.avif": "image/avif"}
PAGE = {"delivery-pdf.webp": "180x0"}


def main(entry: str) -> None:
    """Upload each file, fetch the forms of it, and delete it again."""
    with httpx.Client(base_url=entry, timeout=30) as http:
        astronaut = (PHOTOS / "astronaut.png").read_bytes()
        for name, content, fields, forms in (
            ("tada-docs.png", astronaut, {}, FORMS),
            ("tada-focus.png", astronaut, FOCAL_POINT, FOCUSED),
            ("tada-cat.png", (PHOTOS / "chelsea.png").read_bytes(), {}, CAT),
            ("tada-menu.pdf", menu(), {}, PAGE),
        ):
            with uploaded(http, name, content, fields) as path:
                for file, form in forms.items():
                    size, _, arguments = form.partition("?")
                    fetch(http, file, f"/assets/media/optimise/{size}{path}?{arguments}")
        with uploaded(http, "tada-coffee.png", (PHOTOS / "coffee.png").read_bytes(), {}) as path:
            for file, accept in ACCEPT.items():
                fetch(http, file, f"/assets/media/optimise/{COFFEE}{path}", accept)


@contextmanager
def uploaded(http: httpx.Client, name: str, content: bytes, fields: dict[str, str]) -> Iterator[str]:
    """Yield the unique name of a file that is uploaded while the context is open."""
    answer = http.post("/file", files={"file": (name, content)}, data={"namespace": "DEV", **fields}).raise_for_status()
    entry = answer.json()["data"][0]
    try:
        yield entry["unique_name"]
    finally:
        http.delete(f"/file/{entry['uuid']}").raise_for_status()


def fetch(http: httpx.Client, file: str, address: str, accept: str = "*/*") -> None:
    answer = http.get(address, headers={"Accept": accept}).raise_for_status()
    (TARGET / file).write_bytes(answer.content)
    print(f"{file}: {answer.headers['content-type']}, {len(answer.content)} bytes")


def menu() -> bytes:
    """Return a PDF of one page with a photograph and some text."""
    page = Image.new("RGB", (620, 877), "#fffdf8")
    draw = ImageDraw.Draw(page)
    draw.text((60, 50), "Menu", font=ImageFont.load_default(72), fill="#40241a")
    page.paste(Image.open(PHOTOS / "coffee.png").resize((500, 333)), (60, 160))
    for line, text in enumerate(("Espresso  2.20", "Cappuccino  3.10", "Cake of the day  3.80")):
        draw.text((60, 540 + 70 * line), text, font=ImageFont.load_default(40), fill="#40241a")
    out = io.BytesIO()
    page.save(out, "PDF", resolution=75)
    return out.getvalue()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3001")
