from tools.stack.restarts import RESTARTS_MAX, WINDOW_SECONDS, Restarts


def test_each_pause_within_a_minute_is_longer_and_after_the_fifth_there_is_no_restart() -> None:
    restarts = Restarts()
    assert [restarts.after_end(100.0 + second) for second in range(6)] == [0.5, 1, 2, 4, 8, None]


def test_what_is_a_minute_ago_is_forgotten() -> None:
    restarts = Restarts()
    for second in range(RESTARTS_MAX):
        restarts.after_end(second)
    assert restarts.after_end(WINDOW_SECONDS - 0.1) is None
    assert restarts.after_end(WINDOW_SECONDS) == 8
    assert restarts.after_end(3 * WINDOW_SECONDS) == 0.5


def test_rare_ends_never_end_the_system() -> None:
    restarts = Restarts()
    assert {restarts.after_end(hour * 3600) for hour in range(100)} == {0.5}
