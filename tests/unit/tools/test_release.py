"""`make release` and `make version`: one version, what is refused, and files that are the same each time."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tools.release import build, conditions, parts, sbom, sums, version
from tools.stack.plan import ROOT

NUMBER = version.of()
AUTHOR = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *AUTHOR, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


def copy_places(root: Path) -> None:
    for file in {"CHANGELOG.md", *(file for file, _ in version.said())}:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)


def commit(root: Path) -> None:
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "All")


def test_everything_has_one_version() -> None:
    assert version.disagreements() == [], "make version VERSION=… writes one version everywhere"
    places = {file for file, _ in version.said()}
    assert {"pyproject.toml", "clients/python/pyproject.toml", "clients/js/package.json"} < places
    assert {"charts/tada/Chart.yaml", "services/catalog/openapi/__init__.py"} < places


def test_every_package_of_the_project_is_among_them() -> None:
    tracked = git(ROOT, "ls-files", "*pyproject.toml", "*package.json", "*Chart.yaml").split()
    beside = {Path(one) for one in tracked if not {"examples", "tests"} & set(Path(one).parts)}
    private = {one for one in beside if one.name == "package.json" and sbom.is_private(ROOT / one)}
    assert beside - private <= {Path(file) for file, _ in version.said()}


def test_a_new_version_is_written_everywhere_and_begins_its_changes(tmp_path: Path) -> None:
    copy_places(tmp_path)
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- A word.\n\n## 1.0.0\n\nThe first.\n")
    version.write("9.8.7", tmp_path, datetime(2030, 1, 2, tzinfo=UTC))
    assert version.of(tmp_path) == "9.8.7"
    assert version.disagreements(tmp_path) == []
    changelog = (tmp_path / "CHANGELOG.md").read_text()
    assert "## 9.8.7 - 2030-01-02\n" in changelog
    assert version.section(changelog, "9.8.7") == "- A word."
    lock = json.loads((tmp_path / "clients/js/package-lock.json").read_text())
    before = json.loads((ROOT / "clients/js/package-lock.json").read_text())
    assert lock["packages"]["node_modules/typescript"] == before["packages"]["node_modules/typescript"]
    (tmp_path / "clients/js/package.json").write_text('{\n  "version": "1.0.0",\n}')
    assert version.disagreements(tmp_path) == ["clients/js/package.json: 1.0.0, not 9.8.7"]


@pytest.mark.parametrize(
    ("wanted", "changelog", "why"),
    [
        ("", "## Unreleased\n", "is no version"),
        ("1.2", "## Unreleased\n", "is no version"),
        ("1.2.3", "## 1.0.0\n", "no section '## Unreleased'"),
        ("1.0.0", "## Unreleased\n\n## 1.0.0\n\nThe first.\n", "released once"),
    ],
)
def test_a_version_that_makes_no_sense_is_refused(tmp_path: Path, wanted: str, changelog: str, why: str) -> None:
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    with pytest.raises(version.VersionError, match=why):
        version.write(wanted, tmp_path)


def untracked(root: Path) -> None:
    (root / "forgotten.py").write_text("")


def tagged(root: Path) -> None:
    git(root, "tag", f"v{NUMBER}")


def without_changes(root: Path) -> None:
    (root / "CHANGELOG.md").write_text("# Changelog\n")
    git(root, "commit", "--quiet", "--all", "--message", "No changes")


def of_two_versions(root: Path) -> None:
    chart = root / "charts/tada/Chart.yaml"
    chart.write_text(chart.read_text().replace(NUMBER, "9.9.9"))
    git(root, "commit", "--quiet", "--all", "--message", "Another chart")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (untracked, "changes that are not committed:\n?? forgotten.py"),
        (tagged, f"the tag v{NUMBER} exists"),
        (without_changes, f"CHANGELOG.md says nothing of {NUMBER}"),
        (of_two_versions, f"charts/tada/Chart.yaml: 9.9.9, not {NUMBER}"),
    ],
)
def test_what_is_no_release_is_refused(tmp_path: Path, spoil: Callable[[Path], None], said: str) -> None:
    copy_places(tmp_path)
    commit(tmp_path)
    assert conditions.refusals(tmp_path) == []
    spoil(tmp_path)
    assert any(said in why for why in conditions.refusals(tmp_path))


def test_nothing_is_made_without_the_key_that_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.release"],
        cwd=ROOT,
        env={**os.environ, "SIGN_KEY": "/no/such/key"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("make release: nothing was made.\n- ")
    assert done.stderr.endswith("- SIGN_KEY: there is no file /no/such/key\n")
    assert done.stdout == ""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All parts of what is committed here, which were made twice; without integrations, which need large packages."""
    cheap = [part for part in parts.PARTS if part is not parts.integrations]
    one, other = (build.build(ROOT, tmp_path_factory.mktemp("made"), cheap) for _ in range(2))
    assert build.differences(one, other) == []
    return one


def test_a_release_has_every_part_and_is_the_same_each_time(made: Path) -> None:
    names = {file.name for file in made.iterdir()}
    assert {
        f"tada-{NUMBER}-source.tar.gz",
        f"tada_client-{NUMBER}-py3-none-any.whl",
        f"tada_client-{NUMBER}.tar.gz",
        f"tada-media-{NUMBER}.tgz",
        f"tada-{NUMBER}.tgz",
        f"tada-media-{NUMBER}.cdx.json",
        *(f"tada-{name}-{NUMBER}.cdx.json" for name in ("catalog", "transform", "jobs")),
        "images.sh",
        "SHA256SUMS",
    } <= names
    with tarfile.open(made / f"tada-{NUMBER}.tgz") as chart:
        member = chart.extractfile("tada/Chart.yaml")
        assert member
        assert yaml.safe_load(member.read())["version"] == NUMBER
    with zipfile.ZipFile(made / f"tada_client-{NUMBER}-py3-none-any.whl") as wheel:
        assert "tada_client/cli/app.py" in wheel.namelist()


def test_two_releases_that_differ_are_noticed(tmp_path: Path) -> None:
    for name, content in (("one", b"1"), ("other", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same").write_bytes(b"0")
        (tmp_path / name / "differs").write_bytes(content)
    (tmp_path / "one" / "alone").write_bytes(b"")
    assert build.differences(tmp_path / "one", tmp_path / "other") == ["differs", "alone"]


def test_a_bill_has_what_comes_inside(made: Path) -> None:
    bill = json.loads((made / f"tada-catalog-{NUMBER}.cdx.json").read_text())
    assert bill["metadata"]["component"]["name"] == "tada-catalog"
    inside = {component["purl"].split("@")[0] for component in bill["components"]}
    assert {"pkg:pypi/starlette", "pkg:pypi/redis", "pkg:npm/preact"} < inside
    assert "pkg:pypi/pyvips" not in inside
    sbom.check(made / f"tada-media-{NUMBER}.cdx.json")


def test_a_bill_that_is_none_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.cdx.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": 5}')
    with pytest.raises(sbom.BillError, match=r"a\.cdx\.json"):
        sbom.check(tmp_path / "a.cdx.json")


def test_a_signed_list_is_verified_as_the_page_says(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dist"
    shutil.copytree(made, folder)
    key = tmp_path / "release_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    sums.sign(folder, key)
    (folder / "allowed_signers").write_text(f"release@example.com {key.with_suffix('.pub').read_text()}")
    page = (ROOT / "docs/releasing.md").read_text()
    [commands] = [block for block in page.split("```")[1::2] if "-Y verify" in block]

    def verified() -> bool:
        done = subprocess.run(
            ["sh", "-ec", commands.removeprefix("sh\n")], cwd=folder, capture_output=True, text=True, check=False
        )
        return done.returncode == 0

    assert verified()
    with (folder / "images.sh").open("a") as script:
        script.write("\n")
    assert not verified()
    shutil.copy(made / "images.sh", folder)
    assert verified()
    with (folder / "SHA256SUMS").open("a") as listed:
        listed.write(f"{'0' * 64}  nothing\n")
    assert not verified()


DOCKER = """#!/bin/sh
echo "$@" >>"$SAID"
for word; do last=$word; done
[ "$1" = push ] || test -f "$last/pyproject.toml"
"""


@pytest.mark.parametrize("push", [[], ["--push"]], ids=["build", "push"])
def test_images_are_built_of_the_source_with_the_names_of_the_chart(
    made: Path, tmp_path: Path, push: list[str]
) -> None:
    """There is no container engine here: a program in its place says what it is given. test_images.py runs what the
    Dockerfiles say."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    said = tmp_path / "said"
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SAID": str(said)}
    subprocess.run([made / "images.sh", "registry.example.com/media", *push], env=environment, check=True)
    lines = said.read_text().splitlines()
    assert len(lines) == len(parts.IMAGES)
    for line, (name, file) in zip(lines, parts.IMAGES.items(), strict=True):
        assert line.startswith("buildx build" if push else "build")
        assert f"--file {file} --tag registry.example.com/media/{name}:{NUMBER} " in line
        assert ("--push" in line) == bool(push)


def test_every_image_of_the_project_is_released() -> None:
    tracked = git(ROOT, "ls-files", "*Dockerfile").split()
    assert {file for file in tracked if "integrations" not in file} == set(parts.IMAGES.values())
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert set(parts.IMAGES) <= {service.get("image") for service in compose["services"].values()}


def test_archives_for_php_are_the_same_each_time(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    files = ("LICENSE", "clients/php/composer.json", "clients/php/src/a.php", "integrations/wordpress/tada-media/x.php")
    for name in files:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("<?php\n")
    archives = []
    for at in (1, 2):
        os.utime(tree / files[-1], (at, at))
        out = tmp_path / str(at)
        out.mkdir()
        parts.php(parts.Release(tree, b"", out, "1.2.3", 1_700_000_000))
        archives.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert archives[0] == archives[1]
    with zipfile.ZipFile(io.BytesIO(archives[0]["tada-php-1.2.3.zip"])) as archive:
        assert archive.namelist() == ["php/composer.json", "php/src/a.php"]
    with zipfile.ZipFile(io.BytesIO(archives[0]["tada-wordpress-1.2.3.zip"])) as archive:
        assert archive.namelist() == ["tada-media/LICENSE", "tada-media/lib/a.php", "tada-media/x.php"]
