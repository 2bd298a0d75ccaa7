"""The files of the library: what comes with it is what it says, and nothing is missing in any language."""

import hashlib
import re
from pathlib import Path

import pytest

from services.catalog.library import files, page
from tools import vendor

STATIC = Path(files.__file__).parent / "static"
LANGUAGES = ("en", "de", "fr")
OWN = [path for path in STATIC.rglob("*") if path.is_file() and "vendor" not in path.parts]
PAGE = STATIC / "messages"
PARTS = sorted(path.parent for path in (STATIC / "later").glob("*/en.js"))


def messages(language: str, folder: Path = PAGE) -> dict[str, set[str]]:
    """Return the values that each message of a language has a place for, by its key."""
    text = (folder / f"{language}.js").read_text()
    return {
        key: set(re.findall(r"\{(\w+)\}", said))
        for key, said in re.findall(r'^  "([^"]+)": (.+),$', text, re.MULTILINE)
    }


def test_modules_of_others_are_the_ones_that_were_taken() -> None:
    lines = [line.split() for line in (vendor.FOLDER / vendor.SUMS).read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    assert sums.keys() == {name for package in vendor.PACKAGES for name in package.files}
    assert {path.name for path in vendor.FOLDER.iterdir()} == {*sums, vendor.SUMS}
    for name, digest in sums.items():
        assert hashlib.sha256((vendor.FOLDER / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("folder", [PAGE, *PARTS], ids=lambda folder: folder.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_there_in_every_language(language: str, folder: Path) -> None:
    assert messages(language, folder) == messages("en", folder)


def test_every_message_that_is_said_is_there() -> None:
    for folder in (STATIC, *PARTS):
        paths = [path for path in OWN if folder in path.parents and (folder != STATIC or path.parent not in PARTS)]
        said = {key for path in paths for key in re.findall(r'\bt\("([^"]+)"', path.read_text())}
        assert said
        assert said <= messages("en").keys() | (messages("en", folder).keys() if folder in PARTS else set())


def test_every_message_is_said_somewhere() -> None:
    text = "\n".join(path.read_text() for path in OWN if path.suffix == ".js" and path.stem not in LANGUAGES)
    whole = set(re.findall(r"""["'`]([\w.]+)["'`]""", text))
    # Some are put together: of the name of a filter or another beginning, and of a value.
    begun = {*re.findall(r"`([\w.]+\.)\$\{", text), "orientation.", "missing.", "expired."}
    for folder in (PAGE, *PARTS):
        unsaid = messages("en", folder).keys() - whole
        assert not [key for key in unsaid if not key.startswith(tuple(begun))], folder.name


@pytest.mark.parametrize("folder", PARTS, ids=lambda folder: folder.name)
def test_texts_of_a_part_are_its_own(folder: Path) -> None:
    assert {key.partition(".")[0] for key in messages("en", folder)} == {folder.name}
    assert not messages("en", folder).keys() & messages("en").keys()


def test_nothing_comes_from_elsewhere() -> None:
    for path in OWN:
        named = re.findall(r"\w*:?//[\w.-]+\.\w+", re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.MULTILINE))
        assert set(named) <= {"http://www.w3.org"}, path.name
    html = page._html(())
    assert "//" not in html
    assert not re.search(r'(?:src|href)="/', html)
    assert "http" not in page._policy((), ())


def test_other_contents_have_another_address() -> None:
    one = files.Files({"a.js": b"1", "b.js": b"2"})
    assert one.version == files.Files({"b.js": b"2", "a.js": b"1"}).version
    others = [{"a.js": b"1"}, {"a.js": b"2", "b.js": b"1"}, {"a.js": b"1", "c.js": b"2"}, {"a.js": b"12", "b.js": b""}]
    assert len({one.version, *(files.Files(other).version for other in others)}) == 5
