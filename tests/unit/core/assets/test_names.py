import re
import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.core.assets import names
from services.core.assets.names import AssetName
from services.core.errors import BadRequest, TypeUnauthorized

DEFAULT_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/svg+xml", "application/pdf"})
EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/webp": "webp",
    "image/svg+xml": "svg",
    "application/pdf": "pdf",
}


def name_of(
    given_name: str,
    media_type: str = "image/jpeg",
    *,
    namespace: str = "DEV",
    destination: str | None = None,
    convert: bool = True,
) -> AssetName:
    converted = names.is_converted(media_type, convert, default=True)
    return names.name_asset(namespace, destination, given_name, media_type, DEFAULT_TYPES, converted)


@pytest.mark.parametrize(
    ("media_type", "to_webp", "default", "is_converted"),
    [
        ("image/jpeg", None, True, True),
        ("image/jpeg", None, False, False),
        ("image/webp", None, True, True),
        ("image/avif", False, True, False),
        ("image/png", True, False, True),
        ("image/gif", None, True, False),
        ("image/gif", None, False, False),
        ("image/gif", False, True, False),
        ("image/gif", True, True, True),
        ("image/gif", True, False, True),
        ("image/svg+xml", True, True, False),
        ("application/pdf", None, True, False),
    ],
)
def test_a_picture_becomes_webp_by_default_and_a_gif_only_when_it_is_asked_for(
    media_type: str, to_webp: bool | None, default: bool, is_converted: bool
) -> None:
    assert names.is_converted(media_type, to_webp, default=default) is is_converted


@pytest.mark.parametrize(("converted", "filename"), [(False, "wave.gif"), (True, "wave.webp")])
def test_a_gif_is_named_by_what_is_delivered(converted: bool, filename: str) -> None:
    named = names.name_asset("DEV", None, "wave.GIF", "image/gif", frozenset({"image/gif"}), converted)
    assert (named.filename, named.original_filename) == (filename, "wave.gif")


@pytest.mark.parametrize(
    ("given_name", "media_type", "filename", "original"),
    [
        ("cat.jpg", "image/jpeg", "cat.webp", "cat.jpg"),
        ("cat.png", "image/png", "cat.webp", "cat.png"),
        ("cat.webp", "image/webp", "cat.webp", "cat.webp"),
        ("cat.svg", "image/svg+xml", "cat.svg", "cat.svg"),
        ("cat.pdf", "application/pdf", "cat.pdf", "cat.pdf"),
        ("test name forbidden.jpg", "image/jpeg", "test_name_forbidden.webp", "test_name_forbidden.jpg"),
        ("Été à Orléans.png", "image/png", "Ete_a_Orleans.webp", "Ete_a_Orleans.png"),
        ("E\u0301te\u0301.png", "image/png", "Ete.webp", "Ete.png"),
        ("me@home-2_b.jpg", "image/jpeg", "me@home-2_b.webp", "me@home-2_b.jpg"),
        ("archive.2026.01.jpeg", "image/jpeg", "archive_2026_01.webp", "archive_2026_01.jpeg"),
        ("CAT.JPG", "image/jpeg", "CAT.webp", "CAT.jpg"),
        ("cat", "image/jpeg", "cat.webp", "cat.jpg"),
        ("v1.2", "image/png", "v1_2.webp", "v1_2.png"),
        ("..jpg", "image/jpeg", None, None),
        ("50% off?#&+.jpg", "image/jpeg", "50__off____.webp", "50__off____.jpg"),
    ],
)
def test_a_name_is_made_safe_and_carries_the_extension_of_what_is_delivered(
    given_name: str, media_type: str, filename: str | None, original: str | None
) -> None:
    if filename is None:
        with pytest.raises(BadRequest):
            name_of(given_name, media_type)
        return
    named = name_of(given_name, media_type)
    assert (named.filename, named.original_filename) == (filename, original)


@pytest.mark.parametrize(
    ("given_name", "media_type"),
    [("cat.jpg", "image/jpeg"), ("cat.png", "image/png"), ("cat.svg", "image/svg+xml"), ("cat.pdf", "application/pdf")],
)
def test_without_conversion_the_name_stays_what_it_was(given_name: str, media_type: str) -> None:
    named = name_of(given_name, media_type, convert=False)
    assert named.filename == named.original_filename == given_name


def test_two_uploads_that_differ_in_their_extension_alone_end_in_one_path() -> None:
    assert name_of("a.png", "image/png").unique_name == name_of("a.jpg").unique_name == "/DEV/a.webp"


@pytest.mark.parametrize(
    ("destination", "folder", "unique_name"),
    [
        (None, "DEV", "/DEV/cat.webp"),
        ("", "DEV", "/DEV/cat.webp"),
        ("  ", "DEV", "/DEV/cat.webp"),
        ("/", "DEV", "/DEV/cat.webp"),
        ("DEV", "DEV", "/DEV/cat.webp"),
        ("shop", "shop", "/DEV/shop/cat.webp"),
        ("/shop/2026/", "shop/2026", "/DEV/shop/2026/cat.webp"),
        ("été 2026/à voir", "ete_2026/a_voir", "/DEV/ete_2026/a_voir/cat.webp"),
        ("a.b", "a_b", "/DEV/a_b/cat.webp"),
        ("1/2/3/4/5/6/7/8/9/10", "1/2/3/4/5/6/7/8/9/10", "/DEV/1/2/3/4/5/6/7/8/9/10/cat.webp"),
    ],
)
def test_a_destination_is_a_folder_below_the_namespace(destination: str | None, folder: str, unique_name: str) -> None:
    named = name_of("cat.jpg", destination=destination)
    assert named.destination == folder
    assert named.unique_name == unique_name


@pytest.mark.parametrize(
    "destination",
    [
        "..",
        "../PROD",
        "a/../../PROD",
        "a/./b",
        ".",
        "a//b",
        "a\\b",
        "..\\PROD",
        "a\x00b",
        "a\nb",
        "///a//..//",
        "1/2/3/4/5/6/7/8/9/10/11",
        "日本",
        "a/!!!",
    ],
)
def test_a_destination_that_is_no_plain_folder_path_is_refused(destination: str) -> None:
    with pytest.raises(BadRequest):
        name_of("cat.jpg", destination=destination)


@pytest.mark.parametrize(
    "given_name",
    ["../cat.jpg", "/etc/cat.jpg", "a/b.jpg", "C:\\cat.jpg", "..\\cat.jpg", "cat\x00.jpg", "cat\r\n.jpg", "", ".jpg"],
)
def test_a_file_name_with_path_tricks_or_without_a_usable_character_is_refused(given_name: str) -> None:
    with pytest.raises(BadRequest):
        name_of(given_name)


@pytest.mark.parametrize(
    ("given_name", "media_type", "named_type"),
    [
        ("cat.png", "image/jpeg", "image/png"),
        ("cat.jpg", "image/png", "image/jpeg"),
        ("cat.html", "image/svg+xml", "text/html"),
        ("cat.exe", "image/png", "application/octet-stream"),
        ("cat.pdf", "image/webp", "application/pdf"),
        ("cat.gif", "image/gif", "image/gif"),
        ("cat.png", "image/gif", "image/gif"),
        ("cat", "image/tiff", "image/tiff"),
    ],
)
def test_a_type_that_is_not_allowed_or_not_what_the_name_claims_is_refused(
    given_name: str, media_type: str, named_type: str
) -> None:
    with pytest.raises(TypeUnauthorized) as refusal:
        name_of(given_name, media_type)
    assert refusal.value.message == f"File type {named_type} unauthorized."
    assert refusal.value.status == 400


@given(
    base=st.text(max_size=200),
    media_type=st.sampled_from(sorted(EXTENSIONS)),
    destination=st.none() | st.text(max_size=100),
    convert=st.booleans(),
)
@example(base="a" * 300, media_type="image/jpeg", destination="b" * 300, convert=False)
@example(base="ﬃ" * 90, media_type="image/png", destination="ﷺ" * 90, convert=True)
def test_whatever_a_client_says_the_path_is_safe_or_refused(
    base: str, media_type: str, destination: str | None, convert: bool
) -> None:
    try:
        named = name_of(f"{base}.{EXTENSIONS[media_type]}", media_type, destination=destination, convert=convert)
    except BadRequest:
        return
    assert names.is_unique_name(named.unique_name)
    assert named.unique_name.startswith("/DEV/")
    assert ".." not in named.unique_name
    assert max(len(named.filename), len(named.original_filename)) <= names.NAME_MAX == 90
    kept = set(string.ascii_letters + string.digits + "-@_")
    assert set(named.filename.rpartition(".")[0]) <= kept
    assert set(named.destination) <= kept | {"/"}


LONG = "An_exceptionally_long_name_of_a_press_photograph_taken_at_the_annual_general_meeting_in_spring_part_"


@pytest.mark.parametrize(("one", "other"), [("1", "2"), ("", "_"), ("x" * 500, "x" * 501), ("1.2", "1.3")])
def test_long_names_that_begin_alike_are_two_assets(one: str, other: str) -> None:
    first, second = name_of(f"{LONG}{one}.png", "image/png"), name_of(f"{LONG}{other}.png", "image/png")
    assert first.unique_name != second.unique_name
    assert first == name_of(f"{LONG}{one}.png", "image/png"), "and the same name is the same asset"
    for named in (first, second):
        assert len(named.original_filename) == names.NAME_MAX - 1
        assert named.original_filename.startswith(LONG[:76])
        assert name_of(named.original_filename, "image/png") == named, "what was cut fits"


def test_long_folders_that_begin_alike_are_two_folders() -> None:
    first, second = (name_of("cat.jpg", destination=f"{LONG}{part}/x").destination for part in "12")
    assert first != second
    assert names.is_unique_name(f"/DEV/{first}/cat.webp")


@pytest.mark.parametrize("length", [84, 85])
def test_a_name_that_fits_stays_and_a_longer_one_is_cut(length: int) -> None:
    assert name_of(f"{'a' * length}.jpg").filename == f"{'a' * length}.webp"
    assert name_of(f"{'a' * 86}.jpg").filename != f"{'a' * 85}.webp"


@pytest.mark.parametrize("length", [1, 80, 84, 85])
def test_a_number_stands_at_the_end_of_a_name_that_still_fits(length: int) -> None:
    own = names.name_asset("DEV", "pets", "a" * length, "image/png", frozenset({"image/png"}), converted=True)
    numbered = [names.numbered(own, number) for number in (2, 3, 524_289)]
    assert len({one.unique_name for one in (own, *numbered)}) == 4
    for one, number in zip(numbered, (2, 3, 524_289), strict=True):
        assert one.filename.endswith(f"-{number}.webp")
        assert one.original_filename == one.filename.replace(".webp", ".png")
        assert names.is_unique_name(one.unique_name)
        assert one.destination == "pets"
    assert (length > 1) or numbered[0].filename == "a-2.webp"


@pytest.mark.parametrize(
    ("given_name", "filename"),
    [
        ("Mr.T", "Mr_T.webp"),
        ("Plan.A", "Plan_A.webp"),
        ("Vitamin.C", "Vitamin_C.webp"),
        ("U.S.A", "U_S_A.webp"),
        ("Pac.Man", "Pac_Man.webp"),
        ("Mr.Me", "Mr_Me.webp"),
        ("a.b.c.jpg", "a_b_c.webp"),
        ("J.Smith", "J_Smith.webp"),
        ("v1.0", "v1_0.webp"),
    ],
)
def test_the_end_of_a_name_is_no_extension(given_name: str, filename: str) -> None:
    named = name_of(given_name)
    assert (named.filename, named.original_filename.rpartition(".")[2]) == (filename, "jpg")


@pytest.mark.parametrize(
    ("given_name", "media_type", "original"),
    [
        ("photo.jfif", "image/jpeg", "photo.jfif"),
        ("photo.JFIF", "image/jpeg", "photo.jfif"),
        ("photo.pjp", "image/jpeg", "photo.pjp"),
        ("photo.jpe", "image/jpeg", "photo.jpe"),
        ("photo.pjpeg", "image/jpeg", "photo.jpg"),
        ("photo.apng", "image/png", "photo.apng"),
    ],
)
def test_all_extensions_of_a_type_name_one_asset(given_name: str, media_type: str, original: str) -> None:
    named = name_of(given_name, media_type)
    assert (named.unique_name, named.original_filename) == ("/DEV/photo.webp", original)


def test_an_extension_that_is_too_long_to_fit_beside_the_longest_name_is_the_usual_one() -> None:
    assert len(name_of(f"{'a' * 85}.pjpeg").original_filename) <= names.NAME_MAX


@given(st.text(alphabet=string.ascii_letters + string.digits + "-@_", min_size=1, max_size=85))
def test_a_safe_name_is_kept_as_it_is(base: str) -> None:
    assume(base.strip("_"))
    assert name_of(f"{base}.jpg").original_filename == f"{base}.jpg"


@given(st.text(max_size=60))
def test_making_a_name_safe_twice_changes_nothing_more(base: str) -> None:
    try:
        once = name_of(f"{base}.jpg").original_filename
    except BadRequest:
        return
    assert name_of(once).original_filename == once


def test_the_storage_key_is_the_path_without_its_first_slash() -> None:
    assert names.plain_storage_key("/DEV/shop/cat.webp") == "DEV/shop/cat.webp"


def test_spare_storage_keys_differ_and_can_be_no_assets_plain_key() -> None:
    spares = {names.spare_storage_key("/DEV/cat.webp") for _ in range(50)}
    assert len(spares) == 50
    assert all(spare.startswith("DEV/cat.webp.") for spare in spares)
    assert not any(names.is_unique_name(f"/{spare}") for spare in spares)


@pytest.mark.parametrize(
    "path",
    ["/DEV/cat.webp", "/DEV/a/b/c/cat.webp", "/DEV/me@home-1_2.svg", f"/DEV/{'a' * 90}.webp", "/dumps/x.json"],
)
def test_a_path_of_a_namespace_folders_and_a_file_can_be_an_asset(path: str) -> None:
    assert names.is_unique_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/cat.webp",
        "DEV/cat.webp",
        "/DEV/cat",
        "/DEV/cat.",
        "/DEV/.webp",
        "/DEV//cat.webp",
        "/DEV/../cat.webp",
        "/DEV/a.b/cat.webp",
        "/DEV/cat.webp/",
        "/DEV/cat.webp\n",
        "/DEV/c at.webp",
        "/DEV/%2e%2e.webp",
        "/DEV/été.webp",
        "/DEV/cat.tar.gz",
        f"/DEV/{'a' * 91}.webp",
        f"/DEV{'/a' * 12}.webp",
    ],
)
def test_any_other_path_cannot_be_an_asset(path: str) -> None:
    assert not names.is_unique_name(path)


@pytest.mark.parametrize("segment", ["DEV", "a-b", "a_b", "me@home", "1", "x" * 90])
def test_a_namespace_may_have_letters_digits_and_three_signs(segment: str) -> None:
    assert names.is_safe_segment(segment)


@pytest.mark.parametrize("segment", ["", "a b", "a/b", "..", "a.b", "é", "DEV\n", "x" * 91])
def test_a_namespace_may_have_nothing_else(segment: str) -> None:
    assert not names.is_safe_segment(segment)


@given(st.from_regex(re.compile(r"/[A-Z]{1,5}/[a-z@_-]{1,9}\.(jpg|webp|svg)"), fullmatch=True))
def test_the_extension_of_a_path_can_be_changed_and_changed_back(path: str) -> None:
    extension = path.rpartition(".")[2]
    other = names.with_extension(path, "gif")
    assert other.endswith(".gif")
    assert names.stem(other) == names.stem(path)
    assert names.with_extension(other, extension) == path
