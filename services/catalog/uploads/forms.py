"""Multipart bodies, read as a stream: text fields in memory, files to the spool, in any order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header
from starlette.requests import Request

from services.catalog.uploads import parameters
from services.catalog.uploads.opening import NoBoundary, Opening
from services.catalog.uploads.spool import RefusedFile, SpooledFile, SpoolWriter
from services.core.assets import media_types
from services.core.errors import BadRequest, FileTooLarge, Subject, TooLarge, WrongContentType

_MAX_FIELDS = 100
_MAX_FIELD_BYTES = 64 * 1024
OVERHEAD = 1024 * 1024
"""Bytes that a body may have besides its files: boundaries, headers, text fields."""


@dataclass(slots=True)
class Form:
    """A whole form: the last value of each text field, and the files in their order."""

    fields: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, list[str]] = field(default_factory=dict)
    """All values of the text fields that are there more than once, in their order."""
    files: list[SpooledFile | RefusedFile] = field(default_factory=list)


@asynccontextmanager
async def read_form(
    request: Request, spool: Path, owner: str, file_field: str, max_files: int, limit: int
) -> AsyncIterator[Form]:
    """Read a form whose files are all named `file_field`. Files that are still in the spool at the end are removed.

    `owner` is the name of the process for its signs of life. A file of more than `limit` bytes is not kept. Among
    several, it does not concern the others: its rest is read and thrown away.

    Raises BadRequest for a body that is not a whole form, FileTooLarge for a single file of more than `limit` bytes,
    and TooLarge for a body with more bytes than `max_files` files may have.
    """
    most = limit * max_files + OVERHEAD
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(limit, max_files, most)
    reader = _Reader(_boundary(request), spool, owner, file_field, max_files, limit)
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise _too_large(limit, max_files, most)
            await reader.feed(chunk)
        yield reader.whole()
    finally:
        reader.discard()


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != media_types.FORM.encode() or not options.get(b"boundary"):
        raise WrongContentType("The body is not a form.", "Send multipart/form-data, as curl -F does.")
    return options[b"boundary"]


class _Reader:
    """Turns the parser's callbacks, which cannot wait, into steps that can."""

    def __init__(self, boundary: bytes, spool: Path, owner: str, file_field: str, max_files: int, limit: int) -> None:
        self._spool, self._owner, self._file_field = spool, owner, file_field
        self._max_files, self._limit = max_files, limit
        self._form = Form()
        self._writers: list[SpoolWriter] = []
        self._events: list[tuple[str, bytes]] = []
        self._headers: dict[bytes, bytes] = {}
        self._header_name = self._header_value = b""
        self._writer: SpoolWriter | None = None
        self._refused: RefusedFile | None = None
        """The present file, if it is not kept."""
        self._name = ""
        self._text = b""
        self._field_count = 0
        self._opening = Opening(boundary)
        self._parser = self._make_parser(boundary)

    def _make_parser(self, boundary: bytes) -> MultipartParser:
        def note(kind: str, data: bytes, start: int, end: int) -> None:
            self._events.append((kind, data[start:end]))

        callbacks = {
            "on_header_field": lambda data, start, end: note("name", data, start, end),
            "on_header_value": lambda data, start, end: note("value", data, start, end),
            "on_header_end": lambda: note("header", b"", 0, 0),
            "on_headers_finished": lambda: note("begin", b"", 0, 0),
            "on_part_data": lambda data, start, end: note("data", data, start, end),
            "on_part_end": lambda: note("end", b"", 0, 0),
        }
        try:
            return MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError as error:
            raise _malformed(error) from None

    async def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(self._opening.rest(chunk))
        except (FormParserError, NoBoundary) as error:
            raise _malformed(error) from None
        events, self._events = self._events, []
        for kind, data in events:
            match kind:
                case "name":
                    self._header_name += data
                case "value":
                    self._header_value += data
                case "header":
                    self._headers[self._header_name.lower()] = self._header_value
                    self._header_name = self._header_value = b""
                case "begin":
                    self._begin_part()
                case "data":
                    await self._add(data)
                case "end":
                    await self._end_part()

    def whole(self) -> Form:
        # The parser accepts a body that ends early, without its last part.
        if self._parser.state != MultipartState.END:
            hint = (
                "Send all of it again."
                if self._opening.found
                else "It must have the boundary of its Content-Type, as the forms of curl -F have."
            )
            raise BadRequest("The multipart body is cut before its end.", hint)
        return self._form

    def discard(self) -> None:
        for writer in self._writers:
            writer.discard()

    def _begin_part(self) -> None:
        headers, self._headers = self._headers, {}
        said = _said(headers.get(b"content-disposition", b""))
        self._name = said.get("name", "")
        if "filename" not in said:
            self._field_count += 1
            if self._field_count > _MAX_FIELDS:
                raise BadRequest(f"The form has more than {_MAX_FIELDS} fields.", "Send fewer.")
            self._text = b""
            return
        if self._name not in (self._file_field, f"{self._file_field}[]"):
            raise BadRequest(
                f"The form has a file named {self._name!r}.", f"Send it as a file part named {self._file_field!r}."
            )
        if len(self._writers) >= self._max_files:
            if self._max_files == 1:
                raise BadRequest("The form has more than one file.", "Send several to /files.")
            raise BadRequest(
                f"The form has more than {self._max_files} files.",
                f"Send {self._max_files} at a time, or raise PAYLOAD_MAX_FILES.",
            )
        declared = headers.get(b"content-type", b"").decode("latin-1")
        self._writer = SpoolWriter(self._spool, self._owner, said["filename"], declared or None, self._limit)
        self._writers.append(self._writer)

    async def _add(self, data: bytes) -> None:
        if self._writer:
            await self._write(self._writer, data)
            return
        self._text += data
        if len(self._text) > _MAX_FIELD_BYTES:
            hint = "Shorten it."
            if self._name == self._file_field:
                hint = f"Is it a file? Then give it a filename, as curl -F '{self._name}=@cat.jpg' does."
            raise TooLarge(f"The field {self._name!r} has more than {_MAX_FIELD_BYTES} bytes.", hint)

    async def _write(self, writer: SpoolWriter, data: bytes) -> None:
        if self._refused:
            return
        try:
            await writer.write(data)
        except FileTooLarge as error:
            if self._max_files == 1:
                raise error.about(Subject(file=writer.given_name)) from error
            self._refused = RefusedFile(writer.given_name, error)
            writer.discard()

    async def _end_part(self) -> None:
        if self._refused:
            self._form.files.append(self._refused)
            self._refused = self._writer = None
        elif self._writer:
            file = await self._writer.finish()
            # An empty file input is sent as an empty file without a name.
            if file.given_name or file.size:
                self._form.files.append(file)
            self._writer = None
        else:
            text = _decode(self._text, f"The field {self._name!r}")
            if self._name in self._form.fields:
                self._form.repeated.setdefault(self._name, [self._form.fields[self._name]]).append(text)
            self._form.fields[self._name] = text


def _too_large(limit: int, max_files: int, most: int) -> TooLarge:
    if max_files == 1:
        return FileTooLarge(limit)
    return TooLarge(f"The form has more than {most} bytes.", "Send fewer files at a time, or smaller ones.")


def _said(disposition: bytes) -> dict[str, str]:
    try:
        return parameters.read(disposition)
    except parameters.NotReadable as unreadable:
        what = "The file name" if str(unreadable) == "filename" else "A field name"
        raise _not_text(what) from None


def _decode(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _not_text(what) from None


def _not_text(what: str) -> BadRequest:
    return BadRequest(f"{what} is not UTF-8.", "Encode the form as UTF-8.")


def _malformed(error: Exception) -> BadRequest:
    return BadRequest(f"The multipart body is malformed: {error}.", "Send multipart/form-data, as curl -F does.")
