"""The OpenAPI document as people and generators use it, against a running system."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from playwright.sync_api import Browser, expect

from tests.processes.system import System
from tests.support import javascript
from tests.support.waits import wait_until
from tools.node import node

FILE = """
    import { readFileSync } from 'node:fs'
    import createClient from 'openapi-fetch'
    import type { components, paths } from './api'

    const [, , address, name] = process.argv
    const client = createClient<paths>({ baseUrl: address! })
    const body = new FormData()
    body.append('namespace', 'DEV')
    body.append('file', new Blob([readFileSync('cat.jpg')]), name)
    const { data, error } = await client.POST('/file', { body: body as never, bodySerializer: (form) => form })
    if (!data) throw new Error(JSON.stringify(error))
    const entry: components['schemas']['Entry'] = data.data[0]!
    const shown = await client.GET('/catalog/{uuid}', { params: { path: { uuid: entry.uuid } } })
    console.log(shown.data?.data[0]?.unique_name)
    const job = await client.POST('/jobs/{job}', { params: { path: { job: 'expire' } }, body: {} })
    const listed = await client.GET('/jobs', { params: { query: { name: 'expire' } } })
    const expired: number | undefined = listed.data?.data[0]?.result?.expired_count
    console.log(job.response.status, typeof expired)
"""


@pytest.fixture(scope="module")
def document(system: System) -> dict[str, Any]:
    found: dict[str, Any] = system.api.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        operation["operationId"]: (path, operation)
        for path, methods in document["paths"].items()
        for operation in methods.values()
    }


def test_addresses_of_assets_answer_as_described(
    system: System, document: dict[str, Any], name: str, photos: dict[str, bytes]
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    unique = f"DEV/{name}.webp"
    listed = operations(document)
    for operation, status, kind, query in (
        ("getOriginal", 302, None, ""),
        ("getWhole", 200, "image/*", "width=90&format=avif&v=8378025ad251"),
        ("getWhole", 400, "application/json", "quality=101"),
        ("getRendition", 200, "image/*", "quality=50&dpr=2&crop=0.5,0.5&fit=cover&blur=2.5&max_kb=20&download=1"),
    ):
        path, described = listed[operation]
        for address in (unique, unique.replace("/", "%2F")):
            here = path.replace("{name}", address).replace("{size}", "90x60")
            answer = system.api.get(f"{here}?{query}", follow_redirects=False)
            assert answer.status_code == status, answer.text
            content = described["responses"][str(status)].get("content")
            assert (kind is None) == (content is None)
            assert kind is None or kind in content
            assert kind is None or answer.headers["content-type"].startswith(kind.removesuffix("*"))
        sent = {pair.partition("=")[0] for pair in query.split("&") if pair}
        assert sent <= {parameter["name"] for parameter in described["parameters"]}
    missing = system.api.get(listed["getWhole"][0].replace("{name}", "DEV/none.webp"))
    assert missing.status_code == 404


def test_results_of_jobs_are_as_described(system: System, document: dict[str, Any]) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "sync": {"dry_run": True},
        "expire": {},
        "describe": {},
        "reduce": {},
        "empty_trash": {"dry_run": True},
        "create_dump": {},
        "restore_dump": {"dry_run": True},
    }
    asked = []
    for job, body in bodies.items():
        answer = system.api.post(f"/jobs/{job}", json=body)
        assert answer.status_code == 202, answer.text
        asked.append(answer.json()["data"][0]["id"])
        wait_until(lambda: system.api.get(f"/jobs/{asked[-1]}").json()["data"][0]["ended_at"], within=20)
    answered = system.api.get("/jobs?limit=100").json()
    schema = {**document["components"]["schemas"]["Jobs"], "components": document["components"]}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(answered)] == []
    known = document["components"]["schemas"]["ResultOfJob"]["properties"].keys()
    results = {job["name"]: job["result"] for job in answered["data"] if job["id"] in asked}
    assert results.keys() == bodies.keys()
    for job, result in results.items():
        assert result, job
        assert result.keys() <= known, job


def test_what_is_uploaded_by_the_page_to_try_it_is_seen(
    system: System, chromium: Browser, name: str, photos: dict[str, bytes], tmp_path: Path
) -> None:
    photo = tmp_path / f"{name}.jpg"
    photo.write_bytes(photos["china.jpg"])
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{system.ports.api}/api-docs#/files/uploadFile")
    block = page.locator("#operations-files-uploadFile")
    block.get_by_role("button", name="Try it out").click()
    block.locator("input[type=file]").set_input_files(photo)
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table td.response-col_description:not(.col_header)")
    expect(answer).to_contain_text(f"{name}.webp", timeout=15_000)
    entry = system.api.get(f"/catalog/search?q={name}").json()["data"][0]
    assert (entry["expired"], entry["expiration_date"], entry["visible_from"]) == (False, None, None)
    assert system.edge.get(entry["public_url"]).status_code == 200
    page.close()


def test_types_for_typescript_are_made_of_it(
    system: System, document: dict[str, Any], name: str, photos: dict[str, bytes], tmp_path: Path
) -> None:
    project = javascript.project("openapi")
    shutil.copytree(project, tmp_path, dirs_exist_ok=True, symlinks=True)
    (tmp_path / "cat.jpg").write_bytes(photos["china.jpg"])
    (tmp_path / "use.ts").write_text(FILE)
    node(
        "node_modules/openapi-typescript/bin/cli.js",
        f"{system.api.base_url}/openapi.json",
        "-o",
        "api.ts",
        cwd=tmp_path,
    )
    options = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2023", "--module", "esnext"]
    more = ["--moduleResolution", "bundler", "--types", "node", "--outDir", "out"]
    node("node_modules/typescript/bin/tsc", *options, *more, "use.ts", cwd=tmp_path)
    said = node("out/use.js", str(system.api.base_url), f"{name}.jpg", cwd=tmp_path)
    assert re.match(rf"/DEV/{name}\.webp\n202 (number|undefined)\n", said), said
