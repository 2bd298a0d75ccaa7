"""The catalog entry: the truth about one asset. An entry is immutable; a change makes a new one."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.core.assets import descriptions, identity, media_types, names
from services.core.assets.facts import FACTS, NO_FACTS, Facts
from services.core.assets.names import AssetName
from services.core.assets.stored_object import StoredObject
from services.core.errors import AlreadyExists, BadRequest, NotReplaceable

FOCUS = ("focus_x", "focus_y")
TEXTS = ("external_id", "information", *descriptions.TEXTS)
DATES = ("expiration_date", "visible_from")
SETTABLE = ("external_id", "expired", "expiration_date", "information", *FOCUS, "visible_from", *descriptions.FIELDS)
"""The fields a client may set at any time."""

IF_KNOWN = ("original_signature", "original_version", "stored_mimetype")
"""The fields that an entry is stored and shown without if it does not have them."""

_OF_FILE = (
    *("original_mimetype", "mimetype", "converted", "signature", "size", "original_size", "storage_key"),
    *FACTS,
    *IF_KNOWN,
)
"""The fields that follow from the stored file."""

_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]{1,3})?", re.ASCII | re.IGNORECASE)
TEXT_BYTES = 4096
"""Bytes of the longest text of a client, in UTF-8. The public reads the whole list, with all texts."""
_AHEAD_MAX = timedelta(minutes=1)
_SHARE_DIGITS = 4
"""Decimals of a focal point that are kept: less than a pixel of the largest picture that is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One asset. Dates are ISO 8601 with offset; sizes are bytes; `signature` is the SHA-256 of the stored bytes.

    `mimetype` and `filename` are what `full` delivers, `original_*` what was uploaded. `converted` says whether those
    differ on demand (`toWebp`); `storage_key` is where the storage has the bytes. The focal point, both coordinates or
    none, is 0 to 1 from the upper left of the upright picture. `content_date` is when the delivered bytes last changed,
    and `updated_date` when anything changed. The fields from the focal point on were added later: older entries do not
    have them. Those from `original_signature` to `stored_mimetype` are of entries from the older service: what it knew
    of the uploaded file, and the type of the stored bytes if they are not the upload, but what it delivered. A replaced
    file ends them. `meta` is an object of the client's own, and `more` are fields that only the older service or its
    clients know.
    """

    uuid: str
    version: int
    namespace: str
    unique_name: str
    filename: str
    original_filename: str
    external_id: str | None
    expired: bool
    expiration_date: str | None
    information: str | None
    original_mimetype: str
    mimetype: str
    signature: str
    size: int
    original_size: int
    destination: str
    uploaded_date: str
    updated_date: str
    converted: bool
    storage_key: str
    focus_x: float | None = None
    focus_y: float | None = None
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None
    dominant_color: str | None = None
    content_date: str | None = None
    visible_from: str | None = None
    title: str | None = None
    alt: str | None = None
    caption: str | None = None
    credit: str | None = None
    tags: list[str] = field(default_factory=list, hash=False)
    original_signature: str | None = None
    original_version: int | None = None
    stored_mimetype: str | None = None
    meta: dict[str, Any] = field(default_factory=dict, hash=False)
    more: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """Where the catalog has the entry."""
        return identity.entry_key(self.unique_name)

    def is_named(self, uuid: str) -> bool:
        """Say whether a uuid, in any spelling, is one of this entry, and not of where its asset was before."""
        return identity.canonical(uuid) in identity.all_names(self.uuid, self.unique_name)

    @property
    def delivered_since(self) -> str:
        """When the delivered bytes of the asset last changed.

        For an entry without this date, the date of its upload is right as long as it has its first file. Later, the
        date of its last change is used: it is not too early.
        """
        return self.content_date or (self.uploaded_date if self.version == 1 else self.updated_date)

    @property
    def original_name(self) -> str:
        """The path under which `original` delivers the asset.

        A name that ends in `.webp` gets the extension of the upload. Any other is kept: it is found only as it is.
        """
        if not self.unique_name.endswith(".webp"):
            return self.unique_name
        extension = self.original_filename.rpartition(".")[2].lower()
        if media_types.of_extension(extension) is None:
            extension = media_types.KNOWN[self.original_mimetype].extensions[0]
        return names.with_extension(self.unique_name, extension)

    @property
    def stored_type(self) -> str:
        """The media type of the stored bytes."""
        return self.stored_mimetype or self.original_mimetype

    @property
    def is_stored_as_delivered(self) -> bool:
        """Say whether `full` delivers the stored bytes as they are."""
        return self.stored_mimetype is not None or not self.converted

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that are stored."""
        known = {name: getattr(self, name) for name in self.__slots__ if name != "more" and self._has(name)}
        return {**known, **self.more}

    @property
    def stored(self) -> StoredObject:
        """What the storage is asked for, and told, about the asset's file."""
        return StoredObject(
            self.storage_key,
            self.stored_type,
            self.version,
            self.stored_type != self.mimetype,
            {name: value for name, value in self.fields.items() if name not in FACTS},
        )

    def _has(self, name: str) -> bool:
        return name not in IF_KNOWN or getattr(self, name) is not None

    @property
    def facts(self) -> Facts:
        return Facts(self.width, self.height, self.blurhash, self.dominant_color)

    @property
    def may_be_described(self) -> bool:
        """Say whether facts are found out about stored bytes of this type."""
        return self.stored_type != media_types.PDF

    def with_facts(self, facts: Facts) -> "Entry":
        """Return the entry with other facts: nothing that is delivered depends on them."""
        return replace(
            self,
            width=facts.width,
            height=facts.height,
            blurhash=facts.blurhash,
            dominant_color=facts.dominant_color,
        )

    @property
    def expires_at(self) -> float | None:
        """When the entry expires by its date, as seconds since the epoch."""
        return None if self.expiration_date is None else datetime.fromisoformat(self.expiration_date).timestamp()

    @property
    def due_at(self) -> float | None:
        """When it has to be marked as expired, as seconds since the epoch; None for never, and if it is already."""
        return None if self.expired else self.expires_at

    def is_expired(self, now: float) -> bool:
        """Say whether the asset may no longer be served at `now` (seconds since the epoch)."""
        end = self.expires_at
        return self.expired or (end is not None and end <= now)

    @property
    def visible_at(self) -> float | None:
        """When the asset becomes visible by its date, as seconds since the epoch; None if it has always been."""
        return None if self.visible_from is None else datetime.fromisoformat(self.visible_from).timestamp()

    def is_visible(self, now: float) -> bool:
        """Say whether the asset may be served at `now` (seconds since the epoch)."""
        start = self.visible_at
        return not self.is_expired(now) and (start is None or start <= now)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What is known of uploaded bytes once they are in the storage."""

    media_type: str
    signature: str
    size: int
    storage_key: str
    original_size: int
    """Bytes that were uploaded: more than `size` when metadata has been removed."""


def timestamp(at: datetime | None = None) -> str:
    """Return a moment (default: now) as the catalog writes it."""
    return (at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds")


def milliseconds(date: object) -> int | None:
    """Return a date of an entry as milliseconds since 1970; None for a value that is not a date."""
    try:
        moment = datetime.fromisoformat(date)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def new_entry(name: AssetName, stored: StoredFile, *, converted: bool, fields: dict[str, Any]) -> Entry:
    """Return version 1 of an asset; `fields` are settable ones."""
    now = timestamp()
    entry = Entry(
        uuid=identity.asset_uuid(name.unique_name),
        version=1,
        namespace=name.namespace,
        unique_name=name.unique_name,
        filename=name.filename,
        original_filename=name.original_filename,
        external_id=None,
        expired=False,
        expiration_date=None,
        information=None,
        original_mimetype=stored.media_type,
        mimetype=media_types.WEBP if converted else stored.media_type,
        signature=stored.signature,
        size=stored.size,
        original_size=stored.original_size,
        destination=name.destination,
        uploaded_date=now,
        updated_date=now,
        converted=converted,
        storage_key=stored.storage_key,
        content_date=now,
    )
    return replace(entry, **fields)


def already_exists(entry: Entry) -> AlreadyExists:
    """Return the error for a path that is taken: it names the asset at the path and its uuid."""
    return AlreadyExists(entry.unique_name, entry.uuid, f"{entry.original_filename} ({entry.original_mimetype})")


def with_file(entry: Entry, stored: StoredFile, extension: str) -> Entry:
    """Return the entry with its file replaced: the next version, under the same path and uuid."""
    return replace(
        entry.with_facts(NO_FACTS),
        version=entry.version + 1,
        original_filename=_uploaded_as(entry, extension) if entry.converted else entry.original_filename,
        original_mimetype=stored.media_type,
        signature=stored.signature,
        size=stored.size,
        original_size=stored.original_size,
        storage_key=stored.storage_key,
        updated_date=timestamp(),
        content_date=_date_of_content(entry, stored.signature),
        original_signature=None,
        original_version=None,
        stored_mimetype=None,
    )


def with_earlier_file(entry: Entry, earlier: Entry) -> Entry:
    """Return the entry with the file that an earlier version of it had: the next version. All other fields stay."""
    return replace(
        entry,
        version=entry.version + 1,
        original_filename=_uploaded_as(entry, earlier.original_filename.rpartition(".")[2]),
        updated_date=timestamp(),
        content_date=_date_of_content(entry, earlier.signature),
        **{name: getattr(earlier, name) for name in _OF_FILE},
    )


def _uploaded_as(entry: Entry, extension: str) -> str:
    """Return the name of the upload with the extension of another file."""
    base = entry.original_filename.rpartition(".")[0] or entry.original_filename
    return f"{base}.{extension}"


def _date_of_content(entry: Entry, signature: str) -> str:
    """Return since when the next version delivers its bytes, whose SHA-256 is `signature`."""
    return entry.delivered_since if signature == entry.signature else next_second(entry.delivered_since)


def changed(entry: Entry, **fields: Any) -> Entry:
    """Return the entry with other fields, as of now."""
    moved = any(name in FOCUS and value != getattr(entry, name) for name, value in fields.items())
    content_date = next_second(entry.delivered_since) if moved else entry.delivered_since
    return replace(entry, **fields, updated_date=timestamp(), content_date=content_date)


def next_second(before: str) -> str:
    """Return now, or the next second when `before` is of the same one.

    HTTP dates have whole seconds, and a new version must not have the date of the version before. So many changes in
    one second are dated a little ahead. Of a date far ahead, which comes from a wrong clock, only a minute
    counts.
    """
    now = datetime.now(UTC)
    last = min(datetime.fromisoformat(before), now + _AHEAD_MAX)
    return timestamp(max(now, last.replace(microsecond=0) + timedelta(seconds=1)))


def with_fields(entry: Entry, fields: dict[str, Any], now: float) -> Entry:
    """Return the entry with settable fields changed; raises BadRequest for a value that is too long.

    A later `expiration_date` revives an entry that only its date had expired, unless `expired` is said too.
    """
    if not fields:
        return entry
    check_sizes(fields, entry)
    lapsed = entry.expires_at is not None and entry.expires_at <= now
    if "expiration_date" in fields and "expired" not in fields and lapsed and entry.expired:
        fields = {**fields, "expired": False}
    return changed(entry, **fields)


def check_replaceable(entry: Entry, media_type: str, *, keep_type: bool) -> None:
    """Raise NotReplaceable unless a file of `media_type` may replace the entry's; `keep_type` is `toWebp=false`."""
    same = media_type == entry.original_mimetype
    raster = media_types.KNOWN[media_type].raster
    if entry.converted:
        if raster and (media_type == entry.mimetype or not keep_type):
            return
        raise NotReplaceable(
            "Mimetypes are not the same or conversion not allowed",
            f"The entry is delivered as {entry.mimetype}: send a raster image, without toWebp=false.",
        )
    if same:
        return
    if media_types.KNOWN[entry.original_mimetype].raster:
        raise NotReplaceable(
            "Replacement not allowed for files without conversion",
            f"The entry is delivered as it is stored: send a file of type {entry.original_mimetype}.",
        )
    raise NotReplaceable(
        "Mimetypes are not the same or conversion not allowed",
        f"Send a file of type {entry.original_mimetype}.",
    )


def check_sizes(fields: dict[str, Any], entry: Entry | None = None) -> None:
    """Raise BadRequest for a value that is too long, unless the entry already has this value from before the limit."""
    for name, value in fields.items():
        problem = _size_problem(name, value)
        if problem and (entry is None or value != getattr(entry, name)):
            raise BadRequest(problem, "Shorten it, or keep it elsewhere and send its address.")


def _size_problem(name: str, value: Any) -> str:
    if name not in TEXTS:
        return descriptions.size_problem(name, value)
    size = len(value.encode()) if value else 0
    return f"{name} must be a text of {TEXT_BYTES} bytes at most, not {size}." if size > TEXT_BYTES else ""


def parse_fields(given: dict[str, Any]) -> dict[str, Any]:
    """Return the settable fields among a client's, typed as the entry has them.

    Forms carry text only, JSON carries types: both are understood. Raises BadRequest for a value that is not valid.
    """
    fields: dict[str, Any] = {}
    for name in TEXTS:
        if name in given:
            fields[name] = _optional_text(name, given[name])
    if "expired" in given:
        fields["expired"] = parse_bool("expired", given["expired"])
    for name in DATES:
        if name in given:
            fields[name] = parse_date(name, given[name])
    if "tags" in given:
        fields["tags"] = descriptions.parse_tags(given["tags"])
    if "meta" in given:
        fields["meta"] = descriptions.parse_meta(given["meta"])
    fields.update(_focus(given))
    return fields


def _focus(given: dict[str, Any]) -> dict[str, float | None]:
    """Return both coordinates of the focal point, or nothing when none is given."""
    found = {name: _share(name, given[name]) for name in FOCUS if name in given}
    if len(found) == 1 or (found and len({share is None for share in found.values()}) > 1):
        raise BadRequest("focus_x and focus_y go together.", "Send both as numbers from 0 to 1, or both empty.")
    return found


def _share(name: str, value: object) -> float | None:
    if value is None or (isinstance(value, str) and value.strip() in ("", "null")):
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadRequest(
            f"{name} is not a number from 0 to 1.", "0,0 is the upper left corner of the picture, 1,1 the lower right."
        )
    return abs(round(float(value), _SHARE_DIGITS))


def parse_bool(name: str, value: object) -> bool:
    """Read a boolean from JSON or from a form's text."""
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise BadRequest(f"{name} is not a boolean.", "Send true or false.")


def parse_date(name: str, value: object) -> str | None:
    """Read an ISO 8601 date (UTC unless it has an offset); null and the empty text mean no date."""
    if value is None or (isinstance(value, str) and value.strip() in ("", "null")):
        return None
    try:
        if not isinstance(value, str):
            raise ValueError
        moment = datetime.fromisoformat(value.strip())
        return timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise BadRequest(f"{name} is not a date.", "Send ISO 8601, such as 2027-01-31T18:00:00+01:00.") from None


def _optional_text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadRequest(f"{name} is not a text.", "Send a string or null.")
