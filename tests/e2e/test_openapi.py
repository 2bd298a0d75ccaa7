"""The document against the running service: schemathesis sends what it allows and what it forbids, and judges.

Each service is one of its own, because DELETE /catalog is among the requests.
"""

import io
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
import schemathesis
from hypothesis import strategies as st
from PIL import Image
from schemathesis.core.failures import Failure
from schemathesis.transport.serialization import Binary

from tests.processes.system import System
from tests.support.browsers import CHROMIUM
from tests.support.pdfs import pdf
from tests.support.schema_faults import faults_of

TOKEN = "token-of-the-tests"
PREFIXED = {
    "MEDIA_TOKEN": TOKEN,
    "API_PREFIX": "/prefix",
    "ROUTE_CATALOG_GET": "/list",
    "NAMESPACES_ALLOWED": "DEV,PROD",
    "KEEP_VERSIONS": "2",
    "TRASH_DAYS": "30",
}
CONFIG: dict[str, Any] = {
    "seed": 1,
    "continue-on-failure": True,
    # Beside the cases that cover a schema systematically, this many are made up for each operation.
    "generation": {"max-examples": 4, "database": "none", "no-shrink": True},
    # Not texts out of the sources: the same requests, whatever else changes.
    "analysis": {"constants": {"enabled": False}},
    # 413 is the answer to a list that is too long.
    "checks": {
        "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 412, 413, 415, 429]},
        # What tus says of a request without its version.
        "missing_required_header": {"expected-statuses": [400, 401, 403, 412, 415]},
    },
}
BY_CONTRACT_400 = {
    *("already_exists", "bad_metadata", "catalog_replaced", "not_found", "not_replaceable", "outward_refused"),
    "type_unauthorized",
}
"""Why a request of the right shape is refused: for what there is already, for what its files are, and for addresses
that may not be reached."""
SAID_IN_WORDS = {"filename", "destination", "original_filename", "signature", "uuids", "meta"}
"""Fields with rules that no schema can say: what is left of a name, what the bytes are, as many uuids as files, how
many bytes an object has."""
UNSAID_OF_SEARCHES = (
    "q has no letters and no digits.",
    " words.",
    "The folder is not in the namespace.",
    "is not a cursor of this order.",
    "is an order of entries that have this date.",
    "The search has no condition",
    "The argument 'q' has no value.",
)
"""Why a search with arguments of the right shape is refused."""


def is_by_contract(failure: Failure, case: schemathesis.Case, response: schemathesis.Response) -> bool:
    """Say whether a check contradicts the contract.

    Valid data "should have been accepted", but whether a path is free, an entry exists or bytes are what their name
    says is no property of the data. Section 3: taken paths, unfit types and lists of which nothing succeeds are 400.
    """
    kind = type(failure).__name__
    # A schema cannot say that a body has no more bytes than a header says, or the hash that it says.
    of_bytes = response.status_code in (413, 460) or "Upload-Checksum is not valid." in response.text
    if kind == "RejectedPositiveData" and "/tus" in case.operation.path and of_bytes:
        return True
    # Which ETag an entry has is no property of the data.
    if kind == "RejectedPositiveData" and response.status_code == 412:
        return response.json()["problems"][0]["code"] == "entry_changed"
    if kind == "RejectedPositiveData" and response.status_code == 400:
        items = case.body.get("items", []) if isinstance(case.body, dict) else []
        bodies = [one for one in (case.body, *items) if isinstance(one, dict)]
        named = any(SAID_IN_WORDS & body.keys() for body in bodies)
        codes = {problem["code"] for problem in response.json().get("problems", [{"code": "dump"}])}
        # Where it has no value at hand, schemathesis fills a form with empty texts, which no namespace is.
        unnamed = isinstance(case.body, dict) and case.body.get("namespace") == ""
        # Which arguments a job takes depends on its name.
        misplaced = "This job takes" in response.text
        # Nor can a schema say that one argument needs another.
        alone = "filterByValue needs filterByKey" in response.text
        # Nor that the extension of a name and a format contradict each other.
        contradicted = "with the format" in response.text
        # An empty `expired` says nothing, as a form's select element does.
        nothing = "Nothing to change." in response.text
        # The number that confirms is that of the entries at that moment.
        miscounted = ", send confirm=" in response.text
        # Nor what a word is, where a folder is, or which order a cursor belongs to.
        searched = any(text in response.text for text in UNSAID_OF_SEARCHES)
        # Nor the syntax of a list of ETags.
        conditional = "If-Match is neither" in response.text
        unsaid = misplaced or alone or contradicted or nothing or miscounted or searched or conditional
        return codes <= BY_CONTRACT_400 or named or unnamed or unsaid
    # An empty argument is none: forms send them. Of an argument that is given twice the first counts.
    argument = re.search(r"parameter `(\w+)` in query", failure.message)
    sent = parse_qs(urlsplit(str(response.request.url)).query, keep_blank_values=True)
    empty = argument is not None and sent.get(argument[1], ["1"])[0] == ""
    # All values of a form are texts, of whatever type they were meant to be.
    texts = case.media_type == "multipart/form-data" and "violates `type`" in failure.message
    # A case that schemathesis itself calls valid, once a hook has changed it or a form has made texts of its values.
    valid = "positive test case" in failure.message
    return kind == "AcceptedNegativeData" and (empty or texts or valid)


schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@pytest.fixture(scope="module")
def _types() -> None:
    """Tell schemathesis what files of each type look like."""

    def picture(kind: str, colour: tuple[int, int, int], side: int) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (side, side), colour).save(out, kind)
        return out.getvalue()

    byte = st.integers(0, 255)
    for kind in ("png", "jpeg", "webp"):
        pictures = st.builds(picture, st.just(kind.upper()), st.tuples(byte, byte, byte), st.integers(1, 16))
        schemathesis.openapi.media_type(f"image/{kind}", pictures)
    schemathesis.openapi.media_type("image/svg+xml", st.just(b'<svg xmlns="http://www.w3.org/2000/svg"/>'))
    schemathesis.openapi.media_type("application/pdf", st.just(pdf()))


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A service below a prefix, with a token and another name for the catalog."""
    found = System(tmp_path_factory.mktemp("prefixed"), PREFIXED)
    try:
        found.start()
        yield found
    finally:
        found.stop()


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Send a list of files: what is registered for a type is one file, also where several may come."""
    if isinstance(case.body, dict) and isinstance(case.body.get("files"), bytes | Binary):
        case.body = {**case.body, "files": [case.body["files"]]}


def faults(url: str, without: str = "", **differing: dict[str, Any]) -> list[str]:
    """Send requests as the document at `url` has them, and return what is not as it says.

    `without` is the beginning of paths that are left out.
    """
    whole = schemathesis.openapi.from_url(url, config=schemathesis.Config.from_dict({**CONFIG, **differing}))
    # The addresses of assets are those of other services, with rules that no schema can say.
    own = whole.exclude(tag="delivery")
    schema = own.exclude(path_regex=f"^{without}") if without else own

    @schema.hook
    def filter_failure(
        context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case, response: schemathesis.Response
    ) -> bool:
        return not is_by_contract(failure, case, response)

    return faults_of(schema)


@pytest.mark.usefixtures("_types")
@pytest.mark.timeout(240)
def test_service_is_as_described(make_system: Callable[..., System]) -> None:
    system = make_system(NAMESPACES_ALLOWED="DEV,PROD")
    # A page sends the requests of a program, with a ticket: the next test has a few of them.
    found = faults(f"{system.api.base_url}/openapi.json", without="/direct/tus")
    assert not found, "\n".join(found)


@pytest.mark.usefixtures("_types")
def test_service_with_a_token_below_a_prefix_is_as_described(prefixed: System) -> None:
    # The operations are the same: what differs are their addresses, and who may ask. So a few cases of each will do.
    generation = {**CONFIG["generation"], "max-examples": 2}
    phases = {"coverage": {"enabled": False}}
    auth = {"openapi": {"token": {"bearer": TOKEN}}}
    found = faults(f"{prefixed.api.base_url}/prefix/openapi.json", auth=auth, generation=generation, phases=phases)
    assert not found, "\n".join(found)


def page_of(system: System) -> httpx.Response:
    answer = system.api.get("/prefix/api-docs")
    assert answer.status_code == 200, answer.text
    return answer


def test_page_is_made_of_what_is_beside_it(prefixed: System) -> None:
    page = page_of(prefixed)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert set(re.findall(r"[a-z]+:", policy)) == {"data:", "blob:"}
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    kinds = set()
    for part in set(parts) - {"data:,"}:
        answer = prefixed.api.get(urljoin(str(page.url), part))
        assert answer.status_code == 200, part
        assert answer.headers["x-content-type-options"] == "nosniff"
        kinds.add(answer.headers["content-type"].partition(";")[0])
        again = prefixed.api.get(answer.url, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert kinds == {"text/css", "text/javascript", "application/json"}


def test_page_is_found_with_a_slash_too(prefixed: System) -> None:
    answer = prefixed.api.get("/prefix/api-docs/")
    assert answer.status_code == 308
    assert urljoin(str(answer.url), answer.headers["location"]) == str(page_of(prefixed).url)


def test_page_and_document_need_no_token_and_are_not_public(prefixed: System) -> None:
    for path in ("/prefix/openapi.json", "/prefix/api-docs"):
        assert prefixed.api.get(path).status_code == 200
        assert prefixed.edge.get(path).status_code == 404


@pytest.mark.skipif(not CHROMIUM, reason="needs chromium")
def test_page_works_in_a_browser(prefixed: System, tmp_path: Path) -> None:
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    # No name can be looked up: what is not shipped is not there.
    command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr"]
    command += ["--virtual-time-budget=10000", "--dump-dom", str(page_of(prefixed).url)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    documented = prefixed.api.get("/prefix/openapi.json").json()["paths"]
    assert ended.stdout.count('class="opblock opblock-') == sum(len(methods) for methods in documented.values())
    assert "Content Security Policy" not in ended.stderr
    assert "CONSOLE" not in ended.stderr, ended.stderr
