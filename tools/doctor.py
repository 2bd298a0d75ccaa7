"""`make doctor`: checks what `make run` needs on this machine. Each service checks its own needs."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tools.stack.plan import LOOPBACK, ROOT, PlanError, Ports, modules_folder, need
from tools.stack.running import Several, chosen

_SERVICES = ("catalog", "transform", "jobs")
_UNCLEAR = 2


def main() -> int:
    """Check the programs of this machine, then each service of the system that runs; return the exit status."""
    try:
        running = chosen(os.environ)
    except Several as several:
        print(several.choose("doctor"))
        return _UNCLEAR
    wrong = sum(not _holds(*check) for check in _MACHINE)
    status = 1 if wrong else 0
    if running:
        print(f"ok     system: make run (pid {running.pid}) uses {running.data}")
    services = running.services if running else dict.fromkeys(_SERVICES, _environment())
    for service in _SERVICES:
        print(f"\n{service}:", flush=True)
        environment = services.get(service)
        if environment is None:
            print(f"wrong  {service}: it does not run\n       Its lines in the log of make run may show the reason.")
            status = max(status, 1)
            continue
        if service == "jobs" and "PURGE_TOKEN" not in environment:
            print("       skipped: TADA has not been run here, so there is no PURGE_TOKEN")
            continue
        command = [sys.executable, "-m", f"services.{service}", "doctor"]
        status = max(status, subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)
    return status


def _holds(subject: str, look: Callable[[], str], mend: str) -> bool:
    try:
        print(f"ok     {subject}: {look()}")
    except (PlanError, OSError, subprocess.SubprocessError) as error:
        print(f"wrong  {subject}: {error}\n       {mend}")
        return False
    return True


def _version(program: str) -> str:
    said = subprocess.run([need(program), "-v"], capture_output=True, text=True, check=True, timeout=10)
    return (said.stdout or said.stderr).strip()


_MACHINE: tuple[tuple[str, Callable[[], str], str], ...] = (
    ("nginx", lambda: _version("nginx"), "Run make setup."),
    ("nginx modules", lambda: f"Lua, cache-purge and brotli are in {modules_folder()}", "Run make setup."),
    ("redis-server", lambda: _version("redis-server"), "Run make setup."),
)


def _environment() -> dict[str, str]:
    """Return the settings that services of `make run` would have here, if they are known without it."""
    ports = Ports.from_environment(os.environ)
    data = Path(os.environ.get("DATA_DIR") or ROOT / "data").absolute()
    known = {
        "REDIS_URL": f"redis://{LOOPBACK}:{ports.redis}",
        "DATA_FOLDER_PATH": str(data / "storage"),
        "NGINX_SERVICE": f"http://{LOOPBACK}:{ports.cache}",
        "NGINX_EDGE_SERVICE": f"http://{LOOPBACK}:{ports.edge}",
        "PYTHONPATH": str(ROOT),
    }
    rendered = data / "run/edge/common.conf"
    token = re.search(r'"~\^([A-Za-z0-9_-]{16,})\$" 1;', rendered.read_text()) if rendered.exists() else None
    return {**known, **({"PURGE_TOKEN": token[1]} if token else {}), **os.environ}


if __name__ == "__main__":
    sys.exit(main())
