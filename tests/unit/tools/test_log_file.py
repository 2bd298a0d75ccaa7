from pathlib import Path

from tools.stack.log_file import LogFile


def test_lines_are_in_the_file_at_once_and_after_those_of_the_start_before(tmp_path: Path) -> None:
    path = tmp_path / "tada.log"
    path.write_text("before\n")
    log = LogFile(path)
    print("first", file=log)
    assert path.read_text() == "before\nfirst\n"
    log.close()


def test_a_file_that_is_large_is_put_aside_and_only_one_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "tada.log"
    log = LogFile(path, largest=20)
    for number in range(7):
        print(f"line {number} of some", file=log)
    log.close()
    assert path.with_name("tada.log.1").read_text() == "line 4 of some\nline 5 of some\n"
    assert path.read_text() == "line 6 of some\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_line_is_never_cut_between_two_files(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "tada.log", largest=3)
    print("a long line", file=log)
    log.close()
    assert (tmp_path / "tada.log.1").read_text() == "a long line\n"


def test_it_is_no_terminal(tmp_path: Path) -> None:
    assert not LogFile(tmp_path / "tada.log").isatty()


def test_a_file_that_somebody_has_moved_is_followed_by_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "tada.log"
    log = LogFile(path, largest=3)
    path.rename(tmp_path / "moved")
    print("into the file that was moved", file=log)
    print("into the new file", file=log)
    log.close()
    assert (tmp_path / "moved").read_text() == "into the file that was moved\n"
    assert path.with_name("tada.log.1").read_text() == "into the new file\n"


def test_the_file_stays_in_use_until_a_new_one_can_be_made(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "tada.log"
    path.parent.mkdir()
    log = LogFile(path, largest=3)
    path.parent.rename(tmp_path / "moved")
    print("first", file=log)
    print("second", file=log)
    path.parent.mkdir()
    print("third", file=log)
    print("fourth", file=log)
    log.close()
    assert (tmp_path / "moved" / "tada.log").read_text() == "first\nsecond\nthird\n"
    assert path.with_name("tada.log.1").read_text() == "fourth\n"
