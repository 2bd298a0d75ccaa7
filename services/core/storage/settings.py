"""Settings of the delegated storage, which every service reads."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.core.assets.addresses import Addresses
from services.core.patterns import WITHOUT_SLASH, matching
from services.core.storage.backends import BACKENDS, DEFAULT, Backend


def _check_method(method: str) -> str:
    method = method or DEFAULT
    if method not in BACKENDS:
        raise ValueError(f"expected one of {', '.join(BACKENDS)}")
    return method


Host = Annotated[
    str,
    WITHOUT_SLASH,
    matching(r"https?://[^/\s?#@]+(/[^\s?#]*)?", "an address such as http://media-backend:8000", optional=True),
]
RoutePath = Annotated[str, WITHOUT_SLASH, matching(r"(/[A-Za-z0-9_.~\-]+)+", "a path such as /file")]
Endpoint = Annotated[
    str,
    WITHOUT_SLASH,
    matching(
        r"(https?://)?([A-Za-z0-9_.\-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?",
        "a host such as minio, or an address such as https://s3.example.com",
        optional=True,
    ),
]
Bucket = Annotated[
    str, matching(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]", "3 to 63 lower-case letters, digits, '.' and '-'")
]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class StorageSettings(BaseSettings):
    """Which storage keeps the bytes, how to connect to it, and its time limits."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    delegated_storage_method: Annotated[str, AfterValidator(_check_method)] = Field(
        DEFAULT,
        description=f"Which storage keeps the bytes: one of {', '.join(BACKENDS)}. {DEFAULT} is local files.",
    )
    data_folder_path: Path = Field(
        Path("data/storage"),
        description="Folder of local storage. With another storage, uploads wait there before they are sent to it.",
    )

    dump_folder_path: Path | None = Field(
        None, description="Folder of the dumps of local storage. The default is dumps/ in DATA_FOLDER_PATH."
    )

    s3_endpoint: Endpoint = Field(
        "", description="Host of the S3 server, or its address with http:// or https://. Empty for Amazon S3."
    )
    s3_port: int | None = Field(None, gt=0, lt=65536, description="Port of the S3 server. Empty for the default port.")
    s3_access_key: SecretStr = Field(SecretStr(""), description="Access key of S3.")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="Secret key of S3.")
    s3_bucket_name: Bucket = Field("media", description="Bucket of all files. It is created if it is missing.")
    s3_region: str = Field("us-east-1", pattern=r"^[a-z0-9-]+$", description="Region of the bucket.")
    s3_use_tls: bool = Field(
        False, description="Whether to use https for S3. S3_ENDPOINT with http:// or https:// takes precedence."
    )
    s3_path_style: bool = Field(
        True, description="Whether the bucket is part of the path (most servers) or of the host name (Amazon)."
    )

    delegated_storage_host: Host = Field("", description="Address of the distant backend.")
    delegated_storage_token: SecretStr = Field(SecretStr(""), description="Bearer token for the distant backend.")
    delegated_storage_readiness_check: RoutePath = Field(
        "/readiness-check", description="Readiness path of the distant backend."
    )
    delegated_storage_single_path: RoutePath = Field("/file", description="Path for one file at the distant backend.")
    delegated_storage_multi_path: RoutePath = Field(
        "/files", description="Path for several files at the distant backend."
    )
    url_to_get_backup: RoutePath = Field("/get-dump", description="Path for reading dumps from the distant backend.")
    url_to_post_backup: RoutePath = Field("/save-dump", description="Path for sending dumps to the distant backend.")

    storage_connect_seconds: Seconds = Field(
        2.0, description="Time limit in seconds for a connection to a remote storage."
    )
    storage_read_seconds: Seconds = Field(5.0, description="Seconds that a remote storage may pause during an answer.")
    storage_deadline_seconds: Seconds = Field(
        30.0,
        description="Time limit in seconds for one operation of a remote storage, including retries. A body may take "
        "longer.",
    )
    storage_pool_size: int = Field(
        50, gt=0, le=1000, description="Maximum number of connections of one process to a remote storage."
    )
    storage_retries: int = Field(
        2, ge=0, le=10, description="How many times a failed request to a remote storage is repeated."
    )
    storage_breaker_failures: int = Field(
        5,
        gt=0,
        description="Consecutive failures after which a remote storage is left alone for STORAGE_BREAKER_SECONDS.",
    )
    storage_breaker_seconds: Seconds = Field(
        2.0,
        description="Seconds that a remote storage is left alone after STORAGE_BREAKER_FAILURES consecutive failures.",
    )

    @property
    def addresses(self) -> Addresses:
        """The public addresses of assets: a distant backend is told those of what it keeps."""
        return Addresses("")

    @property
    def backend(self) -> Backend:
        """The row of the table of backends."""
        return BACKENDS[self.delegated_storage_method]

    @model_validator(mode="after")
    def _check_needs(self) -> Self:
        for name, expected in self.backend.needs.items():
            value = getattr(self, name)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                method = self.delegated_storage_method
                raise ValueError(f"{name.upper()}: expected {expected}, because DELEGATED_STORAGE_METHOD is {method}")
        return self
