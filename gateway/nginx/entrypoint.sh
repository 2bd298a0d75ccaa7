#!/bin/bash
# Becomes the nginx of one tier, with the configuration that render.py writes.
#   TIER=edge|cache PURGE_TOKEN=… entrypoint.sh          run
#   TIER=edge|cache entrypoint.sh check                  succeed when the running nginx answers (health check)
set -euo pipefail

render() { python3 -I "$(dirname "$0")/render.py" "$@"; }

if [ "${1:-}" = check ]; then
    # The image has no HTTP client; bash opens the connection itself.
    listen=$(render listen)
    exec 3<>"/dev/tcp/127.0.0.1/${listen##*:}"
    printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3
    read -r -t 4 _ status _ <&3
    [ "$status" = 200 ]
    exit
fi

main=$(render)
# Debian has nginx in sbin, which is not on everybody's path.
PATH="$PATH:/usr/sbin:/sbin"
# nginx repeats the arguments of a request in its error log.
exec nginx -c "$main" 2> >(exec sed -uE 's/([?&](signature|ticket|filterBy(Key|Value))=)[^& "]*/\1-/Ig' >&2)
