"""The S3 client by the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, ClientCreatorContext

from services.core.storage.settings import StorageSettings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


def endpoint(settings: StorageSettings) -> str | None:
    """Return the address of the server, None for Amazon's. A scheme and a port in S3_ENDPOINT take precedence."""
    if not settings.s3_endpoint:
        return None
    scheme, separator, host = settings.s3_endpoint.rpartition("://")
    if not separator:
        scheme = "https" if settings.s3_use_tls else "http"
    has_port = ":" in host.rpartition("]")[2]
    port = f":{settings.s3_port}" if settings.s3_port and not has_port else ""
    return f"{scheme}://{host}{port}"


def options(settings: StorageSettings) -> dict[str, Any]:
    """Return the arguments of the client, keys included."""
    return {
        "endpoint_url": endpoint(settings),
        "region_name": settings.s3_region,
        "aws_access_key_id": settings.s3_access_key.get_secret_value(),
        "aws_secret_access_key": settings.s3_secret_key.get_secret_value(),
        "config": AioConfig(
            connect_timeout=settings.storage_connect_seconds,
            read_timeout=settings.storage_read_seconds,
            max_pool_connections=settings.storage_pool_size,
            # attempts.py repeats requests, for all remote storages alike. It has one deadline for all attempts, and
            # continues in the middle of a body. The client can do neither.
            retries={"mode": "standard", "total_max_attempts": 1},
            s3={
                "addressing_style": "path" if settings.s3_path_style else "virtual",
                # The checksum of a body is sent in a signed header, so the body need not be hashed once more for
                # the signature, which the client would do in the event loop.
                "payload_signing_enabled": False,
            },
            # Every important body is sent with its SHA-256. Older servers do not know the checksums that newer clients
            # add to all other requests.
            request_checksum_calculation="when_required",
        ),
    }


@asynccontextmanager
async def connect(settings: StorageSettings) -> "AsyncIterator[S3Client]":
    """Make a client, and end its connections at the end. Nothing is sent before the first request."""
    context: ClientCreatorContext[S3Client] = _session().create_client("s3", **options(settings))
    async with context as client:
        client.meta.events.register_last("before-parameter-build.s3", _stay)
        client.meta.events.register_last("before-call.s3", _send_at_once)
        yield client


def _stay(context: dict[str, Any], **_: Any) -> None:
    """Say that a request has been redirected already.

    The client would search for the region of the bucket. At a server that redirects everything (a proxy that wants
    https), this search would never end.
    """
    context["s3_redirect"]["redirected"] = True


def _send_at_once(params: dict[str, Any], **_: Any) -> None:
    """Do not ask first whether a body may be sent.

    The client would wait for that answer without a time limit, and some servers never send it.
    """
    params["headers"].pop("Expect", None)


@cache
def _session() -> AioSession:
    """Return the one session of this process: it reads the description of S3, which takes 0.1 s, once."""
    return AioSession()
