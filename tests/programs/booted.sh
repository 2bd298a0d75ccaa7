#!/usr/bin/env bash
# Boots systemd over this machine's file system, in namespaces of its own. What it writes is in memory, and gone when it
# ends. Usage, as root: booted.sh FOLDER     FOLDER is at /run/share there
set -euo pipefail
share=$(realpath "$1")
if [ "${2:-}" != inside ]; then
    exec unshare --fork --pid --mount --ipc --uts --cgroup --kill-child "$0" "$share" inside
fi
base=$(mktemp -d /var/tmp/booted.XXXXXX)
mount -t tmpfs -o size=3g tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
root=$base/root
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    mkdir "$root/sys/fs/cgroup/systemd"
    mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
fi
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir "$root/run/share"
mount --bind "$share" "$root/run/share"
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /lib/systemd/systemd --unit=basic.target
