"""The operations of the service, each as the request that asks for it. Pure: nothing is sent here."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from tada_client import models
from tada_client.errors import BadAnswer, TadaError, from_problem
from tada_client.models import (
    About,
    Action,
    Conditions,
    Dump,
    Entry,
    Event,
    Fields,
    Folder,
    Job,
    OnConflict,
    Page,
    Trashed,
    Upload,
)
from tada_client.wire import Answer, Form, Json, Progress, Query, Request, Rest, Source

T = TypeVar("T")
_TUS = {"tus-resumable": "1.0.0"}


def about() -> Request[About]:
    return Request("GET", "/about", lambda answer: models.about(answer.first()))


def readiness() -> Request[Mapping[str, Any]]:
    return Request("GET", "/readiness-check", Answer.body)


def usage() -> Request[list[dict[str, Any]]]:
    return Request("GET", "/usage", Answer.data)


# Uploading


def upload(
    file: Source,
    namespace: str,
    destination: str,
    on_conflict: OnConflict,
    fields: Fields,
    *,
    to_webp: bool | None = None,
    wait_for_facts: bool = False,
    progress: Progress | None = None,
) -> Request[Upload]:
    """One file with its fields. Only with `skip` it may be sent twice without harm."""
    form = Form(tuple(form_fields(namespace, destination, fields, to_webp)), (file,), progress=progress)
    query = {"on_conflict": on_conflict, "wait": "facts" if wait_for_facts else None}
    return Request("POST", "/file", _uploaded("stored"), query, body=form, repeatable=on_conflict == "skip")


def upload_many(
    files: Sequence[Source],
    namespace: str,
    destination: str,
    on_conflict: OnConflict,
    fields: Fields,
    *,
    to_webp: bool | None = None,
    progress: Progress | None = None,
) -> Request[list[Upload | TadaError]]:
    """Several files with the same fields: what became of each, in their order. If none is taken, it is an error."""
    form = Form(tuple(form_fields(namespace, destination, fields, to_webp)), tuple(files), "files", progress)

    def read(answer: Answer) -> list[Upload | TadaError]:
        said = answer.body()
        request_id = answer.headers.get("x-request-id", "")
        wrong = {problem.get("index"): from_problem(problem, 400, request_id) for problem in said["problems"]}
        data, purged = answer.data(), answer.headers.get("x-purge") != "queued"
        if len(data) + len(wrong) != len(files):
            raise BadAnswer("The answer is about other files.", code="bad_answer", status=answer.status)
        stored = iter(data)
        found: list[Upload | TadaError] = []
        for index in range(len(files)):
            refused = wrong.get(index)
            found.append(refused or Upload(models.entry(next(stored)), "stored", purged=purged))
        return found

    query = {"on_conflict": on_conflict}
    return Request("POST", "/files", read, query, body=form, repeatable=on_conflict == "skip")


def replace(uuid: str, file: Source, fields: Fields, progress: Progress | None = None) -> Request[Upload]:
    form = Form(tuple(form_fields("", "", fields, None)), (file,), progress=progress)
    return Request("PATCH", f"/file/{uuid}", _uploaded("replaced"), body=form, repeatable=False)


def _uploaded(outcome: Any) -> Callable[[Answer], Upload]:
    def read(answer: Answer) -> Upload:
        body = answer.body()
        return Upload(
            models.entry(answer.first()),
            outcome,
            tuple(each["unique_name"] for each in body.get("duplicates", ())),
            tuple(body.get("warnings", ())),
            answer.headers.get("x-purge") != "queued",
        )

    return read


def tus_begin(
    file: Source, namespace: str, destination: str, on_conflict: OnConflict, fields: Fields, to_webp: bool | None
) -> Request[str]:
    """Begin an upload that can be resumed; the result is its path below the address of the service."""
    told = [("filename", file.name), *form_fields(namespace, destination, fields, to_webp)]
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told)
    headers = {**_TUS, "upload-length": str(file.size), "upload-metadata": metadata}
    # Two that are begun do no harm: the first one ends by itself.
    return Request("POST", "/tus", _location, {"on_conflict": on_conflict}, headers)


def _location(answer: Answer) -> str:
    location = answer.headers.get("location", "")
    name = urlsplit(urljoin("/tus", location)).path.rpartition("/")[2]
    if answer.status != 201 or not name:
        raise BadAnswer("The answer has no address of the upload.", code="bad_answer", status=answer.status)
    return f"/tus/{name}"


def tus_offset(path: str) -> Request[tuple[int, str]]:
    """How many bytes are stored, and the uuid of the entry if the upload has become one."""

    def read(answer: Answer) -> tuple[int, str]:
        return int(answer.headers.get("upload-offset", "0")), answer.headers.get("upload-entry", "")

    return Request("HEAD", path, read, headers=_TUS)


def tus_send(path: str, file: Source, offset: int, progress: Progress | None) -> Request[str]:
    """Send all bytes from an offset on; the result is the uuid of the entry. Ask for the offset before a repetition."""
    headers = {**_TUS, "upload-offset": str(offset)}
    body = Rest(file, offset, progress)
    return Request(
        "PATCH", path, lambda answer: answer.headers.get("upload-entry", ""), {}, headers, body, repeatable=False
    )


def form_fields(namespace: str, destination: str, fields: Fields, to_webp: bool | None) -> Iterable[tuple[str, str]]:
    """Yield fields as a form has them: an empty one empties."""
    if namespace:
        yield "namespace", namespace
    if destination:
        yield "destination", destination
    if to_webp is not None:
        yield "toWebp", _text(to_webp)
    for name, value in json_fields(fields).items():
        yield name, _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def json_fields(fields: Fields) -> dict[str, Any]:
    """Return fields as JSON has them."""
    given: dict[str, Any] = dict(fields)
    if "focus" in given:
        given["focus_x"], given["focus_y"] = given.pop("focus") or (None, None)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}


# Reading


def entry(uuid: str) -> Request[Entry]:
    return Request("GET", f"/catalog/{uuid}", _entry)


def _entry(answer: Answer) -> Entry:
    return models.entry(answer.first())


def search(conditions: Conditions, sort: str, limit: int, facets: str = "") -> Request[Page[Entry]]:
    given: dict[str, Any] = dict(conditions)
    query: Query = {**given, "sort": sort, "limit": limit, "facets": facets or None}
    return _paged("/catalog/search", query, models.entry, lambda answer: answer.body().get("cursor"))


def entries(limit: int) -> Request[Page[Entry]]:
    """The whole catalog, oldest first."""

    def read(answer: Answer) -> list[dict[str, Any]]:
        found = answer.json()
        if not isinstance(found, list):
            raise BadAnswer("The answer is no list.", code="bad_answer", status=answer.status)
        return found

    return _paged("/catalog", {"limit": limit}, models.entry, _next_cursor, read)


def folders(parent: str, limit: int) -> Request[Page[Folder]]:
    return _paged(
        "/catalog/folders",
        {"parent": parent, "limit": limit},
        models.folder,
        lambda answer: answer.body().get("cursor"),
    )


def trash(folder: str, limit: int) -> Request[Page[Trashed]]:
    return _paged("/catalog/trash", {"folder": folder or None, "limit": limit}, models.trashed, _next_cursor)


def history(uuid: str, limit: int) -> Request[Page[Mapping[str, Any]]]:
    return _paged(f"/catalog/{uuid}/history", {"limit": limit}, lambda raw: raw, _next_cursor)


def _next_cursor(answer: Answer) -> str | None:
    return answer.headers.get("x-next-cursor")


def _paged(
    path: str,
    query: Query,
    read_item: Callable[[Mapping[str, Any]], T],
    cursor_of: Callable[[Answer], str | None],
    items_of: Callable[[Answer], list[dict[str, Any]]] = Answer.data,
) -> Request[Page[T]]:
    def read(answer: Answer) -> Page[T]:
        cursor = cursor_of(answer)
        further = _paged(path, {**query, "cursor": cursor}, read_item, cursor_of, items_of) if cursor else None
        said = answer.json()
        return Page([read_item(item) for item in items_of(answer)], further, said if isinstance(said, dict) else {})

    return Request("GET", path, read, query)


# Changing


def change(uuid: str, fields: Fields) -> Request[Entry]:
    return Request("PATCH", f"/catalog/{uuid}", _entry, body=Json.of(json_fields(fields)))


def move(uuid: str, destination: str | None, filename: str | None) -> Request[Entry]:
    given = {"destination": destination, "filename": filename}
    body = Json.of({name: value for name, value in given.items() if value is not None})
    return Request("PATCH", f"/file/{uuid}", _entry, body=body)


def delete(uuid: str) -> Request[str]:
    """Delete an asset; the result is the id by which it can be brought back, if it can."""

    def read(answer: Answer) -> str:
        return str((answer.first().get("trash") or {}).get("id", ""))

    return Request("DELETE", f"/file/{uuid}", read)


def purge(uuid: str) -> Request[bool]:
    """Make all copies stale; the result says whether every cache knows of it already."""
    return Request("POST", f"/catalog/{uuid}/purge", lambda answer: answer.headers.get("x-purge") == "done")


def warm(uuid: str) -> Request[Job]:
    return Request("POST", f"/catalog/{uuid}/warm", lambda answer: models.job(answer.first()))


def sign(uuid: str, addresses: Sequence[str], expires_in: int | None) -> Request[list[str]]:
    """Have addresses signed; the result has them in their order."""
    body = Json.of({"addresses": list(addresses), "expires_in": expires_in})

    def read(answer: Answer) -> list[str]:
        return [each["url"] for each in answer.data()]

    return Request("POST", f"/catalog/{uuid}/signatures", read, body=body)


def act(
    action: str,
    search: Conditions | None,
    uuids: Iterable[str] | None,
    fields: Mapping[str, Any] | None,
    dry_run: bool,
    confirm: int | None,
) -> Request[Action]:
    """Change or delete what a search finds, or what uuids name."""
    given = {
        "action": action,
        "search": search,
        "uuids": None if uuids is None else list(uuids),
        "fields": fields,
        "dry_run": dry_run,
        "confirm": confirm,
    }
    body = Json.of({name: value for name, value in given.items() if value is not None})

    def read(answer: Answer) -> Action:
        said = answer.body()
        if dry_run:
            return Action(said["count"], tuple(map(models.entry, answer.data())), None, said)
        return Action(said["count"], (), models.job(answer.first()), said)

    return Request("POST", "/catalog/actions", read, body=body, repeatable=dry_run)


# Bringing back


def versions(uuid: str) -> Request[list[Entry]]:
    return Request("GET", f"/catalog/{uuid}/versions", lambda answer: [models.entry(raw) for raw in answer.data()])


def restore_version(uuid: str, version: int) -> Request[Entry]:
    return Request("POST", f"/catalog/{uuid}/versions/{version}/restore", _entry, repeatable=False)


def restore_deleted(trash_id: str) -> Request[Entry]:
    return Request("POST", f"/catalog/trash/{trash_id}/restore", _entry, repeatable=False)


def delete_for_good(trash_id: str) -> Request[Trashed]:
    return Request("DELETE", f"/catalog/trash/{trash_id}", lambda answer: models.trashed(answer.first()))


# Jobs and dumps


def start_job(name: str, arguments: Mapping[str, Any]) -> Request[Job]:
    body = Json.of(dict(arguments))
    return Request("POST", f"/jobs/{name}", lambda answer: models.job(answer.first()), body=body, repeatable=False)


def job(job_id: str) -> Request[Job]:
    return Request("GET", f"/jobs/{job_id}", lambda answer: models.job(answer.first()))


def cancel_job(job_id: str) -> Request[Job]:
    return Request("POST", f"/jobs/{job_id}/cancel", lambda answer: models.job(answer.first()))


def jobs(name: str, status: str, limit: int) -> Request[list[Job]]:
    query = {"name": name or None, "status": status or None, "limit": limit}
    return Request("GET", "/jobs", lambda answer: [models.job(raw) for raw in answer.data()], query)


def dumps() -> Request[list[Dump]]:
    return Request("GET", "/catalog/dumps", lambda answer: [models.dump(raw) for raw in answer.data()])


# Events


def events(after: str, filters: Query, limit: int) -> Request[tuple[list[Event], str, bool]]:
    """The events after one, where to go on, and whether there are more."""

    def read(answer: Answer) -> tuple[list[Event], str, bool]:
        said = answer.body()
        return [Event("change", raw["id"], raw) for raw in answer.data()], str(said["last"]), bool(said["more"])

    return Request("GET", "/events", read, {**filters, "after": after or None, "limit": limit})
