"""RDB files: copy a whole Redis over the replication protocol, and start a private Redis on such a file.

No disk is shared with Redis, and Redis is not restarted. The private Redis must be at least as new as the other one.
"""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from redis.asyncio.connection import parse_url
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError

from services.core.errors import Unavailable
from services.core.state.connection import Redis

COPY_SECONDS = 300
LOAD_SECONDS = 120
_POLL_SECONDS = 0.01
_SOCKET = "redis.sock"
# A child ends with this process, also after kill -9.
_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
_TLS_FILES = {"ssl_ca_certs": "--cacert", "ssl_certfile": "--cert", "ssl_keyfile": "--key"}


class NotAnRdb(Exception):
    """Redis does not accept the file. The text says why."""


def database_of(redis_address: str) -> int:
    """Return the number of the database in the address of a Redis."""
    return int(parse_url(redis_address).get("db", 0))


def copying(redis_address: str, target: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command that copies a Redis to a file, and what it needs in its environment.

    The password is not in the command line, which every user of the machine can read.
    """
    parts: dict[str, Any] = {**parse_url(redis_address)}
    command = ["redis-cli", "--no-auth-warning"]
    if "path" in parts:
        command += ["-s", parts["path"]]
    else:
        command += ["-h", parts.get("host", "localhost"), "-p", str(parts.get("port", 6379))]
    if parts.get("username"):
        command += ["--user", parts["username"]]
    if redis_address.startswith("rediss:"):
        command += [
            "--tls",
            *(word for name, flag in _TLS_FILES.items() if name in parts for word in (flag, parts[name])),
        ]
        if parts.get("ssl_cert_reqs") == "none":
            command.append("--insecure")
    secret = {"REDISCLI_AUTH": parts["password"]} if parts.get("password") else {}
    return [*command, "--rdb", str(target)], secret


async def copy(redis_address: str, target: Path) -> None:
    """Copy a whole Redis, as it is at one instant, to an RDB file; raises Unavailable."""
    command, secret = copying(redis_address, target)
    process = await asyncio.create_subprocess_exec(
        *_DIES_WITH_US, *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env={**os.environ, **secret}
    )
    try:
        async with asyncio.timeout(COPY_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        raise _no_copy("it took too long") from None
    finally:
        await _end(process)
    if process.returncode:
        raise _no_copy(_last_line(said) or "redis-cli gives no reason")


def _no_copy(why: str) -> Unavailable:
    return Unavailable(
        f"The catalog cannot be copied from Redis: {why}.",
        "The user in REDIS_URL must be allowed to run PSYNC and SYNC. Some managed services allow that to nobody.",
    )


@asynccontextmanager
async def served(rdb: Path) -> AsyncIterator[Redis]:
    """Serve an RDB file by a private Redis, which listens only on a socket beside the file.

    It writes nothing unless it is told to save. Raises NotAnRdb.
    """
    folder = rdb.parent
    process = await asyncio.create_subprocess_exec(
        *_DIES_WITH_US,
        "redis-server",
        *("--port", "0", "--unixsocket", _SOCKET, "--unixsocketperm", "700"),
        *("--dir", str(folder), "--dbfilename", rdb.name, "--save", "", "--appendonly", "no"),
        # A file from another Redis may have more databases, and may be hostile.
        *("--databases", "1024", "--sanitize-dump-payload", "yes", "--loglevel", "notice", "--daemonize", "no"),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )
    # The path of a socket has at most 107 characters. The path of the folder may be longer.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    client = Redis(unix_socket_path=f"/proc/self/fd/{handle}/{_SOCKET}", socket_timeout=LOAD_SECONDS)
    lines: list[bytes] = []
    listening = asyncio.create_task(_listen(process, lines))
    try:
        await _loaded(process, client, lines, listening)
        yield client
    finally:
        await client.aclose()
        await _end(process)
        await listening
        os.close(handle)


async def _loaded(process: Process, client: Redis, lines: list[bytes], listening: asyncio.Task[None]) -> None:
    async with asyncio.timeout(LOAD_SECONDS):
        while True:
            with suppress(RedisConnectionError, BusyLoadingError):
                await client.ping()
                return
            if process.returncode is not None:
                await listening
                raise NotAnRdb(_last_line(b"\n".join(lines)) or f"redis-server ended with {process.returncode}")
            await asyncio.sleep(_POLL_SECONDS)


async def _listen(process: Process, lines: list[bytes]) -> None:
    """Keep the last lines of its output: they say why it has ended."""
    assert process.stdout
    async for line in process.stdout:
        lines[:] = [*lines[-9:], line.strip()]


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _last_line(said: bytes) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""
