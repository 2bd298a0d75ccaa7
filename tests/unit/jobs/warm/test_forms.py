"""Which forms WARM names: they are asked for by the very addresses that visitors use."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.addresses.arguments import ACCEPTED, DENSITIES
from services.core.addresses.form import BASE, canonical, parse
from services.core.addresses.presets import NAME_PATTERN
from services.core.settings import SettingsError, read
from services.jobs.settings import JobsSettings
from services.jobs.warm import forms
from services.jobs.warm.forms import Form, Outcome

NAMES = ["/DEV/cat.webp", "/DEV/shop/logo.svg", "/DEV/menu.pdf", "/DEV/wave.gif", "/DEV/plain.jpg"]

presets = st.from_regex(NAME_PATTERN, fullmatch=True).filter(lambda name: name != "image")
densities = st.sampled_from(["", *DENSITIES])
accepts = st.sampled_from(["", *ACCEPTED])


@given(presets, densities, accepts, st.sampled_from(NAMES), st.booleans())
def test_the_address_of_a_form_is_the_canonical_one(
    preset: str, density: str, accept: str, name: str, turned: bool
) -> None:
    words = [f"dpr={density}"] * bool(density) + [f"accept={accept}"] * bool(accept)
    text = f"{preset}?{'&'.join(reversed(words) if turned else words)}"
    [form] = forms.read([text], [preset])
    path, _, query = form.path(name).partition("?")
    assert canonical(parse(BASE + path, query, 8192, [preset])) == BASE + form.path(name)
    asked = parse(f"{BASE}/optimise/{preset}{name}", text.partition("?")[2], 8192, [preset])
    accepted = f"{'&' if query else '?'}accept={form.accept}" if form.accept else ""
    assert canonical(asked) == BASE + form.path(name) + accepted


@given(presets, densities, accepts)
def test_a_form_is_written_as_it_is_read(preset: str, density: str, accept: str) -> None:
    form = Form(preset, "" if density == "1" else density, accept)
    assert forms.read([str(form)], [preset]) == (form,)


def test_forms_are_read_in_their_order_and_each_once() -> None:
    texts = [
        "hero",
        "thumb?dpr=2",
        "hero?dpr=1",
        "thumb?accept=avif&dpr=2",
        "thumb?dpr=2&accept=avif",
    ]
    assert forms.read(texts, ["thumb", "hero"]) == (Form("hero"), Form("thumb", "2"), Form("thumb", "2", "avif"))
    assert forms.read([], []) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("card", "'card' is not a name in PRESETS (expected some of thumb, hero)"),
        ("", "'' is not a name in PRESETS"),
        ("200x0", "'200x0' is not a name in PRESETS"),
        ("thumb?dpr=5", "'dpr=5' is not possible; beside a preset there are dpr (1, 1.5, 2, 3, 4) and accept"),
        ("thumb?width=200", "'width=200' is not possible"),
        ("thumb?accept=webp", "'accept=webp' is not possible"),
        ("thumb?dpr", "'dpr' is not possible"),
    ],
)
def test_what_no_address_of_a_preset_can_have_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        forms.read([text], ["thumb", "hero"])


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> JobsSettings:
    for name in ("PRESETS", "WARM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PURGE_TOKEN": "token-of-the-tests", **environment}.items():
        monkeypatch.setenv(name, value)
    return read(JobsSettings)


def test_the_worker_does_not_start_with_a_preset_that_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"PRESETS": "thumb:200x0; hero:1600x0"}
    assert settings(monkeypatch, **known, WARM="thumb, hero?dpr=2").warm_forms == (Form("thumb"), Form("hero", "2"))
    assert settings(monkeypatch, **known).warm_forms == ()
    with pytest.raises(SettingsError, match=r"^WARM: 'card' is not a name in PRESETS \(expected some of thumb, hero\)"):
        settings(monkeypatch, **known, WARM="thumb,card")
    with pytest.raises(SettingsError, match=r"\(there are none\); transform needs the same PRESETS"):
        settings(monkeypatch, WARM="thumb")


@pytest.mark.parametrize(
    ("status", "cache", "outcome"),
    [
        (200, "MISS", Outcome.MADE),
        (200, "EXPIRED", Outcome.MADE),
        (200, "HIT", Outcome.THERE),
        (200, "REVALIDATED", Outcome.THERE),
        (200, "BYPASS", Outcome.BUSY),
        (302, "MISS", Outcome.REFUSED),
        (400, "", Outcome.REFUSED),
        (404, "MISS", Outcome.REFUSED),
        (404, "BYPASS", Outcome.REFUSED),
        (422, "MISS", Outcome.REFUSED),
        (429, "MISS", Outcome.BUSY),
        (500, "MISS", Outcome.REFUSED),
        (502, "", Outcome.BUSY),
        (503, "MISS", Outcome.BUSY),
        (504, "", Outcome.BUSY),
    ],
)
def test_what_an_answer_means(status: int, cache: str, outcome: Outcome) -> None:
    assert forms.outcome(status, cache) is outcome


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("2", 2), ("30", 30), ("3600", 30), ("", 1), ("Wed, 21 Oct 2026 07:28:00 GMT", 1), ("0", 0)],
)
def test_how_long_is_waited(retry_after: str, seconds: float) -> None:
    assert forms.pause(retry_after) == seconds
