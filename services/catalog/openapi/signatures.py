"""Signed addresses in the document: their body, schemas and examples. Pure functions."""

from typing import Any

import orjson

from services.catalog import signatures
from services.catalog.openapi.schemas import Schema, no_errors, reference
from services.catalog.settings import CatalogSettings
from services.core.addresses.signing import sign
from services.core.assets import media_types

_ADDRESS = "optimise/800x0?format=avif"


def wanted() -> dict[str, Any]:
    """Return the body that says what is signed."""
    example = orjson.loads(signatures.EXAMPLE)
    return {
        "required": True,
        "content": {media_types.JSON: {"schema": reference("WantedSignatures"), "example": example}},
    }


def components() -> dict[str, Schema]:
    """Return the named schemas."""
    return {"WantedSignatures": _wanted(), "SignedAddress": _signed(), "SignedAddresses": _answer()}


def example(settings: CatalogSettings, unique_name: str) -> dict[str, Any]:
    """Return a signed address as the answer shows it. No key of anybody has signed it."""
    ends, form = "1772361000", f"/optimise/800x0{unique_name}?format=avif"
    url = f"{settings.assets_url}{form}&expires={ends}&signature={sign('', form, ends)}"
    return {"address": _ADDRESS, "url": url, "ends_date": "2026-03-01T10:30:00.000+00:00"}


def _wanted() -> Schema:
    return {
        "type": "object",
        "description": "What is signed, and for how long it is good.",
        "properties": {
            "addresses": {
                "type": "array",
                "minItems": 1,
                "maxItems": signatures.ADDRESSES_MAX,
                "items": {"type": "string", "maxLength": signatures.CHARACTERS_MAX},
                "description": "Public addresses of the asset, or forms of it: original, full, or optimise and a size "
                "or preset, each with its arguments.",
            },
            "expires_in": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": signatures.SECONDS_MAX,
                "description": "For how many seconds they are good. Without it, they have no end.",
            },
        },
        "required": ["addresses"],
        "additionalProperties": False,
    }


def _signed() -> Schema:
    properties: dict[str, Schema] = {
        "address": {"type": "string", "description": "As the request has it."},
        "url": {
            "type": "string",
            "format": "uri-reference",
            "description": "The public address, in its canonical form. Whoever has it can fetch it until its end.",
        },
        "ends_date": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "Until when it is good. null for no end.",
        },
    }
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _answer() -> Schema:
    properties: dict[str, Schema] = {
        "data": {"type": "array", "items": reference("SignedAddress"), "maxItems": signatures.ADDRESSES_MAX},
        **no_errors(),
    }
    return {
        "type": "object",
        "description": "The signed addresses, in the order of the request.",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }
