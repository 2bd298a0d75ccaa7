"""The jobs that can be requested, by name, with their arguments: a public interface, see docs/jobs.md.

Other programs put them into the queue through arq, people through HTTP. As long as INTERFACE_VERSION is the same, no
name, argument or part of a result is removed. More may be added.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.core.assets import identity, names
from services.core.assets.actions import Action, Change
from services.core.dumps import naming
from services.core.dumps.naming import LATEST, Kind
from services.core.errors import BadRequest, NotFound
from services.core.webhooks.webhook import ID as WEBHOOK_ID

INTERFACE_VERSION = 1


class Arguments(BaseModel):
    """The arguments of a job; most jobs have none."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SyncArguments(Arguments):
    dry_run: bool = Field(False, description="Report what would be removed, and remove nothing.")
    max_percent: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Remove nothing if a larger percentage of the entries would be removed. By default, the service's "
        "setting.",
    )


class ReduceArguments(Arguments):
    verify: bool = Field(
        False, description="Read every reduction and compare its bytes. By default, only its size is looked up."
    )


class EmptyTrashArguments(Arguments):
    up_to: str | None = Field(
        None,
        pattern=r"^[0-9]{1,16}$",
        description="The id of a deleted asset. It and all that were deleted before it are deleted now.",
    )
    dry_run: bool = Field(False, description="Report what would be deleted, and delete nothing.")


def _check_folder(folder: str) -> str:
    """Return a folder as `/DEV/shop`, and `` for all of them."""
    segments = [segment for segment in folder.split("/") if segment]
    if not all(map(names.is_safe_segment, segments)):
        raise ValueError("expected a folder such as /DEV or /DEV/shop")
    return "".join(f"/{segment}" for segment in segments)


class WarmArguments(Arguments):
    folder: Annotated[str, AfterValidator(_check_folder)] = Field(
        "", description="Only assets in this folder and in those below it, such as /DEV or /DEV/shop. By default, all."
    )
    uuid: str | None = Field(None, pattern=f"^(?:{identity.SPELLING})$", description="Only this asset, at once.")

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if self.folder and self.uuid:
            raise ValueError("folder and uuid: expected one of them")
        return self


class CreateDumpArguments(Arguments):
    filename: str | None = Field(
        None,
        description="The name of the dump, such as before-the-move; the second by default. An extension chooses the "
        "format. A dump of the same name is replaced, but not by one of an empty catalog if it has entries.",
    )
    format: Kind | None = Field(None, description="The only format that is stored: json or rdb; both by default.")

    @property
    def chosen(self) -> tuple[str | None, tuple[Kind, ...]]:
        """The name without an extension, if there is one, and the formats; raises NoDumpName."""
        return naming.chosen(self.filename, self.format)

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        naming.chosen(self.filename, self.format)
        return self


class RestoreArguments(Arguments):
    filename: Annotated[str, AfterValidator(naming.checked)] = Field(
        LATEST, description="The name of a file of the dump; the latest dump by default."
    )
    dry_run: bool = Field(False, description="Report what would be restored, and change nothing.")
    skip_invalid: bool = Field(
        False,
        description="Leave out entries that cannot be understood, and report them. By default the dump is refused.",
    )


class WebhookArguments(Arguments):
    webhook: str = Field(pattern=f"^{WEBHOOK_ID}$", description="The id of a webhook.")


ACT, WARM = "act", "warm"


class ActArguments(Arguments):
    action: Action = Field(description="What is done with the entries.")
    list_id: str = Field(pattern="^[0-9a-f]{16}$", description="The list of the entries, which the catalog has made.")
    fields: dict[str, Any] = Field(default_factory=dict, description="The change, as PATCH /catalog/search takes it.")
    search: dict[str, Any] | None = Field(None, description="By what the entries were found, for people to read.")

    @property
    def change(self) -> Change:
        """The change of fields; raises BadRequest."""
        return Change.parse(self.fields)

    @model_validator(mode="after")
    def _check_change(self) -> Self:
        if self.action == "change":
            Change.parse(self.fields)
        return self


KINDS: Mapping[str, type[Arguments]] = {
    "sync": SyncArguments,
    "publish": Arguments,
    "expire": Arguments,
    "empty_trash": EmptyTrashArguments,
    "describe": Arguments,
    "reduce": ReduceArguments,
    WARM: WarmArguments,
    "doctor": Arguments,
    "test_webhook": WebhookArguments,
    "create_dump": CreateDumpArguments,
    "restore_dump": RestoreArguments,
    ACT: ActArguments,
}
ABOUT: Mapping[str, str] = {
    "sync": "Removes entries whose file is definitely not in the storage.",
    "publish": "Makes a dump of the catalog.",
    "expire": "Marks entries that have expired. Their copies are not served any more.",
    "empty_trash": "Deletes for good what can be restored no longer, or the trash.",
    "describe": "Finds the size, the colours and the preview of every picture that has none.",
    "reduce": "Makes the reduction of every picture that lacks one.",
    WARM: "Has the renditions made that the setting WARM names.",
    "doctor": "Checks every service, and says what is wrong and how to mend it.",
    "test_webhook": "Sends a trial event to a webhook.",
    "create_dump": "Makes a dump of the catalog, with a name.",
    "restore_dump": "Replaces the catalog by that of a dump.",
    ACT: "Does with many entries what an action wants.",
}
"""What each job does, for people."""
BY_NAME = tuple(name for name in KINDS if name != ACT)
"""The jobs that can be requested by name. An action is requested together with its entries: POST /catalog/actions."""


def parse(name: str, given: Mapping[str, Any]) -> Arguments:
    """Return the arguments of a job; raises NotFound for an unknown job, BadRequest and NoDumpName."""
    kind = KINDS.get(name)
    if kind is None:
        raise NotFound(f"{name!r} is not a job.", f"Jobs are: {', '.join(KINDS)}.")
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the arguments"
        takes = ", ".join(kind.model_fields) or "no arguments"
        raise BadRequest(f"{name}: {where}: {first['msg']}.", f"This job takes {takes}.") from None
