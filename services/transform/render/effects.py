"""Which effect an argument of an address stands for."""

from collections.abc import Callable
from typing import Any

from services.transform.render.steps.blur import Blur
from services.transform.render.steps.effect import Effect

EFFECTS: dict[str, Callable[[Any], Effect]] = {"blur": Blur}
"""What makes an effect of the value of an argument (`core/addresses/arguments.py`), by the name of the argument."""
