"""Settings of the jobs worker."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.core.settings import CoreSettings, TextList


def _check_nodes(nodes: tuple[str, ...]) -> tuple[str, ...]:
    for node in nodes:
        if not re.fullmatch(r"https?://[^/\s]+", node):
            raise ValueError(f"{node!r}: expected addresses such as http://cache:8081, comma separated")
    return nodes


Nodes = Annotated[TextList, AfterValidator(_check_nodes)]


class JobsSettings(CoreSettings):
    nginx_service: Nodes = Field(
        ("http://127.0.0.1:8081",), description="Every node of the cache tier, comma separated."
    )
    nginx_edge_service: Nodes = Field(
        ("http://127.0.0.1:8080",), description="Every node of the edge, comma separated."
    )
    purge_token: SecretStr = Field(
        SecretStr(""), description="What the purge locations of both tiers ask for: the same as in their configuration."
    )
