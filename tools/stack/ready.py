"""Checks whether the parts of a running system are ready."""

import http.client
import socket
from urllib.parse import urlsplit

import redis

_TIMEOUT = 2.0


def answers(address: str) -> bool:
    """Return whether a process is ready, by its `Process.ready`."""
    try:
        if address.startswith("redis://"):
            return _redis_answers(address)
        if address.startswith("tcp://"):
            return _port_answers(address)
        if address.startswith("unix://"):
            return _socket_answers(address.removeprefix("unix://"))
        return _http_answers(address)
    except (OSError, http.client.HTTPException, redis.RedisError):
        return False


def _redis_answers(address: str) -> bool:
    parts = urlsplit(address)
    with redis.Redis(host=parts.hostname or "", port=parts.port or 0, socket_timeout=_TIMEOUT) as client:
        key = parts.path.removeprefix("/")
        return bool(client.exists(key)) if key else bool(client.ping())


def _port_answers(address: str) -> bool:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), _TIMEOUT):
        return True


def _http_answers(address: str) -> bool:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    finally:
        connection.close()


def _socket_answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_TIMEOUT)
        client.connect(path)
        return True
