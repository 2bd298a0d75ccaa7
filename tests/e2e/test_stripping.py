"""USE_STRIPMETADATA: what is stored has the pixels of the upload and none of its secrets."""

import hashlib
import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.processes.system import System
from tests.support.pixels import decode
from tests.support.problems import problem


def test_metadata_is_removed_before_a_file_is_stored(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(USE_STRIPMETADATA="true")
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    out = io.BytesIO()
    decode(photos["flower.jpg"]).save(out, "JPEG", quality=90, exif=exif, comment=b"another secret")
    uploaded = out.getvalue()
    entry = system.upload("a.jpg", uploaded)
    stored = system.edge.get("/assets/media/original/DEV/a.jpg").content
    assert b"secret" in uploaded
    assert b"secret" not in stored
    assert np.array_equal(np.asarray(decode(stored)), np.asarray(decode(uploaded)))
    assert entry["signature"] == hashlib.sha256(stored).hexdigest()
    assert (entry["size"], entry["original_size"]) == (len(stored), len(uploaded))

    replaced = system.replace(entry["uuid"], "b.jpg", uploaded)
    assert replaced["signature"] == entry["signature"]

    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><rect width="4" height="4"/></svg>'
    system.upload("a.svg", svg)
    drawing = system.edge.get("/assets/media/original/DEV/a.svg").content
    assert b"script" not in drawing
    assert b"rect" in drawing


def test_a_file_that_cannot_be_cleaned_is_refused_whole(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(USE_STRIPMETADATA="true")
    cut = photos["china.jpg"][:5000]
    answer = system.api.post("/file", files={"file": ("a.jpg", cut)}, data={"namespace": "DEV"})
    assert answer.status_code == 400
    assert problem(answer)["hint"]
    assert system.stored_files() == {}


def test_without_the_setting_the_stored_file_is_the_uploaded_one(system: System, name: str) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    system.upload(f"{name}.svg", svg)
    assert system.edge.get(f"/assets/media/original/DEV/{name}.svg").content == svg
