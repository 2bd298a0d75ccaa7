import ast
import inspect
import re
from pathlib import Path

import pytest

from services.core import errors
from services.core.errors import Subject, TadaError
from services.core.serving import older_texts

SERVICES = Path(__file__).parents[3] / "services"

CAT_EXISTS = errors.AlreadyExists("/DEV/cat.webp", "01-23", "cat.jpg (image/jpeg)")


def every_error() -> list[type[TadaError]]:
    kinds = [TadaError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return kinds


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.BadRequest("no"), 400, "bad_request"),
        (CAT_EXISTS, 400, "already_exists"),
        (errors.TypeUnauthorized("text/html", "hint"), 400, "type_unauthorized"),
        (errors.NotReplaceable("no"), 400, "not_replaceable"),
        (errors.Unauthorized(), 401, "unauthorized"),
        (errors.Forbidden("no"), 403, "forbidden"),
        (errors.NamespaceForbidden("TEST", ("DEV",)), 403, "namespace_forbidden"),
        (errors.NotFound("no"), 404, "not_found"),
        (errors.NoEntry("01-23"), 404, "not_found"),
        (errors.FileTooLarge(7), 413, "too_large"),
        (errors.NoFile("no"), 400, "bad_request"),
        (errors.TooLarge("no"), 413, "too_large"),
        (errors.Undecodable("no"), 422, "undecodable"),
        (errors.SignatureMismatch("no"), 500, "signature_mismatch"),
        (errors.Unavailable("no"), 503, "unavailable"),
        (errors.StorageDown("no"), 503, "storage_down"),
        (TadaError("no"), 500, "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, TadaError) else "",
)
def test_every_error_has_its_status_and_its_code(error: TadaError, status: int, code: str) -> None:
    assert (error.status, error.code) == (status, code)
    assert error.public()["code"] == code
    assert error.public()["message"] == error.message == str(error)


def test_the_messages_that_clients_know_are_word_for_word_theirs() -> None:
    assert CAT_EXISTS.message == "File already exists in catalog, please use patch instead."
    assert errors.TypeUnauthorized("text/html", "hint").message == "File type text/html unauthorized."


def test_who_sends_a_file_twice_is_told_how_to_replace_it() -> None:
    assert CAT_EXISTS.subject == Subject(unique_name="/DEV/cat.webp", uuid="01-23")
    hint = CAT_EXISTS.public()["hint"]
    assert hint.startswith("cat.jpg (image/jpeg) is at /DEV/cat.webp. PATCH /file/01-23 replaces it")


@pytest.mark.parametrize("error", [CAT_EXISTS, errors.FileTooLarge(7), errors.StorageDown("down")], ids=repr)
def test_what_a_request_names_is_said_beside_what_an_error_is_about(error: TadaError) -> None:
    own = error.subject
    told = error.about(Subject(file="cat.jpg", uuid="45-67"))
    assert told.subject == Subject(file="cat.jpg", uuid=own.uuid or "45-67", unique_name=own.unique_name)
    assert (type(told), told.args, told.public()) == (type(error), error.args, error.public())
    assert error.subject == own, "others may have the same error"


def test_a_hint_is_told_when_there_is_one() -> None:
    assert errors.NotFound("Gone.", "Look elsewhere.").public()["hint"] == "Look elsewhere."
    assert "hint" not in errors.NotFound("Gone.").public()


def test_every_refusal_that_a_client_can_act_on_is_raised_with_a_hint() -> None:
    own = [kind for kind in every_error() if kind.__module__ == errors.__name__]
    refusals = {kind.__name__ for kind in own if 400 <= kind.status < 500}
    raised, bare = 0, []
    for file in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in refusals:
                parameters = inspect.signature(getattr(errors, node.func.id)).parameters.values()
                given, can_have = len(node.args) + len(node.keywords), len(parameters)
                raised += 1
                if given < can_have:
                    bare.append(f"{file.relative_to(SERVICES)}:{node.lineno}")
    assert raised > 40
    assert bare == []


def test_a_forbidden_namespace_is_told_with_those_that_are_allowed() -> None:
    public = errors.NamespaceForbidden("TEST", ("DEV", "PROD")).public()
    assert "TEST" in public["message"]
    assert public["hint"] == "Use one of: DEV, PROD."


def test_no_two_errors_have_the_same_code_of_their_own() -> None:
    codes = [kind.code for kind in every_error() if "code" in vars(kind)]
    assert sorted(codes) == sorted(set(codes))


def test_an_error_without_a_code_of_its_own_has_a_text_of_its_own() -> None:
    assert {kind for kind in every_error() if "code" not in vars(kind)} <= older_texts._TEXTS.keys()


def test_what_can_be_tried_again_says_when() -> None:
    assert {kind for kind in every_error() if kind.retry_after} == {
        kind for kind in every_error() if kind.status in (423, 503, 507)
    }


def test_the_tree_at_the_top_of_the_file_is_the_tree() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+) +(\d{3})?", errors.__doc__ or ""))
    kinds = {kind.__name__: kind for kind in every_error() if kind is not TadaError}
    assert drawn.keys() == kinds.keys()
    assert {name: kinds[name].status for name, status in drawn.items() if status} == {
        name: int(status) for name, status in drawn.items() if status
    }
