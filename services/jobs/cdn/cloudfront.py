"""CloudFront: an invalidation of tags, which stand in it as paths that begin with `#`.

The distribution needs a CacheTagConfig with the header Cache-Tag: without it, CloudFront ignores tags in silence.
Limits (docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide): 3000 paths of a distribution may be in progress.
When there are more, it refuses with TooManyInvalidationsInProgress. An invalidation takes some seconds to reach all of
CloudFront, and is taken before that.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from services.jobs.cdn.target import NotPurged, Pace

HEADER = "cache-tag"
_SECONDS = 20.0
_CONNECT_SECONDS = 5.0
_BUSY_SECONDS = 30.0
"""A pause after it has too much to do. It says nothing of how long that lasts."""
_LIMITED = ("TooManyInvalidationsInProgress", "Throttling", "ThrottlingException", "TooManyRequestsException")


class CloudFront:
    """The keys are those of the machine or its role if none are given."""

    name = "cloudfront"
    tags_at_once = 100
    pace = Pace(10, 2.0)

    def __init__(self, distribution: str, access_key: str, secret_key: str, endpoint: str | None = None) -> None:
        self._distribution = distribution
        self._options: dict[str, Any] = {
            "region_name": "us-east-1",  # CloudFront is one service for all regions, and signed for this one.
            "aws_access_key_id": access_key or None,
            "aws_secret_access_key": secret_key or None,
            "endpoint_url": endpoint,
            "config": AioConfig(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_SECONDS,
                retries={"mode": "standard", "total_max_attempts": 1},
            ),
        }
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def purge(self, tags: Sequence[str]) -> None:
        paths = [f"#{tag}" for tag in tags]
        batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": _reference()}
        made = await self._ask("create_invalidation", DistributionId=self._distribution, InvalidationBatch=batch)
        if not made.get("Invalidation", {}).get("Id"):
            raise NotPurged("CloudFront has answered without an invalidation")

    async def tag_header(self) -> str:
        """Return the name of the header from which the distribution takes tags, empty if there is none."""
        found = await self._ask("get_distribution_config", Id=self._distribution)
        return str(found["DistributionConfig"].get("CacheTagConfig", {}).get("HeaderName", ""))

    async def _ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            if self._client is None:
                context = AioSession().create_client("cloudfront", **self._options)
                self._client = await self._stack.enter_async_context(context)
            found: Mapping[str, Any] = await getattr(self._client, operation)(**arguments)
        except ClientError as error:
            raise _not_purged(error) from error
        except (BotoCoreError, OSError) as error:
            raise NotPurged(f"CloudFront cannot be reached: {error}") from error
        except ResponseParserError as error:
            raise NotPurged("CloudFront has answered what cannot be read") from error
        return found

    async def close(self) -> None:
        await self._stack.aclose()


def _reference() -> str:
    """Return the name of one call. CloudFront takes a call that has the name of another one for a repetition of it."""
    return f"tada-{secrets.token_hex(16)}"


def _not_purged(error: ClientError) -> NotPurged:
    code, status = error.response["Error"].get("Code", ""), error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code in _LIMITED:
        return NotPurged(f"CloudFront answered {code}", "limited", _BUSY_SECONDS)
    return NotPurged(f"CloudFront answered {code}: {error}"[:300], "refused" if status < 500 else "failed")
