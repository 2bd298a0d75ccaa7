"""Files that want to crash, stall or fill whoever decodes them, made here: nothing of it is a picture of anything."""

import base64
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw

from tests.support.png import chunk

SVG_OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64">'
HUGE = [
    (30_000, 30_000),
    (65_535, 65_535),
    (100_000, 600),
    (1, 60_000_000),
    (2**31 - 1, 2**31 - 1),
    (0, 0),
    (8000, 8000),
]


@dataclass(frozen=True, slots=True)
class Hostile:
    """One file; `extension` is what it pretends to be. `whole` is the picture that it was cut from, if it was cut."""

    name: str
    extension: str
    content: bytes
    whole: bytes | None = None


def corpus() -> list[Hostile]:
    """Return all of them, the same ones every time."""
    return [*lies(), *bombs(), *frames(), *impostors(), *drawings(), *documents(), *cut(), *fuzzed()]


def small_files() -> dict[str, bytes]:
    """Return one small valid file of each type that is rendered."""
    image = Image.new("RGB", (8, 6), (200, 30, 30))
    ImageDraw.Draw(image).rectangle((0, 0, 3, 3), fill=(20, 60, 220))
    second = Image.new("RGB", (8, 6), (20, 200, 20))
    return {
        "jpg": _saved(image, "JPEG", quality=60, optimize=True),
        "png": _saved(image, "PNG"),
        "webp": _saved(image, "WEBP", quality=50),
        "gif": _saved(image.quantize(4), "GIF", save_all=True, append_images=[second.quantize(4)], duration=80),
        "avif": _saved(image, "AVIF", quality=40),
        "tiff": _saved(image, "TIFF", compression="tiff_deflate"),
        "svg": f'{SVG_OPEN}<rect width="30" height="20" fill="red"/></svg>'.encode(),
        "pdf": pdf(b"1 0 0 rg 10 10 40 30 re f"),
    }


def lies() -> Iterator[Hostile]:
    """Headers that claim other sizes than there are pixels for."""
    files = small_files()
    for width, height in HUGE:
        size = f"{width}x{height}"
        yield Hostile(f"claims {size}", "png", png_header(width, height))
        yield Hostile(f"claims {size} interlaced", "png", png_header(width, height, interlaced=True))
        yield Hostile(f"claims {size}", "tiff", tiff_header(width, height))
        if max(width, height) < 65_536:
            for marker in (b"\xff\xc0", b"\xff\xc2"):
                yield Hostile(
                    f"claims {size} {marker.hex()}", "jpg", jpeg_claiming(files["jpg"], width, height, marker)
                )
            yield Hostile(f"claims {size}", "gif", gif_claiming(files["gif"], width, height))
        if 0 < max(width, height) <= 2**24:
            yield Hostile(f"canvas {size}", "webp", webp_canvas(files["webp"], width, height))
        yield Hostile(f"claims {size}", "avif", avif_claiming(files["avif"], width, height))
        yield Hostile(
            f"claims {size}",
            "svg",
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"/>'.encode(),
        )


def bombs() -> Iterator[Hostile]:
    """Files that are what they say: little to store, and as much to decode as is just allowed, or more."""
    flat, inks = Image.new("L", (7000, 7000)), Image.new("CMYK", (5000, 5000))
    yield Hostile("flat", "png", _saved(flat, "PNG"))
    yield Hostile("flat, too large", "png", _saved(flat.resize((7100, 7100)), "PNG"))
    yield Hostile("flat interlaced of 16 bits", "png", interlaced_png(5000, 5000))
    yield Hostile("flat", "jpg", _saved(flat, "JPEG", quality=10))
    yield Hostile("flat progressive", "jpg", _saved(flat, "JPEG", quality=10, progressive=True))
    yield Hostile("flat progressive inks", "jpg", _saved(inks, "JPEG", quality=10, progressive=True))
    yield Hostile("flat", "gif", _saved(flat, "GIF"))
    yield Hostile("flat", "webp", _saved(flat.convert("RGB"), "WEBP", quality=1, method=0))
    yield Hostile("flat", "tiff", _saved(flat, "TIFF", compression="tiff_deflate"))
    yield Hostile("flat in one strip", "tiff", _saved(flat, "TIFF", compression="tiff_lzw", strip_size=2**30))
    for side in (3500, 3600):
        yield Hostile(f"flat {side}", "avif", _saved(Image.new("L", (side, side)), "AVIF", quality=1, speed=10))
    whole = small_files()["png"]
    comment = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))
    yield Hostile("texts that unpack to 250 MB", "png", whole[:33] + comment * 5 + whole[33:])
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(50_000_000)))
    yield Hostile("profile that unpacks to 50 MB", "png", whole[:33] + profile + whole[33:])
    yield Hostile("20000 chunks", "png", whole[:33] + chunk(b"tEXt", b"a\0b") * 20_000 + whole[33:])
    jpeg = small_files()["jpg"]
    yield Hostile("4000 comments", "jpg", jpeg[:2] + b"\xff\xfe\x00\x10only a comment" * 4000 + jpeg[2:])
    progressive = _saved(Image.new("L", (2000, 2000)), "JPEG", progressive=True)
    scan = progressive.rindex(b"\xff\xda")
    yield Hostile("2000 scans", "jpg", progressive[:scan] + progressive[scan:-2] * 2000 + b"\xff\xd9")


def frames() -> Iterator[Hostile]:
    """Animations of more frames, or of more pixels, than anybody looks at."""
    for count, side in ((10_000, 4), (1001, 1), (500, 400)):
        yield Hostile(f"{count} frames of {side}", "gif", gif_frames(count, side))
        yield Hostile(f"{count} frames of {side}", "webp", webp_frames(count, side))
    yield Hostile("10000 frames", "png", apng_frames(10_000))
    yield Hostile("1500 pages", "tiff", tiff_pages(1500))
    yield Hostile("a directory that follows itself", "tiff", tiff_header(8, 8, loops=True))


def impostors() -> Iterator[Hostile]:
    """Something else under the name of an image, or behind its first bytes."""
    archive = b"PK\x03\x04" + bytes(26) + b"x" + b"PK\x05\x06" + bytes(18)
    others = {
        "empty": b"",
        "text": b"This is not an image.\n" * 20,
        "zip": archive,
        "script": b"<?php system($_GET['c']); ?>",
        "page": b"<!doctype html><script>alert(1)</script>",
        "program": b"\x7fELF\x02\x01\x01" + bytes(200),
        "zeros": bytes(5000),
        "bitmap": b"BM" + struct.pack("<IIIIiiHHI", 1000, 0, 54, 40, 30_000, 30_000, 1, 24, 0) + bytes(100),
        "netpbm": b"P6 30000 30000 255 ",
    }
    heads = {
        "jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        "png": b"\x89PNG\r\n\x1a\n",
        "webp": b"RIFF\xff\xff\xff\x7fWEBPVP8 ",
        "gif": b"GIF89a",
        "avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
        "tiff": b"II*\0\x08\0\0\0",
        "pdf": b"%PDF-1.7\n",
    }
    for kind, content in others.items():
        for extension, head in heads.items():
            yield Hostile(kind, extension, content)
            yield Hostile(f"{kind} behind a head", extension, head + content)


def drawings() -> Iterator[Hostile]:
    """SVG against parsers, against whoever draws, and against what else is on the machine."""

    def made(name: str, inside: str, before: str = "") -> Hostile:
        return Hostile(name, "svg", f"{before}{SVG_OPEN}{inside}</svg>".encode())

    yield made("100000 deep", "<g>" * 100_000 + "</g>" * 100_000)
    yield made("190 deep", "<g>" * 190 + '<rect width="9" height="9"/>' + "</g>" * 190)
    yield made("60000 elements", '<rect width="1" height="1"/>' * 60_000)
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    yield made("a billion laughs", "<text>&e9;</text>", f'<!DOCTYPE svg [<!ENTITY e0 "ha">{entities}]>')
    yield made(
        "a long entity often", "<text>" + "&a;" * 50_000 + "</text>", f'<!DOCTYPE svg [<!ENTITY a "{"a" * 50_000}">]>'
    )
    for scheme in ("file:///etc/passwd", "http://127.0.0.1:9/x", "/etc/passwd", "ftp://127.0.0.1/x", "../../x.png"):
        yield made(f"entity {scheme}", "<text>&x;</text>", f'<!DOCTYPE svg [<!ENTITY x SYSTEM "{scheme}">]>')
        yield made(f"image {scheme}", f'<image href="{scheme}" width="64" height="64"/>')
        yield made(f"old image {scheme}", f'<image xlink:href="{scheme}" width="64" height="64"/>')
        yield made(f"use {scheme}", f'<use href="{scheme}#a"/>')
        yield made(f"filter {scheme}", f'<filter id="f"><feImage href="{scheme}"/></filter><rect filter="url(#f)"/>')
        yield made(f"style {scheme}", "", f'<?xml-stylesheet href="{scheme}" type="text/css"?>')
        yield made(f"include {scheme}", f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{scheme}"/>')
    yield made("parameter entity", "", '<!DOCTYPE svg [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>')
    uses = "".join(f'<g id="u{n}">{f"""<use href="#u{n - 1}"/>""" * 10}</g>' for n in range(1, 12))
    yield made("uses of uses", f'<defs><g id="u0"><rect width="9" height="9"/></g>{uses}</defs><use href="#u11"/>')
    yield made("a use of itself", '<g id="a"><use href="#a"/></g>')
    patterns = "".join(
        f'<pattern id="p{n}" width="0.01" height="0.01"><rect width="64" height="64" fill="url(#p{n - 1})"/></pattern>'
        for n in range(1, 9)
    )
    yield made("patterns of patterns", f'{patterns}<rect width="64" height="64" fill="url(#p8)"/>')
    square = '<rect width="64" height="64" filter="url(#f)"/>'
    blur = '<feGaussianBlur stdDeviation="5000"/><feTurbulence baseFrequency="9" numOctaves="999999"/>' * 50
    yield made("filters", f'<filter id="f" width="9999" height="9999">{blur}</filter>{square}')
    yield made("a filter", f'<filter id="f"><feMorphology operator="dilate" radius="9999"/></filter>{square}')
    yield made("a long path", f'<path stroke="red" d="M0 0{" L64 64 L0 9" * 100_000}"/>')
    yield made("dashes", '<path d="M0 0H9999999" stroke="red" stroke-dasharray="0.00001"/>')
    data = base64.b64encode(_saved(Image.new("L", (7000, 7000)), "PNG", compress_level=9)).decode()
    yield made("an image within", f'<image href="data:image/png;base64,{data}" width="64" height="64"/>')
    claims = base64.b64encode(png_header(30_000, 30_000)).decode()
    yield made("a lying image within", f'<image href="data:image/png;base64,{claims}" width="64" height="64"/>')
    inner = base64.b64encode(f'{SVG_OPEN}<image href="file:///etc/passwd"/></svg>'.encode()).decode()
    yield made("an svg within", f'<image href="data:image/svg+xml;base64,{inner}" width="64" height="64"/>')
    yield made("numbers", f'<rect width="{"9" * 5000}" height="1e308" transform="scale(1e300) rotate(1e300)"/>')
    yield Hostile("utf-16 that is none", "svg", b"\xff\xfe<\0s\0v\0g\0/")
    yield Hostile("endless attribute", "svg", b'<svg xmlns="http://www.w3.org/2000/svg" a="' + b"a" * 5_000_000)
    yield Hostile("no end", "svg", b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 50)


def documents() -> Iterator[Hostile]:
    """PDF that is broken, endless, or larger inside than outside."""
    yield Hostile("no pages", "pdf", pdf(b"", kids=b""))
    yield Hostile("pages of pages", "pdf", pdf(b"", kids=b"2 0 R"))
    yield Hostile("nothing but a head", "pdf", b"%PDF-1.7\n%%EOF\n")
    for box in (b"0 0 1e9 1e9", b"0 0 0 0", b"0 0 -5 9", b"0 0 0.0001 9999999", b"0 0 nan nan"):
        yield Hostile(f"page {box.decode()}", "pdf", pdf(b"1 0 0 rg 0 0 99 99 re f", box=box))
    yield Hostile("a page that unpacks to 100 MB", "pdf", pdf(b"0 0 m " * 16_000_000, packed=True))
    yield Hostile("a page that draws for ever", "pdf", pdf(b"0 0 m 99 99 l 9 0 l S\n" * 2_000_000, packed=True))
    yield Hostile("deep states", "pdf", pdf(b"q " * 1_000_000, packed=True))
    form = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</XObject<</F 5 0 R>>>>/Length 5>>"
        b"stream\n/F Do\nendstream"
    )
    yield Hostile("a form of itself", "pdf", pdf(b"/F Do", resources=b"<</XObject<</F 5 0 R>>>>", more=[form]))
    image = zlib.compress(bytes(40_000_000))
    picture = (
        b"<</Type/XObject/Subtype/Image/Width 30000/Height 30000/ColorSpace/DeviceGray/BitsPerComponent 8"
        b"/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(image), image)
    )
    yield Hostile(
        "a lying image within",
        "pdf",
        pdf(b"99 0 0 99 0 0 cm /I Do", resources=b"<</XObject<</I 5 0 R>>>>", more=[picture]),
    )


def cut() -> Iterator[Hostile]:
    """Every length at which one small file of each type can break off."""
    for extension, whole in small_files().items():
        for length in range(len(whole)):
            yield Hostile(f"cut at {length}", extension, whole[:length], whole)


def fuzzed(count: int = 12) -> Iterator[Hostile]:
    """Small files with some bytes changed, inserted, or taken from elsewhere."""
    changes: list[Callable[[random.Random, bytearray], None]] = [_flip, _insert, _move, _overwrite]
    for extension, whole in small_files().items():
        chance = random.Random(extension)
        for number in range(3 if extension in ("pdf", "svg") else count):
            content = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                chance.choice(changes)(chance, content)
            # The type is still recognised, so that something looks further.
            content[:12] = whole[:12]
            yield Hostile(f"fuzzed {number}", extension, bytes(content))


def _flip(chance: random.Random, content: bytearray) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _insert(chance: random.Random, content: bytearray) -> None:
    at = chance.randrange(len(content))
    content[at:at] = chance.randbytes(chance.randint(1, 20))


def _move(chance: random.Random, content: bytearray) -> None:
    start, at = chance.randrange(len(content)), chance.randrange(len(content))
    content[at : at + 8] = content[start : start + chance.randint(1, 40)]


def _overwrite(chance: random.Random, content: bytearray) -> None:
    at = chance.randrange(len(content))
    content[at : at + 4] = chance.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0"])


# Files, written by hand where no library would write them.


def _saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def undecodable_jpeg(photo: bytes) -> bytes:
    """Return a JPEG with all its parts, that says it is coded in a way that no decoder here knows (T.81, SOF3)."""
    return photo.replace(b"\xff\xc0", b"\xff\xc3", 1)


def png_header(width: int, height: int, *, interlaced: bool = False) -> bytes:
    """Return a PNG that claims a size and has next to no pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def interlaced_png(width: int, height: int) -> bytes:
    """Return an interlaced PNG, RGBA of 16 bits, all black."""
    passes = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    packer, packed = zlib.compressobj(1), b""
    for left, across, top, down in passes:
        line = bytes(1 + 8 * len(range(left, width, across)))
        packed += b"".join(packer.compress(line) for _ in range(top, height, down))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 1))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", packed + packer.flush()) + chunk(b"IEND", b"")


def apng_frames(count: int) -> bytes:
    """Return an animated PNG."""
    pixels = zlib.compress(b"\0\xff\0\0")
    parts = [
        chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        chunk(b"acTL", struct.pack(">II", count, 0)),
    ]
    for number in range(count):
        sequence = 2 * number - 1 if number else 0
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, 1, 1, 0, 0, 1, 100, 0, 0)))
        parts.append(chunk(b"fdAT", struct.pack(">I", sequence + 1) + pixels) if number else chunk(b"IDAT", pixels))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def tiff_header(width: int, height: int, *, loops: bool = False) -> bytes:
    """Return a TIFF of one directory that claims a size and has ten bytes of pixels."""
    values = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: max(1, height), 279: 10}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items())
    return (
        b"II*\0\x14\0\0\0"
        + bytes(12)
        + struct.pack("<H", len(values))
        + entries
        + struct.pack("<I", 20 if loops else 0)
    )


def tiff_pages(count: int) -> bytes:
    """Return a TIFF of grey pages of 4 x 4. Pillow reads all pages again for each further one."""
    parts, at, pixels = [b"II*\0\x08\0\0\0"], 8, 16
    for number in range(count):
        values = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: 4, 279: pixels}
        values[273] = at + 2 + 12 * len(values) + 4
        at = values[273] + pixels
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items())
        following = at if number + 1 < count else 0
        parts.append(struct.pack("<H", len(values)) + entries + struct.pack("<I", following))
        parts.append(bytes([number % 256]) * pixels)
    return b"".join(parts)


def jpeg_claiming(whole: bytes, width: int, height: int, marker: bytes) -> bytes:
    at = whole.index(b"\xff\xc0")
    return whole[:at] + marker + whole[at + 2 : at + 5] + struct.pack(">HH", height, width) + whole[at + 9 :]


def gif_claiming(whole: bytes, width: int, height: int) -> bytes:
    at = whole.index(b"\x2c\0\0\0\0") + 5
    size = struct.pack("<HH", width, height)
    return whole[:6] + size + whole[10:at] + size + whole[at + 4 :]


def webp_canvas(whole: bytes, width: int, height: int) -> bytes:
    """Return a WebP whose canvas is larger than its picture."""
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", max(1, height) - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas + whole[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def avif_claiming(whole: bytes, width: int, height: int) -> bytes:
    at = whole.index(b"ispe") + 8
    return whole[:at] + struct.pack(">II", width, height) + whole[at + 8 :]


def gif_frames(count: int, side: int) -> bytes:
    first = _saved(Image.new("P", (side, side)), "GIF")
    start = first.index(b"\x2c")
    frame = b"\x21\xf9\x04\0\x05\0\0\0" + first[start:-1]
    return first[:start] + frame * count + b"\x3b"


def webp_frames(count: int, side: int) -> bytes:
    picture = _saved(Image.new("RGB", (side, side), (9, 9, 9)), "WEBP", lossless=True)[12:]
    size = struct.pack("<I", side - 1)[:3] * 2
    frame = bytes(6) + size + struct.pack("<I", 50)[:3] + b"\0" + picture
    frame = b"ANMF" + struct.pack("<I", len(frame)) + frame + bytes(len(frame) % 2)
    animation = b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size + animation + frame * count
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pdf(
    page: bytes,
    *,
    box: bytes = b"0 0 100 80",
    kids: bytes = b"3 0 R",
    resources: bytes = b"<<>>",
    more: list[bytes] | None = None,
    packed: bool = False,
) -> bytes:
    """Return a PDF of one page."""
    body = zlib.compress(page, 6) if packed else page
    packing = b"/Filter/FlateDecode" if packed else b""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[%s]>>" % kids,
        b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Resources %s/Contents 4 0 R>>" % (box, resources),
        b"<<%s/Length %d>>stream\n%s\nendstream" % (packing, len(body), body),
        *(more or []),
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)
