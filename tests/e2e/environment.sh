# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh and demo.sh.
# shellcheck shell=sh

# e2e_environment FOLDER BINARY: FOLDER is tests/e2e; exports SLICEGATE and SLICEGATE_CONTROL_PLANE, or ends the script.
e2e_environment() {
    if [ ! -x "$2" ] || [ -d "$2" ]; then
        echo "e2e: $2 is no program: build slicegate first" >&2
        exit 2
    fi
    SLICEGATE=$(CDPATH='' cd -- "$(dirname -- "$2")" && pwd)/$(basename -- "$2")
    status=0
    SLICEGATE_CONTROL_PLANE=$("$1/cluster/build.sh") || status=$?
    if [ "$status" -eq 3 ] && [ "${SKIP_E2E:-}" = 1 ]; then
        echo "e2e: SKIPPED"
        exit 0
    fi
    [ "$status" -eq 0 ] || exit "$status"
    export SLICEGATE SLICEGATE_CONTROL_PLANE
    export GOTOOLCHAIN=local GOWORK=off GOFLAGS=-buildvcs=false
}
