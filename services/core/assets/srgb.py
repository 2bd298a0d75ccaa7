"""Whether an ICC profile is sRGB. Pure.

Converting colours is the most expensive part of a render, 0.15 s per megapixel. Most photographs have a profile that
says what is assumed without one.
"""

import struct

_PRIMARIES = {b"rXYZ": (0.4361, 0.2225, 0.0139), b"gXYZ": (0.3851, 0.7169, 0.0971), b"bXYZ": (0.1431, 0.0606, 0.7139)}
"""Of sRGB, adapted to D50 as profiles have them (IEC 61966-2-1, ICC.1:2022)."""
_CURVES = (b"rTRC", b"gTRC", b"bTRC")
_NEAR = 0.003
"""A difference that nobody can see. Profiles of different makers differ by a third of it."""
_SAMPLES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9)


def is_srgb(profile: bytes) -> bool:
    """Say whether a profile means what sRGB means, within what can be seen; False for one that cannot be read."""
    try:
        return _is_srgb(profile)
    except (struct.error, IndexError, ValueError, OverflowError, ZeroDivisionError):
        return False


def _is_srgb(profile: bytes) -> bool:
    if profile[16:20] != b"RGB " or profile[20:24] != b"XYZ ":
        return False
    tags = _tags(profile)
    if any(name.startswith((b"A2B", b"D2B")) for name in tags):  # Tables go before primaries and curves.
        return False
    for name, wanted in _PRIMARIES.items():
        found = (value / 65536 for value in struct.unpack(">3i", tags[name][8:20])) if name in tags else ()
        if not _near(tuple(found), wanted):
            return False
    return all(name in tags and _near(_curve(tags[name]), tuple(map(_linear, _SAMPLES))) for name in _CURVES)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack(">I", profile[128:132])
    found = {}
    for at in range(132, 132 + 12 * min(count, 100), 12):
        name, start, size = struct.unpack(">4sII", profile[at : at + 12])
        found[name] = profile[start : start + size]
    return found


def _curve(tag: bytes) -> tuple[float, ...]:
    """Return what a tone curve makes of the samples (ICC.1:2022, 10.6 and 10.18)."""
    if tag[:4] == b"para":
        (kind,) = struct.unpack(">H", tag[8:10])
        if kind != 3:
            return ()
        gamma, a, b, c, d = (value / 65536 for value in struct.unpack(">5i", tag[12:32]))
        return tuple((a * x + b) ** gamma if x >= d else c * x for x in _SAMPLES)
    (count,) = struct.unpack(">I", tag[8:12])
    if tag[:4] != b"curv" or not 16 <= count <= 4096:
        return ()
    table = struct.unpack(f">{count}H", tag[12 : 12 + 2 * count])
    return tuple(_interpolated(table, x) / 65535 for x in _SAMPLES)


def _interpolated(table: tuple[int, ...], x: float) -> float:
    at = x * (len(table) - 1)
    low, high = table[int(at) : int(at) + 2]
    return low + (high - low) * (at - int(at))


def _linear(x: float) -> float:
    return float(((x + 0.055) / 1.055) ** 2.4) if x > 0.04045 else x / 12.92


def _near(found: tuple[float, ...], wanted: tuple[float, ...]) -> bool:
    return len(found) == len(wanted) and all(abs(a - b) <= _NEAR for a, b in zip(found, wanted, strict=True))
