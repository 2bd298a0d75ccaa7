"""Holds requests and answers, as they went over the wire, against an OpenAPI document."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from tests.processes.distant_backend import Asked, Exchange

Schema = dict[str, Any]

_PLAIN_HEADERS = {"host", "accept", "accept-encoding", "connection", "user-agent", "authorization"}
_BODY_HEADERS = {"content-type", "content-length"}


class Described:
    """What a document says of requests and answers."""

    def __init__(self, document: Schema) -> None:
        resolved = _resolved(document, document)
        self.operations: dict[tuple[str, str], Schema] = {
            (method.upper(), path): operation
            for path, item in resolved["paths"].items()
            for method, operation in item.items()
        }

    def named(self, asked: Asked) -> tuple[str, str] | None:
        """Return the method and the path under which the document has a request."""
        for method, path in self.operations:
            # What is spelled out comes before what is a pattern, in the document as here.
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
            if method == asked.method and re.fullmatch(pattern, asked.path):
                return method, path
        return None

    def faults(self, exchange: Exchange) -> list[str]:
        """Return what a request or its answer has that the document does not say, or has not that it must."""
        asked = exchange.asked
        name = self.named(asked)
        if name is None:
            return [f"{asked.method} {asked.path}: not in the document"]
        operation = self.operations[name]
        found = [*_of_parameters(operation, asked), *_of_request(operation, asked), *_of_answer(operation, exchange)]
        return [f"{asked.method} {asked.target}: {fault}" for fault in found]


def _resolved(node: Any, document: Schema) -> Any:
    """Return a part of the document with what it refers to in place."""
    if isinstance(node, list):
        return [_resolved(one, document) for one in node]
    if not isinstance(node, dict):
        return node
    if isinstance(target := node.get("$ref"), str):
        found: Any = document
        for step in target.removeprefix("#/").split("/"):
            found = found[step]
        return {**_resolved(found, document), **_resolved({k: v for k, v in node.items() if k != "$ref"}, document)}
    return {key: _resolved(value, document) for key, value in node.items()}


def _of_parameters(operation: Schema, asked: Asked) -> Iterator[str]:
    parameters = operation.get("parameters", [])
    query = {one["name"]: one for one in parameters if one["in"] == "query"}
    headers = {one["name"].lower(): one for one in parameters if one["in"] == "header"}
    if "authorization" not in asked.headers:
        yield "there is no token"
    for name in asked.query.keys() - query.keys():
        yield f"the parameter {name} is not in the document"
    plain = _PLAIN_HEADERS | (_BODY_HEADERS if "requestBody" in operation else set())
    for name in asked.headers.keys() - headers.keys() - plain:
        yield f"the header {name} is not in the document"
    for given, known in ((asked.query, query), (asked.headers, headers)):
        for name, parameter in known.items():
            if name in given:
                yield from _problems(parameter["schema"], _typed(parameter["schema"], given[name]), name)
            elif parameter.get("required"):
                yield f"the parameter {name} is missing"


def _of_request(operation: Schema, asked: Asked) -> Iterator[str]:
    if "requestBody" not in operation:
        if asked.body:
            yield "it has a body"
        return
    media_type = asked.headers.get("content-type", "").partition(";")[0]
    content = operation["requestBody"]["content"]
    if media_type not in content:
        yield f"a body of type {media_type!r} is not in the document"
    elif media_type == "application/json":
        yield from _problems(content[media_type]["schema"], asked.json, "body")
    else:
        yield from _of_form(content[media_type]["schema"], asked)


def _of_form(schema: Schema, asked: Asked) -> Iterator[str]:
    kinds = [part.filename is not None for part in asked.parts]
    if kinds != sorted(kinds):
        yield "a field comes behind a file"
    value: dict[str, Any] = {}
    for name, text in asked.fields.items():
        value[name] = _typed(_property(schema, name) or {}, text)
    for part in asked.files:
        several = (_property(schema, part.name) or {}).get("type") == "array"
        value[part.name] = [*value.get(part.name, []), "…"] if several else "…"
        if not part.media_type:
            yield f"the file {part.name} has no type"
    yield from _problems(schema, value, "form")


def _of_answer(operation: Schema, exchange: Exchange) -> Iterator[str]:
    status, headers, body = exchange.status, exchange.answer_headers, exchange.answer_body
    described = operation["responses"].get(str(status))
    if described is None:
        yield f"the status {status} is not in the document"
        return
    for name, header in described.get("headers", {}).items():
        if name.lower() in headers:
            yield from _problems(header["schema"], headers[name.lower()], name)
        elif header.get("required"):
            yield f"the answer has no {name}"
    content = described.get("content", {})
    media_type = headers.get("content-type", "").partition(";")[0]
    if body and media_type not in content and "*/*" not in content:
        yield f"an answer {status} of type {media_type!r} is not in the document"
    elif media_type in content:
        yield from _problems(content[media_type]["schema"], orjson.loads(body), f"answer {status}")


def _problems(schema: Schema, value: Any, where: str) -> Iterator[str]:
    for error in Draft202012Validator(schema).iter_errors(value):
        yield f"{where}: {error.message}"
    if isinstance(value, list):
        for one in value:
            yield from _unknown(schema.get("items", {}), one, where)
    yield from _unknown(schema, value, where)


def _unknown(schema: Schema, value: Any, where: str) -> Iterator[str]:
    """Yield the fields of an object that its schema allows but does not name, and look into texts that are JSON."""
    if not isinstance(value, dict) or not _has_properties(schema):
        return
    for name, one in value.items():
        known = _property(schema, name)
        if known is None:
            yield f"{where}: the field {name} is not in the document"
        elif "contentSchema" in known:
            yield from _problems(known["contentSchema"], orjson.loads(one), f"{where}, {name}")
        else:
            yield from _unknown(known, one, f"{where}, {name}")


def _has_properties(schema: Schema) -> bool:
    return any(part.get("properties") or part.get("patternProperties") for part in (schema, *schema.get("allOf", [])))


def _property(schema: Schema, name: str) -> Schema | None:
    for part in (schema, *schema.get("allOf", [])):
        if found := part.get("properties", {}).get(name):
            return dict(found)
        for pattern, found in part.get("patternProperties", {}).items():
            if re.search(pattern, name):
                return dict(found)
    return None


def _typed(schema: Schema, text: str) -> Any:
    """Return what a text in a query or a form stands for."""
    if schema.get("type") == "integer" and text.isdecimal():
        return int(text)
    if schema.get("type") == "boolean" and text in ("true", "false"):
        return text == "true"
    return text
