"""One operation of the API: its method and path, who may use it, its handler and its OpenAPI text."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.catalog.middleware.arguments import Refusal
from services.catalog.tokens import Role
from services.core.serving.web import Answer, error_response

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """The OpenAPI text of an operation. `answers` maps each status to the name of its answer in `openapi.answers`.

    It does not have the answers that follow from the operation itself: 401 and 403 from its role, 429 from its limit.
    """

    name: str
    summary: str
    tag: str
    answers: Mapping[int, str]
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. Its role is required: there is no default that could make it public by mistake.

    Without a `document` it can be reached but is not described (parts of a page). `others` are other beginnings of the
    path, each instead of its first folder. If it is not `limited`, the rate limits do not count it. If it is `hot`, it
    is answered before Starlette looks for a route, and so before the authorisation: it must be public. If it `writes`,
    it refuses all arguments but those of its document; `refusal` makes that answer.
    """

    method: str
    path: str
    handler: Answer
    role: Role
    document: Document | None = field(kw_only=True)
    others: tuple[str, ...] = field(default=(), kw_only=True)
    limited: bool = field(default=True, kw_only=True)
    hot: bool = field(default=False, kw_only=True)
    refusal: Refusal = field(default=error_response, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.role, Role):
            raise TypeError(f"{self.method} {self.path}: expected a Role, not {self.role!r}")
        if self.hot and (self.role is not Role.PUBLIC or self.method != "GET"):
            raise ValueError(f"{self.method} {self.path}: only a public GET can be hot")

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the arguments that its document declares."""
        parameters = self.document.parameters if self.document else ()
        return tuple(parameter["name"] for parameter in parameters if parameter["in"] == "query")

    @property
    def repeated(self) -> tuple[str, ...]:
        """The names of those arguments that may occur several times."""
        parameters = self.document.parameters if self.document else ()
        return tuple(parameter["name"] for parameter in parameters if parameter["schema"].get("type") == "array")

    def places(self) -> Iterator["Place"]:
        """Yield the paths of the operation, its own first."""
        yield Place(self.path, self)
        root, rest = _split(self.path)
        for other in self.others:
            if other != root:
                yield Place(other + rest, self, beginning=other)


@dataclass(frozen=True, slots=True)
class Place:
    """One path of an operation. `beginning` is what stands for the first folder of the operation's own path."""

    path: str
    operation: Operation
    beginning: str = ""


def places(operations: Iterable[Operation]) -> list[Place]:
    """Return every path of every operation. If two have the same method and path, the first one is used."""
    return _first(place for operation in operations for place in operation.places())


def with_slash(known: Iterable[Place]) -> list[Place]:
    """Return places, and each once more with a slash at its end: the older service accepted both."""
    known = list(known)
    return _first([*known, *(Place(f"{place.path}/", place.operation) for place in known if place.path[-1] != "/")])


def _first(found: Iterable[Place]) -> list[Place]:
    table: dict[tuple[str, str], Place] = {}
    for place in found:
        table.setdefault((place.operation.method, place.path), place)
    return list(table.values())


def _split(path: str) -> tuple[str, str]:
    root, slash, rest = path.removeprefix("/").partition("/")
    return f"/{root}", slash + rest
