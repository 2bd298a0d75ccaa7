"""Scripts are called by the names that their files declare."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import NoScriptError

from services.core.state.script import LUA, Script, Source

HELPERS = {
    "count_anew",
    "counting",
    "is_writable",
    "leave_reduction",
    "log_change",
    "now_at",
    "old_addresses",
    "put_aside",
    "retiring",
    "sent_before",
    "webhook_bury",
    "webhook_lanes",
}
"""Functions that scripts use: they are called by scripts, with values and not by names."""
FILES = sorted(path for path in LUA.glob("*.lua") if path.stem not in HELPERS)


class FakeRedis:
    """Keeps what scripts are called with. It has no script until it was sent one."""

    def __init__(self) -> None:
        self.source = ""
        self.calls: list[tuple[list[Any], list[Any]]] = []

    async def evalsha(self, sha: str, count: int, *values: Any) -> str:
        if sha != hashlib.sha1(self.source.encode()).hexdigest():
            raise NoScriptError
        return await self.eval(self.source, count, *values)

    async def eval(self, text: str, count: int, *values: Any) -> str:
        self.source = text
        self.calls.append((list(values[:count]), list(values[count:])))
        return "answer"


def script(name: str, **bound: Any) -> tuple[Script, FakeRedis]:
    redis = FakeRedis()
    return Script(redis, name, **bound), redis  # type: ignore[arg-type]


async def test_keys_and_arguments_are_sent_in_the_order_of_the_file_whatever_that_of_the_call() -> None:
    exchange, redis = script("exchange")
    assert await exchange(wanted="later", claim="now", storage_key="k", claims="tada:claims") == "answer"
    assert redis.calls == [(["tada:claims"], ["k", "now", "later"])]
    assert "local storage_key, claim, wanted = unpack(ARGV)" in redis.source


async def test_what_is_bound_need_not_be_said_in_a_call_and_may_be() -> None:
    release, redis = script("release", claims="tada:claims", claim="mine")
    await release(storage_key="k")
    await release(storage_key="k", claim="another")
    assert redis.calls == [(["tada:claims"], ["k", "mine"]), (["tada:claims"], ["k", "another"])]


async def test_a_name_with_dots_stands_for_all_keys_or_all_arguments() -> None:
    renew, redis = script("renew")
    await renew(leases=["one", "two"], token="t", milliseconds=5)
    read, other = script("read", entries="e", reductions="d", revision="r")
    await read(wanted=[])
    assert redis.calls == [(["one", "two"], ["t", 5])]
    assert other.calls == [(["e", "d", "r"], [])]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"storage_key": "k"}, "release.lua needs claim"),
        ({"storage_key": "k", "claim": "c", "uuid": "u"}, "release.lua has no uuid"),
        ({"storage": "k"}, "release.lua needs claim, storage_key and has no storage"),
    ],
)
async def test_a_call_with_a_name_missing_or_unknown_is_refused(given: dict[str, str], told: str) -> None:
    release, redis = script("release", claims="tada:claims")
    with pytest.raises(TypeError, match=f"^{re.escape(told)}$"):
        await release(**given)
    assert redis.calls == []


def test_an_unknown_name_that_is_bound_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="has no entries"):
        script("release", entries="tada:entries")


def test_names_are_read_from_the_header_with_and_without_what_they_mean() -> None:
    source = Source.of(
        "-- Does it, with KEYS and ARGV.\n-- KEYS one, two\n-- ARGV a: what it is, '' for none\n-- ARGV b\n"
    )
    assert (source.keys, source.arguments) == (("one", "two"), ("a", "b"))


def test_what_a_script_uses_comes_before_it_and_its_flags_first() -> None:
    body = "-- USES put_aside\n-- KEYS one\nput_aside(one)\n"
    source = Source.of(f"#!lua flags=no-writes\n{body}")
    helper = (LUA / "put_aside.lua").read_text()
    assert source.text == f"#!lua flags=no-writes\n{helper}\nlocal one = unpack(KEYS)\n{body}"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("-- KEYS one\n-- ARGV one\n", "declared twice"),
        ("-- KEYS one, one\n", "declared twice"),
        ("-- ARGV one\n-- ARGV more...\n", "stands alone"),
    ],
)
def test_names_that_contradict_each_other_are_refused(header: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Source.of(header)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_every_script_reads_the_names_that_it_declares_and_no_positions(file: Path) -> None:
    text = file.read_text()
    source = Source.of(text)
    body = re.sub(r"--.*", "", text)
    assert "KEYS" not in body
    assert "ARGV" not in body
    for name in (*source.keys, *source.arguments):
        assert re.search(rf"\b{name.removesuffix('...')}\b", body), name
    assert len(source.keys) + len(source.arguments) > 0
    declared = re.findall(r"^-- USES (.*)", text, re.MULTILINE)
    used = set(declared[0].split(", ")) if declared else set()
    assert {helper for helper in HELPERS if f"{helper}(" in body} == used
