"""Renders the configuration of one nginx: settings from the environment → placeholders → files.

    TIER=edge|cache PURGE_TOKEN=… render.py          write the files and print the path of the main one
    TIER=edge|cache render.py listen                 print the address:port of the tier's main server

entrypoint.sh runs this program in the image; `make run` and the tests import it. It needs nothing but the part of the
standard library that Debian has in python3-minimal. README.md explains each setting and each placeholder.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path


def servers(addresses: Iterable[str]) -> str:
    """Return the lines for an upstream block.

    If one does not answer, nginx asks the next one. `max_fails=0`: nginx leaves none out for a while after a failure.
    When the nodes are replaced one after the other, all could be left out at once.
    """
    return " ".join(f"server {address} max_fails=0;" for address in addresses)


TIERS = ("edge", "cache")
DEFAULTS = {
    "TIER": "",
    "PURGE_TOKEN": "",
    "SECRETS_FOLDER_PATH": "",
    "EDGE_LISTEN": "0.0.0.0:8080",
    "CACHE_LISTEN": "0.0.0.0:8081",
    "API_LISTEN": "0.0.0.0:3001",
    "UPLOAD_LISTEN": "0.0.0.0:8082",
    "METRICS_LISTEN": "0.0.0.0:9145",
    "DOCS_DIR": "",
    "API_PREFIX": "",
    "ROUTE_FILE_GET": "/assets/media",
    "ROUTE_CATALOG_GET": "/catalog",
    "ORIGINS_ALLOWED": "*",
    "FORMAT_NEGOTIATION": "false",
    "SIGNED_URLS": "false",
    "LOG_FORMAT": "json",
    "GATEWAY_PATIENCE": "60",
    "CACHE_SERVERS": "",
    "CATALOG_SERVERS": servers(["catalog:3010"]),
    "TRANSFORM_SERVERS": servers(["transform:3020"]),
    "RUN_DIR": "/run/tada",
    "CACHE_DIR": "/var/cache/tada/store",
    "CACHE_MAX_SIZE": "10g",
    # Bodies that are too large for nginx' buffers wait on the disk of the cache; RUN_DIR may be memory.
    "TEMP_DIR": "/var/cache/tada/temp",
    # On the volume of the cache: what is stored is of use only with what the node knows of it.
    "GENERATIONS_FILE": "/var/cache/tada/generations",
    "MODULES_DIR": "/usr/lib/nginx/modules",
    "LUA_DIR": "/opt/tada/lua",
    "TEMPLATES_DIR": "/opt/tada/templates",
}
"""Every setting, by the name of its environment variable, and its value when the variable is empty or not set."""

_MAIN_LISTENS = ("EDGE_LISTEN", "CACHE_LISTEN", "API_LISTEN")
_OPTIONAL = ("METRICS_LISTEN", "UPLOAD_LISTEN")
_SUFFIX = ".conf.template"
_PLACEHOLDER = re.compile(r"\$\{([A-Z_]+)\}")
_PATH = re.compile(r"(/[A-Za-z0-9_-]+)+")
_ORIGIN = re.compile(r"[\[\]A-Za-z0-9.:/*-]*")
_ADDRESS = re.compile(r"([A-Za-z0-9.*-]+|\[[0-9A-Fa-f:.]+\]):[0-9]+")


class SettingError(ValueError):
    """A setting is not valid; the message names it and says what is expected."""


def render(environment: Mapping[str, str]) -> Path:
    """Write all files of a tier into RUN_DIR and return the path of the main one. Raises SettingError.

    The files hold the purge token: only their owner may read them.
    """
    settings = read(environment)
    values = placeholders(settings)
    run, templates = Path(settings["RUN_DIR"]), Path(settings["TEMPLATES_DIR"])
    generations = Path(settings["GENERATIONS_FILE"])
    for folder in (run, Path(settings["CACHE_DIR"]), Path(settings["TEMP_DIR"]), generations.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tier = settings["TIER"]
    for template in sorted(templates.glob(f"*{_SUFFIX}")):
        name = template.name.removesuffix(_SUFFIX)
        if name == tier or name not in TIERS:
            _write(run / f"{name}.conf", _PLACEHOLDER.sub(lambda match: values[match[1]], template.read_text()))
    return run / f"{tier}.conf"


def _write(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)


def read(environment: Mapping[str, str]) -> dict[str, str]:
    """Return every setting. An empty variable means the default, but for those in _OPTIONAL: there it means none."""
    settings = {name: environment.get(name) or default for name, default in DEFAULTS.items()}
    return settings | {name: environment.get(name, DEFAULTS[name]) for name in _OPTIONAL}


def placeholders(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each placeholder. Raises SettingError for the first setting that is not valid."""
    _check_tier(settings)
    return {
        **settings,
        "PURGE_TOKEN": _token(settings),
        **routes(settings),
        **_cors(settings),
        "LOG_FORMAT": _log_format(settings),
        "FORMAT_NEGOTIATION": "on" if _is_true("FORMAT_NEGOTIATION", settings) else "off",
        "SIGNING": "include signing.conf;" if _is_true("SIGNED_URLS", settings) else "",
        "EXPLAINING": "include explaining.conf;" if _is_true("SIGNED_URLS", settings) else "",
        "GATEWAY_PATIENCE": _patience(settings),
        "METRICS": _metrics(settings),
        "UPLOADS": _uploads(settings),
        "DOCS": _docs(settings),
        "GENERATIONS_FILE": _generations_file(settings),
        # The internal entry asks the cache tier, which is the same nginx.
        "CACHE_SERVERS": settings["CACHE_SERVERS"]
        or servers(["cache:8081" if settings["TIER"] == "edge" else f"127.0.0.1:{_port(settings['CACHE_LISTEN'])}"]),
    }


def listen(settings: Mapping[str, str]) -> str:
    """Return the address:port of the tier's main server, which answers /healthz. Raises SettingError."""
    _check_tier(settings)
    return settings[f"{settings['TIER'].upper()}_LISTEN"]


def routes(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the placeholders for the public paths, and for the same paths behind the edge. Raises SettingError."""
    prefix = settings["API_PREFIX"].rstrip("/")
    if prefix and not _PATH.fullmatch(prefix):
        raise SettingError(f"API_PREFIX: expected a path such as /prefix, or nothing (got {prefix!r})")
    assets, catalog = prefix + _route("ROUTE_FILE_GET", settings), prefix + _route("ROUTE_CATALOG_GET", settings)
    return {
        "PUBLIC_DIRECT": f"{prefix}/direct",
        "PUBLIC_ASSETS": assets,
        "PUBLIC_CATALOG": catalog,
        # Behind the edge there is no prefix, and each path is the default one.
        "ASSETS_PATTERN": f"(?:{assets}|{DEFAULTS['ROUTE_FILE_GET']})",
        "CATALOG_PATTERN": f"(?:{catalog}|{DEFAULTS['ROUTE_CATALOG_GET']})",
        "PREFIX_PATTERN": f"(?:{prefix})?" if prefix else "",
    }


def _route(name: str, settings: Mapping[str, str]) -> str:
    path = settings[name].rstrip("/")
    if not _PATH.fullmatch(path):
        raise SettingError(f"{name}: expected a path such as {DEFAULTS[name]} (got {path!r})")
    return path


def _cors(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the placeholders for ORIGINS_ALLOWED.

    A name alone means any scheme and any port of that host. What is between two slashes is a regular expression, as the
    older service read it: it may match anywhere in the origin.
    """
    given = [origin.strip() for origin in settings["ORIGINS_ALLOWED"].split(",")]
    expressions = [origin for origin in given if origin.startswith("/")]
    origins = ["".join(origin.split()).removesuffix("/") for origin in given if origin not in expressions]
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingError(f"ORIGINS_ALLOWED: {origin!r} is not a valid origin")
    lines = [f'"~{_quoted(_expression(each))}" $http_origin;' for each in expressions]
    if "*" in origins:
        return {"CORS_OTHERS": "*", "CORS_ORIGINS": "-", "CORS_EXPRESSIONS": ""}
    patterns = [
        re.escape(origin) if "://" in origin else rf"https?://{re.escape(origin)}(?::[0-9]+)?"
        for origin in origins
        if origin
    ]
    return {
        "CORS_OTHERS": "",
        "CORS_ORIGINS": "|".join(patterns) or "-",
        "CORS_EXPRESSIONS": "\n    ".join(lines),
    }


def _expression(text: str) -> str:
    """Return what is between the slashes; raises SettingError if it is not a regular expression."""
    inner = text[1:-1]
    try:
        re.compile(inner)
        re.compile(f"(?:{inner})")  # As the catalog service uses it: `(?i)` at the beginning is none there.
    except re.error as error:
        raise SettingError(f"ORIGINS_ALLOWED: {text!r} is not a valid regular expression ({error})") from None
    if not inner or not text.endswith("/") or not inner.isprintable():
        raise SettingError(f"ORIGINS_ALLOWED: {text!r}: expected a regular expression between two slashes, no comma")
    return inner


def _quoted(text: str) -> str:
    """Return a text as it stands between double quotes in the configuration of nginx."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _check_tier(settings: Mapping[str, str]) -> None:
    if settings["TIER"] not in TIERS:
        raise SettingError(f"TIER: expected edge or cache (got {settings['TIER']!r})")


def _token(settings: Mapping[str, str]) -> str:
    """Return the purge token. A file `purge_token` in a folder of SECRETS_FOLDER_PATH stands in for the variable.

    Without a token the template's empty text would let everybody purge. The allowed characters are those that the jobs
    worker allows too. They need no escaping in the regular expression that the template makes of the token.
    """
    token = settings["PURGE_TOKEN"]
    for folder in settings["SECRETS_FOLDER_PATH"].split(","):
        file = Path(folder) / "purge_token"
        if folder and not token and os.access(file, os.R_OK):
            token = file.read_text().rstrip("\n")
    if not token:
        raise SettingError("PURGE_TOKEN: expected a token, the same as the jobs worker has (openssl rand -hex 32)")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", token):
        raise SettingError("PURGE_TOKEN: expected only letters, digits, _ and -")
    if not 16 <= len(token) <= 128:
        raise SettingError("PURGE_TOKEN: expected 16 to 128 characters")
    return token


def _is_true(name: str, settings: Mapping[str, str]) -> bool:
    if settings[name].lower() not in ("true", "false"):
        raise SettingError(f"{name}: expected true or false (got {settings[name]!r})")
    return settings[name].lower() == "true"


def _log_format(settings: Mapping[str, str]) -> str:
    if settings["LOG_FORMAT"] not in ("json", "text"):
        raise SettingError(f"LOG_FORMAT: expected json or text (got {settings['LOG_FORMAT']!r})")
    return settings["LOG_FORMAT"]


def _patience(settings: Mapping[str, str]) -> str:
    given = settings["GATEWAY_PATIENCE"]
    if not re.fullmatch("[0-9]+", given):
        raise SettingError(f"GATEWAY_PATIENCE: expected a whole number of seconds, 0 or more (got {given!r})")
    return given


def _metrics(settings: Mapping[str, str]) -> str:
    """Return what includes the server for metrics. It needs a port of its own: the public must not see them."""
    return "include metrics.conf;" if _has_port("METRICS_LISTEN", _MAIN_LISTENS, settings) else ""


def _uploads(settings: Mapping[str, str]) -> str:
    """Return what includes the upload entry. It needs a port of its own: the public must not see the other ones."""
    if settings["TIER"] == "edge":
        return ""
    return "include uploads.conf;" if _has_port("UPLOAD_LISTEN", (*_MAIN_LISTENS, "METRICS_LISTEN"), settings) else ""


def _docs(settings: Mapping[str, str]) -> str:
    """Return what includes the documents, if this node has them."""
    folder = settings["DOCS_DIR"]
    if re.search(r'["$\\]', folder) or (folder and not folder.startswith("/")):
        raise SettingError(f'DOCS_DIR: expected the path of a folder, without ", $ and backslash (got {folder!r})')
    return "include docs.conf;" if folder else ""


def _has_port(name: str, others: Iterable[str], settings: Mapping[str, str]) -> bool:
    """Say whether a server is wanted; raises SettingError for an address that is not valid, or not its own."""
    address = settings[name]
    if address in ("", "off"):
        return False
    if not _ADDRESS.fullmatch(address):
        raise SettingError(f"{name}: expected address:port, or off (got {address!r})")
    for other in others:
        if _port(address) == _port(settings[other]):
            raise SettingError(f"{name}: expected a port of its own (got {address!r}, beside {settings[other]!r})")
    return True


def _generations_file(settings: Mapping[str, str]) -> str:
    if settings["GENERATIONS_FILE"].startswith(settings["CACHE_DIR"].removesuffix("/") + "/"):
        raise SettingError("GENERATIONS_FILE: expected a place outside of CACHE_DIR, where nginx removes unknown files")
    return settings["GENERATIONS_FILE"]


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def main(arguments: list[str]) -> int:
    # Also folders above those of the settings are for their owner alone.
    os.umask(0o077)
    try:
        print(listen(read(os.environ)) if arguments == ["listen"] else render(os.environ))
    except SettingError as error:
        print(f"configuration error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
