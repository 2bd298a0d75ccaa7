"""A mixed load that checks every answer: uploads, replacements, deletes, reads of what is cached and of what is not.

What may be seen of an asset follows from what was asked and what was acknowledged. A version may be seen from the
moment in which its write was sent. It may not be seen by whoever asks after a later change was acknowledged with
`X-Purge: done`. Everything else may be seen until `settle` has found out how it ended: the outcome of a write that got
no answer, and what a purge that was only `queued` had still to remove.
"""

import hashlib
import itertools
import math
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import httpx

from tests.processes.system import System
from tests.support import version_pictures
from tests.support.waits import wait_until

Kind = Literal["cached", "changing", "uncached", "upload", "replace", "delete"]
"""Reads are of what both tiers hold and nobody changes; of the same forms of what is changed all the while; and of
sizes that nobody has asked for before."""
Outcome = Literal["ok", "queued", "refused", "lost", "wrong"]
"""`queued`: written, and the caches are purged later. `refused`: 503 with Retry-After. `lost`: no connection, or no
whole answer. `wrong`: whatever may never be."""

ASSETS_PER_WRITER = 6
STEADY = 3
PATIENCE = 20.0
"""Seconds a client waits for an answer."""
AGAIN_AFTER = 0.4
"""Seconds a client that writes waits after a failure."""
_READS: tuple[Kind, ...] = ("cached", "changing", "uncached")
_FORMS = (
    "/assets/media/original/DEV/{name}.jpg",
    "/assets/media/optimise/64x0/DEV/{name}.webp",
    "/assets/media/optimise/48x48/DEV/{name}.webp?format=jpeg",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One request: when it ended (monotonic), how long it took, and what came of it."""

    at: float
    seconds: float
    kind: Kind
    outcome: Outcome
    cache_status: str = ""


@dataclass(slots=True)
class Version:
    """One state of an asset. `signature` is empty for its absence; `until` is None while it may still be seen."""

    number: int
    signature: str
    since: float
    until: float | None = None


@dataclass(slots=True)
class Asset:
    number: int
    name: str
    versions: list[Version] = field(default_factory=lambda: [Version(0, "", 0.0)])
    uuid: str = ""
    doubtful: bool = False
    """A write got no answer: nobody knows what it has come to."""

    def may_be(self, signature: str, asked: float) -> bool:
        return any(
            version.signature == signature and (version.until is None or version.until >= asked)
            for version in reversed(self.versions)
        )

    def began(self, signature: str) -> Version:
        """Note that a write has been sent."""
        version = Version(len(self.versions), signature, time.monotonic())
        self.versions.append(version)
        return version

    def is_alone(self, version: Version) -> None:
        """Note that only this version is there from now on."""
        now = time.monotonic()
        for other in self.versions:
            if other is not version and other.until is None:
                other.until = now


class Load:
    """`wrong` says what was seen that may never be seen; `events` has everything else."""

    def __init__(self, system: System, writers: int = 2, readers: int = 3, pause: float = 0.01) -> None:
        self._system = system
        self._pause = pause
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], tuple[str, int, str]] = {}
        self.assets = [
            [
                Asset(number, f"load-{number}")
                for number in range(writer * ASSETS_PER_WRITER, (writer + 1) * ASSETS_PER_WRITER)
            ]
            for writer in range(writers)
        ]
        self._all = [asset for own in self.assets for asset in own]
        self._steady: list[Asset] = []
        self._readers = readers
        self.events: list[Event] = []
        self.wrong: list[str] = []
        self.acknowledged = 0

    def prepare(self) -> None:
        """Upload what is never changed, and have both tiers hold it."""
        self._steady = [self._one_more([]) for _ in range(STEADY)]
        for asset in self._steady:
            content = version_pictures.picture(asset.number, 1, 20_000)
            version = asset.began(hashlib.sha256(content).hexdigest())
            asset.uuid = self._system.upload(f"{asset.name}.jpg", content)["uuid"]
            asset.is_alone(version)
        for path in self.steady_paths():
            wait_until(lambda path=path: self._system.edge.get(path).headers["x-cache-status"] == "HIT")

    def steady_paths(self) -> list[str]:
        """Return the addresses of what both tiers hold."""
        return [form.format(name=asset.name) for asset in self._steady for form in _FORMS]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Run all clients until the end of the block; raises what went wrong in a client itself."""
        self._stop.clear()
        with ThreadPoolExecutor(len(self.assets) + self._readers) as pool:
            clients: list[Future[None]] = [pool.submit(self._write, own) for own in self.assets]
            clients += [pool.submit(self._read, seed) for seed in range(self._readers)]
            try:
                yield self
            finally:
                self._stop.set()
        for client in clients:
            client.result()

    def last_failure(self, since: float) -> float:
        """Return when the last request ended that was not answered as it should be; `since` if there was none."""
        return max((event.at for event in self.between(since) if event.outcome != "ok"), default=since)

    def works_since(self, moment: float) -> bool:
        """Say whether reads and writes that were sent after a moment have been answered well."""
        kinds = {
            event.kind for event in self.between(moment) if event.at - event.seconds > moment and event.outcome == "ok"
        }
        return {"cached", "changing", "uncached"} <= kinds and not kinds.isdisjoint({"upload", "replace"})

    def between(self, start: float, end: float = math.inf) -> list[Event]:
        """Return what ended between two moments, the latest first."""
        recent = itertools.takewhile(lambda event: event.at > start, reversed(self.events))
        return [event for event in recent if event.at <= end]

    def settle(self) -> None:
        """Find out what is there now: to be called when no client runs and every change has been purged.

        From here on exactly that may be seen. What was acknowledged must be there.
        """
        for asset in self._all:
            if asset.doubtful:
                self._find_out(asset)
            else:
                asset.is_alone(asset.versions[-1])

    def _find_out(self, asset: Asset) -> None:
        path = f"/catalog?filterByKey=unique_name&filterByValue=/DEV/{asset.name}.webp"
        entries = self._system.api.get(path).json()
        signature = entries[0]["signature"] if entries else ""
        found = [one for one in asset.versions if one.signature == signature and one.until is None]
        if not found:
            self.wrong.append(f"{asset.name}: lost, or an old version is back: {signature or 'nothing'}")
            found = [asset.began(signature)]
        asset.uuid, asset.doubtful = (entries[0]["uuid"] if entries else ""), False
        asset.is_alone(found[-1])
        # The last in the list is the current one.
        asset.versions.remove(found[-1])
        asset.versions.append(found[-1])

    def check_originals(self) -> None:
        """Ask for the bytes of every asset through both entries, once it is settled what they must be."""
        for asset in self._all:
            for client in (self._system.edge, self._system.api):
                self._look(client, asset, _FORMS[0].format(name=asset.name), "changing")

    # Reading

    def _read(self, seed: int) -> None:
        chance = random.Random(seed)
        edge, api = (
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)
            for port in (self._system.ports.edge, self._system.ports.api)
        )
        with edge, api:
            while not self._stop.is_set():
                kind = chance.choices(_READS, (2, 3, 1))[0]
                asset = chance.choice(self._steady if kind == "cached" else self._all)
                client = edge if chance.random() < 0.8 else api
                if kind != "uncached":
                    self._look(client, asset, chance.choice(_FORMS).format(name=asset.name), kind)
                else:
                    size = f"width={chance.randint(40, 128)}&quality={chance.randint(60, 100)}"
                    self._look(client, asset, f"/assets/media/full/DEV/{asset.name}.webp?{size}", "uncached")
                self._stop.wait(self._pause)

    def _look(self, client: httpx.Client, asset: Asset, path: str, kind: Kind) -> None:
        asked = time.monotonic()
        try:
            answer = client.get(path)
        except httpx.TransportError:
            self._note(kind, asked, "lost")
            return
        cache_status = answer.headers.get("x-cache-status", "")
        if answer.status_code == 503 and answer.headers.get("retry-after"):
            self._note(kind, asked, "refused")
            return
        said = self._judge(asset, path, answer, asked)
        if said:
            late = time.monotonic() - asked
            self.wrong.append(f"{asset.name} {client.base_url}{path}: {said} ({cache_status}, {late:.3f} s)")
        self._note(kind, asked, "wrong" if said else "ok", cache_status)

    def _judge(self, asset: Asset, path: str, answer: httpx.Response, asked: float) -> str:
        """Return what is wrong with an answer, or nothing."""
        if answer.status_code == 404:
            return "" if asset.may_be("", asked) else "not found"
        if answer.status_code != 200:
            return f"{answer.status_code}: {answer.text[:200]}"
        if "/original/" in path:
            signature = hashlib.sha256(answer.content).hexdigest()
            if not any(version.signature == signature for version in asset.versions):
                return "other bytes than were ever sent"
        else:
            try:
                signature = self._signature_of(asset, path, answer)
            except (version_pictures.Unreadable, KeyError) as error:
                return f"another picture: {error}"
        if answer.headers["etag"].strip('"').split("-")[0] != signature[:32]:
            return "an ETag of other bytes"
        if asset.may_be(signature, asked):
            return ""
        [stale] = [version for version in asset.versions if version.signature == signature]
        return f"version {stale.number}, {asked - (stale.until or 0):.3f} s after the change was acknowledged"

    def _signature_of(self, asset: Asset, path: str, answer: httpx.Response) -> str:
        """Return the signature of the version that a picture shows; raises Unreadable, KeyError for another asset's.

        What has the same address and ETag has the same bytes, and is looked at once.
        """
        known = (path, answer.headers["etag"])
        digest = hashlib.sha256(answer.content).hexdigest()
        if known not in self._seen:
            number, version = version_pictures.read(answer.content)
            if number != asset.number:
                raise KeyError(f"asset {number}")
            [signature] = [one.signature for one in asset.versions if one.number == version]
            self._seen[known] = digest, version, signature
        seen, _, signature = self._seen[known]
        if seen != digest:
            raise version_pictures.Unreadable("other bytes under the same ETag")
        return signature

    # Writing

    def _write(self, own: list[Asset]) -> None:
        chance = random.Random(own[0].number)
        with httpx.Client(base_url=f"http://127.0.0.1:{self._system.ports.api}", timeout=PATIENCE) as client:
            while not self._stop.is_set():
                sound = [asset for asset in own if not asset.doubtful] or [self._one_more(own)]
                done = self._change(client, chance.choice(sound), chance)
                self._stop.wait(self._pause * 5 if done else AGAIN_AFTER)

    def _one_more(self, own: list[Asset]) -> Asset:
        with self._lock:
            asset = Asset(len(self._all), f"load-{len(self._all)}")
            self._all.append(asset)
        own.append(asset)
        return asset

    def _change(self, client: httpx.Client, asset: Asset, chance: random.Random) -> bool:
        """Make one change, and say whether it was acknowledged."""
        if asset.uuid and chance.random() < 0.2:
            version = asset.began("")
            request = client.build_request("DELETE", f"/file/{asset.uuid}")
            kind: Kind = "delete"
        else:
            content = version_pictures.picture(asset.number, len(asset.versions), chance.randint(1000, 60_000))
            version = asset.began(hashlib.sha256(content).hexdigest())
            files = {"file": (f"{asset.name}.jpg", content)}
            if asset.uuid:
                kind, request = "replace", client.build_request("PATCH", f"/file/{asset.uuid}", files=files)
            else:
                kind = "upload"
                request = client.build_request("POST", "/file", files=files, data={"namespace": "DEV"})
        sent = time.monotonic()
        try:
            answer = client.send(request)
        except httpx.TransportError:
            asset.doubtful = True
            self._note(kind, sent, "lost")
            return False
        if answer.status_code == 200:
            if answer.headers["x-purge"] == "done":
                asset.is_alone(version)
            asset.uuid = "" if kind == "delete" else answer.json()["data"][0]["uuid"]
            self.acknowledged += 1
            self._note(kind, sent, "ok" if answer.headers["x-purge"] == "done" else "queued")
            return True
        asset.doubtful = True
        if answer.status_code == 503 and answer.headers.get("retry-after"):
            self._note(kind, sent, "refused")
        else:
            self.wrong.append(f"{asset.name} {kind}: {answer.status_code}: {answer.text[:200]}")
            self._note(kind, sent, "wrong")
        return False

    def _note(self, kind: Kind, asked: float, outcome: Outcome, cache_status: str = "") -> None:
        now = time.monotonic()
        self.events.append(Event(now, now - asked, kind, outcome, cache_status))
