"""What is sent and what comes back, without a connection: the clients differ only in how they carry these."""

import io
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, TypeVar
from urllib.parse import urlencode

from tada_client.errors import BadAnswer, FileChanged, error_of

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Query = Mapping[str, str | int | float | bool | Sequence[str] | None]
Progress = Callable[[int, int], None]
"""Is told how many bytes of how many have been sent. After a failure it begins again with fewer."""

_PIECE = 1 << 18
AT_ONCE = 2 << 20
"""A body up to so many bytes is sent as one piece: that costs least."""


class Source(Protocol):
    """A file that can be read several times."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    def open(self) -> BinaryIO: ...


@dataclass(frozen=True, slots=True)
class FileSource:
    path: Path
    name: str
    size: int

    def open(self) -> BinaryIO:
        return self.path.open("rb", buffering=0)


@dataclass(frozen=True, slots=True)
class BytesSource:
    content: bytes = field(repr=False)
    name: str

    @property
    def size(self) -> int:
        return len(self.content)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.content)


def source(file: "Path | str | bytes | Source", name: str = "") -> Source:
    """Return what a caller gives as a file; bytes need a name."""
    if isinstance(file, bytes):
        if not name:
            raise ValueError("bytes need a name, such as upload(content, name='cat.jpg', …)")
        return BytesSource(file, name)
    if isinstance(file, str | os.PathLike):
        path = Path(file)
        return FileSource(path, name or plain_name(path.name), path.stat().st_size)
    return file


def plain_name(name: str) -> str:
    """Return a name of the file system as text: bytes that are no text are replaced."""
    return os.fsencode(name).decode(errors="replace")


class Body(Protocol):
    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def size(self) -> int: ...

    def pieces(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Json:
    content: bytes

    @classmethod
    def of(cls, value: Any) -> "Json":
        return cls(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())

    @property
    def headers(self) -> Mapping[str, str]:
        return {"content-type": "application/json"}

    @property
    def size(self) -> int:
        return len(self.content)

    def pieces(self) -> Iterator[bytes]:
        yield self.content


@dataclass(frozen=True, slots=True)
class Form:
    """A form with its files at the end: what is wrong with a field is answered before a file is read."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[Source, ...]
    name: str = "file"
    progress: Progress | None = None
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def headers(self) -> Mapping[str, str]:
        return {"content-type": f"multipart/form-data; boundary={self.boundary}"}

    @property
    def size(self) -> int:
        heads = sum(len(self._head(file)) for file in self.files)
        return len(self._beginning()) + heads + sum(file.size for file in self.files) + len(self._end())

    def pieces(self) -> Iterator[bytes]:
        all_at_once = self.size <= AT_ONCE
        total, before = sum(file.size for file in self.files), 0
        yield self._beginning()
        for file in self.files:
            yield self._head(file)
            if all_at_once:
                yield _whole(file)
            else:
                yield from read_from(file, 0, _part_of(self.progress, before, total))
            before += file.size
        yield self._end()
        if all_at_once and self.progress:
            self.progress(total, total)

    def _beginning(self) -> bytes:
        return (
            "".join(
                f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                for name, value in self.fields
            )
            .encode()
            .removesuffix(b"\r\n")
        )

    def _head(self, file: Source) -> bytes:
        # The service makes the same of what could end the name.
        name = re.sub('["\r\n]', "_", file.name)
        head = f'Content-Disposition: form-data; name="{self.name}"; filename="{name}"'
        # What comes before it ends without a line feed, as a file does.
        begins = "\r\n" if self.fields or file is not self.files[0] else ""
        return f"{begins}--{self.boundary}\r\n{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()

    def _end(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class Rest:
    """The bytes of a file from an offset on."""

    file: Source
    offset: int
    progress: Progress | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        return {"content-type": "application/offset+octet-stream"}

    @property
    def size(self) -> int:
        return self.file.size - self.offset

    def pieces(self) -> Iterator[bytes]:
        return read_from(self.file, self.offset, self.progress)


def read_from(file: Source, offset: int, progress: Progress | None) -> Iterator[bytes]:
    """Yield the bytes of a file; raises FileChanged if it has not the size that was announced."""
    sent = offset
    with file.open() as opened:
        opened.seek(offset)
        while piece := opened.read(min(_PIECE, file.size - sent)):
            if progress:
                progress(sent, file.size)
            yield piece
            sent += len(piece)
    if sent != file.size:
        raise FileChanged(file.name)
    if progress:
        progress(sent, file.size)


def _part_of(progress: Progress | None, before: int, total: int) -> Progress | None:
    return None if progress is None else lambda sent, _: progress(before + sent, total)


def _whole(file: Source) -> bytes:
    with file.open() as opened:
        content = opened.read(file.size + 1)
    if len(content) != file.size:
        raise FileChanged(file.name)
    return content


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that has been read. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.content)
        except ValueError:
            raise BadAnswer(
                "The answer is not JSON.",
                code="bad_answer",
                status=self.status,
                hint="Is the address that of TADA's internal entry, with API_PREFIX?",
            ) from None

    def body(self) -> dict[str, Any]:
        """Return the JSON object that most answers are."""
        said = self.json()
        if not isinstance(said, dict):
            raise BadAnswer("The answer is not a JSON object.", code="bad_answer", status=self.status)
        return said

    def data(self) -> list[dict[str, Any]]:
        found = self.body().get("data")
        if not isinstance(found, list):
            raise BadAnswer(
                "The answer has no data.",
                code="bad_answer",
                status=self.status,
                hint="Is the address that of TADA's internal entry, with API_PREFIX?",
            )
        return found

    def first(self) -> dict[str, Any]:
        match self.data():
            case [first, *_]:
                return first
        raise BadAnswer("The answer is empty.", code="bad_answer", status=self.status)


@dataclass(frozen=True, slots=True)
class Request(Generic[T_co]):
    """One request below the address of the service, and what its answer means.

    `repeatable` says whether it may be done twice: then it is sent again if it is unknown whether it was done.
    """

    method: str
    path: str
    read: Callable[[Answer], T_co]
    query: Query = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    repeatable: bool = True

    def target(self) -> str:
        return self.path + encoded(self.query)


def result(request: Request[T], answer: Answer) -> T:
    """Return what an answer means; raises TadaError for one that says what is wrong."""
    if answer.status >= 300:
        raise error_of(answer.status, answer.headers, answer.content)
    return request.read(answer)


def encoded(query: Query) -> str:
    """Return a query string with its question mark; None is left out, a list is repeated."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, str | int | float):
            pairs.append((name, str(value)))
        else:
            pairs += [(name, each) for each in value]
    return f"?{urlencode(pairs)}" if pairs else ""
