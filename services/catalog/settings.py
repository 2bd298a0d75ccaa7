"""Settings of the catalog service."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from services.catalog import origins, public_view
from services.catalog.library import embedders
from services.catalog.oidc.settings import OidcSettings
from services.catalog.public_view import PublicView, Shows
from services.catalog.tokens import Tokens, parse_tokens
from services.core.assets import media_types
from services.core.settings import (
    SIGNING_KEY_LENGTH,
    SIGNING_KEYS_EXPECTED,
    FormSettings,
    OutwardSettings,
    PublicUrl,
    QuotaMap,
    Route,
    ServerSettings,
    Size,
    TextList,
    UndoSettings,
)
from services.core.spool import search_of


def _check_types(types: tuple[str, ...]) -> tuple[str, ...]:
    named = tuple(media_types.canonical(name) for name in types)
    for name in named:
        if name not in media_types.KNOWN:
            raise ValueError(f"{name!r} is not one of {', '.join(media_types.KNOWN)}")
    return named


class CatalogSettings(FormSettings, ServerSettings, UndoSettings, OutwardSettings, OidcSettings):
    service = "catalog"
    port: int = Field(3010, gt=0, lt=65536, description="Port to listen on.")
    media_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token with all rights. Without any token, the service listens on loopback only.",
    )
    media_tokens: SecretStr = Field(
        SecretStr(""), description="Named tokens, each as name:role:namespaces:digest, separated by semicolons."
    )
    media_tokens_file: Path | None = Field(None, description="A file of named tokens, one token per line.")
    ticket_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys of 32 characters or more, comma separated, that sign the tickets of pages: the first one "
        "makes new tickets, all are valid. If it is empty, the service makes a key and keeps it in Redis.",
    )
    upload_url: PublicUrl = Field(
        "",
        description="Public address of the gateway's upload entry, to which pages upload with a ticket. If it is "
        "empty, upload_url in tickets has no host.",
    )
    payload_max_size: Size = Field(10 * 1024**2, description="Largest file that may be uploaded, such as 10mb.")
    payload_max_files: int = Field(
        100, gt=0, le=1000, description="Maximum number of files in one form of POST or PATCH /files."
    )
    tus_room: Size = Field(
        10 * 1024**3,
        description="Bytes that all open resumable uploads (tus) together may have in the storage, such as 10gb.",
    )
    tus_hours: int = Field(24, gt=0, le=720, description="Hours after which a resumable upload ends by itself.")
    use_stripmetadata: bool = Field(
        False,
        description="Remove metadata from uploaded files before they are stored: EXIF, GPS, XMP, authors, scripts.",
    )
    valid_mimetypes: Annotated[TextList, AfterValidator(_check_types)] = Field(
        (media_types.PNG, media_types.JPEG, media_types.WEBP, media_types.SVG, media_types.PDF),
        description="Media types that may be uploaded, comma separated.",
    )
    quotas: QuotaMap = Field(
        {},
        description="What namespaces may have: bytes and, after a colon, assets, such as "
        "DEV=10gb:100000,SHOP=500mb,OLD=:2000. Earlier versions and the trash count as bytes. A namespace that is not "
        "named has no quota.",
    )
    convert_to_webp: bool = Field(
        True,
        description="What an upload without `toWebp` says: whether a picture is delivered as WebP. A GIF is not.",
    )
    purge_wait_seconds: float = Field(
        3.0, ge=0, le=9, description="Seconds that a write waits for the purge of the caches before it is answered."
    )
    dump_wait_seconds: float = Field(
        30.0,
        ge=0,
        le=55,
        description="Seconds that create-dump and restore-dump wait for their job. After that, the answer is 202.",
    )
    route_file_post: Route = Field("/upload", description="Additional path for POST /file.")
    route_files_post: Route = Field("/uploads", description="Additional path for POST /files.")
    origins_allowed: Annotated[TextList, AfterValidator(origins.check)] = Field(
        ("*",),
        description="Origins whose pages may use the service, comma separated: host names, addresses, "
        "/regular expressions/, or * for all.",
    )
    library_embedders: Annotated[TextList, AfterValidator(embedders.check)] = Field(
        (),
        description="Origins whose pages may have the library in a frame, to pick files there, comma separated, such "
        "as https://cms.example.com; 'self' is its own origin. If it is empty, none may.",
    )
    public_catalog: Shows = Field(
        "true",
        description="What the edge shows of the catalog: all entries (true), those of assets that can be fetched now "
        "(delivered), or none (false). The internal entry shows all.",
    )
    public_catalog_fields: TextList = Field(
        (), description="Fields of entries that the edge shows, comma separated. Without any, it shows all."
    )
    methods_allowed: TextList = Field(
        ("GET", "HEAD", "POST", "PATCH", "DELETE"), description="Methods that pages of other origins may use."
    )
    rate_limit: int = Field(
        0,
        ge=0,
        description="API requests of one client in RATE_LIMIT_WINDOW_MS. 0 for no limit. Requests for pictures do not "
        "count.",
    )
    rate_limit_window_ms: int = Field(30_000, gt=0, description="Window of RATE_LIMIT, in milliseconds.")
    media_api_rate_limit: int = Field(
        0, ge=0, description="Write requests of one client in MEDIA_API_RATE_LIMIT_WINDOW_MS. 0 for no limit."
    )
    media_api_rate_limit_window_ms: int = Field(
        30_000, gt=0, description="Window of MEDIA_API_RATE_LIMIT, in milliseconds."
    )
    imports: bool = Field(True, description="Whether files can be imported from addresses: POST /imports.")
    import_seconds: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="Time limit in seconds for fetching one file of an import, redirects included.",
    )
    search_folder_path: Path | None = Field(
        None,
        description="Folder of the index of GET /catalog/search, on a disk of this machine. The default is .search/ in "
        "DATA_FOLDER_PATH.",
    )
    search_index_max: Size = Field(
        1024**3,
        description="Maximum size of this index, such as 2gb. Each process has one: 0.8 kB for a usual entry.",
    )
    healthcheck_route: Route = Field(
        "/readiness-check", description="Path that answers 200 if Redis and the storage answer."
    )

    @property
    def signs_addresses(self) -> bool:
        """Whether clients can have addresses signed. Where the edge asks for no signature, none would ever end."""
        return self.signed_urls and bool(self.signing_keys)

    @property
    def tus_size_max(self) -> int:
        """The largest resumable upload, in bytes."""
        return min(self.payload_max_size, self.tus_room)

    @property
    def search_folder(self) -> Path:
        return self.search_folder_path or search_of(self.data_folder_path)

    @property
    def ticket_signing_keys(self) -> tuple[str, ...]:
        """The configured keys of tickets. The first one makes new tickets."""
        keys = self.ticket_keys.get_secret_value().split(",")
        return tuple(key.strip() for key in keys if key.strip())

    def tokens(self) -> Tokens:
        """Return every token that is valid; reads MEDIA_TOKENS_FILE."""
        lines = [self.media_tokens.get_secret_value()]
        if self.media_tokens_file:
            lines.append(self.media_tokens_file.read_text())
        return parse_tokens(self.media_token.get_secret_value(), "\n".join(lines))

    @property
    def public_view(self) -> PublicView:
        allowed = frozenset(self.namespaces_allowed)
        return PublicView(self.public_catalog, frozenset(self.public_catalog_fields), allowed)

    @property
    def shown_as(self) -> str:
        """What the pages of the catalog in the caches depend on."""
        return self.assets_url + self.public_view.name

    @model_validator(mode="after")
    def _check_public_fields(self) -> Self:
        for name in self.public_catalog_fields:
            if name not in public_view.FIELDS:
                raise ValueError(f"PUBLIC_CATALOG_FIELDS: an entry has no field {name!r}")
        return self

    @model_validator(mode="after")
    def _check_quotas(self) -> Self:
        for namespace in self.quotas:
            if namespace not in self.namespaces_allowed:
                raise ValueError(f"QUOTAS: {namespace!r} is not in NAMESPACES_ALLOWED")
        return self

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if any(len(key) < SIGNING_KEY_LENGTH for key in self.ticket_signing_keys):
            raise ValueError(f"TICKET_KEYS: {SIGNING_KEYS_EXPECTED}")
        return self

    @model_validator(mode="after")
    def _check_tokens(self) -> Self:
        try:
            tokens = self.tokens()
        except OSError as error:
            raise ValueError(f"MEDIA_TOKENS_FILE: cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise ValueError(f"MEDIA_TOKENS or MEDIA_TOKENS_FILE: {error}") from None
        if not tokens.principals and not self.oidc_issuer and not self.is_loopback:
            raise ValueError(f"MEDIA_TOKEN: expected a token, because HOST={self.host} can be reached by others")
        return self
