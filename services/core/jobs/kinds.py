"""The jobs that can be requested, by name, with their arguments: a public interface, see docs/jobs.md.

Other programs put them into the queue through arq, people through HTTP. As long as INTERFACE_VERSION is the same, no
name, argument or part of a result is removed. More may be added.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.core.dumps import naming
from services.core.dumps.naming import LATEST
from services.core.errors import BadRequest, NotFound

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


def _named(filename: str) -> str:
    if filename != LATEST:
        naming.parse(filename)
    return filename


class RestoreArguments(Arguments):
    filename: Annotated[str, AfterValidator(_named)] = Field(
        LATEST, description="The name of a file of the dump; the latest dump by default."
    )


KINDS: Mapping[str, type[Arguments]] = {
    "sync": SyncArguments,
    "publish": Arguments,
    "expire": Arguments,
    "describe": Arguments,
    "create_dump": Arguments,
    "restore_dump": RestoreArguments,
}


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
