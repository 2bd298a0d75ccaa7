"""The limit of the services: bare ASGI on the same server, with nothing between the server and the bytes.

/file sends a file that is held in memory, /redis what one GET of redis-py finds.
"""

import os
from pathlib import Path

import redis.asyncio
import uvicorn
from starlette.types import Receive, Scope, Send

CONTENT = Path(os.environ["BENCH_FILE"]).read_bytes() if os.environ.get("BENCH_FILE") else b""
CLIENT = redis.asyncio.Redis.from_url(os.environ["BENCH_REDIS"])
KEY = os.environ["BENCH_KEY"]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body = CONTENT if scope["path"] == "/file" else await CLIENT.get(KEY)
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
