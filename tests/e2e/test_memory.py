"""Large files go through the services, never into them."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.processes.distant_backend import TOKEN, Backend
from tests.processes.s3_server import S3Server
from tests.processes.system import System
from tests.support.pdfs import around, pdf
from tests.support.problems import problems

MB = 1024 * 1024
SIZES = [200 * MB] * 2 + [20 * MB] * 8
MOST = 200
"""MB, for a whole process: one large file held in memory is too much, and so are the small ones together."""


@pytest.fixture(params=["local", "s3", "distant"])
def storage_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    if request.param == "local":
        yield {}
        return
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        server.empty()
        yield server.environment()
        server.empty()
        return
    backend = Backend(tmp_path / "backend")
    backend.start()
    yield {
        "DELEGATED_STORAGE_METHOD": "DISTANT_BACKEND",
        "DELEGATED_STORAGE_HOST": backend.url,
        "DELEGATED_STORAGE_TOKEN": TOKEN,
    }
    backend.stop()


def peak(system: System, name: str) -> float:
    """Return the most memory that a part has ever had, in MB."""
    status = Path(f"/proc/{system.pid(name)}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Pdf:
    """A file that nobody holds in memory, other than any other."""

    def __init__(self, folder: Path, number: int, size: int) -> None:
        self.path = folder / f"{number}.pdf"
        block = bytes([number]) * MB
        digest = hashlib.sha256()
        with self.path.open("wb") as file:
            beginning, end = around((size // MB - 1) * MB)
            for part in (beginning, *[block] * (size // MB - 1), end):
                file.write(part)
                digest.update(part)
        self.signature = digest.hexdigest()


@pytest.mark.timeout(400)
def test_ten_files_at_once_two_of_them_of_200_mb_cost_little_memory(
    make_system: Callable[..., System], storage_settings: dict[str, str], tmp_path: Path
) -> None:
    system = make_system(PAYLOAD_MAX_SIZE="300mb", **storage_settings)
    files = [Pdf(tmp_path, number, size) for number, size in enumerate(SIZES)]

    def upload(file: Pdf) -> str:
        with file.path.open("rb") as content:
            url = f"http://127.0.0.1:{system.ports.api}/file"
            answer = httpx.post(url, files={"file": content}, data={"namespace": "DEV"}, timeout=300)
        assert answer.status_code == 200, answer.text
        entry: dict[str, str] = answer.json()["data"][0]
        file.path.unlink()
        return entry["signature"]

    def read(number: int) -> str:
        digest = hashlib.sha256()
        url = f"http://127.0.0.1:{system.ports.transform}/assets/media/original/DEV/{number}.pdf"
        with httpx.stream("GET", url, timeout=300) as answer:
            assert answer.status_code == 200
            for chunk in answer.iter_raw(MB):
                digest.update(chunk)
        return digest.hexdigest()

    with ThreadPoolExecutor(len(files)) as pool:
        assert list(pool.map(upload, files)) == [file.signature for file in files]
        assert list(pool.map(read, range(len(files)))) == [file.signature for file in files]
    memory = {name: peak(system, name) for name in ("catalog", "transform", "jobs")}
    assert all(most < MOST for most in memory.values()), memory
    print(memory)


def test_files_among_several_that_are_too_large_cost_little_memory_and_no_disk(
    make_system: Callable[..., System],
) -> None:
    system = make_system(PAYLOAD_MAX_SIZE="2mb")
    large = bytes(30 * MB)
    files = []
    for number in range(5):
        files += [(f"large-{number}.pdf", large), (f"{number}.pdf", pdf(str(number)))]
    before = peak(system, "catalog")
    answer = httpx.post(
        f"http://127.0.0.1:{system.ports.api}/files",
        files=[("files", file) for file in files],
        data={"namespace": "DEV"},
        timeout=300,
    )
    assert answer.status_code == 200, answer.text
    assert [entry["filename"] for entry in answer.json()["data"]] == [f"{number}.pdf" for number in range(5)]
    assert [problem["code"] for problem in problems(answer)] == ["too_large"] * 5
    assert peak(system, "catalog") - before < 30
    assert list((system.stack.data / "storage" / ".spool").iterdir()) == []
