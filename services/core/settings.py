"""Settings that several services share, read once from the environment and validated before anything starts.

Each service has its own frozen settings class on top of these. A field's environment variable is its name in capitals.
"""

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import NoDecode

from services.core import older_names, secret_files
from services.core.addresses import presets
from services.core.addresses.presets import Allowed as AllowedForms
from services.core.assets import cache_tags, names, quotas
from services.core.assets.addresses import Addresses
from services.core.assets.freshness import Lifetimes
from services.core.assets.quotas import Quota
from services.core.assets.retired import Undo
from services.core.assets.sizes import parse_size
from services.core.clients import networks
from services.core.outward.addresses import Allowed
from services.core.patterns import WITHOUT_SLASH, matching
from services.core.storage.settings import StorageSettings

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _read_quotas(value: object) -> object:
    return quotas.read(value) if isinstance(value, str) else value


def split_list(value: object) -> object:
    """Read a comma separated list."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _read_presets(value: object) -> object:
    return presets.read(value) if isinstance(value, str) else value


def _check_namespaces(namespaces: tuple[str, ...]) -> tuple[str, ...]:
    for namespace in namespaces:
        if not names.is_safe_segment(namespace):
            raise ValueError(f"{namespace!r}: a namespace has only letters, digits, '-', '@' and '_'")
        if namespace in names.RESERVED_NAMESPACES:
            raise ValueError(f"{namespace!r} is reserved: choose another name")
    if not namespaces:
        raise ValueError("expected at least one namespace, such as DEV")
    return namespaces


def _check_networks(names: tuple[str, ...]) -> tuple[str, ...]:
    networks(names)
    return names


def _check_allowed(texts: tuple[str, ...]) -> tuple[str, ...]:
    Allowed.parse(texts)
    return texts


Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
_ADDRESS = r"https?://[^/\s?#]+(/[^\s?#]*)?"
_PATH = r"(/[A-Za-z0-9_\-]+)+"
CdnTags = Annotated[str, matching(r"[a-z0-9-]{1,32}", "1 to 32 characters of a-z, 0-9 and -")]
Collector = Annotated[str, matching(_ADDRESS, "an address such as http://collector:4318, or nothing", optional=True)]
Prefix = Annotated[str, WITHOUT_SLASH, matching(_PATH, "a path such as /prefix, or nothing", optional=True)]
PublicUrl = Annotated[
    str,
    WITHOUT_SLASH,
    matching(_ADDRESS, "an address such as https://media.example.com, or nothing", optional=True),
]
RedisUrl = Annotated[
    SecretStr,
    matching(r"rediss?://[^/\s]+.*|unix:///.*", "an address such as redis://:password@redis:6379/0", optional=True),
]
Route = Annotated[str, WITHOUT_SLASH, matching(_PATH, "a path such as /assets/media")]
Presets = Annotated[dict[str, str], NoDecode, BeforeValidator(_read_presets)]
QuotaMap = Annotated[dict[str, Quota], NoDecode, BeforeValidator(_read_quotas)]
TextList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_list)]
SIGNING_KEY_LENGTH = 32
SIGNING_KEYS_EXPECTED = f"expected keys of {SIGNING_KEY_LENGTH} characters or more, comma separated"


class CoreSettings(StorageSettings):
    """What every service reads: where Redis and the storage are, and how public addresses begin."""

    service: ClassVar[str] = ""
    """The name of the service that has these settings."""

    redis_url: RedisUrl = Field(
        SecretStr(""), description="Redis, as redis://[:password@]host:port/db; takes precedence over REDIS_SERVICE."
    )
    redis_service: str = Field("127.0.0.1:6379", description="Redis, as host or host:port.")
    api_prefix: Prefix = Field("", description="Path before every public route, such as /prefix.")
    route_file_get: Route = Field("/assets/media", description="Path of the assets, after API_PREFIX.")
    route_catalog_get: Route = Field("/catalog", description="Path of the catalog, after API_PREFIX.")
    public_url: PublicUrl = Field(
        "", description="Public address of the edge. If it is empty, public_url in entries has no host."
    )
    namespaces_allowed: Annotated[TextList, AfterValidator(_check_namespaces)] = Field(
        ("DEV",), description="Namespaces in which assets can be uploaded and delivered, comma separated."
    )
    cache_seconds: int = Field(
        30 * 86400, gt=0, le=31 * 86400, description="Seconds that the cache tier may keep an answer."
    )
    edge_cache_seconds: int = Field(60, gt=0, description="Seconds that the edge may keep an answer.")
    browser_seconds: int = Field(
        60,
        ge=0,
        le=365 * 86400,
        description="Seconds that a browser may show an asset before it asks again. A purge does not reach browsers.",
    )
    cdn_seconds: int = Field(
        0,
        ge=0,
        le=365 * 86400,
        description="Seconds that a CDN in front of the edge may keep an asset, if the jobs worker purges it. With 0, "
        "a CDN keeps it for as long as a browser, and need not be purged.",
    )
    cdn_tags: CdnTags = Field(
        "tada",
        description="What the tags of answers begin with (Cache-Tag, Surrogate-Key), by which a CDN is purged. Each "
        f"installation behind one account of a CDN needs its own. `{cache_tags.OFF}` for no tags.",
    )
    log_format: Literal["text", "json"] = Field(
        "json", description="Format of the log, one line per event: text for people, or json."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged.")
    metrics_port: int = Field(
        0,
        ge=0,
        lt=65536,
        description="Port for metrics and health of this process. Do not publish it. 0 opens no port.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address on which METRICS_PORT is opened.")
    otel_exporter_otlp_endpoint: Collector = Field(
        "",
        description="Collector of traces (OTLP over HTTP), such as http://collector:4318. If it is empty, there are no "
        "traces.",
    )

    @model_validator(mode="after")
    def _check_cdn(self) -> Self:
        if self.cdn_seconds and self.cdn_tags == cache_tags.OFF:
            raise ValueError("CDN_SECONDS: expected 0 with CDN_TAGS=off, because nothing could be purged")
        return self

    @property
    def redis_address(self) -> str:
        """The URL of Redis, password included."""
        return self.redis_url.get_secret_value() or f"redis://{self.redis_service}"

    @property
    def lifetimes(self) -> Lifetimes:
        """How long an answer may be kept, and where."""
        return Lifetimes(self.cache_seconds, self.edge_cache_seconds, self.browser_seconds, self.cdn_seconds)

    @property
    def catalog_url(self) -> str:
        """The public address of the catalog; an entry is below it."""
        return f"{self.public_url}{self.api_prefix}{self.route_catalog_get}"

    @property
    def addresses(self) -> Addresses:
        """The public addresses of assets."""
        return Addresses(self.assets_url)

    @property
    def assets_url(self) -> str:
        """The beginning of all public addresses of assets."""
        return f"{self.public_url}{self.api_prefix}{self.route_file_get}"


class UndoSettings(CoreSettings):
    """What can be undone, and for how long. The catalog service retires what the jobs worker lets go."""

    keep_versions: int = Field(
        0,
        ge=0,
        le=100,
        description="Earlier versions of each asset that can be brought back, with their bytes. 0 keeps none. The same "
        "for catalog and jobs.",
    )
    trash_days: int = Field(
        0,
        ge=0,
        le=3650,
        description="Days for which a deleted asset can be brought back. 0 deletes its bytes at once, and empties the "
        "trash. The same for catalog and jobs.",
    )

    @property
    def undo(self) -> Undo:
        return Undo(self.keep_versions, self.trash_days)

    @model_validator(mode="after")
    def _check_undo(self) -> Self:
        for name in ("keep_versions", "trash_days"):
            if getattr(self, name) and self.backend.replaces_in_place:
                method = self.delegated_storage_method
                raise ValueError(f"{name.upper()}: expected 0, because {method} replaces files in place")
        return self


class OutwardSettings(CoreSettings):
    """Which servers outside a client can have TADA reach. catalog refuses addresses early that jobs would refuse."""

    outward_allowed: Annotated[TextList, AfterValidator(_check_allowed)] = Field(
        (),
        description="Networks, addresses and host names inside your network that imports and webhooks may reach, comma "
        "separated: 10.1.2.0/24, cms.internal. By default only public addresses. The same for catalog and jobs.",
    )

    @property
    def outward(self) -> Allowed:
        return Allowed.parse(self.outward_allowed)


class FormSettings(CoreSettings):
    """Which forms of assets there are for the public. transform makes them; catalog shows presets, and signs addresses.

    So both have the same values.
    """

    side_max: int = Field(
        8192, gt=0, description="Largest width or height of a result, in pixels. A request for more is refused."
    )
    presets: Presets = Field(
        {},
        description="Names for sizes with arguments: thumb:200x200?fit=contain&quality=70; hero:1600x0. The same for "
        "catalog, which shows them to clients, and transform.",
    )
    only_presets: bool = Field(False, description="Serve presets, originals and whole pictures only.")
    allowed_sizes: TextList = Field(
        (),
        description="The only sizes that are served beside presets: 200x0,400x300. Other arguments are few then, too.",
    )
    signed_urls: bool = Field(False, description="Answer at the edge only addresses that URL_SIGNING_KEYS has signed.")
    url_signing_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys of 32 characters or more, comma separated: each of them is good, and catalog signs addresses "
        "for its clients with the first one. The same for catalog and transform.",
    )

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """The keys that addresses may be signed with. The first one signs."""
        keys = self.url_signing_keys.get_secret_value().split(",")
        return tuple(key.strip() for key in keys if key.strip())

    @property
    def allowed_forms(self) -> AllowedForms:
        """Which forms are served."""
        return AllowedForms(self.presets, self.only_presets, self.allowed_sizes)

    @model_validator(mode="after")
    def _check_keys_of_addresses(self) -> Self:
        if any(len(key) < SIGNING_KEY_LENGTH for key in self.signing_keys):
            raise ValueError(f"URL_SIGNING_KEYS: {SIGNING_KEYS_EXPECTED}")
        return self

    @model_validator(mode="after")
    def _check_forms(self) -> Self:
        try:
            presets.check_presets(self.presets, self.side_max)
        except ValueError as error:
            raise ValueError(f"PRESETS: {error}") from None
        try:
            for size in self.allowed_sizes:
                presets.check_size(size)
        except ValueError as error:
            raise ValueError(f"ALLOWED_SIZES: {error}") from None
        if self.only_presets and not self.presets:
            raise ValueError("ONLY_PRESETS: expected PRESETS beside it, such as thumb:200x200")
        return self


class ServerSettings(CoreSettings):
    """The additional settings of a service that listens."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, gt=0, lt=65536, description="Port to listen on.")
    unix_socket: str = Field("", description="Path of a unix socket to listen on instead of HOST and PORT.")
    trusted_proxies: Annotated[TextList, AfterValidator(_check_networks)] = Field(
        (),
        description="Networks of proxies in front of the internal entry or the edge. Their X-Forwarded-For counts.",
    )

    @model_validator(mode="after")
    def _check_socket(self) -> Self:
        if len(self.unix_socket) > 100:
            raise ValueError("UNIX_SOCKET: expected a path of 100 characters at most")
        return self

    @property
    def is_loopback(self) -> bool:
        return bool(self.unix_socket) or self.host in LOOPBACK


Settings = TypeVar("Settings", bound=CoreSettings)


class SettingsError(Exception):
    """Some settings are not valid. Each of `lines` names one and what it expects."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def load(kind: type[Settings]) -> Settings:
    """Read the settings of a service; each value that is not valid is a line on stderr, and ends the process."""
    try:
        return read(kind)
    except SettingsError as error:
        for line in error.lines:
            print(f"configuration error: {line}", file=sys.stderr)
        raise SystemExit(2) from None


def read(kind: type[Settings]) -> Settings:
    """Read the settings of a service from the environment; raises SettingsError.

    If a variable is not set, its name in the older service is read, or its file in SECRETS_FOLDER_PATH.
    """
    older = older_names.values(os.environ, kind.model_fields)
    try:
        given: dict[str, Any] = dict(secret_files.read(os.environ, kind.model_fields))
        return kind(**{**given, **{field: os.environ[name] for field, name in older.items()}})
    except OSError as error:
        line = f"SECRETS_FOLDER_PATH: {error.filename} cannot be read ({error.strerror})"
        raise SettingsError([line]) from None
    except ValidationError as error:
        raise SettingsError([_describe(kind, problem, older) for problem in error.errors()]) from None


def _describe(kind: type[CoreSettings], problem: Any, older: Mapping[str, str]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])
    secret = kind.model_fields[name].annotation is SecretStr
    return f"{older.get(name, name.upper())}: {message}" + ("" if secret else f" (got {problem['input']!r})")
