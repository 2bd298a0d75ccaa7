"""ICC profiles for colour spaces that a container names by numbers: matrix and curve profiles of ICC.1:2022. Pure."""

import struct
from functools import lru_cache
from typing import NamedTuple

from services.core.assets.colour_spaces import Primaries, Space

_SAMPLES = 4096
"""Points of a curve. Between them it is a straight line."""


class Vector(NamedTuple):
    one: float
    two: float
    three: float


class Matrix(NamedTuple):
    """Rows of a 3x3 matrix."""

    one: Vector
    two: Vector
    three: Vector


_D50 = Vector(0.9642, 1.0, 0.8249)
_BRADFORD = Matrix(Vector(0.8951, 0.2664, -0.1614), Vector(-0.7502, 1.7135, 0.0367), Vector(0.0389, -0.0685, 1.0296))
"""From XYZ to cones (annex E)."""
_NAME = struct.pack(">4s4x5I2s2x", b"mluc", 1, 12, 0x656E5553, 2, 28, b"\0-")
"""A profile has to have one."""


@lru_cache(maxsize=64)
def profile(space: Space) -> bytes | None:
    """Return the profile of a space; None if its primaries span no colours."""
    columns = _columns(space.primaries)
    if columns is None:
        return None
    values = (space.curve(number / (_SAMPLES - 1)) for number in range(_SAMPLES))
    steps = (round(65535 * min(1.0, max(0.0, value))) for value in values)
    curve = struct.pack(f">4s4xI{_SAMPLES}H", b"curv", _SAMPLES, *steps)
    tags = {b"desc": _NAME, b"wtpt": _xyz(_D50)}
    tags |= {name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    return _file(tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def spans_colours(primaries: Primaries) -> bool:
    """Say whether there is a profile for these primaries."""
    return _columns(primaries) is not None


def _file(tags: dict[bytes, bytes]) -> bytes:
    starts: dict[bytes, int] = {}
    start = 132 + 12 * len(tags)
    for content in tags.values():
        if content not in starts:
            starts[content] = start
            start += len(content)
    table = b"".join(struct.pack(">4sII", name, starts[content], len(content)) for name, content in tags.items())
    head = struct.pack(">I4xI4s4s4s12x4s28x", start, 0x04200000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return b"".join([head, _numbers(_D50), bytes(48), struct.pack(">I", len(tags)), table, *starts])


def _xyz(vector: Vector) -> bytes:
    return b"XYZ \0\0\0\0" + _numbers(vector)


def _numbers(vector: Vector) -> bytes:
    return struct.pack(">3i", *(round(65536 * min(2.0**14, max(-(2.0**14), value))) for value in vector))


def _columns(primaries: Primaries) -> Matrix | None:
    """Return the XYZ of full red, green and blue, adapted to D50 (annex E)."""
    x, y = primaries.white
    points = Matrix(*(Vector(x, y, 1 - x - y) for x, y in (primaries.red, primaries.green, primaries.blue)))
    back = _inverse(_transposed(points))
    if back is None or y <= 0:
        return None
    white = Vector(x / y, 1.0, (1 - x - y) / y)
    cones, cones_of_d50 = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    from_cones = _inverse(_BRADFORD)
    if from_cones is None or min(map(abs, cones)) < _LEAST:
        return None

    def adapted(colour: Vector) -> Vector:
        seen = _times(_BRADFORD, colour)
        return _times(from_cones, Vector(*(a * d / w for a, d, w in zip(seen, cones_of_d50, cones, strict=True))))

    shares = _times(back, white)
    return Matrix(*(adapted(Vector(*(share * z for z in point))) for share, point in zip(shares, points, strict=True)))


_LEAST = 1e-6


def _times(matrix: Matrix, vector: Vector) -> Vector:
    return Vector(*(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix))


def _transposed(matrix: Matrix) -> Matrix:
    return Matrix(*(Vector(*column) for column in zip(*matrix, strict=True)))


def _inverse(matrix: Matrix) -> Matrix | None:
    """Return the inverse; None if the matrix has none, or nearly none."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    whole = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    if abs(whole) < _LEAST:
        return None
    return Matrix(
        Vector((e * i - f * h) / whole, (c * h - b * i) / whole, (b * f - c * e) / whole),
        Vector((f * g - d * i) / whole, (a * i - c * g) / whole, (c * d - a * f) / whole),
        Vector((d * h - e * g) / whole, (b * g - a * h) / whole, (a * e - b * d) / whole),
    )
