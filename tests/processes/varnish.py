"""A real Varnish with xkey in front of an edge, as gateway/varnish/tada.vcl has it."""

import os
import shutil
import subprocess
from pathlib import Path

import httpx

from tests.support.waits import wait_until
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports

VCL = ROOT / "gateway" / "varnish" / "tada.vcl"
MISSING = (
    ""
    if shutil.which("varnishd") and any(Path("/usr/lib").glob("*/varnish/vmods/libvmod_xkey.so"))
    else "varnishd with xkey is not installed: apt-get install --no-install-recommends varnish varnish-modules"
)
"""Why there can be none here; empty if there can."""


class RealVarnish:
    """Started at once. `edge_port` is the port of the edge; `token` is that of the jobs worker."""

    def __init__(self, folder: Path, edge_port: int, token: str) -> None:
        folder.mkdir(parents=True)
        [self.port] = free_ports(1)
        vcl, log = folder / "tada.vcl", folder / "varnish.log"
        backend = VCL.read_text().replace('.host = "edge";', '.host = "127.0.0.1";')
        vcl.write_text(backend.replace('.port = "8080";', f'.port = "{edge_port}";'))
        command = ["varnishd", "-F", "-j", "none", "-n", str(folder / "work"), "-f", str(vcl), "-s", "malloc,64m"]
        command += ["-a", f"127.0.0.1:{self.port}", "-p", "thread_pool_min=5"]
        with log.open("wb") as out:
            environment = {**os.environ, "PURGE_TOKEN": token}
            self._process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20)
        try:
            wait_until(self._answers)
        except AssertionError:
            self.stop()
            raise AssertionError(log.read_text()) from None

    def _answers(self) -> bool:
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(10)
