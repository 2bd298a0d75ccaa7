#!/usr/bin/env bash
# Installs this checkout for good, or puts the release before back.
# Usage: tools/systemd/install.sh install|rollback          as root, on Debian or Ubuntu with systemd
#
#   /opt/tada/releases/NAME    the code and its packages; current and previous lead to two of them
#   /etc/tada                  the settings (tada.env, which stays as it is) and the secrets
#   /var/lib/tada              Redis and the files
#   /var/cache/tada            what the caches hold; may be lost
set -euo pipefail
cd "$(dirname "$0")/../.."
home=/opt/tada settings=/etc/tada units=/etc/systemd/system
WORKERS=${WORKERS:-$(nproc)}
READY_WITHIN=${READY_WITHIN:-90}

fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
say() { printf 'install: %s\n' "$*"; }

[ "$(id -u)" = 0 ] || fail "run as root: sudo make $1"
[ -d /run/systemd/system ] || fail "systemd does not run here; make run needs none"
[[ $WORKERS =~ ^[1-9]$ ]] || fail "WORKERS: expected a number from 1 to 9 (got $WORKERS)"

# Copies what runs, and nothing else.
copy() {
    local release=$1 made=$1.new
    rm -rf "$made"
    mkdir -p "$made"
    cp -a Makefile LICENSE ./*.md pyproject.toml requirements services gateway tools docs clients "$made/"
    cp -a --parents charts/*/README.md integrations/*/README.md examples "$made/"
    find "$made" \( -name __pycache__ -o -name node_modules \) -prune -exec rm -rf {} +
    local service idle=()
    for service in nginx redis-server; do
        systemctl --quiet is-enabled $service 2>/dev/null || idle+=($service)
    done
    PYTHON=${PYTHON:-/usr/bin/python3} "$made/tools/setup.sh" run
    # Debian's packages bring services of their own, on ports of their own. Nobody has asked for them.
    [ ${#idle[@]} = 0 ] || systemctl --quiet disable "${idle[@]}" 2>/dev/null || true
    "$made/.venv/bin/python" -m compileall -q "$made/services" "$made/gateway" "$made/tools"
    (cd "$made" && .venv/bin/python -m tools.docs_site.build)
    chmod -R go+rX,go-w "$made"
    # Programs of a virtual environment know where they are.
    grep -rIl --null "$made" "$made/.venv/bin" "$made"/.venv/lib/python*/site-packages/*.{pth,dist-info} | xargs -0 -r sed -i "s#$made#$release#g"
    rm -rf "$release"
    mv "$made" "$release"
}

prepare() {
    getent passwd tada >/dev/null || useradd --system --home-dir /var/lib/tada --no-create-home --shell /usr/sbin/nologin tada
    install -d -m 0755 $home/releases
    install -d -m 0750 -g tada $settings $settings/secrets
    [ -e $settings/tada.env ] || install -m 0640 -g tada tools/systemd/tada.env $settings/tada.env
    if [ ! -e $settings/secrets/purge_token ]; then
        (umask 0027 && head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >$settings/secrets/purge_token)
        chgrp tada $settings/secrets/purge_token
    fi
}

# Writes the units of a release, and begins it.
begin() {
    local release=$1 number servers=""
    for number in $(seq "$WORKERS"); do servers+="server unix:/run/tada/transform-$number.sock max_fails=0; "; done
    printf 'TRANSFORM_SERVERS="%s"\nDOCS_DIR=%s/current/site\n' "${servers% }" $home >$settings/gateway.env
    install -m 0644 "$release"/tools/systemd/tada*.service "$release"/tools/systemd/tada.target $units/
    install -D -m 0644 "$release/tools/systemd/tada-.service.d/common.conf" $units/tada-.service.d/common.conf
    install -m 0644 "$release/tools/systemd/tmpfiles.conf" /etc/tmpfiles.d/tada.conf
    systemd-tmpfiles --create /etc/tmpfiles.d/tada.conf
    ln -sfn "$release" $home/current.new
    mv -T $home/current.new $home/current
    ln -sfn $home/current/.venv/bin/tada /usr/local/bin/tada
    systemctl daemon-reload
    systemctl --quiet enable tada.target tada-{redis,catalog,jobs,cache,edge}.service
    for number in $(seq 9); do
        if [ "$number" -le "$WORKERS" ]; then
            systemctl --quiet enable "tada-transform@$number.service"
        else
            systemctl --quiet disable --now "tada-transform@$number.service" 2>/dev/null || true
        fi
    done
    systemctl start tada.target tada-redis.service
    # One after the other: the caches serve what they hold while the services are replaced.
    for number in $(seq "$WORKERS"); do systemctl restart "tada-transform@$number.service"; done
    systemctl restart tada-catalog.service tada-jobs.service
    systemctl reload-or-restart tada-cache.service tada-edge.service
}

# Succeeds when the system answers for a file that it does not have: both tiers, transform and Redis have part in it.
answers() {
    local end=$((SECONDS + READY_WITHIN))
    while [ $SECONDS -lt $end ]; do
        if (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null && "$home/current/.venv/bin/python" -I - <<'PROBE'
import http.client, sys
def status(port, path):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    link.request("GET", path)
    return link.getresponse().status
try:
    wanted = {(3001, "/readiness-check"): 200, (8080, "/assets/media/full/DEV/no-such-file.webp"): 404}
    sys.exit(any(status(*asked) != answer for asked, answer in wanted.items()))
except OSError:
    sys.exit(1)
PROBE
        then return 0; fi
        sleep 1
    done
    return 1
}

# Puts the release before back. It stays current if it answers.
back() {
    local before now
    before=$(readlink -f $home/previous) && [ -d "$before" ] || fail "there is no release before this one"
    now=$(readlink -f $home/current)
    begin "$before"
    ln -sfn "$now" $home/previous
    answers || fail "$(basename "$before") does not answer; see journalctl -u 'tada-*'. Another rollback returns to $(basename "$now")"
    say "$(basename "$before") runs again"
}

case ${1:-} in
install)
    name=$(date -u +%Y%m%d-%H%M%S)-$(git rev-parse --short HEAD 2>/dev/null || echo checkout)
    release=$home/releases/$name
    before=$(readlink -f $home/current 2>/dev/null || true)
    say "installing $name"
    prepare
    copy "$release"
    [ ! -d "$before" ] || ln -sfn "$before" $home/previous
    # In a condition, a failure inside of begin would not end it.
    set +e
    (set -e; begin "$release")
    begun=$?
    set -e
    if [ $begun != 0 ] || ! answers; then
        [ -d "$before" ] || fail "$name does not answer; see journalctl -u 'tada-*'"
        say "$name does not answer; putting $(basename "$before") back"
        back
        exit 1
    fi
    # Two releases stay: this one and the one before.
    for old in $home/releases/*; do
        [ "$old" = "$release" ] || [ "$old" = "$before" ] || rm -rf "$old"
    done
    say "$name runs. Settings: $settings/tada.env. Logs: journalctl -u 'tada-*'. Library: http://localhost:3001/library"
    ;;
rollback) back ;;
*) fail "install or rollback?" ;;
esac
