"""Makes the pictures of docs/delivery.md with a TADA that runs: python -m tools.pictures [internal entry]"""

import sys
from pathlib import Path

import httpx
import skimage

PHOTO = Path(skimage.__file__).parent / "data" / "astronaut.png"
TARGET = Path(__file__).parents[1] / "docs" / "img"
FORMS = {
    "delivery-cover": "300x120/DEV/tada-docs.webp",
    "delivery-contain": "300x120/DEV/tada-docs.webp?fit=contain",
    "delivery-fill": "300x120/DEV/tada-docs.webp?fit=fill",
    "delivery-smart": "300x120/DEV/tada-docs.webp?crop=smart",
    "delivery-point": "300x120/DEV/tada-docs.webp?crop=0.5,0.25",
}
FOCAL_POINT = {"focus_x": 0.43, "focus_y": 0.22}
FOCUSED = {
    "delivery-focus-wide": "300x100/DEV/tada-docs.webp",
    "delivery-focus-tall": "75x150/DEV/tada-docs.webp",
}


def main(entry: str) -> None:
    """Upload a photograph, fetch each form of it, and delete it again."""
    with httpx.Client(base_url=entry, timeout=30) as http:
        form = {"namespace": "DEV", "filename": "tada-docs.png"}
        uploaded = http.post("/file", files={"file": PHOTO.read_bytes()}, data=form).raise_for_status()
        uuid = uploaded.json()["data"][0]["uuid"]
        try:
            _fetch(http, FORMS)
            http.patch(f"/catalog/{uuid}", json=FOCAL_POINT).raise_for_status()
            _fetch(http, FOCUSED)
        finally:
            http.delete(f"/file/{uuid}").raise_for_status()


def _fetch(http: httpx.Client, forms: dict[str, str]) -> None:
    for name, path in forms.items():
        answer = http.get(f"/assets/media/optimise/{path}").raise_for_status()
        (TARGET / f"{name}.webp").write_bytes(answer.content)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3001")
