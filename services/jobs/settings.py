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


def _check_token(token: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,}", token.get_secret_value()):
        raise ValueError("expected 16 or more letters and digits, the same as in the gateway's configuration")
    return token


Nodes = Annotated[TextList, AfterValidator(_check_nodes)]


class JobsSettings(CoreSettings):
    nginx_service: Nodes = Field(("http://127.0.0.1:8081",), description="Every node of the cache tier.")
    nginx_edge_service: Nodes = Field(("http://127.0.0.1:8080",), description="Every node of the edge.")
    restore_on_init: bool = Field(
        False, description="Restore the latest dump at the start when Redis has never had a catalog."
    )
    purge_token: Annotated[SecretStr, AfterValidator(_check_token)] = Field(
        SecretStr(""), validate_default=True, description="What the purge locations of both tiers ask for."
    )
