#!/bin/bash
# Renders the templates for one tier and becomes its nginx.
#   TIER=edge|cache PURGE_TOKEN=… entrypoint.sh          run
#   TIER=edge|cache entrypoint.sh check                  succeed when the running nginx answers (health check)
# Every placeholder of the templates is an environment variable of the same name; README.md lists them.
set -euo pipefail

fail() { printf 'configuration error: %s\n' "$*" >&2; exit 2; }

export TIER="${TIER:-}"
export EDGE_LISTEN="${EDGE_LISTEN:-0.0.0.0:8080}"
export CACHE_LISTEN="${CACHE_LISTEN:-0.0.0.0:8081}"
export API_LISTEN="${API_LISTEN:-0.0.0.0:3001}"

case "$TIER" in
    edge) listen=$EDGE_LISTEN cache_tier=cache:8081 ;;
    # The internal entry asks the cache tier, which is this same nginx.
    cache) listen=$CACHE_LISTEN cache_tier=127.0.0.1:${CACHE_LISTEN##*:} ;;
    *) fail "TIER: expected edge or cache (got '$TIER')" ;;
esac

if [ "${1:-}" = check ]; then
    # The image has no HTTP client; bash opens the connection itself.
    exec 3<>"/dev/tcp/127.0.0.1/${listen##*:}"
    printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3
    read -r -t 4 _ status _ <&3
    [ "$status" = 200 ]
    exit
fi

# A file purge_token in a folder of SECRETS_FOLDER_PATH stands in for the variable, as in the services.
IFS=, read -ra folders <<<"${SECRETS_FOLDER_PATH:-}"
for folder in "${folders[@]}"; do
    if [ -z "${PURGE_TOKEN:-}" ] && [ -r "$folder/purge_token" ]; then PURGE_TOKEN=$(<"$folder/purge_token"); fi
done
# Without a token the template's empty text would let everybody purge. The characters are those that the jobs worker
# takes too, and that mean themselves in the regular expression which the template makes of the token.
[ -n "${PURGE_TOKEN:-}" ] || fail "PURGE_TOKEN: expected a token, the same as the jobs worker has (openssl rand -hex 32)"
case "$PURGE_TOKEN" in
    *[!A-Za-z0-9_-]*) fail "PURGE_TOKEN: expected only letters, digits, _ and -" ;;
esac
[ ${#PURGE_TOKEN} -ge 16 ] && [ ${#PURGE_TOKEN} -le 128 ] || fail "PURGE_TOKEN: expected 16 to 128 characters"
export PURGE_TOKEN

export API_PREFIX="${API_PREFIX:-}"
while [ "${API_PREFIX%/}" != "$API_PREFIX" ]; do API_PREFIX=${API_PREFIX%/}; done
[[ $API_PREFIX =~ ^(/[A-Za-z0-9_-]+)*$ ]] ||
    fail "API_PREFIX: expected a path such as /prefix, or nothing (got '$API_PREFIX')"
# Behind the edge the prefix is gone, and everything has its usual place.
export PREFIX_PATTERN="${API_PREFIX:+(?:$API_PREFIX)?}"
route() { # route NAME DEFAULT: the value of a variable, checked, without a last slash
    local value="${!1:-$2}"
    value=${value%/}
    [[ $value =~ ^(/[A-Za-z0-9_-]+)+$ ]] || fail "$1: expected a path such as $2 (got '$value')"
    printf '%s' "$value"
}
assets=$(route ROUTE_FILE_GET /assets/media)
catalog=$(route ROUTE_CATALOG_GET /catalog)
export PUBLIC_ASSETS="$API_PREFIX$assets" PUBLIC_CATALOG="$API_PREFIX$catalog"
export ASSETS_PATTERN="(?:$PUBLIC_ASSETS|/assets/media)" CATALOG_PATTERN="(?:$PUBLIC_CATALOG|/catalog)"

# A bare name among the origins stands for any scheme and port of that host.
export CORS_OTHERS="" CORS_ORIGINS=""
IFS=, read -ra origins <<<"${ORIGINS_ALLOWED:-*}"
for origin in "${origins[@]}"; do
    origin=${origin//[[:space:]]/}
    origin=${origin%/}
    [[ $origin =~ ^[][A-Za-z0-9.:/*-]*$ ]] || fail "ORIGINS_ALLOWED: '$origin' is no origin"
    escaped=$(sed 's/[].*[-]/\\&/g' <<<"$origin")
    case "$origin" in
        '') ;;
        '*') CORS_OTHERS="*" ;;
        *://*) CORS_ORIGINS+="${CORS_ORIGINS:+|}$escaped" ;;
        *) CORS_ORIGINS+="${CORS_ORIGINS:+|}https?://$escaped(?::[0-9]+)?" ;;
    esac
done
if [ -n "$CORS_OTHERS" ] || [ -z "$CORS_ORIGINS" ]; then CORS_ORIGINS="-"; fi

switch() { # switch NAME ON OFF: one of two texts, by a variable that is true or false
    case "${!1:-false}" in
        [Tt][Rr][Uu][Ee]) printf '%s' "$2" ;;
        [Ff][Aa][Ll][Ss][Ee]) printf '%s' "$3" ;;
        *) fail "$1: expected true or false (got '${!1}')" ;;
    esac
}
export LOG_FORMAT="${LOG_FORMAT:-json}"
[[ $LOG_FORMAT =~ ^(json|text)$ ]] || fail "LOG_FORMAT: expected json or text (got '$LOG_FORMAT')"
FORMAT_NEGOTIATION=$(switch FORMAT_NEGOTIATION on off)
SIGNING=$(switch SIGNED_URLS 'include signing.conf;' '')
export FORMAT_NEGOTIATION SIGNING

export GATEWAY_PATIENCE="${GATEWAY_PATIENCE:-60}"
[[ $GATEWAY_PATIENCE =~ ^[0-9]+$ ]] ||
    fail "GATEWAY_PATIENCE: expected a whole number of seconds, 0 or more (got '$GATEWAY_PATIENCE')"

# An empty text means none here: it is no reason for the default.
export METRICS_LISTEN="${METRICS_LISTEN-0.0.0.0:9145}" METRICS=""
case "$METRICS_LISTEN" in
    '' | off) ;;
    *)
        [[ $METRICS_LISTEN =~ ^([A-Za-z0-9.*-]+|\[[0-9A-Fa-f:.]+\]):[0-9]+$ ]] ||
            fail "METRICS_LISTEN: expected address:port, or off (got '$METRICS_LISTEN')"
        # On a port of the others the metrics would be what the public sees.
        for taken in "$EDGE_LISTEN" "$CACHE_LISTEN" "$API_LISTEN"; do
            [ "${METRICS_LISTEN##*:}" != "${taken##*:}" ] ||
                fail "METRICS_LISTEN: expected a port of its own (got '$METRICS_LISTEN', beside '$taken')"
        done
        METRICS='include metrics.conf;'
        ;;
esac

export RUN_DIR="${RUN_DIR:-/run/tada}"
export CACHE_DIR="${CACHE_DIR:-/var/cache/tada/store}"
export CACHE_MAX_SIZE="${CACHE_MAX_SIZE:-10g}"
export MODULES_DIR="${MODULES_DIR:-/usr/lib/nginx/modules}"
export CACHE_SERVERS="${CACHE_SERVERS:-server $cache_tier max_fails=0;}"
export CATALOG_SERVERS="${CATALOG_SERVERS:-server catalog:3010 max_fails=0;}"
export TRANSFORM_SERVERS="${TRANSFORM_SERVERS:-server transform:3020 max_fails=0;}"
export LUA_DIR="${LUA_DIR:-/opt/tada/lua}"
TEMPLATES_DIR="${TEMPLATES_DIR:-/opt/tada/templates}"
# Bodies that are too large for nginx' buffers wait on the disk of the cache; RUN_DIR may be memory.
export TEMP_DIR="${TEMP_DIR:-/var/cache/tada/temp}"
# On the volume of the cache: what is stored is of use only with what the node knows of it.
export GENERATIONS_FILE="${GENERATIONS_FILE:-/var/cache/tada/generations}"
case "$GENERATIONS_FILE" in
    "${CACHE_DIR%/}"/*)
        fail "GENERATIONS_FILE: expected a place outside of CACHE_DIR, where nginx removes what is not its own" ;;
esac

# Named one by one: nginx has variables of its own, which must stay.
# shellcheck disable=SC2016
placeholders='${PUBLIC_ASSETS} ${PUBLIC_CATALOG} ${ASSETS_PATTERN} ${CATALOG_PATTERN} ${PREFIX_PATTERN}
${CORS_OTHERS} ${CORS_ORIGINS} ${LOG_FORMAT} ${FORMAT_NEGOTIATION} ${SIGNING} ${RUN_DIR} ${TEMP_DIR} ${CACHE_DIR} ${CACHE_MAX_SIZE} ${MODULES_DIR} ${PURGE_TOKEN}
${EDGE_LISTEN} ${CACHE_LISTEN} ${API_LISTEN} ${CACHE_SERVERS} ${CATALOG_SERVERS} ${TRANSFORM_SERVERS}
${LUA_DIR} ${GENERATIONS_FILE} ${GATEWAY_PATIENCE} ${METRICS} ${METRICS_LISTEN}'

# What is rendered holds the token: only the owner may read it.
umask 077
mkdir -p "$RUN_DIR" "$CACHE_DIR" "$TEMP_DIR" "$(dirname "$GENERATIONS_FILE")"
for name in "$TIER" common delivery preflight signing errors purge metrics; do
    envsubst "$placeholders" <"$TEMPLATES_DIR/$name.conf.template" >"$RUN_DIR/$name.conf"
done

# Debian keeps nginx in sbin, which is not on everybody's path.
PATH="$PATH:/usr/sbin:/sbin"
# nginx repeats a request with its arguments when it has something to say of it.
exec nginx -c "$RUN_DIR/$TIER.conf" 2> >(exec sed -uE 's/([?&]signature=)[^& "]*/\1-/Ig' >&2)
