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


def main(entry: str) -> None:
    """Upload a photograph, fetch each form of it, and delete it again."""
    with httpx.Client(base_url=entry, timeout=30) as http:
        form = {"namespace": "DEV", "filename": "tada-docs.png"}
        uploaded = http.post("/file", files={"file": PHOTO.read_bytes()}, data=form).raise_for_status()
        try:
            for name, path in FORMS.items():
                answer = http.get(f"/assets/media/optimise/{path}").raise_for_status()
                (TARGET / f"{name}.webp").write_bytes(answer.content)
        finally:
            http.delete(f"/file/{uploaded.json()['data'][0]['uuid']}").raise_for_status()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3001")
