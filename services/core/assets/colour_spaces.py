"""Colour spaces as containers name them where they have no ICC profile. Pure.

The numbers are those of ITU-T H.273 (coding-independent code points), which `cICP` of PNG and `nclx` of AVIF and HEIC
use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp

Point = tuple[float, float]
"""x and y of CIE 1931."""
Curve = Callable[[float], float]
"""From a stored value to light, both 0 to 1. Equal curves compare equal."""

_D65, _C = (0.3127, 0.3290), (0.310, 0.316)


@dataclass(frozen=True, slots=True)
class Primaries:
    red: Point
    green: Point
    blue: Point
    white: Point = _D65


def srgb_curve(value: float) -> float:
    """IEC 61966-2-1."""
    return float(((value + 0.055) / 1.055) ** 2.4) if value > 0.04045 else value / 12.92


@dataclass(frozen=True, slots=True)
class Power:
    gamma: float

    def __call__(self, value: float) -> float:
        return float(value**self.gamma)


@dataclass(frozen=True, slots=True)
class Narrow:
    """A curve whose black and white are 16 and 235 of 255, as in video."""

    full: Curve

    def __call__(self, value: float) -> float:
        return self.full(min(1.0, max(0.0, (value * 255 - 16) / 219)))


def _smpte_240(value: float) -> float:
    return float(((value + 0.1115) / 1.1115) ** (1 / 0.45)) if value >= 0.0912 else value / 4


_PQ = (1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128)
"""m1, m2, c1, c2, c3 of SMPTE ST 2084."""
_PEAK, _WHITE = 1000.0, 203.0
"""cd/m²: what HDR pictures are made for, and what is white in them (ITU-R BT.2408)."""


def _perceptual(light: float) -> float:
    """Return the PQ value of cd/m²."""
    m1, m2, c1, c2, c3 = _PQ
    share = float((light / 10_000) ** m1)
    return float(((c1 + c2 * share) / (1 + c3 * share)) ** m2)


def _light(perceptual: float) -> float:
    """Return the cd/m² of a PQ value."""
    m1, m2, c1, c2, c3 = _PQ
    root = float(perceptual ** (1 / m2))
    return float(10_000 * (max(root - c1, 0.0) / (c2 - c3 * root)) ** (1 / m1))


def _shown(light: float) -> float:
    """Return what a usual screen shows of cd/m²: highlights are rolled off (ITU-R BT.2390, 5.4.1), white is 1."""
    least = _perceptual(_PEAK)
    given, most = min(1.0, _perceptual(light) / least), _perceptual(_WHITE) / least
    knee = 1.5 * most - 0.5
    if given > knee:
        t = (given - knee) / (1 - knee)
        given = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return min(1.0, _light(given * least) / _WHITE)


def _pq(value: float) -> float:
    return _shown(_light(value))


def _hlg(value: float) -> float:
    """ITU-R BT.2100: scene light of a value, shown on a screen of `_PEAK`."""
    scene = value * value / 3 if value <= 0.5 else (exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return _shown(_PEAK * float(min(1.0, scene) ** 1.2))


BT709 = Primaries((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_PRIMARIES = {
    1: BT709,
    2: BT709,  # Unspecified: what is assumed everywhere.
    4: Primaries((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    8: Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    10: Primaries((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3)),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
_CURVES: dict[int, Curve] = {
    # Video's curves too: browsers show them as sRGB, which is between what cameras and screens do with them.
    **dict.fromkeys((1, 2, 6, 11, 12, 13, 14, 15), srgb_curve),
    4: Power(2.2),
    5: Power(2.8),
    7: _smpte_240,
    8: Power(1.0),
    16: _pq,
    17: Power(2.6),
    18: _hlg,
}


@dataclass(frozen=True, slots=True)
class Space:
    """What the numbers of a picture mean. In grey, red, green and blue are equal."""

    primaries: Primaries
    curve: Curve


SRGB = Space(BT709, srgb_curve)


def of_codes(primaries: int, curve: int, *, full_range: bool = True) -> Space | None:
    """Return the space of code points; None if H.273 does not say what they mean, or if no picture uses them."""
    if primaries not in _PRIMARIES or curve not in _CURVES:
        return None
    return Space(_PRIMARIES[primaries], _CURVES[curve] if full_range else Narrow(_CURVES[curve]))
