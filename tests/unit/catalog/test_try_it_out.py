"""The page to try the API fills forms with examples and sends them. None may hide or change anything unasked."""

import html
import json
import re
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from services.catalog import openapi
from services.catalog.operations import operations, paths
from services.catalog.routes import docs_page
from services.catalog.settings import CatalogSettings
from tests.support.browsers import CHROMIUM
from tests.support.served_folder import served

WANTED = ("/file", "/file/{uuid}", "/catalog", "/catalog/{uuid}", "/jobs")
PAGE = """<!doctype html><meta charset="utf-8"><div id="page"></div><pre id="found"></pre>
<script src="swagger-ui.js"></script>
<script src="document.js"></script>
<script>
function look() {
  const found = {};
  for (const block of document.querySelectorAll(".opblock")) {
    const filled = {};
    for (const row of block.querySelectorAll("tr[data-property-name], tr[data-param-name]"))
      for (const field of row.querySelectorAll("input:not([type=checkbox]):not([type=file]), select, textarea"))
        filled[row.dataset.propertyName || row.dataset.paramName] = field.value;
    for (const body of block.querySelectorAll("textarea.body-param__text")) filled.body = body.value;
    found[block.id] = filled;
  }
  document.querySelector("#found").textContent = JSON.stringify(found);
}
const shown = {spec, dom_id: "#page", docExpansion: "full", tryItOutEnabled: true};
SwaggerUIBundle(shown);
setInterval(look, 1000);
</script>"""


@pytest.mark.skipif(not CHROMIUM, reason="needs chromium")
@pytest.mark.timeout(300)
def test_what_is_filled_in_hides_and_changes_nothing(tmp_path: Path) -> None:
    settings = CatalogSettings(data_folder_path=tmp_path)
    document = openapi.document(settings, paths(operations(settings), protected=False), protected=False)
    document["paths"] = {path: document["paths"][path] for path in WANTED}
    (tmp_path / "document.js").write_text(f"const spec = {json.dumps(document)};")
    bundle = resources.files("offapi").joinpath(docs_page._SHIPPED[docs_page._SCRIPT])
    (tmp_path / "swagger-ui.js").write_bytes(bundle.read_bytes())
    (tmp_path / "page.html").write_text(PAGE)
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=30000", "--dump-dom"]
    with served(tmp_path) as address:
        command.append(f"{address}/page.html")
        ended = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    [text] = re.findall(r'<pre id="found">(.*?)</pre>', ended.stdout, re.DOTALL)
    found = json.loads(html.unescape(text))
    form = found["operations-files-uploadFile"]
    assert form.pop("namespace") == "DEV"
    assert {"destination", "filename", "expired", "expiration_date", "external_id", "focus_x", "toWebp"} <= form.keys()
    assert set(form.values()) == {""}
    assert set(found["operations-files-changeFile"].values()) == {""}
    assert {"filterByKey", "limit", "cursor"} <= found["operations-catalog-listEntries"].keys()
    assert set(found["operations-catalog-listEntries"].values()) == {""}
    assert (found["operations-jobs-listJobs"]["status"], found["operations-jobs-listJobs"]["name"]) == ("", "")
    assert "expir" not in found["operations-catalog-changeEntry"]["body"]
