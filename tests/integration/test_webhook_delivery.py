"""Webhooks from the log of changes to a real receiver, by the worker's own loop."""

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook as Verifier

from services.core.assets.entries import Entry
from services.core.errors import BadRequest
from services.core.outward.addresses import Allowed
from services.core.outward.client import Outward
from services.core.state import keys
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis, connect
from services.core.webhooks.held import Held
from services.core.webhooks.registry import Registry
from services.core.webhooks.signing import new_secret
from services.core.webhooks.waiting import State
from services.core.webhooks.webhook import Webhook
from services.jobs import doctor, metrics
from services.jobs.settings import JobsSettings
from services.jobs.webhooks import delivery
from services.jobs.webhooks.courier import Courier
from services.jobs.webhooks.delivery import Purged
from services.jobs.webhooks.sending import Sender
from tests.processes.redis_server import RedisServer
from tests.processes.webhook_receiver import Arrival, Receiver, Reply
from tests.programs.soak_webhooks import compare
from tests.support.catalogs import CatalogUser, an_entry
from tests.support.waits import eventually
from tools.stack import children
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports

FAST = (0.05, 0.1, 0.2, 60.0)
FIXED_SECRET = new_secret()


@pytest.fixture(autouse=True)
def _looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.jobs.webhooks.courier._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("services.jobs.webhooks.courier._AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(delivery, "LOOK_SECONDS", 0.05)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def registry(client: Redis) -> Registry:
    return Registry(client)


async def at_once(number: int, seconds: float) -> bool:
    """There is no cache that could serve an earlier state."""
    return True


@asynccontextmanager
async def courier(
    client: Redis,
    *fixed: str,
    pauses: tuple[float, ...] = FAST,
    allowed: str = "127.0.0.1",
    seconds: float = 0.5,
    purged: Purged = at_once,
) -> AsyncIterator[None]:
    """Deliver while the context is open, as a worker does."""
    outward = Outward(Allowed.parse([allowed] if allowed else []))
    working = asyncio.create_task(
        Courier(client, fixed, purged, Sender(outward, seconds, [FIXED_SECRET]).post, pauses).run()
    )
    try:
        yield
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        outward.close()


async def add(catalog: CatalogUser, name: str) -> Entry:
    entry = an_entry(name)
    await catalog.entries.create(entry)
    return entry


async def delete(catalog: CatalogUser, entry: Entry) -> None:
    await catalog.entries.delete(entry.uuid, lambda _: None)


async def settled(registry: Registry, webhook: Webhook, is_so: Callable[[State], bool], within: float = 10) -> State:
    """Wait until a webhook is so, and return how it is."""

    async def is_now() -> bool:
        return is_so(await registry.waiting(webhook.id).state())

    try:
        await eventually(is_now, within)
    except TimeoutError:
        raise AssertionError(str(await registry.waiting(webhook.id).state())) from None
    return await registry.waiting(webhook.id).state()


async def test_every_event_arrives_signed_and_says_what_happened(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    await add(catalog, "before")
    webhook = await registry.add(Webhook("", receiver.address))
    async with courier(client):
        entry = await add(catalog, "cat")
        await delete(catalog, entry)
        state = await settled(registry, webhook, lambda state: len(receiver.events) == 2 and not state.waiting)
    assert [event["kind"] for event in receiver.events] == ["asset.created", "asset.deleted"]
    first = receiver.arrivals[0]
    sent = Verifier(webhook.secret).verify(first.body, dict(first.headers))
    assert (sent["type"], sent["timestamp"], sent["data"]["unique_name"]) == (
        "asset.created",
        sent["data"]["time"],
        entry.unique_name,
    )
    assert first.headers["webhook-id"] == sent["data"]["id"]
    assert first.headers["content-type"] == "application/json"
    assert state.success is not None
    assert (state.success["status"], state.failure, state.waiting) == (204, None, 0)


async def test_events_of_an_asset_wait_for_the_one_that_fails_and_others_do_not(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    failures = 3

    def reply(arrival: Arrival) -> Reply:
        nonlocal failures
        if arrival.event["unique_name"] == "/DEV/bad.webp" and failures:
            failures -= 1
            return (Reply(500, text="no"), Reply(None), Reply(302, headers={"location": receiver.address}))[failures]
        return Reply()

    receiver.reply = reply
    webhook = await registry.add(Webhook("", receiver.address))
    bad = await add(catalog, "bad")
    await delete(catalog, bad)
    await add(catalog, "good")
    async with courier(client):
        await settled(registry, webhook, lambda _: len(receiver.events) == 3)
    assert [(event["unique_name"], event["kind"]) for event in receiver.events] == [
        ("/DEV/good.webp", "asset.created"),
        ("/DEV/bad.webp", "asset.created"),
        ("/DEV/bad.webp", "asset.deleted"),
    ]
    assert len(receiver.arrivals) == 6, "no redirect is followed"
    assert len({arrival.body for arrival in receiver.arrivals}) == 3, "an event is sent with the same bytes each time"


async def test_no_event_is_sent_before_the_caches_have_its_change(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    has_it = asyncio.Event()

    async def purged(number: int, seconds: float) -> bool:
        return await has_it.wait()

    webhook = await registry.add(Webhook("", receiver.address))
    await add(catalog, "cat")
    async with courier(client, purged=purged):
        await asyncio.sleep(0.3)
        assert receiver.arrivals == []
        has_it.set()
        await settled(registry, webhook, lambda state: state.success is not None)


async def test_a_receiver_that_hangs_delays_no_other_one(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    with Receiver(lambda _: Reply(None, seconds=30)) as hanging:
        stuck = await registry.add(Webhook("", hanging.address))
        other = await registry.add(Webhook("", receiver.address, kinds=("asset.created",)))
        for number in range(20):
            await add(catalog, f"cat{number}")
        async with courier(client, seconds=60):
            await settled(registry, other, lambda _: len(receiver.events) == 20)
            assert len(hanging.arrivals) == delivery.SIDE_BY_SIDE
        assert (await registry.waiting(stuck.id).state()).waiting == 20


async def test_a_worker_that_ends_in_the_middle_is_followed_by_another_that_sends_again(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    webhook = await registry.add(Webhook("", receiver.address))
    await add(catalog, "cat")
    receiver.reply = lambda _: Reply(204, seconds=0.4)
    async with courier(client), courier(client):
        await eventually(lambda: asyncio.sleep(0, len(receiver.arrivals) == 1))
    await asyncio.sleep(0.2)
    assert len(receiver.arrivals) == 1, "one worker delivers at a time"
    receiver.reply = lambda _: Reply()
    async with courier(client):
        await settled(registry, webhook, lambda state: state.success is not None)
    assert len({arrival.number for arrival in receiver.arrivals}) == 1
    assert len(receiver.arrivals) == 2


async def test_a_worker_that_was_frozen_does_no_harm_when_it_goes_on(
    client: Redis,
    server: RedisServer,
    catalog: CatalogUser,
    registry: Registry,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("services.core.state.leases.LEASE_SECONDS", 0.4)
    monkeypatch.setattr("services.core.state.leases._RENEW_SECONDS", 0.05)
    receiver.reply = lambda _: Reply(204, seconds=0.02)
    webhook = await registry.add(Webhook("", receiver.address))
    entry, begun = await add(catalog, "cat"), (await registry.waiting(webhook.id).position()) or 0
    for number in range(30):
        await catalog.entries.change(entry.uuid, lambda old, n=number: replace(old, information=str(n)))  # type: ignore[misc]
    other = asyncio.new_event_loop()

    async def work() -> None:
        async with connect(server.url) as its_client, courier(its_client):
            await asyncio.sleep(3)

    frozen = threading.Thread(target=lambda: other.run_until_complete(work()))
    frozen.start()
    await eventually(lambda: asyncio.sleep(0, len(receiver.arrivals) > 5))
    other.call_soon_threadsafe(time.sleep, 1.2)
    async with courier(client):
        await settled(registry, webhook, lambda state: state.waiting == 0)
        await asyncio.to_thread(frozen.join)
    other.close()
    logged = (await ChangeLog(client).news(begun, 100)).events
    found = compare(logged, receiver.arrivals)
    assert (found.missing, found.early, found.events) == ([], [], 31)
    assert "lease_lost" in caplog.messages
    assert found.attempts <= 31 + 2, "what was being sent is sent again, and nothing else"


async def test_a_receiver_that_is_gone_gets_nothing_until_somebody_says_so(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    webhook = await registry.add(Webhook("", receiver.address))
    receiver.reply = lambda _: Reply(410)
    await add(catalog, "cat")
    async with courier(client, receiver.address):
        state = await settled(registry, webhook, lambda state: state.gone is not None)
        receiver.reply = lambda _: Reply()
        await asyncio.sleep(0.3)
        assert (state.waiting, len(receiver.arrivals)) == (1, 1)
        await registry.change(webhook.id, lambda webhook: webhook, revived=True)
        await settled(registry, webhook, lambda state: state.waiting == 0 and state.success is not None)
        for name in "abcde":
            receiver.reply = lambda _: Reply(410)
            await add(catalog, name)
            await settled(registry, webhook, lambda state: state.gone is not None)
            receiver.reply = lambda _: Reply()
            await registry.change(webhook.id, lambda webhook: webhook, revived=True)
            await settled(registry, webhook, lambda state: state.waiting == 0)


async def test_retry_after_is_a_rest_for_the_whole_receiver(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    webhook = await registry.add(Webhook("", receiver.address))
    replies = iter([Reply(429, headers={"retry-after": "1"})])
    receiver.reply = lambda _: next(replies, Reply())
    await add(catalog, "first")
    begun = time.monotonic()
    async with courier(client):
        await settled(registry, webhook, lambda state: state.failure is not None)
        await add(catalog, "second")
        await settled(registry, webhook, lambda _: len(receiver.events) == 2)
    assert time.monotonic() - begun >= 1
    assert len(receiver.arrivals) == 3


async def test_a_webhook_that_is_set_active_is_sent_at_once_what_waits_for_later(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    webhook = await registry.add(Webhook("", receiver.address))
    receiver.reply = lambda _: Reply(503, headers={"retry-after": "86400"})
    await add(catalog, "cat")
    async with courier(client):
        await settled(registry, webhook, lambda state: state.failure is not None)
        receiver.reply = lambda _: Reply()
        await registry.change(webhook.id, lambda webhook: webhook, revived=True)
        state = await settled(registry, webhook, lambda state: state.waiting == 0)
    assert state.success is not None
    assert len(receiver.arrivals) == 2


async def test_when_a_receiver_is_back_what_waits_for_later_is_sent_at_once(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    webhook = await registry.add(Webhook("", receiver.address))
    receiver.reply = lambda _: Reply(503)
    for number in range(delivery.ROUSED_AFTER + 2):
        await add(catalog, f"cat{number}")
    async with courier(client, pauses=(3600.0,)):
        await eventually(lambda: asyncio.sleep(0, len(receiver.arrivals) == delivery.ROUSED_AFTER + 2))
        receiver.reply = lambda _: Reply()
        await add(catalog, "back")
        await settled(registry, webhook, lambda state: state.waiting == 0)
    assert len(receiver.events) == delivery.ROUSED_AFTER + 3


async def test_what_is_given_up_is_a_dead_letter_that_can_be_replayed(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "WAITING_MAX", 2)
    webhook = await registry.add(Webhook("", receiver.address))
    receiver.reply = lambda _: Reply(500, text="<h1>no</h1>")
    for name in ("a", "b", "c"):
        await add(catalog, name)
    async with courier(client, pauses=(0.05,)):
        await settled(registry, webhook, lambda state: state.dead_letters == 3)
        letters = await registry.waiting(webhook.id).letters(10)
        receiver.reply = lambda _: Reply()
        await registry.waiting(webhook.id).replay(letters, time.time())
        await settled(registry, webhook, lambda state: state.waiting == 0)
    assert sorted(letter.held.reason for letter in letters) == [
        "2 attempts in 0 hours have failed",
        "2 attempts in 0 hours have failed",
        "2 events wait already",
    ]
    tried = [letter.held.last for letter in letters if letter.held.last]
    assert {(attempt.status, attempt.text) for attempt in tried} == {(500, "<h1>no</h1>")}
    assert sorted(event["unique_name"] for event in receiver.events) == ["/DEV/a.webp", "/DEV/b.webp", "/DEV/c.webp"]


async def test_a_receiver_is_told_if_the_log_has_lost_changes_that_it_lacks(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    await add(catalog, "zero")
    webhook = await registry.add(Webhook("", receiver.address, kinds=("asset.created",)))
    for name in ("lost", "kept"):
        await add(catalog, name)
    await client.xtrim(keys.CHANGES, maxlen=1, approximate=False)
    async with courier(client):
        await settled(registry, webhook, lambda _: len(receiver.events) == 2)
    kinds = {event["kind"]: event for event in receiver.events}
    assert kinds.keys() == {"catalog.gap", "asset.created"}
    assert int(kinds["catalog.gap"]["id"]) < int(kinds["asset.created"]["id"])


async def test_what_redis_has_lost_of_the_webhook_is_taken_anew_without_another_change(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    webhook = await registry.add(Webhook("", receiver.address))
    state = keys.webhook(webhook.id, "state")
    before = await registry.waiting(webhook.id).position()
    async with courier(client):
        await add(catalog, "cat")
        await settled(registry, webhook, lambda _: len(receiver.arrivals) == 1)
        await client.hset(state, "position", str(before))  # A replica took over, which has not got this part yet.
        await settled(registry, webhook, lambda _: len(receiver.arrivals) == 2)
    assert len({arrival.number for arrival in receiver.arrivals}) == 1


@pytest.mark.parametrize("allowed", ["", "10.0.0.0/8"])
async def test_no_event_is_sent_to_an_address_inside_the_network(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver, allowed: str
) -> None:
    webhook = await registry.add(Webhook("", receiver.address))
    await add(catalog, "cat")
    async with courier(client, allowed=allowed):
        state = await settled(registry, webhook, lambda state: state.failure is not None)
    assert state.failure is not None
    assert "may not be reached" in state.failure["text"]
    assert (state.waiting, receiver.arrivals) == (1, [])


async def test_fixed_webhooks_are_those_of_the_setting(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver
) -> None:
    with Receiver() as former:
        async with courier(client, former.address):
            await eventually(registry_has(registry, former.address))
        async with courier(client, receiver.address):
            await eventually(registry_has(registry, receiver.address))
            await add(catalog, "cat")
            await eventually(lambda: asyncio.sleep(0, len(receiver.events) == 1))
        [webhook] = await registry.all()
    assert (webhook.fixed, webhook.secret) == (True, ""), "its secret is not in Redis"
    Verifier(FIXED_SECRET).verify(receiver.arrivals[0].body, dict(receiver.arrivals[0].headers))
    assert {key.split(b":")[2].decode() for key in await client.keys("tada:webhook:*")} == {webhook.id}
    assert former.arrivals == []


async def test_those_of_the_setting_take_no_room_from_those_of_clients(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.core.webhooks.registry.WEBHOOKS_MAX", 1)
    address = "https://cms.example.com/tada"
    await registry.with_fixed([f"{address}/fixed"])
    await registry.add(Webhook("", address))
    with pytest.raises(BadRequest, match="1 webhooks already"):
        await registry.add(Webhook("", address))


def registry_has(registry: Registry, address: str) -> Callable[[], "asyncio.Future[bool]"]:
    async def has() -> bool:
        return [webhook.address for webhook in await registry.all()] == [address]

    return lambda: asyncio.ensure_future(has())


async def test_metrics_and_the_doctor_show_what_fails(
    client: Redis, catalog: CatalogUser, registry: Registry, receiver: Receiver, server: RedisServer
) -> None:
    failing = await registry.add(Webhook("", receiver.address))
    await registry.add(Webhook("", receiver.address, active=False))
    receiver.reply = lambda _: Reply(500)
    await add(catalog, "cat")
    async with courier(client, pauses=(60.0,)):
        await settled(registry, failing, lambda state: state.failure is not None)
    await metrics.sample_webhooks(registry)
    assert metrics.WEBHOOK_WAITING._value.get() == 1
    assert 0 < metrics.WEBHOOK_OLDEST._value.get() < 60
    assert [metrics.WEBHOOKS.labels(state)._value.get() for state in metrics.WEBHOOK_STATES] == [1, 1, 0]
    settings = JobsSettings(redis_url=SecretStr(server.url), purge_token=SecretStr("token-of-the-tests"))
    found = [finding async for finding in doctor.webhooks(settings)]
    [mended] = [finding.said for finding in found if finding.mend]
    assert len(found) == 2
    assert failing.id in mended


async def test_the_receiver_of_the_documentation_accepts_what_is_signed_for_it(tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(import base64.+?)```", (ROOT / "docs/integrating.md").read_text(), re.DOTALL)
    (tmp_path / "receiver.py").write_text(program)
    [port] = free_ports(1)
    secret, outward = new_secret(), Outward(Allowed.parse(["127.0.0.1"]))
    environment = {"SECRET": secret, "PORT": str(port)}
    receiving = children.start([sys.executable, str(tmp_path / "receiver.py")], environment, stdout=subprocess.PIPE)
    try:
        event = Held.own("webhook.test", 1_764_530_000_000_000)
        webhook = Webhook("", f"http://127.0.0.1:{port}/", secret=secret)
        sender = Sender(outward, 5, [])

        async def is_there() -> bool:
            return (await sender.post(webhook, event)).status == 204

        await eventually(is_there)
        assert (await sender.post(webhook.rotated(time.time()), event)).status == 204, "the secret before is valid"
        assert (await sender.post(replace(webhook, secret=new_secret()), event)).status == 401
    finally:
        receiving.kill()
        said, _ = receiving.communicate()
        outward.close()
    assert said.splitlines() == [b"1764530000000000 webhook.test None"] * 2
