"""The order in which renders have their turn. It depends on no clock."""

import random

import pytest

from services.transform.render.queue import FairQueue, Ticket

REDUCED, AVIF, FULL = 0.013, 0.24, 8.0
"""Seconds of a small form from a reduction, of an AVIF of half a megapixel, and of a full size with a budget."""


class Waiting:
    """A queue whose tickets have names."""

    def __init__(self, limit: float = 1000.0) -> None:
        self.queue, self.named = FairQueue(limit), dict[str, Ticket]()

    def add(self, name: str, client: str, cost: float, *, late: bool = False) -> list[str] | None:
        ticket = Ticket(cost)
        leaving = self.queue.add(ticket, client, late=late)
        if leaving is None:
            return None
        self.named[name] = ticket
        return [self.name(each) for each in leaving]

    def name(self, ticket: Ticket) -> str:
        return next(name for name, known in self.named.items() if known is ticket)

    def take(self, cost_max: float = float("inf")) -> str | None:
        found = self.queue.take(cost_max)
        return self.name(found[1]) if found else None

    def order(self) -> list[str]:
        found = []
        while name := self.take():
            found.append(name)
        return found


def test_who_comes_first_is_served_first() -> None:
    waiting = Waiting()
    for number in range(5):
        waiting.add(str(number), "a", 0.1)
    assert waiting.order() == ["0", "1", "2", "3", "4"]
    assert (waiting.queue.count, waiting.queue.seconds) == (0, 0.0)


def test_clients_take_turns_however_many_one_of_them_asks_for() -> None:
    waiting = Waiting()
    for number in range(50):
        waiting.add(f"many{number}", "many", 0.1)
    for number in range(3):
        waiting.add(f"few{number}", "few", 0.1)
    assert [name for name in waiting.order()[:7] if name.startswith("few")] == ["few0", "few1", "few2"]


def test_turns_are_counted_in_seconds_of_work() -> None:
    waiting = Waiting()
    for number in range(40):
        waiting.add(f"large{number}", "large", 0.4)
    for number in range(40):
        waiting.add(f"small{number}", "small", 0.1)
    first = waiting.order()[:25]
    work = {
        kind: sum(name.startswith(kind) for name in first) * cost for kind, cost in (("large", 0.4), ("small", 0.1))
    }
    assert abs(work["large"] - work["small"]) <= 0.5


def test_what_is_cheap_passes_what_is_dear_of_another_client_until_both_had_as_much() -> None:
    waiting = Waiting()
    waiting.add("dear", "stranger", 8.0)
    for number in range(100):
        waiting.add(f"small{number}", "page", 0.1)
    order = waiting.order()
    assert order.index("dear") == pytest.approx(80, abs=1)


def test_a_dear_one_is_not_passed_for_ever_by_clients_that_come_anew() -> None:
    waiting = Waiting()
    waiting.add("dear", "stranger", 8.0)
    taken = []
    for number in range(200):
        waiting.add(f"small{number}", f"client{number}", 0.1)
        taken.append(waiting.take())
    assert taken.index("dear") == pytest.approx(80, abs=1)


@pytest.mark.parametrize("page", ["cdn", "page"])
def test_a_page_of_small_forms_passes_what_is_dear_whenever_it_comes(page: str) -> None:
    waiting = Waiting()
    for number in range(3):
        waiting.add(f"full{number}", "cdn", FULL)
    for number in range(48):
        waiting.add(f"avif{number}", "cdn", AVIF)
    before = [waiting.take() for _ in range(20)]
    assert before == [f"avif{number}" for number in range(20)]
    for number in range(50):
        waiting.add(f"small{number}", page, REDUCED)
    order = waiting.order()
    in_front = order[: order.index("small49")]
    assert [name for name in in_front if name.startswith("small")] == [f"small{number}" for number in range(49)]
    assert len(in_front) - 49 <= 3, "the others have as much work as the page, and no more"


def test_of_one_client_a_dear_one_is_not_passed_for_ever_by_cheap_ones() -> None:
    waiting, passed = Waiting(), 0
    waiting.add("full", "cdn", FULL)
    waiting.add("avif", "cdn", AVIF)
    taken: list[str | None] = []
    while not {"full", "avif"} <= set(taken):
        waiting.add(f"small{passed}", "cdn", REDUCED)
        taken.append(waiting.take())
        passed += 1
    assert taken.index("avif") * REDUCED <= AVIF
    assert passed * REDUCED == pytest.approx(FULL, abs=2 * AVIF)


@pytest.mark.parametrize("clients", [1, 100])
def test_a_hundred_at_once_may_wait_where_their_work_may(clients: int) -> None:
    waiting = Waiting(limit=30.0)
    for number in range(100):
        assert waiting.add(str(number), f"client{number % clients}", AVIF) == []
    assert waiting.order() == [str(number) for number in range(100)]


def test_who_is_late_waits_for_all_others() -> None:
    waiting = Waiting()
    waiting.add("late", "spender", 0.1, late=True)
    waiting.add("other", "page", 9.0)
    assert waiting.order() == ["other", "late"]


def test_only_what_is_cheap_enough_is_taken_if_so_asked() -> None:
    waiting = Waiting()
    waiting.add("dear", "a", 3.0)
    waiting.add("cheap", "a", 0.5)
    assert [waiting.take(1.0), waiting.take(1.0), waiting.take()] == ["cheap", None, "dear"]


def test_no_more_waits_than_the_limit_and_who_asks_for_more_is_refused() -> None:
    waiting = Waiting(limit=1.0)
    assert waiting.add("0", "a", 0.5) == []
    assert waiting.add("1", "a", 0.5) == []
    assert waiting.add("2", "a", 0.5) is None
    assert waiting.queue.seconds == 1.0
    waiting.take()
    assert waiting.add("3", "a", 0.5) == []


def test_one_may_always_wait_alone_but_none_where_nothing_may_wait() -> None:
    assert Waiting(limit=1.0).add("dear", "a", 8.0) == []
    assert Waiting(limit=0).add("cheap", "a", 0.01) is None


def test_who_has_most_waiting_makes_room_for_who_has_less() -> None:
    waiting = Waiting(limit=10.0)
    for number in range(10):
        waiting.add(f"many{number}", "many", 1.0)
    assert waiting.add("few0", "few", 1.0) == ["many9"]
    assert waiting.add("few1", "few", 1.5) == ["many8", "many7"]
    assert waiting.add("many10", "many", 1.0) is None
    for number in range(20):
        waiting.add(f"more{number}", "few", 1.0)
    assert abs(waiting.queue.seconds_of("many") - waiting.queue.seconds_of("few")) <= 1.5


def test_of_one_client_what_is_dearest_makes_room_for_what_is_cheaper() -> None:
    waiting = Waiting(limit=20.0)
    for number in range(2):
        waiting.add(f"dear{number}", "a", 8.0)
    waiting.add("dear2", "a", 4.0)
    assert waiting.add("cheap", "a", 0.1) == ["dear1"]
    assert waiting.add("dear3", "a", 8.0) is None


def test_who_is_late_makes_room_first() -> None:
    waiting = Waiting(limit=3.0)
    waiting.add("late", "spender", 1.0, late=True)
    waiting.add("page0", "page", 1.0)
    waiting.add("page1", "page", 1.0)
    assert waiting.add("late1", "other", 1.0, late=True) is None
    assert waiting.add("page2", "page", 1.0) == ["late"]


def test_who_is_late_makes_room_first_and_then_who_has_most_waiting() -> None:
    waiting = Waiting(limit=30.0)
    for number in range(7):
        waiting.add(f"hog{number}", "hog", 4.0)
    waiting.add("late", "spender", 1.0, late=True)
    assert waiting.add("few", "page", 3.0) == ["late", "hog6"]


def test_what_several_wait_for_is_done_when_the_first_of_them_has_a_turn_and_is_no_more_work() -> None:
    waiting = Waiting(limit=6.0)
    for number in range(5):
        waiting.add(f"many{number}", "many", 1.0)
    shared = waiting.named["many4"]
    waiting.queue.join(shared, "page")
    waiting.queue.join(shared, "page")
    assert waiting.queue.seconds == 5.0
    assert "many4" in waiting.order()[:2]
    assert waiting.queue.count == 0


def test_what_another_waits_for_too_makes_no_room() -> None:
    waiting = Waiting(limit=2.0)
    waiting.add("0", "many", 1.0)
    waiting.add("1", "many", 1.0)
    waiting.queue.join(waiting.named["1"], "page")
    assert waiting.add("2", "other", 0.5) == ["0"]


def test_who_leaves_takes_only_his_own_place() -> None:
    waiting = Waiting()
    waiting.add("0", "a", 1.0)
    ticket = waiting.named["0"]
    waiting.queue.join(ticket, "b")
    waiting.queue.leave(ticket, "a")
    assert (waiting.queue.count, waiting.queue.seconds_of("a"), waiting.queue.seconds_of("b")) == (1, 0.0, 1.0)
    waiting.queue.leave(ticket, "b")
    waiting.queue.leave(ticket, "b")
    assert (waiting.queue.count, waiting.queue.seconds, waiting.take()) == (0, 0.0, None)


def test_whatever_happens_nobody_is_lost_and_the_sums_are_right() -> None:
    chance = random.Random(5)
    waiting, inside = Waiting(limit=30.0), set[str]()
    for number in range(3000):
        client = chance.choice("abcdef")
        match chance.randrange(5):
            case 0 | 1:
                leaving = waiting.add(
                    str(number), client, chance.choice([0.01, 0.1, 1.0, 8.0]), late=chance.random() < 0.2
                )
                if leaving is not None:
                    inside = (inside | {str(number)}) - set(leaving)
            case 2 if inside:
                waiting.queue.join(waiting.named[chance.choice(sorted(inside))], client)
            case 3 if inside:
                gone = chance.choice(sorted(inside))
                waiting.queue.leave(waiting.named[gone], client)
                if not waiting.named[gone].clients:
                    inside.remove(gone)
            case 4:
                if taken := waiting.take(chance.choice([1.0, float("inf")])):
                    inside.remove(taken)
        assert waiting.queue.count == len(inside)
        assert waiting.queue.seconds == pytest.approx(sum(waiting.named[name].cost for name in inside))
    assert sorted(waiting.order()) == sorted(inside)


@pytest.mark.parametrize(("cost", "row"), [(0.005, -4), (0.0625, -2), (0.25, -1), (0.999, -1), (1.0, 0), (10.0, 1)])
def test_a_row_has_what_costs_about_the_same(cost: float, row: int) -> None:
    assert Ticket(cost).row == row
    assert 4.0**row <= cost < 4.0 ** (row + 1)
