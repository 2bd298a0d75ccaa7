"""A webhook: a server that is told of events. Its record, its secrets, and which events it wants. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.core.assets import names
from services.core.assets.events import KINDS, Event, Kind
from services.core.errors import BadRequest
from services.core.outward.urls import LENGTH_MAX
from services.core.webhooks import signing

OLD_SECRET_SECONDS = 24 * 3600
"""How long events are signed with the secret before the last one, too."""
ID = r"[0-9a-f]{16}"
DESCRIPTION_MAX = 200
FOLDER_MAX = 1000
NAMESPACES_MAX = 100


def _known(kinds: list[str]) -> list[str]:
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"{kind[:100]!r} is not one of {', '.join(KINDS)}")
    return list(dict.fromkeys(kinds))


def _safe(namespaces: list[str]) -> list[str]:
    for namespace in namespaces:
        if not names.is_safe_segment(namespace):
            raise ValueError(f"{namespace[:100]!r} is not the name of a namespace")
    return list(dict.fromkeys(namespaces))


def _folder(folder: str | None) -> str | None:
    segments = [segment for segment in (folder or "").split("/") if segment]
    if not all(map(names.is_safe_segment, segments)):
        raise ValueError("expected a folder such as /DEV or /DEV/shop")
    return "".join(f"/{segment}" for segment in segments) or None


class Fields(BaseModel):
    """What a client says of a webhook. All fields may be left out of a change, and all but the address of a new one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    address: str = Field("", min_length=1, max_length=LENGTH_MAX, description="Where events are sent, by POST.")
    kinds: Annotated[list[str], AfterValidator(_known)] = Field(
        default_factory=list, max_length=len(KINDS), description="Only events of these kinds. Empty for all."
    )
    namespaces: Annotated[list[str], AfterValidator(_safe)] = Field(
        default_factory=list, max_length=NAMESPACES_MAX, description="Only events in these namespaces. Empty for all."
    )
    folder: Annotated[str | None, AfterValidator(_folder)] = Field(
        None, max_length=FOLDER_MAX, description="Only events in this folder and in those below it."
    )
    description: str = Field("", max_length=DESCRIPTION_MAX, description="A text for people.")
    active: bool = Field(True, description="false: nothing is sent. What happens meanwhile is sent later.")

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "Fields":
        """Read a body; raises BadRequest."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part)[:100] for part in first["loc"]) or "the body"
            message = first["msg"].removeprefix("Value error, ")
            raise BadRequest(f"{where}: {message}.", f"A webhook takes: {', '.join(cls.model_fields)}.") from None

    @property
    def given(self) -> dict[str, Any]:
        """The fields that the client has sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it is kept. One that is `fixed` is named by the setting WEBHOOKS, which also has its secrets.

    `created_date` is ISO 8601, `old_secret_until` seconds since 1970.
    """

    id: str
    address: str
    kinds: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    folder: str | None = None
    description: str = ""
    active: bool = True
    fixed: bool = False
    created_date: str = ""
    secret: str = ""
    old_secret: str = ""
    old_secret_until: float = 0.0

    @classmethod
    def of_setting(cls, address: str, now: str) -> "Webhook":
        """Return the fixed webhook of an address. It has the same id after each start."""
        digest = hashlib.sha256(address.encode()).hexdigest()
        return cls(digest[:16], address, description="Named by the setting WEBHOOKS", fixed=True, created_date=now)

    def changed(self, given: Mapping[str, Any]) -> "Webhook":
        """Return it with fields that a client has sent."""
        return replace(self, **{name: _frozen(value) for name, value in given.items()})

    def rotated(self, now: float) -> "Webhook":
        """Return it with another secret. The present one stays valid for a while."""
        until = now + OLD_SECRET_SECONDS
        return replace(self, secret=signing.new_secret(), old_secret=self.secret, old_secret_until=until)

    def secrets(self, now: float) -> tuple[str, ...]:
        """Return the secrets that sign an event at a time, the present one first."""
        return (self.secret, self.old_secret) if now < self.old_secret_until else (self.secret,)

    def wants(self, event: Event) -> bool:
        """Say whether it is told of an event. One of the whole catalog is in every namespace and folder.

        A move is in the places where the asset was and is.
        """
        if self.kinds and event.kind not in self.kinds:
            return False
        return event.kind is Kind.CATALOG or any(map(self._has, event.paths))

    def _has(self, path: str) -> bool:
        in_namespace = not self.namespaces or path.split("/")[1] in self.namespaces
        return in_namespace and (self.folder is None or path.startswith(f"{self.folder}/"))

    def to_json(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Webhook":
        """Read a record. Fields that a later version has written are left out."""
        stored = orjson.loads(raw)
        known = {field.name for field in fields(cls)}
        return cls(**{name: _frozen(value) for name, value in stored.items() if name in known})

    def shown(self) -> dict[str, Any]:
        """Return what the API shows of its record: everything but the secrets."""
        told = asdict(self)
        return {name: told[name] for name in told if "secret" not in name}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
