"""What the service tells, as frozen records. Each keeps in `raw` what it was made of, with what this version of the
client does not know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar

from tada_client.wire import Request

T = TypeVar("T")
Raw = Mapping[str, Any]
OnConflict = Literal["refuse", "skip", "replace", "rename"]


class Fields(TypedDict, total=False):
    """What a client can set of an entry. None empties a field; `focus` is two shares from the upper left, or None."""

    title: str | None
    alt: str | None
    caption: str | None
    credit: str | None
    tags: list[str]
    meta: dict[str, Any]
    external_id: str | None
    information: str | None
    expired: bool
    expiration_date: datetime | str | None
    visible_from: datetime | str | None
    focus: tuple[float, float] | None


class Conditions(TypedDict, total=False):
    """Which entries are meant: the arguments of a search. docs/integrating.md explains them."""

    q: str
    namespace: str
    folder: str
    recursive: bool
    tag: list[str]
    type: list[str]
    min_width: int
    max_width: int
    min_height: int
    max_height: int
    min_size: int
    max_size: int
    orientation: Literal["landscape", "portrait", "square"]
    color: str
    expired: bool
    missing: str
    uploaded_after: str
    uploaded_before: str
    updated_after: str
    updated_before: str
    expires_after: str
    expires_before: str
    visible_after: str
    visible_before: str
    external_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One asset of the catalog."""

    uuid: str
    version: int
    namespace: str
    unique_name: str
    filename: str
    original_filename: str
    destination: str
    public_url: str
    versioned_url: str
    mimetype: str
    original_mimetype: str
    signature: str
    size: int
    expired: bool
    converted: bool
    title: str | None
    alt: str | None
    caption: str | None
    credit: str | None
    tags: tuple[str, ...]
    meta: Mapping[str, Any]
    external_id: str | None
    information: str | None
    focus: tuple[float, float] | None
    width: int | None
    height: int | None
    blurhash: str | None
    dominant_color: str | None
    uploaded_date: datetime | None
    updated_date: datetime | None
    expiration_date: datetime | None
    visible_from: datetime | None
    raw: Raw = field(repr=False, compare=False)

    @property
    def folder(self) -> str:
        """The folder that it is in, such as `/DEV/pets`."""
        return self.unique_name.rpartition("/")[0]


def entry(raw: Raw) -> Entry:
    x, y = raw.get("focus_x"), raw.get("focus_y")
    plain: dict[str, Any] = {name: raw.get(name) for name in _AS_THEY_ARE}
    dates: dict[str, Any] = {name: moment(raw.get(name)) for name in _DATES}
    return Entry(
        **plain,
        tags=tuple(raw.get("tags") or ()),
        meta=raw.get("meta") or {},
        expired=bool(raw.get("expired")),
        focus=None if x is None or y is None else (x, y),
        **dates,
        raw=raw,
    )


_DATES = ("uploaded_date", "updated_date", "expiration_date", "visible_from")
_AS_THEY_ARE: tuple[str, ...] = tuple(
    name for name in Entry.__dataclass_fields__ if name not in {*_DATES, "tags", "meta", "expired", "focus", "raw"}
)


def moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Upload:
    """What became of an upload. `purged` says whether the public sees the change already."""

    entry: Entry
    outcome: Literal["stored", "same", "replaced"]
    """`stored` is also said of a file that the service has skipped as it has the same bytes: it does not say so."""
    duplicates: tuple[str, ...] = ()
    """The paths of other assets with the same bytes."""
    warnings: tuple[str, ...] = ()
    purged: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list, and the request for the next ones, if there are more."""

    items: list[T]
    next: Request["Page[T]"] | None
    raw: Raw = field(repr=False, default_factory=dict)

    @property
    def total(self) -> int | None:
        return self.raw.get("total")


@dataclass(frozen=True, slots=True)
class Folder:
    path: str
    entries: int
    bytes: int
    all_entries: int
    all_bytes: int
    has_folders: bool
    raw: Raw = field(repr=False, compare=False)


def folder(raw: Raw) -> Folder:
    names = [name for name in Folder.__dataclass_fields__ if name != "raw"]
    return Folder(**{name: raw.get(name) for name in names}, raw=raw)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class About:
    """What the token may do, and what a client has to know of the service."""

    sender: str
    role: str
    sender_namespaces: tuple[str, ...] | None
    namespaces: tuple[str, ...]
    media_types: tuple[str, ...]
    payload_max_size: int
    keep_versions: int
    trash_days: int
    presets: Mapping[str, str]
    assets_url: str
    raw: Raw = field(repr=False, compare=False)


def about(raw: Raw) -> About:
    sender = raw["sender"]
    limited = sender["namespaces"]
    return About(
        sender["name"],
        sender["role"],
        None if limited is None else tuple(limited),
        tuple(raw["namespaces"]),
        tuple(raw["media_types"]),
        raw["payload_max_size"],
        raw["keep_versions"],
        raw["trash_days"],
        raw["presets"],
        raw["assets_url"],
        raw,
    )


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a job. `result` is null until it has ended; that of a cancelled one says what was done until then."""

    id: str
    name: str
    status: Literal["queued", "running", "retrying", "done", "stopped", "failed", "cancelled"]
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    raw: Raw = field(repr=False, compare=False)

    @property
    def has_ended(self) -> bool:
        return self.status in ("done", "stopped", "failed", "cancelled")


def job(raw: Raw) -> Job:
    return Job(raw["id"], raw["name"], raw["status"], raw.get("result"), raw.get("error"), raw)


@dataclass(frozen=True, slots=True)
class Action:
    """What becomes of many entries: how many are meant, some of them, and the job that does it unless it is a trial."""

    count: int
    examples: tuple[Entry, ...]
    job: Job | None
    raw: Raw = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Trashed:
    """A deleted asset that can be brought back until `ends_date`."""

    id: str
    entry: Entry
    deleted_date: datetime | None
    ends_date: datetime | None
    raw: Raw = field(repr=False, compare=False)


def trashed(raw: Raw) -> Trashed:
    return Trashed(raw["id"], entry(raw), moment(raw.get("deleted_date")), moment(raw.get("ends_date")), raw)


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump of the catalog: its names by format."""

    timestamp: str
    records: int | None
    latest: bool
    files: Mapping[str, str]
    raw: Raw = field(repr=False, compare=False)


def dump(raw: Raw) -> Dump:
    files = {kind: file["filename"] for kind, file in raw["files"].items()}
    return Dump(raw["timestamp"], raw.get("records"), bool(raw.get("latest")), files, raw)


@dataclass(frozen=True, slots=True)
class Event:
    """One message of the stream of events: a `change`, a `reset` or a `purged`. `id` is where to go on after it."""

    name: str
    id: str
    data: Mapping[str, Any]


Reader = Callable[[Raw], T]
