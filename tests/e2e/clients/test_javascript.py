"""The JavaScript library on a server: uploads, searches and tickets against a running system."""

import json
import random
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.processes.fault_proxy import Faulty
from tests.processes.system import System
from tools.node import node


@pytest.fixture
def run(installed: Path, system: System, tmp_path: Path, photos: dict[str, bytes]) -> Any:
    """Return a function that runs a program with the library; it returns what the program has given to `answer`."""
    (tmp_path / "cat.jpg").write_bytes(photos["china.jpg"])
    (tmp_path / "large.png").write_bytes(photos["astronaut.png"])
    begin = f"""
        import {{ readFileSync }} from 'node:fs'
        import {{ Tada, TadaError, upload, url }} from 'tada-media'
        const file = (name, from = 'cat.jpg') => new File([readFileSync('{tmp_path}/' + from)], name)
        const answer = (value) => console.log(JSON.stringify(value))
        const failed = (error) => error instanceof TadaError
            ? {{ status: error.status, code: error.code, message: error.message, hint: error.hint }} : String(error)
    """

    def run_program(program: str, api: int = system.ports.api) -> Any:
        service = f"const media = new Tada('http://127.0.0.1:{api}/')\n"
        return json.loads(node("--input-type=module", "--eval", begin + service + program, cwd=installed))

    return run_program


def test_a_file_is_uploaded_found_and_shown(run: Any, system: System, name: str) -> None:
    told = run(
        f"""
        const sent = []
        const entry = await media.upload(file('{name}.jpg'), {{
            fields: {{ namespace: 'DEV', alt: 'Dächer', tags: ['a, b', 'c'] }},
            onProgress: (bytes, all) => sent.push([bytes, all]),
        }})
        const shown = await media.get(entry.uuid)
        const found = []
        const wanted = {{ tag: ['a, b', 'c'], namespace: 'DEV', limit: 1 }}
        for await (const each of media.entries(wanted)) found.push(each.uuid)
        answer({{ entry, shown, found, sent, address: url(entry.base_url, entry.unique_name, {{ width: 90 }}) }})
        """
    )
    assert told["entry"]["alt"] == "Dächer"
    assert told["entry"]["tags"] == ["a, b", "c"]
    assert told["shown"]["unique_name"] == f"/DEV/{name}.webp"
    assert told["entry"]["uuid"] in told["found"]
    size = system.api.get(f"/catalog/{told['entry']['uuid']}").json()["data"][0]["size"]
    assert size > 0
    assert told["sent"][-1][0] == told["sent"][-1][1] > 100_000
    assert system.edge.get(told["address"]).headers["content-type"] == "image/webp"


def test_an_asset_is_replaced_changed_and_deleted(run: Any, system: System, name: str) -> None:
    told = run(
        f"""
        const fields = {{ namespace: 'DEV', alt: 'Roofs' }}
        const first = await media.upload(file('{name}.jpg'), {{ fields, wait: 'facts', resumable: false }})
        const other = file('other.png', 'large.png')
        const second = await media.replace(first.uuid, other, {{ fields: {{ alt: 'A woman' }} }})
        const changed = await media.change(first.uuid, {{ caption: 'In orbit', alt: null }})
        await media.delete(first.uuid)
        const gone = await media.delete(first.uuid).catch(failed)
        answer({{ first, second, changed, gone, about: await media.about() }})
        """
    )
    assert (told["first"]["width"], told["first"]["height"]) == (640, 427)
    assert (told["second"]["version"], told["second"]["alt"]) == (2, "A woman")
    assert told["second"]["public_url"] == told["first"]["public_url"]
    assert (told["changed"]["caption"], told["changed"]["alt"]) == ("In orbit", None)
    assert "image/jpeg" in told["about"]["media_types"]
    assert (told["gone"]["status"], told["gone"]["code"]) == (404, "not_found")


def test_a_page_s_ticket_is_for_one_upload(run: Any, name: str) -> None:
    told = run(
        f"""
        const allowed = {{ namespace: 'DEV', filename: '{name}', may_set: ['alt'], max_size: 5000000 }}
        const ticket = await media.ticket(allowed)
        const entry = await upload(ticket, file('x.jpg'), {{ fields: {{ alt: 'A roof' }} }})
        const again = await upload(ticket, file('x.jpg')).catch(failed)
        const large = await upload({{ ...ticket, max_size: 5 }}, file('x.jpg')).catch(failed)
        answer({{ entry, again, large }})
        """
    )
    assert f"/full/DEV/{name}.webp?v=" in told["entry"]["versioned_url"]
    assert told["again"] | {"message": ""} == {
        "status": 403,
        "code": "ticket_used",
        "message": "",
        "hint": "Ask for a new one where you got it.",
    }
    assert told["large"]["code"] == "too_large"
    assert "5 are allowed" in told["large"]["message"]


def test_what_is_refused_is_said(run: Any) -> None:
    told = run(
        """
        const attempts = [
            () => media.upload(file('cat.jpg'), { fields: { namespace: 'NONE' } }),
            () => media.upload(file('cat.png'), { fields: { namespace: 'DEV' }, resumable: true }),
            () => media.get('../files'),
            () => media.search({ nothing: 5 }),
            () => new Tada('http://127.0.0.1:1').get('x'),
            () => media.upload(file('cat.jpg'), { signal: AbortSignal.abort('enough') }),
        ]
        const all = []
        for (const attempt of attempts) all.push(await attempt().catch(failed))
        answer(all)
        """
    )
    assert [each["code"] for each in told[:-1]] == [
        *("namespace_forbidden", "type_unauthorized", "not_found", "bad_request", "network"),
    ]
    assert told[-1] == "enough"


def test_an_upload_survives_a_connection_that_breaks(
    run: Any, system: System, name: str, photos: dict[str, bytes]
) -> None:
    proxy = Faulty(system.ports.api)
    proxy.set("cut")
    mended = Timer(0.7, proxy.set, ["pass"])
    mended.start()
    try:
        told = run(
            f"""
            const options = {{ fields: {{ namespace: 'DEV' }}, resumable: true }}
            answer(await media.upload(file('{name}.png', 'large.png'), options))
            """,
            proxy.port,
        )
    finally:
        mended.join()
        proxy.close()
    assert told["unique_name"] == f"/DEV/{name}.webp"
    assert system.edge.get(f"/assets/media/original/DEV/{name}.png").content == photos["astronaut.png"]


def test_what_has_arrived_is_not_sent_again(run: Any, system: System, name: str, photos: dict[str, bytes]) -> None:
    told = run(
        f"""
        const real = globalThis.fetch
        const bodies = []
        globalThis.fetch = async (address, options) => {{
            if (options.method !== 'PATCH') return real(address, options)
            bodies.push(options.body.size)
            if (bodies.length === 3) return real(address, options)
            // A part of it arrives, and its answer is lost.
            await real(address, {{ ...options, body: options.body.slice(0, 300000) }})
            throw new TypeError('the connection broke')
        }}
        const sent = []
        const onProgress = (bytes) => sent.push(bytes)
        const options = {{ fields: {{ namespace: 'DEV' }}, resumable: true, onProgress }}
        const entry = await media.upload(file('{name}.png', 'large.png'), options)
        answer({{ entry, bodies, sent }})
        """
    )
    size = len(photos["astronaut.png"])
    assert told["bodies"] == [size, size - 300_000, size - 600_000]
    assert told["sent"] == [0, 300_000, 600_000, size]
    assert told["entry"]["unique_name"] == f"/DEV/{name}.webp"
    assert system.edge.get(f"/assets/media/original/DEV/{name}.png").content == photos["astronaut.png"]


def test_an_upload_whose_answer_was_lost_is_one_asset(run: Any, system: System, name: str) -> None:
    told = run(
        f"""
        const real = globalThis.fetch
        let lost = 0
        globalThis.fetch = async (address, options) => {{
            const answered = await real(address, options)
            if (options.method === 'PATCH' && !lost++) throw new TypeError('the connection broke')
            return answered
        }}
        const first = await media.upload(file('{name}.jpg'), {{ fields: {{ namespace: 'DEV' }}, resumable: true }})
        answer({{ first, lost }})
        """
    )
    assert told["lost"] == 2
    assert told["first"]["unique_name"] == f"/DEV/{name}.webp"


def test_an_upload_can_be_stopped_and_resumed_by_another_process(run: Any, name: str) -> None:
    told = run(
        f"""
        const kept = new Map()
        const store = {{
            getItem: (key) => kept.get(key) ?? null,
            setItem: (key, value) => kept.set(key, value),
            removeItem: (key) => kept.delete(key),
        }}
        const options = {{ fields: {{ namespace: 'DEV' }}, resumable: true, store }}
        const stop = new AbortController()
        const onProgress = () => stop.abort(new Error('stopped'))
        const same = file('{name}.jpg')
        const once = {{ ...options, onProgress, signal: stop.signal }}
        const stopped = await media.upload(same, once).catch(failed)
        const remembered = kept.size
        const entry = await media.upload(same, options)
        const left = kept.size
        answer({{ stopped, remembered, entry, left }})
        """
    )
    assert told["stopped"] == "Error: stopped"
    assert (told["remembered"], told["left"]) == (1, 0)
    assert told["entry"]["filename"] == f"{name}.webp"


def test_a_remembered_upload_that_has_ended_begins_anew(run: Any, system: System, name: str) -> None:
    told = run(
        f"""
        const store = {{
            getItem: () => 'http://127.0.0.1:{system.ports.api}/tus/{random.Random(name).randbytes(16).hex()}',
            setItem: (key, value) => {{ store.set = value }},
            removeItem: () => {{}},
        }}
        const options = {{ fields: {{ namespace: 'DEV' }}, resumable: true, store }}
        const entry = await media.upload(file('{name}.jpg'), options)
        answer({{ entry, address: store.set }})
        """
    )
    assert told["entry"]["filename"] == f"{name}.webp"
    assert "/tus/" in told["address"]
