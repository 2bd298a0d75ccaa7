#!/bin/sh
# Runs SeaweedFS on /s3 with one pair of keys, S3 on port 8333.
#   S3_ACCESS_KEY=… S3_SECRET_KEY=… entrypoint.sh       run; SECRETS_FOLDER_PATH may name a folder with the keys in files
#   entrypoint.sh check                                 succeed when the running server answers (health check)
set -eu

[ "${1:-}" != check ] || exec wget -q -T 4 -O /dev/null http://127.0.0.1:8333/healthz

key() { # key VARIABLE VALUE FILE: the value, or else what is in the file
    if [ -n "$2" ]; then
        printf '%s' "$2"
    elif [ -n "${SECRETS_FOLDER_PATH:-}" ] && [ -r "$SECRETS_FOLDER_PATH/$3" ]; then
        cat "$SECRETS_FOLDER_PATH/$3"
    else
        printf 'configuration error: %s: expected a key, here or in a file %s of SECRETS_FOLDER_PATH\n' "$1" "$3" >&2
        return 2
    fi
}
# Without keys it would let everybody in.
AWS_ACCESS_KEY_ID=$(key S3_ACCESS_KEY "${S3_ACCESS_KEY:-}" s3_access_key)
AWS_SECRET_ACCESS_KEY=$(key S3_SECRET_KEY "${S3_SECRET_KEY:-}" s3_secret_key)
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY

# It talks a lot: only errors go to the container's log, the rest to a folder that is memory. Its parts find each other on
# this machine; their ports ask nobody for a key, so only services that have one belong into its network.
exec weed -logtostderr=false -alsologtostderr=false -stderrthreshold=ERROR -logdir=/tmp -log_max_size_mb=5 -log_max_files=2 \
    mini -dir=/s3 -ip=127.0.0.1 -ip.bind=0.0.0.0 -s3.port=8333 -s3.port.grpc=8334 -master.port=8335 -master.port.grpc=8336 \
    -volume.port=8337 -volume.port.grpc=8338 -filer.port=8339 -filer.port.grpc=8340 -admin.port=8341 -admin.port.grpc=8342 \
    -filer.localSocket=/tmp/filer.sock -s3.localSocket=/tmp/s3.sock -s3.autoCreateBucket=false \
    -s3.port.iceberg=0 -s3.port.lance=0 -webdav=false -admin.ui=false -master.telemetry=false
