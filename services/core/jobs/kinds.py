"""The jobs that can be asked for, by name, with what they take: a public interface, see docs/jobs.md.

Other programs put them into the queue through arq, people through HTTP. A name, an argument or a part of a result that
is here stays as long as INTERFACE_VERSION is the same; more may come.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.core.dumps import naming
from services.core.dumps.naming import LATEST
from services.core.errors import BadRequest, NotFound

INTERFACE_VERSION = 1


class Arguments(BaseModel):
    """What a job takes; most take nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SyncArguments(Arguments):
    dry_run: bool = Field(False, description="Say what would be removed, and remove nothing.")
    max_percent: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Remove nothing when a larger share of the entries would go; by default the service's setting.",
    )


def _named(filename: str) -> str:
    if filename != LATEST:
        naming.parse(filename)
    return filename


class RestoreArguments(Arguments):
    filename: Annotated[str, AfterValidator(_named)] = Field(LATEST, description="Which dump; the latest by default.")


KINDS: Mapping[str, type[Arguments]] = {
    "sync": SyncArguments,
    "publish": Arguments,
    "expire": Arguments,
    "describe": Arguments,
    "create_dump": Arguments,
    "restore_dump": RestoreArguments,
}


def parse(name: str, given: Mapping[str, Any]) -> Arguments:
    """Return the arguments of a job; raises NotFound for a job that is none, BadRequest and NoDumpName."""
    kind = KINDS.get(name)
    if kind is None:
        raise NotFound(f"There is no job {name!r}.", f"Jobs are: {', '.join(KINDS)}.")
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the arguments"
        takes = ", ".join(kind.model_fields) or "no arguments"
        raise BadRequest(f"{name}: {where}: {first['msg']}.", f"This job takes {takes}.") from None
