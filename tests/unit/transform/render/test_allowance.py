"""What one client and one asset may cost. The clock is a number."""

from services.core.assets.media_types import JPEG
from services.core.clients import UNKNOWN
from services.transform.render.allowance import CLIENT_SECONDS, FREE_AGAIN, Allowance
from services.transform.render.cost import Source, estimate
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan

CLIENT, OTHER = "203.0.113.7", "203.0.113.8"


def test_a_page_of_48_photographs_in_six_sizes_meets_no_budget() -> None:
    allowance = Allowance(CLIENT_SECONDS)
    largest = estimate(Source(JPEG, 9_000_000, 6000, 4000), Plan(1600), Limits())
    assert 48 * 6 * largest <= 62, "as docs/rendering.md says"
    for photo in range(48):
        for _ in range(6):
            verdict = allowance.judge(CLIENT, str(photo), 0, now=0)
            assert (verdict.late, verdict.retry_after) == (False, 0)
            allowance.spend(CLIENT, str(photo), largest, now=0)


def test_who_has_spent_the_budget_is_late_and_who_has_spent_it_twice_is_refused_for_as_long_as_that_is_true() -> None:
    allowance = Allowance(10)
    allowance.spend(CLIENT, "a", 10, now=0)
    assert allowance.judge(CLIENT, "b", 0, now=0).late
    assert not allowance.judge(CLIENT, "b", 0, now=0).retry_after
    allowance.spend(CLIENT, "b", 13, now=0)
    assert allowance.judge(CLIENT, "c", 0, now=0).retry_after == 3 / FREE_AGAIN
    assert not allowance.judge(CLIENT, "c", 0, now=3 / FREE_AGAIN + 0.1).retry_after
    assert not allowance.judge(CLIENT, "c", 0, now=14 / FREE_AGAIN).late
    assert allowance.judge(OTHER, "c", 0, now=0) == allowance.judge(OTHER, "d", 0, now=1000)


def test_what_a_client_waits_for_counts_before_it_is_made() -> None:
    allowance = Allowance(10)
    assert not allowance.judge(CLIENT, "a", 9, now=0).late
    assert allowance.judge(CLIENT, "a", 11, now=0).late
    assert allowance.judge(CLIENT, "a", 21, now=0).retry_after > 0


def test_no_client_alone_can_spend_what_others_want_of_an_asset() -> None:
    allowance, now = Allowance(10), 0.0
    for _ in range(1000):
        now += 0.5
        if not allowance.judge(CLIENT, "a", 0, now).retry_after:
            allowance.spend(CLIENT, "a", 3, now)
        assert not allowance.judge(OTHER, "a", 0, now).retry_after
    for client in range(100):
        allowance.spend(f"203.0.113.{client}", "a", 1, now)
    assert allowance.judge("198.51.100.1", "a", 0, now).retry_after > 0
    assert not allowance.judge("198.51.100.1", "b", 0, now).late


def test_a_neighbour_may_be_many_clients_and_has_no_budget() -> None:
    allowance = Allowance(10)
    for client in ("10.1.2.3", "127.0.0.1", "fd00::/64", UNKNOWN):
        for asset in range(50):
            allowance.spend(client, str(asset), 1, now=0)
        assert not allowance.judge(client, "0", 0, now=0).late


def test_without_a_budget_nothing_is_late() -> None:
    allowance = Allowance(0)
    allowance.spend(CLIENT, "a", 10_000, now=0)
    assert not allowance.judge(CLIENT, "a", 10_000, now=0).late
    assert not allowance.judge(CLIENT, "a", 10_000, now=0).retry_after


def test_no_more_names_are_known_than_fit_and_who_has_spent_most_is_not_forgotten() -> None:
    allowance = Allowance(10)
    allowance.spend(CLIENT, "a", 1000, now=0)
    for number in range(30_000):
        allowance.spend(f"203.0.{number // 250 + 114}.{number % 250}" if number < 20_000 else OTHER, str(number), 1, 0)
    assert all(len(spending._spent) <= 10_000 for spending in (allowance._clients, allowance._assets))
    assert allowance.judge(CLIENT, "b", 0, now=0).retry_after > 0
