#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the suite on a real node:  run-node.sh PATH_TO_SLICEGATE IMAGE_ARCHIVE [arguments of go test]
# It needs root, for namespaces and control groups, and leaves nothing behind. Without that, or without Go 1.26, it fails;
# SKIP_E2E=1 leaves it out.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
usage='usage: run-node.sh PATH_TO_SLICEGATE IMAGE_ARCHIVE [arguments of go test]'
SLICEGATE=$(readlink -f "${1:?$usage}")
SLICEGATE_IMAGE=$(readlink -f "${2:?$usage}")
shift 2

if [ "${SKIP_E2E:-}" = 1 ]; then
    echo "e2e on a real node: SKIPPED"
    exit 0
fi
PATH=$PATH:/usr/sbin:/sbin
for program in runc nft conntrack ip buildah /usr/lib/cni/bridge; do
    command -v "$program" >/dev/null || {
        echo "e2e: $program is missing: make deps" >&2
        exit 1
    }
done

SLICEGATE_CONTROL_PLANE=$("$here/tools/build.sh" control-plane)
SLICEGATE_HELM=$("$here/tools/build.sh" helm)
SLICEGATE_CONTAINERD=$("$here/tools/build.sh" containerd)
SLICEGATE_DEVICE_PLUGIN=$("$here/tools/build.sh" device-plugin)

root=$(readlink -f "$here/../..")
cd "$root"
mkdir -p build/e2e/pause
${CC:-cc} -Os -static -s "$here/realnode/image/pause.c" -o build/e2e/pause/pause
SLICEGATE_PAUSE_IMAGE=$root/build/e2e/pause.tar
sh deploy/image.sh "$here/realnode/image/Dockerfile" build/e2e/pause slicegate.test/pause:1 "$SLICEGATE_PAUSE_IMAGE"

export PATH SLICEGATE SLICEGATE_IMAGE SLICEGATE_PAUSE_IMAGE
export SLICEGATE_CONTROL_PLANE SLICEGATE_HELM SLICEGATE_CONTAINERD SLICEGATE_DEVICE_PLUGIN
export GOTOOLCHAIN=local GOWORK=off GOFLAGS=-buildvcs=false
cd "$here"
exec go test -count=1 -v -timeout 10m -tags realnode "$@" ./realnode
