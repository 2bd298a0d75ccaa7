"""The fingerprint of an asset: which content an address is of that carries it (`?v=`). Pure.

It follows from everything that an entry says of the bytes of its renditions. A version would not do: an asset that was
deleted and uploaded again begins with 1 again.
"""

HEADER = "x-fingerprint"
"""Of an answer: the fingerprint of what it contains. The gateway compares it with `v`, and keeps it from the public."""
ARGUMENT = "v"
DIGITS = 12
SPELLING = rf"[0-9a-f]{{{DIGITS}}}(?:-[0-9.]+-[0-9.]+)?"
"""The regular expression of one."""


def fingerprint(signature: str, focus_x: float | None, focus_y: float | None) -> str:
    """Return the first digits of the signature, and the focal point if there is one: `5f0c3a9e2b71-0.25-0.5`.

    The focal point is the one thing beside the bytes that a client can change and that changes renditions.
    """
    if focus_x is None or focus_y is None:
        return signature[:DIGITS]
    return f"{signature[:DIGITS]}-{focus_x:g}-{focus_y:g}"
