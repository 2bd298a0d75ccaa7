"""The route that has files imported from addresses."""

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.bodies import read_json_object
from services.catalog.context import context
from services.catalog.imports.items import EXAMPLE, read_body
from services.catalog.middleware.auth import principal_of
from services.catalog.routes import jobs
from services.core.errors import NamespaceForbidden, Subject, TadaError


async def post_imports(request: Request) -> Response:
    """Have files imported; nothing is if one item is not valid, or if the token may not write where it is to be."""
    ctx, principal = context(request), principal_of(request)
    given, items = read_body(await read_json_object(request, EXAMPLE), ctx.settings.outward)
    allowed = ctx.settings.namespaces_allowed
    for at, item in enumerate(items):
        try:
            principal.need_namespace(item.wish.namespace)
            if item.wish.namespace not in allowed:
                raise NamespaceForbidden(item.wish.namespace, allowed)
        except TadaError as error:
            raise error.about(Subject(index=at, namespace=item.wish.namespace)) from error
    return jobs.accepted(ctx, await ctx.imports.add(given, principal.name))
