"""What docs/migrating.md shows can be done as it is shown."""

import re

import kubernetes_validate
import yaml

from tools.stack.plan import ROOT

PAGE = (ROOT / "docs" / "migrating.md").read_text()


def test_the_cron_job_of_the_page_is_one_that_kubernetes_takes_and_has_the_token() -> None:
    [shown] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    job = yaml.safe_load(shown)
    kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    [container] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    [variable] = container["env"]
    assert f"Bearer ${variable['name']}" in container["args"][0]
