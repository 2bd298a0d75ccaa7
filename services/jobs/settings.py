"""Settings of the jobs worker."""

import re
from datetime import UTC, datetime
from typing import Annotated, Self

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from services.core.assets.reductions import SIDE_MAX
from services.core.dumps import naming
from services.core.dumps.naming import LATEST
from services.core.errors import NoDumpName, OutwardRefused
from services.core.outward import urls
from services.core.patterns import matching
from services.core.settings import OutwardSettings, Presets, TextList, UndoSettings, split_list
from services.core.webhooks import signing
from services.core.webhooks.registry import WEBHOOKS_MAX
from services.jobs.cdn.settings import CdnSettings
from services.jobs.warm import forms
from services.jobs.warm.forms import Form

NEVER = "never"
"""The schedule of a job that does not run by itself. It needs a word: an empty variable counts as not set."""


def _check_nodes(nodes: tuple[str, ...]) -> tuple[str, ...]:
    for node in nodes:
        if not re.fullmatch(r"https?://[^/\s]+", node):
            raise ValueError(f"{node!r}: expected addresses such as http://cache:8081, comma separated")
    return nodes


def _check_cron(expression: str) -> str:
    if expression != NEVER:
        try:
            CronSim(expression, datetime.now(UTC))
        except CronSimError as error:
            raise ValueError(f"{error}; expected five fields such as '15 3 * * *' (03:15 UTC), or {NEVER}") from None
    return expression


def _check_dump(filename: str) -> str:
    try:
        return naming.checked(filename)
    except NoDumpName:
        raise ValueError(f"expected {LATEST}, or the name of a dump such as dump_20250812T143052.json") from None


Cron = Annotated[str, AfterValidator(_check_cron)]
DumpName = Annotated[str, AfterValidator(_check_dump)]
Token = Annotated[
    SecretStr,
    matching(r"[A-Za-z0-9_-]{16,}", "16 or more letters and digits, the same as in the gateway's configuration"),
]
Nodes = Annotated[TextList, AfterValidator(_check_nodes)]


Pauses = Annotated[
    tuple[Annotated[float, Field(gt=0, le=7 * 86400)], ...],
    NoDecode,
    BeforeValidator(split_list),
    Field(min_length=1, max_length=50),
]
RETRY_SECONDS = (5, 30, 120, 600, 1800, *(hours * 3600 for hours in (1, 2, 4, 8, 16, 20, 20)))
"""Three days together."""


class JobsSettings(UndoSettings, OutwardSettings, CdnSettings):
    service = "jobs"
    nginx_service: Nodes = Field(
        ("http://127.0.0.1:8081",), description="Addresses of all nodes of the cache tier, comma separated."
    )
    nginx_edge_service: Nodes = Field(
        ("http://127.0.0.1:8080",), description="Addresses of all nodes of the edge, comma separated."
    )
    restore_on_init: bool = Field(False, description="At the start, restore a dump if Redis has never had a catalog.")
    dump_file_name_on_init: DumpName = Field(
        LATEST, description="Which dump RESTORE_ON_INIT restores: `latest`, or the name of a file."
    )
    restore_skip_invalid: bool = Field(
        False,
        description="Whether RESTORE_ON_INIT leaves out entries that cannot be understood, and names them in the log. "
        "By default the dump is refused.",
    )
    sync_cron: Cron = Field("15 3 * * *", description="Schedule of *sync* in UTC. `never` turns it off.")
    publish_cron: Cron = Field("45 3 * * *", description="Schedule of *publish* in UTC. `never` turns it off.")
    expire_cron: Cron = Field("15 4 * * *", description="Schedule of *expire* in UTC. `never` turns it off.")
    empty_trash_cron: Cron = Field("45 4 * * *", description="Schedule of *empty_trash* in UTC. `never` turns it off.")
    sync_remove_max_percent: float = Field(
        10.0,
        ge=0,
        le=100,
        description="*sync* removes nothing if it would remove more than this percentage of the entries.",
    )
    moved_days: int = Field(
        0,
        ge=0,
        le=3650,
        description="Days for which the old address of a moved asset leads to the new one. 0 for as long as no other "
        "asset takes it.",
    )
    reduction_side: int = Field(
        1024,
        ge=0,
        le=SIDE_MAX,
        description="Longer side, in pixels, of the reduction of each large picture, from which its small forms are "
        "made. 0 makes none, and removes those that there are. A change makes all of them anew.",
    )
    presets: Presets = Field({}, description="The same as for the transform service, if WARM is set.")
    warm: TextList = Field(
        (),
        description="Presets that are made of each asset after an upload, a replacement or a restore, before visitors "
        "ask for them: thumb, thumb?dpr=2, hero?accept=avif. Empty for none.",
    )
    webhooks: Annotated[TextList, Field(max_length=WEBHOOKS_MAX)] = Field(
        (), description="Addresses that are told of every event, comma separated. More can be registered by the API."
    )
    webhooks_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret with which their events are signed: `whsec_` and 24 to 64 random bytes in base64. While it "
        "is exchanged, the new one and the old one, comma separated.",
    )
    webhooks_retry_seconds: Pauses = Field(
        RETRY_SECONDS,
        description="Pauses before an event is sent again to a webhook, comma separated. After all of them together it "
        "is a dead letter.",
    )
    webhooks_timeout_seconds: float = Field(
        15.0, gt=0, le=60, description="Seconds that the receiver of a webhook has for its answer."
    )
    dumps_kept: int = Field(14, ge=0, description="Number of dumps that are kept. 0 keeps all.")
    purge_token: Token = Field(
        SecretStr(""), validate_default=True, description="Token of the jobs worker for both nginx tiers."
    )

    @model_validator(mode="after")
    def _check_warm(self) -> Self:
        try:
            forms.read(self.warm, self.presets)
        except ValueError as error:
            raise ValueError(f"WARM: {error}") from None
        return self

    @property
    def webhooks_secrets(self) -> tuple[str, ...]:
        """The secrets of the webhooks that WEBHOOKS names, the present one first."""
        return tuple(part.strip() for part in self.webhooks_secret.get_secret_value().split(",") if part.strip())

    @model_validator(mode="after")
    def _check_webhooks(self) -> Self:
        for address in self.webhooks:
            try:
                urls.read(address, self.outward)
            except OutwardRefused as error:
                raise ValueError(f"WEBHOOKS: {error.message} {error.hint}") from None
        try:
            for secret in self.webhooks_secrets:
                signing.key_of(secret)
        except ValueError as error:
            raise ValueError(f"WEBHOOKS_SECRET: {error}") from None
        if self.webhooks and not self.webhooks_secrets:
            raise ValueError(f"WEBHOOKS_SECRET: expected a secret such as {signing.new_secret()}, because of WEBHOOKS")
        return self

    @property
    def warm_forms(self) -> tuple[Form, ...]:
        """What WARM names."""
        return forms.read(self.warm, self.presets)
