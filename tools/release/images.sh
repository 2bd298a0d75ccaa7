#!/bin/sh
# Builds the images of TADA @VERSION@ from the source archive beside this file.
#   ./images.sh registry.example.com/media            build
#   ./images.sh registry.example.com/media --push     build and push, with an SBOM and the provenance of each image
# Docker with BuildKit is needed (or podman: DOCKER=podman, to build). Base images are named to the last digit of their
# version; docs/deploy.md says how to pin what is behind that.
set -eu
registry=${1:?the registry, such as registry.example.com/media}
push=${2:-}
docker=${DOCKER:-docker}
cd "$(dirname "$0")"
sha256sum --check --quiet --ignore-missing SHA256SUMS
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "tada-@VERSION@-source.tar.gz" -C "$work"
cd "$work/tada-@VERSION@"

build() {
    set -- "$1" --file "$2" --tag "$registry/$1:@VERSION@" \
        --build-arg SOURCE_DATE_EPOCH=@EPOCH@ \
        --label org.opencontainers.image.title="$1" \
        --label org.opencontainers.image.version=@VERSION@ \
        --label org.opencontainers.image.licenses=MIT
    echo "images.sh: $1"
    shift
    if [ "$push" = --push ]; then
        $docker buildx build "$@" --sbom=true --provenance=mode=max --push .
    else
        $docker build "$@" .
    fi
}

@IMAGES@
