"""Numbers of bytes as people write them: 10mb is 10 · 1024² bytes, as the Node.js service counted."""

import re

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?\s*", re.IGNORECASE)
_UNITS = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}


def parse_size(value: object) -> object:
    """Read a text such as `10mb`; raises ValueError. What is not a text is returned as it is."""
    return read(value) if isinstance(value, str) else value


def read(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("expected a size such as 500kb, 10mb or 1048576")
    if len(match[1]) > 15:
        raise ValueError("expected a size below a petabyte")
    return int(float(match[1]) * _UNITS[(match[2] or "b").lower()])
