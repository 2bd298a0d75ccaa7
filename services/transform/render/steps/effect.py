"""What an effect is: something that is done to the pixels of a result, in a file of its own in this package.

An effect is part of a plan, and plans are pure: so its module imports neither pyvips nor `render.libvips`. A method of
the image that `apply` is given is enough.
"""

from typing import Any, Protocol


class Effect(Protocol):
    """A frozen dataclass: two equal effects change the same picture in the same way."""

    def apply(self, image: Any) -> Any:
        """Return a changed `pyvips.Image` of the same size, with the same bands.

        `image` is one frame of the result, after the cut. It is in memory, so any pixel can be read at any time. Where
        it has an alpha channel, its colours are multiplied by it: hidden colours do not bleed into visible ones. Bands
        are on a scale of 0 to 255 (16 bits: 65535) but may be floating point, and may be so in what is returned.
        """
        ...
