"""Valid PDF files of one empty page, of any length and with any text: every reader draws them."""

import io

import pikepdf


def pdf(text: str = "", size: int = 0, filling: bytes = b"") -> bytes:
    """Return a PDF with `text` in a comment and `filling` in a stream. Zeros are added if it has less than `size`."""
    padding = size - len(filling) - sum(map(len, around(0, text)))
    filling = bytes(max(0, padding)) + filling
    beginning, end = around(len(filling), text)
    return beginning + filling + end


def around(length: int, text: str = "") -> tuple[bytes, bytes]:
    """Return the beginning and the end of a PDF that has `length` bytes of anything between them.

    Both are as long for any length.
    """
    objects = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n",
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 80]/Resources<<>>>>endobj\n",
        b"4 0 obj<</Length %010d>>stream\n" % length,
    ]
    beginning, table = b"%%PDF-1.4\n%% %s\n" % text.encode(), b"xref\n0 5\n0000000000 65535 f \n"
    for content in objects:
        table += b"%010d 00000 n \n" % len(beginning)
        beginning += content
    end = b"\nendstream endobj\n"
    start = len(beginning) + length + len(end)
    return beginning, end + table + b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%010d\n%%%%EOF\n" % start


def encrypted(content: bytes, user: str, **how: int) -> bytes:
    """Return a PDF that needs the password `user`, none if it is empty."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as document:
        document.save(out, encryption=pikepdf.Encryption(owner="owner", user=user, **how))  # type: ignore[arg-type]
    return out.getvalue()
