"""Renders the nginx templates: `${NAME}` in capitals is replaced, nginx' own `$variables` are left alone."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "gateway" / "nginx"
_PLACEHOLDER = re.compile(r"\$\{([A-Z_]+)\}")


def routes(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the placeholders that say where things are for the public, and behind the edge."""
    prefix = settings.get("API_PREFIX", "").rstrip("/")
    assets = prefix + (settings.get("ROUTE_FILE_GET") or "/assets/media").rstrip("/")
    catalog = prefix + (settings.get("ROUTE_CATALOG_GET") or "/catalog").rstrip("/")
    return {
        "PUBLIC_ASSETS": assets,
        "PUBLIC_CATALOG": catalog,
        # Behind the edge everything has its usual place.
        "ASSETS_PATTERN": f"(?:{assets}|/assets/media)",
        "CATALOG_PATTERN": f"(?:{catalog}|/catalog)",
        "PREFIX_PATTERN": f"(?:{prefix})?" if prefix else "",
    }


def cors(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the placeholders for ORIGINS_ALLOWED; a bare name stands for any scheme and port of that host."""
    origins = [origin.strip().rstrip("/") for origin in settings.get("ORIGINS_ALLOWED", "*").split(",")]
    patterns = [
        re.escape(origin) if "://" in origin else rf"https?://{re.escape(origin)}(?::[0-9]+)?"
        for origin in origins
        if origin and "*" not in origins
    ]
    return {"CORS_OTHERS": "*" if "*" in origins else "", "CORS_ORIGINS": "|".join(patterns) or "-"}


def switches(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the placeholders for what is one of a few; raises ValueError for what is neither true nor false."""
    return {
        "LOG_FORMAT": settings.get("LOG_FORMAT") or "json",
        "FORMAT_NEGOTIATION": "on" if _is_true("FORMAT_NEGOTIATION", settings) else "off",
        "SIGNING": "include signing.conf;" if _is_true("SIGNED_URLS", settings) else "",
    }


def patience(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the placeholder for GATEWAY_PATIENCE; raises ValueError for what is no whole number of seconds."""
    given = settings.get("GATEWAY_PATIENCE") or "60"
    if not (given.isascii() and given.isdecimal()):
        raise ValueError(f"GATEWAY_PATIENCE: expected a whole number of seconds, 0 or more (got {given!r})")
    return {"GATEWAY_PATIENCE": given}


def _is_true(name: str, settings: Mapping[str, str]) -> bool:
    given = settings.get(name, "").strip().lower()
    if given not in ("", "true", "false"):
        raise ValueError(f"{name}: expected true or false (got {given!r})")
    return given == "true"


def cache_servers(nodes: Iterable[str]) -> str:
    """Return the lines for the nodes of the cache tier (`address:port`) in an upstream block.

    For one that does not answer the next one is asked. None is left out for a while after that (max_fails): when the
    nodes are replaced one after the other, all could be left out at once.
    """
    return " ".join(f"server {node} max_fails=0;" for node in nodes)


def render(target: Path, main: str, values: dict[str, str]) -> Path:
    """Write the configuration of one nginx into a folder and return its main file (`edge` or `cache`).

    Raises KeyError for a placeholder without a value. The files hold the purge token: only the owner may read them.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in (main, "common", "delivery", "preflight", "signing", "errors", "purge", "metrics"):
        text = (TEMPLATES / f"{name}.conf.template").read_text()
        file = target / f"{name}.conf"
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write(_PLACEHOLDER.sub(lambda match: values[match[1]], text))
    return target / f"{main}.conf"
