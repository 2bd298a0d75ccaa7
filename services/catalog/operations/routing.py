"""The routes of the operations, each with its authorisation, and the short way to hot operations."""

from collections.abc import Iterable, Iterator

from starlette.convertors import IntegerConvertor, StringConvertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.routing import Route, compile_path

from services.catalog.middleware.arguments import Arguments
from services.catalog.middleware.auth import Authentication, Principals
from services.catalog.operations.operation import Operation, places, with_slash
from services.core.serving.web import Answer


class _EntryConvertor(StringConvertor):
    """What may stand for an entry in a path: anything but the name of another route there."""

    regex = r"(?!(?:(?:create|restore)-dump|dumps|search|folders|trash|actions|archives)(?:/|$))[^/]+"


class _NumberConvertor(IntegerConvertor):
    """The number of a version or of a change. Python reads no integer of thousands of digits."""

    regex = "[0-9]{1,16}"


register_url_convertor("entry", _EntryConvertor())
register_url_convertor("number", _NumberConvertor())


def routes(operations: Iterable[Operation], tokens: Principals) -> list[Route]:
    """Return the routes of every operation. Each lets only those requests pass that its role and document allow."""
    return [
        Route(
            place.path,
            place.operation.handler,
            methods=[place.operation.method],
            middleware=list(_around(place.operation, tokens)),
        )
        for place in with_slash(places(operations))
    ]


def _around(operation: Operation, tokens: Principals) -> Iterator[Middleware]:
    yield Middleware(Authentication, tokens=tokens, role=operation.role)
    if operation.writes:
        yield Middleware(Arguments, known=operation.arguments, repeated=operation.repeated, refusal=operation.refusal)


def hot(operations: Iterable[Operation]) -> dict[str, Answer]:
    """Return the handlers of the hot operations, by patterns of whole paths."""
    return {f"{pattern(place.path)}/?": place.operation.handler for place in places(operations) if place.operation.hot}


def not_limited(operations: Iterable[Operation]) -> frozenset[str]:
    """Return the paths, without a slash at the end, that the rate limits do not count."""
    return frozenset(place.path for place in places(operations) if not place.operation.limited)


def pattern(path: str) -> str:
    """Return the regular expression of a path that has parameters."""
    return compile_path(path)[0].pattern.removeprefix("^").removesuffix("$")


def template(path: str) -> str:
    """Return a path as OpenAPI writes it: `/catalog/{uuid}` for `/catalog/{uuid:entry}`."""
    return compile_path(path)[1]
