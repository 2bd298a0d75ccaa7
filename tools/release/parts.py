"""Makes each file of a release from a tree of the committed files. The same tree gives the same bytes."""

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tools import programs, wordpress_plugin
from tools.node import npm
from tools.release import sbom

IMAGES = {
    "tada-catalog": "services/catalog/Dockerfile",
    "tada-transform": "services/transform/Dockerfile",
    "tada-jobs": "services/jobs/Dockerfile",
    "tada-gateway": "gateway/nginx/Dockerfile",
    "tada-s3": "storage/seaweedfs/Dockerfile",
}
"""The images of a release, and what they are built of. The S3 server has a version of its own inside."""
SCRIPT = Path(__file__).with_name("images.sh")


@dataclass(frozen=True, slots=True)
class Release:
    """What the parts are made of, and where they go."""

    tree: Path
    """The committed files, without others."""
    archive: bytes
    """The same as a tar archive, as git makes it."""
    out: Path
    version: str
    made_at: int
    """When it was committed, in seconds since 1970: the only time that is in any file."""

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SOURCE_DATE_EPOCH": str(self.made_at), "TZ": "UTC", "LC_ALL": "C.UTF-8"}

    def run(self, *words: str | Path, cwd: Path | None = None) -> None:
        """Run a program. Raises CalledProcessError with what it said."""
        subprocess.run(
            words, cwd=cwd or self.tree, env=self.environment, check=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


def source(release: Release) -> None:
    """Write the archive of the source: what `make install` and images.sh begin with."""
    packed = gzip.compress(release.archive, mtime=release.made_at)
    (release.out / f"tada-{release.version}-source.tar.gz").write_bytes(packed)


def python(release: Release) -> None:
    """Write a wheel and a source package of each client for Python."""
    for project in sorted(release.tree.glob("clients/*/pyproject.toml")):
        for kind in ("wheel", "sdist"):
            build = f"import sys; from flit_core.buildapi import build_{kind} as build; build(sys.argv[1])"
            release.run(sys.executable, "-c", build, release.out, cwd=project.parent)


def javascript(release: Release) -> None:
    """Write a package of npm of each client that is one."""
    _pack(release, "clients")


def integrations(release: Release) -> None:
    """Write a package of npm of each integration that is one. They may use the clients, which are built by now."""
    _pack(release, "integrations")


def chart(release: Release) -> None:
    """Write the package of the Helm chart."""
    release.run(programs.path("helm"), "package", release.tree / "charts" / "tada", "--destination", release.out)


def php(release: Release) -> None:
    """Write an archive of each package of Composer, and the plugin for WordPress, which has the library in it."""
    for file in sorted(release.tree.glob("clients/*/composer.json")):
        _zip(file.parent, release.out / f"tada-{file.parent.name}-{release.version}.zip", release.made_at)
    with tempfile.TemporaryDirectory() as folder:
        plugin = wordpress_plugin.build(Path(folder), release.tree)
        shutil.copy(plugin, release.out / f"tada-wordpress-{release.version}.zip")


def images(release: Release) -> None:
    """Write the script that builds the images."""
    built = "\n".join(f"build {name} {file}" for name, file in IMAGES.items())
    text = SCRIPT.read_text().replace("@VERSION@", release.version).replace("@EPOCH@", str(release.made_at))
    script = release.out / "images.sh"
    script.write_text(text.replace("@IMAGES@", built))
    script.chmod(0o755)


def bills(release: Release) -> None:
    """Write what comes inside each service, as CycloneDX."""
    for name in ("catalog", "transform", "jobs"):
        text = sbom.of_service(release.tree, name, release.made_at)
        (release.out / f"tada-{name}-{release.version}.cdx.json").write_text(text)


Part = Callable[[Release], None]
PARTS: tuple[Part, ...] = (source, python, javascript, integrations, php, chart, images, bills)


def _pack(release: Release, folder: str) -> None:
    """Write a package of npm, and what comes inside it, of each one in a folder that is to be published."""
    for file in sorted(release.tree.glob(f"{folder}/*/package.json")):
        if sbom.is_private(file):
            continue
        npm("ci", "--prefer-offline", "--ignore-scripts", cwd=file.parent)
        npm("run", "build", "--if-present", cwd=file.parent)
        npm("pack", f"--pack-destination={release.out}", cwd=file.parent)
        text = sbom.of_package(file.parent, release.made_at)
        (release.out / f"{sbom.name_of(file)}-{release.version}.cdx.json").write_text(text)


def _zip(folder: Path, out: Path, made_at: int) -> None:
    day = datetime.fromtimestamp(made_at, UTC).timetuple()[:6]
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            inside = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder)}", day)
            inside.compress_type, inside.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(inside, file.read_bytes())
