"""What tus 1.0 says of every request and answer: the version, and methods that a client cannot send. Pure ASGI."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.catalog.resumable.protocol import VERSION

PATHS = ("/tus", "/direct/tus")
_OVERRIDDEN = ("PATCH", "DELETE", "HEAD")


class Tus:
    """Adds Tus-Resumable to each answer of a resumable upload, refusals included.

    A POST may be meant as another method (`X-HTTP-Method-Override`): some clients and proxies have no PATCH and DELETE.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_tus(scope["path"]):
            await self._app(scope, receive, send)
            return
        sent, meant = scope["method"], Headers(scope=scope).get("x-http-method-override", "").upper()
        if sent == "POST" and meant in _OVERRIDDEN:
            scope["method"] = meant

        async def send_versioned(message: Message) -> None:
            if message["type"] == "http.response.start":
                # The server leaves out the body of an answer to HEAD, and who has sent POST would wait for it.
                scope["method"] = sent
                MutableHeaders(scope=message)["tus-resumable"] = VERSION
            await send(message)

        await self._app(scope, receive, send_versioned)


def _is_tus(path: str) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in PATHS)
