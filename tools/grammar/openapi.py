"""The arguments of addresses as parameters of the OpenAPI document, which the catalog service shows."""

import json
import re
from typing import Any

from services.core.addresses.arguments import ARGUMENTS, PRESET, Argument
from services.core.addresses.presets import NAME_PATTERN
from services.core.addresses.spellings import Decimal, Number, OneOf, Point

_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")


def arguments() -> str:
    """Return the parameters of the query, as JSON."""
    preset = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}
    on_full = [_parameter(PRESET, preset, "A size with arguments that the operator has named.", on_full_alone=True)]
    listed = [_parameter(each.name, _schema(each), _said(each), on_full_alone=each.on_full_alone) for each in ARGUMENTS]
    return json.dumps([*on_full, *listed], indent=1, ensure_ascii=False) + "\n"


def _parameter(name: str, schema: dict[str, Any], description: str, *, on_full_alone: bool) -> dict[str, Any]:
    return {"name": name, "on_full_alone": on_full_alone, "description": description, "schema": schema}


def _said(argument: Argument) -> str:
    text = _LINK.sub(r"\1", argument.does)
    return f"{text[0].upper()}{text[1:]}."


def _schema(argument: Argument) -> dict[str, Any]:
    match argument.spelling:
        case Number(largest):
            return {"type": "integer", "minimum": 1, **({"maximum": largest} if isinstance(largest, int) else {})}
        case Decimal(smallest, largest):
            return {"type": "number", "minimum": smallest, "maximum": largest}
        case Point():
            return {"type": "string", "pattern": f"^(?:{argument.spelling.possible})$"}
        case OneOf(words, _, hidden):
            # Texts, also where they are numbers: what a program makes of 2.0 would be refused.
            return {"type": "string", "enum": [word for word in words if word not in hidden]}
    raise TypeError(f"{argument.name}: no schema is known for {argument.spelling!r}")
