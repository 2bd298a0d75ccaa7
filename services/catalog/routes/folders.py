"""GET /catalog/folders: a folder and the folders directly in it, with the numbers and bytes of their entries."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.context import context
from services.catalog.routes.arguments import limit_of
from services.catalog.routes.search import CURRENT_SECONDS
from services.catalog.search.folders import Folder
from services.catalog.search.query import SHOWN, folder_of
from services.core.assets import freshness, names
from services.core.errors import BadRequest
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.state.changes import number_of

LIMIT, LIMIT_MAX = 100, 1000
ROOT = "/"
"""The whole catalog as a folder. The namespaces are in it."""
ARGUMENTS = ("parent", "namespace", "limit", "cursor")


@dataclass(frozen=True, slots=True)
class Asked:
    """The requested page: folders directly in `parent`, behind the path `after`. Both are empty for none."""

    parent: str
    after: str
    limit: int


def parse(given: Iterable[tuple[str, str]]) -> Asked:
    """Read the arguments; raises BadRequest for an unknown one, and for a value that is not valid.

    An argument without a value is the same as none.
    """
    said: dict[str, str] = {}
    for name, value in given:
        if name not in ARGUMENTS:
            raise BadRequest(f"There is no argument {name[:SHOWN]!r} here.", f"There are: {', '.join(ARGUMENTS)}.")
        if name in said:
            raise BadRequest(f"The argument {name!r} is there twice.", "Send it once.")
        said[name] = value
    namespace, parent = said.get("namespace") or None, said.get("parent") or None
    if parent == ROOT and namespace:
        raise BadRequest("The folder is not in the namespace.", "Send one of them.")
    inside = folder_of(namespace, None if parent == ROOT else parent) or ""
    after = said.get("cursor", "")
    if after and not names.is_safe_segment(after):
        raise BadRequest(f"{after[:SHOWN]!r} is not a valid cursor.", "Send the cursor of the previous page.")
    return Asked(inside, f"{inside}/{after}" if after else "", limit_of(said.get("limit", ""), LIMIT_MAX) or LIMIT)


async def list_folders(request: Request) -> Response:
    """Answer with a page of folders in `data`, in the order of their paths, and the folder that they are in."""
    ctx, asked = context(request), parse(request.query_params.multi_items())
    is_current = await ctx.search.reached(number_of(await ctx.entries.revision()), CURRENT_SECONDS)
    found = await ctx.search.folders(asked.parent, asked.after, asked.limit + 1)
    page = [shown(folder) for folder in found.inside[: asked.limit]]
    cursor = page[-1]["name"] if len(found.inside) > len(page) else None
    body = envelope(page, folder=shown(found.folder), current=is_current, cursor=cursor)
    return JsonResponse(body, headers=freshness.NEVER)


def shown(folder: Folder) -> dict[str, Any]:
    """Return a folder as it is answered."""
    return {
        "path": folder.path or ROOT,
        "name": folder.path.rpartition("/")[2],
        "entries": folder.entries,
        "bytes": folder.bytes,
        "all_entries": folder.all_entries,
        "all_bytes": folder.all_bytes,
        "has_folders": folder.all_entries > folder.entries,
    }
