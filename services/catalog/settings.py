"""Settings of the catalog service."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from services.core import media_types
from services.core.settings import ServerSettings, Size, TextList


def _check_types(types: tuple[str, ...]) -> tuple[str, ...]:
    named = tuple(media_types.canonical(name) for name in types)
    for name in named:
        if name not in media_types.KNOWN:
            raise ValueError(f"{name!r} is not one of {', '.join(media_types.KNOWN)}")
    return named


def _check_route(route: str) -> str:
    if not route.startswith("/"):
        raise ValueError("expected a path such as /readiness-check")
    return route


class CatalogSettings(ServerSettings):
    port: int = Field(3010, gt=0, lt=65536, description="Port to listen on.")
    media_token: SecretStr = Field(
        SecretStr(""), description="Bearer token of every write; without one the service listens on loopback only."
    )
    payload_max_size: Size = Field(10 * 1024**2, description="Largest file that may be uploaded, such as 10mb.")
    valid_mimetypes: Annotated[TextList, AfterValidator(_check_types)] = Field(
        ("image/png", "image/jpeg", "image/webp", "image/svg+xml", "application/pdf"),
        description="Media types that may be uploaded, comma separated.",
    )
    purge_wait_seconds: float = Field(
        3.0, ge=0, le=9, description="How long a write waits until the caches are purged before it answers."
    )
    healthcheck_route: Annotated[str, AfterValidator(_check_route)] = Field(
        "/readiness-check", description="Path that answers 200 when Redis and the storage do."
    )

    @model_validator(mode="after")
    def _check_exposure(self) -> Self:
        if not self.media_token.get_secret_value() and not self.is_loopback:
            raise ValueError(f"MEDIA_TOKEN: expected a token, because HOST={self.host} can be reached by others")
        return self
