import http.server
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from services.core.errors import Undecodable
from services.transform.render import document, pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.stop import Stop
from tests.support.hostile_files import pdf
from tests.support.pictures import is_near
from tests.support.pixels import decode

RED, BLUE = (255, 0, 0), (0, 0, 255)
DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10">'
    b'<rect width="10" height="10" fill="red"/><rect x="10" width="5" height="10" fill="blue"/></svg>'
)
PAGE = pdf(b"1 0 0 rg 0 0 50 80 re f 0 0 1 rg 50 0 50 80 re f", box=b"0 0 100 80")


def render(source: bytes, plan: Plan, limits: Limits | None = None) -> Image.Image:
    return decode(pipeline.render(source, plan, limits or Limits()).content)


@pytest.mark.parametrize(
    ("plan", "size"),
    [
        (Plan(200), (200, 100)),
        (Plan(0, 50), (100, 50)),
        (Plan(200, 200), (200, 200)),
        (Plan(200, 200, fit="contain"), (200, 100)),
        (Plan(), (20, 10)),
    ],
)
def test_an_svg_is_drawn_as_large_as_it_is_asked_for(plan: Plan, size: tuple[int, int]) -> None:
    assert render(DRAWING, plan).size == size


def test_an_svg_keeps_its_colours_its_edges_and_its_transparency() -> None:
    shown = render(DRAWING, Plan(200, format="png"))
    assert [shown.getpixel((x, 50)) for x in (5, 98, 102, 148)] == [(*RED, 255)] * 2 + [(*BLUE, 255)] * 2
    assert shown.getpixel((160, 50))[3] == 0  # type: ignore[index]


def test_an_svg_without_a_background_gets_a_white_one_as_jpeg() -> None:
    shown = render(DRAWING, Plan(200, format="jpeg"))
    assert is_near(shown.getpixel((190, 50)), (255, 255, 255))  # type: ignore[arg-type]


def test_the_first_page_of_a_pdf_is_drawn_on_white() -> None:
    pytest.importorskip("pypdfium2")
    shown = render(PAGE, Plan(200, format="png"))
    assert shown.size == (200, 160)
    assert [shown.getpixel((x, 80))[:3] for x in (5, 97, 103, 195)] == [RED, RED, BLUE, BLUE]  # type: ignore[index]
    assert is_near(render(pdf(b""), Plan(40, format="jpeg")).getpixel((20, 16)), (255, 255, 255))  # type: ignore[arg-type]


def test_a_turned_page_is_shown_upright() -> None:
    pytest.importorskip("pypdfium2")
    turned = PAGE.replace(b"/Parent 2 0 R", b"/Rotate 90/Parent 2 0 R")
    assert render(turned, Plan(80)).size == (80, 100)


@pytest.mark.parametrize("side", [7, 100, 333])
def test_text_and_lines_of_a_page_are_as_sharp_as_its_size_allows(side: int) -> None:
    pytest.importorskip("pypdfium2")
    shown = np.asarray(render(PAGE, Plan(side, format="png")).convert("RGB"), dtype=int)
    mixed = (np.abs(shown - RED).sum(axis=2) > 9) & (np.abs(shown - BLUE).sum(axis=2) > 9)
    assert mixed.sum(axis=1).max() <= 1


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-be", "gbk", "cp1251", "euc_jp"])
def test_an_svg_is_drawn_in_whatever_encoding_it_is(codec: str) -> None:
    label = "utf-16" if codec.startswith("utf-16") else codec.removesuffix("-sig")
    source = f'<?xml version="1.0" encoding="{label}"?><!-- {"x" * 5000} -->{DRAWING.decode()}'.encode(codec)
    shown = render(source, Plan(200, format="png"))
    assert [shown.getpixel((x, 50)) for x in (5, 148)] == [(*RED, 255), (*BLUE, 255)]


@pytest.mark.parametrize("prefix", ["", "s:"])
@pytest.mark.parametrize(
    ("sides", "size"),
    [
        ('width="1" height="0.4"', (80, 32)),
        ('width="0.001" height="0.0004"', (80, 32)),
        ('width="0.5"', (80, 32)),
        ('width="10.5" height="4.2"', (80, 32)),
        ('width="1.4" height="1"', (80, 57)),
        ("", (80, 32)),
    ],
)
def test_a_drawing_of_parts_of_a_pixel_keeps_its_shape(prefix: str, sides: str, size: tuple[int, int]) -> None:
    names = f'xmlns{":s" if prefix else ""}="http://www.w3.org/2000/svg"'
    inside = (
        f'<{prefix}rect width="50" height="40" fill="red"/><{prefix}rect x="50" width="50" height="40" fill="blue"/>'
    )
    source = f'<{prefix}svg {names} {sides} viewBox="0 0 100 40">{inside}</{prefix}svg>'
    shown = render(source.encode(), Plan(80, format="png"))
    assert shown.size == size
    assert [shown.getpixel((x, size[1] // 2)) for x in (20, 60)] == [(*RED, 255), (*BLUE, 255)]


@pytest.mark.parametrize(("before", "behind"), [(b"\xef\xbb\xbf", b""), (b"junk\r\n" * 100, b""), (b"", b"\0" * 3000)])
def test_a_pdf_is_drawn_whatever_lies_around_it(before: bytes, behind: bytes) -> None:
    shown = render(before + PAGE + behind, Plan(200, format="png"))
    assert shown.getpixel((5, 80))[:3] == RED  # type: ignore[index]


def form(field: bytes, fill: bytes = b"0 0.6 0 rg 0 0 30 20 re f") -> bytes:
    """Return a red page with a form of one field, at 10 to 40 by 10 to 30, whose appearance is green."""
    look = b"<</Type/XObject/Subtype/Form/BBox[0 0 30 20]/Length %d>>stream\n%s\nendstream" % (len(fill), fill)
    page = pdf(b"1 0 0 rg 0 0 100 80 re f", more=[b"<</Type/Annot/Subtype/Widget/Rect[10 10 40 30]%s>>" % field, look])
    found = page.replace(b"/Parent 2 0 R", b"/Annots[5 0 R]/Parent 2 0 R")
    return found.replace(b"/Type/Catalog", b"/AcroForm<</Fields[5 0 R]>>/Type/Catalog")


@pytest.mark.parametrize(
    ("field", "drawn"),
    [
        (b"/FT/Tx/T(a)/V(b)/F 4/AP<</N 6 0 R>>", True),
        (b"/FT/Btn/T(a)/AS/On/V/On/F 4/AP<</N<</On 6 0 R>>>>", True),
        (b"/FT/Btn/T(a)/AS/Off/F 4/AP<</N<</On 6 0 R>>>>", False),
        (b"/FT/Ch/Ff 131072/T(a)/F 4/AP<</N 6 0 R>>", True),
        (b"/FT/Sig/T(a)/F 4/AP<</N 6 0 R>>", True),
        (b"/FT/Tx/T(a)/V(b)/F 2/AP<</N 6 0 R>>", False),  # Hidden.
    ],
)
def test_fields_of_a_form_are_drawn_as_they_look(field: bytes, drawn: bool) -> None:
    shown = render(form(field), Plan(100, format="png"))
    assert is_near(shown.getpixel((25, 60))[:3], (0, 153, 0) if drawn else RED)  # type: ignore[index]
    assert shown.getpixel((60, 20))[:3] == RED  # type: ignore[index]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (PAGE[: len(PAGE) // 2], "cut"),
        (pdf(b"", kids=b""), "cannot be drawn"),
        (b"%PDF-1.7\n%%EOF\n", "cannot be drawn"),
        (b'<svg xmlns="http://www.w3.org/2000/svg">', "not well formed"),
    ],
)
def test_a_broken_document_is_refused_with_a_reason(source: bytes, reason: str) -> None:
    if b"Catalog" in source or source.startswith(b"%PDF-1.7"):
        pytest.importorskip("pypdfium2")
    with pytest.raises(Undecodable, match=reason):
        render(source, Plan(50))


def test_a_document_that_needs_more_than_it_may_is_refused() -> None:
    path = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><path stroke="red" d="M0 0%s"/></svg>'
    with pytest.raises(Undecodable, match="more than 1 s"):
        render(path % (b" L64 64 L0 9" * 100_000), Plan(64))
    with pytest.raises(Undecodable, match=r"memory|more than 1 s or 20 MB"):
        render(DRAWING, Plan(3000), Limits(memory=20 * 2**20))


def test_a_picture_that_would_be_too_large_is_not_begun() -> None:
    thin = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="100000"/>'
    with pytest.raises(Undecodable, match="pixels"):
        render(thin, Plan(8000, 8000))


def test_drawing_reads_no_file_and_calls_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of what it refers to is left out here: this is about what the process can do by itself."""
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    picture = tmp_path / "red.png"
    Image.new("RGB", (9, 9), RED).save(picture)
    server = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("services.transform.render.document.svg.check", lambda source: None)
    try:
        for reference in (picture.as_uri(), str(picture), f"http://127.0.0.1:{server.server_port}/red.png"):
            source = f"""<!DOCTYPE svg [<!ENTITY x SYSTEM "{reference}">]>
                <?xml-stylesheet href="{reference}" type="text/css"?>
                <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">
                <style>@import url("{reference}"); rect {{ fill: url("{reference}") }}</style>
                <image href="{reference}" width="9" height="9"/><image xlink:href="{reference}" width="9" height="9"/>
                <use href="{reference}#a"/></svg>"""
            drawn = document.draw(source.encode(), "image/svg+xml", Plan(9), Limits(), Stop())
            assert not any(drawn.pixels), reference
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []
