"""The addresses of assets in the document. Other services answer them: the gateway, and behind it transform. Pure.

The arguments come from the grammar of addresses: `make grammar` writes `delivery_arguments.json`.
"""

import json
from importlib import resources
from typing import Any

from services.catalog.openapi.schemas import Schema, reference
from services.catalog.settings import CatalogSettings
from services.core.addresses.presets import NAME_PATTERN
from services.core.assets import media_types, names

TAG = "delivery"
_ARGUMENTS = json.loads(resources.files(__package__).joinpath("delivery_arguments.json").read_text())
_FILE: Schema = {"type": "string", "format": "binary"}
_NAME: Schema = {"type": "string", "pattern": f"^{names.SEGMENT}{names.UNIQUE_NAME.replace('{2,12}', '{1,11}')}$"}


def paths(settings: CatalogSettings) -> dict[str, dict[str, Schema]]:
    """Return the addresses, below API_PREFIX as all others. The public reaches them at the edge."""
    route, cat = settings.route_file_get, f"{settings.namespaces_allowed[0]}/products/cat.webp"
    name = _parameter("path", "name", _NAME, "The unique_name of the entry without its first slash.")
    size = _parameter(
        "path",
        "size",
        {"type": "string", "pattern": f"^(?:[0-9]{{1,9}}x[0-9]{{1,9}}|{NAME_PATTERN})$"},
        "Width and height in pixels, where 0 leaves a side free; or the name of a preset.",
    )
    name["example"], size["example"] = cat, "200x0"
    return {
        f"{route}/original/{{name}}": _get("getOriginal", "Get the uploaded file", [name]),
        f"{route}/full/{{name}}": _get("getWhole", "Get the whole picture", [name, *_arguments(on_full=True)]),
        f"{route}/optimise/{{size}}/{{name}}": _get(
            "getRendition", "Get a picture in a size", [size, name, *_arguments(on_full=False)]
        ),
    }


def _arguments(*, on_full: bool) -> list[Schema]:
    return [
        _parameter("query", each["name"], each["schema"], each["description"])
        for each in _ARGUMENTS
        if on_full or not each["on_full_alone"]
    ]


def _get(name: str, summary: str, parameters: list[Schema]) -> dict[str, Schema]:
    more = (
        ("v", "The v in the versioned_url of an entry: browsers keep the answer for a year."),
        ("download", "1, or a name: browsers save the file."),
        ("expires", "With SIGNED_URLS: when the signature ends, in seconds since 1970."),
        ("signature", "With SIGNED_URLS: the signature of the address."),
    )
    text: Schema = {"type": "string"}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "description": "The edge and the internal entry answer it. No token is needed.",
            "tags": [TAG],
            "parameters": [*parameters, *(_parameter("query", key, text, about) for key, about in more)],
            "responses": _responses(),
        }
    }


def _responses() -> dict[str, Any]:
    refusal = {media_types.JSON: {"schema": reference("Refusal")}}
    return {
        "200": {
            "description": "The file.",
            "content": {kind: {"schema": _FILE} for kind in ("image/*", media_types.PDF)},
        },
        "301": {"description": "The asset has been moved: to the same form of it at its present path."},
        "302": {"description": "The form has another name: to that name."},
        "304": {"description": "The client's copy is still current."},
        "400": {"description": "No such form can be asked for.", "content": refusal},
        "403": {"description": "The signature is missing, has ended or is not valid.", "content": refusal},
        "404": {
            "description": "There is no such asset. If it is expired or not visible yet, a placeholder.",
            "content": {**refusal, media_types.SVG: {"schema": _FILE}},
        },
        "422": {"description": "The file cannot be rendered.", "content": refusal},
        "503": {"description": "Nothing could be read or rendered: try again.", "content": refusal},
    }


def _parameter(place: str, name: str, schema: Schema, description: str) -> Schema:
    required = place == "path"
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}
