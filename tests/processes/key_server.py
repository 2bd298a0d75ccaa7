"""An nginx that says which key it makes of a request, by the maps of the gateway and nothing else."""

import socket
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.spellings import Spelling
from tools.stack import children

_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    map_hash_bucket_size 256;
    variables_hash_max_size 2048;
    keepalive_requests 1000000;
    large_client_header_buffers 4 32k;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    map "" $catalog_path {{ default ""; }}
    map "" $listed {{ default ""; }}
{maps}
    server {{
        listen unix:{folder}/nginx.sock;
        location / {{ return 200 "$canonical_form $signed_form $negotiable"; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """What the gateway makes of a request: its key, what is signed, and whether Accept matters (0 or 1)."""

    key: str
    signed: str
    negotiable: str


class KeyServer:
    """Runs until it is closed. `maps` is rendered: it has no placeholders."""

    def __init__(self, folder: Path, maps: str) -> None:
        self._socket = folder / "nginx.sock"
        file = folder / "nginx.conf"
        file.write_text(_CONFIGURATION.format(folder=folder, maps=maps))
        self._process = children.start(["/usr/sbin/nginx", "-c", str(file), "-p", str(folder)])

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def ask(self, spellings: Iterable[Spelling]) -> list[Keys]:
        """Return what becomes of each request; raises ValueError for one that nginx does not even read."""
        found = []
        with self._connect() as connection, connection.makefile("rb") as answers:
            for spelling in spellings:
                accept = f"Accept: {spelling.accept}\r\n" if spelling.accept else ""
                connection.sendall(f"GET {spelling.target} HTTP/1.1\r\nHost: x\r\n{accept}\r\n".encode())
                status, length = answers.readline().split(b" ")[1], 0
                while (line := answers.readline().strip()) != b"":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = answers.read(length).decode()
                if status != b"200":
                    raise ValueError(f"{spelling.target}: {status.decode()}")
                found.append(Keys(*body.split(" ")))
        return found

    def _connect(self) -> socket.socket:
        for _ in range(200):
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(self._socket))
            except OSError:
                connection.close()
                if self._process.poll() is not None:
                    break
                # Until it listens.
                self._wait()
            else:
                return connection
        raise RuntimeError(f"nginx does not listen at {self._socket}")

    def _wait(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.05)
