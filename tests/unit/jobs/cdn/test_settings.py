"""Settings of CDNs that cannot be right are refused, with what to do."""

import pytest

from services.core.settings import SettingsError, read
from services.jobs.cdn.targets import targets
from services.jobs.settings import JobsSettings

TOKEN = {"PURGE_TOKEN": "a-token-of-16-letters"}
SECRET = "whsec_" + "A" * 32
GOOD = {
    "CDN_CLOUDFLARE_ZONE": "0123456789abcdef" * 2,
    "CDN_CLOUDFLARE_TOKEN": "x",
    "CDN_FASTLY_SERVICE": "SU1Z0isxPaozGVKXdv0eY",
    "CDN_FASTLY_TOKEN": "x",
    "CDN_CLOUDFRONT_DISTRIBUTION": "E1ABCDEF",
    "CDN_VARNISH": "http://one:80, http://two:80",
    "CDN_WEBHOOK": "https://example.com/purge",
    "CDN_WEBHOOK_SECRET": SECRET,
    "CDN_SECONDS": "86400",
}


def settings(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> JobsSettings:
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**TOKEN, **given}.items():
        monkeypatch.setenv(name, value)
    return read(JobsSettings)


def test_every_cdn_that_is_named_is_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [target.name for target in targets(settings(monkeypatch, GOOD))]
    varnish = ["varnish http://one:80", "varnish http://two:80"]
    assert names == [*varnish, "cloudflare", "fastly", "cloudfront", "webhook"]
    assert targets(settings(monkeypatch, {})) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"CDN_CLOUDFLARE_ZONE": "example.com"},
            "CDN_CLOUDFLARE_ZONE: expected the 32 hex digits of a zone, or nothing",
        ),
        ({"CDN_CLOUDFLARE_ZONE": "0" * 32}, "CDN_CLOUDFLARE_ZONE: expected together with CDN_CLOUDFLARE_TOKEN"),
        ({"CDN_FASTLY_TOKEN": "x"}, "CDN_FASTLY_SERVICE: expected together with CDN_FASTLY_TOKEN"),
        ({"CDN_FASTLY_SERVICE": "a/../b", "CDN_FASTLY_TOKEN": "x"}, "CDN_FASTLY_SERVICE: expected an id"),
        (
            {"CDN_CLOUDFRONT_ACCESS_KEY": "x", "CDN_CLOUDFRONT_SECRET_KEY": "x"},
            "CDN_CLOUDFRONT_ACCESS_KEY: expected CDN_CLOUDFRONT_DISTRIBUTION beside it",
        ),
        ({"CDN_VARNISH": "varnish:80"}, "CDN_VARNISH: 'varnish:80': expected addresses such as http://varnish:80"),
        ({"CDN_VARNISH": "http://a:99999"}, "CDN_VARNISH: 'http://a:99999': expected addresses such as"),
        (
            {"CDN_WEBHOOK": "https://example.com:x/", "CDN_WEBHOOK_SECRET": SECRET},
            "CDN_WEBHOOK: expected a host, and a port from 1 to 65535",
        ),
        ({"CDN_VARNISH": "http://a:80,http://a:80"}, "CDN_VARNISH: expected each address once"),
        ({"CDN_WEBHOOK": "https://example.com", "CDN_WEBHOOK_SECRET": "x"}, "CDN_WEBHOOK_SECRET: expected whsec_"),
        ({"CDN_SECONDS": "60"}, "CDN_SECONDS: expected 0, because no CDN is purged"),
        ({"CDN_VARNISH": "http://a:80", "CDN_TAGS": "off"}, "CDN_TAGS: expected tags, because a CDN is purged by them"),
        ({"CDN_TAGS": "My Shop"}, "CDN_TAGS: expected 1 to 32 characters of a-z, 0-9 and -"),
    ],
)
def test_what_cannot_be_right_is_refused(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(monkeypatch, given)
    assert any(line.startswith(said) for line in refused.value.lines), refused.value.lines
    assert SECRET not in str(refused.value)
