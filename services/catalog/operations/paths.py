"""The operations as OpenAPI describes them: its `paths`. Pure."""

import re
from collections.abc import Iterable

from services.catalog.openapi import answers
from services.catalog.operations.operation import Document, Operation, Place, Schema, places
from services.catalog.operations.routing import template
from services.catalog.tokens import Role

Paths = dict[str, dict[str, Schema]]


def paths(operations: Iterable[Operation], *, protected: bool) -> Paths:
    """Return the paths of the document; `protected` says whether a token is configured."""
    found: Paths = {}
    for place in places(operations):
        if place.operation.document is not None:
            described = _described(place, place.operation.document, protected)
            found.setdefault(template(place.path), {})[place.operation.method.lower()] = described
    return found


def _described(place: Place, document: Document, protected: bool) -> Schema:
    operation = place.operation
    needs_token = protected and operation.role is not Role.PUBLIC
    said = {
        **({400: "Refused"} if operation.writes else {}),
        **({429: "TooMany"} if operation.limited else {}),
        **({401: "Unauthorized", 403: "Forbidden", 503: "Unavailable"} if needs_token else {}),
        **document.answers,
    }
    described: Schema = {
        "operationId": document.name,
        "summary": document.summary,
        "tags": [document.tag],
        **({"parameters": list(document.parameters)} if document.parameters else {}),
        **({"requestBody": document.body} if document.body else {}),
        **({"security": [{"token": []}]} if needs_token else {}),
        "responses": {str(status): answers.reference_to(said[status]) for status in sorted(said)},
    }
    if place.beginning:
        described["operationId"] += "At" + "".join(word.capitalize() for word in re.findall(r"\w+", place.beginning))
        described["description"] = f"Another path for `{operation.method} {template(operation.path)}`."
    return described
