import orjson

from services.core.errors import AlreadyExists, BadRequest, DumpError, NoEntry, Subject
from services.core.serving.envelope import envelope, of_entry

TAKEN = AlreadyExists("/DEV/cat.webp", "01-23", "cat.jpg (image/jpeg)")


def test_errors_are_texts_and_problems_say_more_in_the_same_order() -> None:
    wrong = BadRequest("That is wrong.", "Do it right.").about(Subject(uuid="45-67", index=0))
    unknown = NoEntry("89AB").about(Subject(uuid="89AB", index=3, namespace="DEV"))
    assert envelope([{"uuid": "x"}], [wrong, unknown], removed=1) == {
        "data": [{"uuid": "x"}],
        "errors": ["That is wrong.", "UUID not found in namespace DEV"],
        "problems": [
            {
                "code": "bad_request",
                "message": "That is wrong.",
                "hint": "Do it right.",
                "uuid": "45-67",
                "index": 0,
            },
            {
                "code": "not_found",
                "message": "No entry 89AB in the catalog.",
                "hint": "GET /catalog lists all entries.",
                "uuid": "89AB",
                "index": 3,
            },
        ],
        "removed": 1,
    }


def test_the_error_of_one_file_among_several_is_an_object_that_names_it() -> None:
    failures = [
        BadRequest("Empty.").about(Subject(file="a.png", index=0)),
        BadRequest("Empty.").about(Subject(file="b.png", uuid="45-67", index=1)),
        NoEntry("45-67").about(Subject(uuid="45-67", index=2)),
    ]
    assert envelope([], failures, of_files=True)["errors"] == [
        {"message": "Empty.", "filename": "a.png"},
        {"message": "Empty.", "filename": "b.png", "uuid": "45-67"},
        {"message": "UUID not found in namespace undefined", "uuid": "45-67"},
    ]


def test_what_an_error_is_about_is_kept_beside_what_the_request_names() -> None:
    [problem] = envelope([], [TAKEN.about(Subject(file="cat.png", index=2))])["problems"]
    assert (problem["file"], problem["index"]) == ("cat.png", 2)
    assert (problem["unique_name"], problem["uuid"]) == ("/DEV/cat.webp", "01-23")


def test_an_error_about_a_dump_keeps_its_details() -> None:
    [problem] = envelope([], [DumpError("No dump", "It is gone.", "Make one.")])["problems"]
    assert problem["details"] == "It is gone."


def test_an_answer_without_errors_has_both_lists() -> None:
    assert envelope([]) == {"data": [], "errors": [], "problems": []}


def test_an_entry_that_is_json_already_is_answered_as_any_other() -> None:
    assert orjson.loads(of_entry(b'{"uuid": "x"}')) == envelope([{"uuid": "x"}])
