# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh, demo.sh, program.sh and schedbench.sh.
# shellcheck shell=sh

# e2e_environment FOLDER BINARY: FOLDER is tests/e2e; exports SLICEGATE and what e2e_tools exports, or ends the script.
e2e_environment() {
    if [ ! -x "$2" ] || [ -d "$2" ]; then
        echo "e2e: $2 is no program: build slicegate first" >&2
        exit 2
    fi
    SLICEGATE=$(CDPATH='' cd -- "$(dirname -- "$2")" && pwd)/$(basename -- "$2")
    export SLICEGATE
    e2e_tools "$1"
}

# e2e_tools FOLDER: exports the folders of the programs that the suite runs against.
e2e_tools() {
    e2e_build "$1" SLICEGATE_CONTROL_PLANE control-plane
    e2e_build "$1" SLICEGATE_KWOK kwok
    export GOTOOLCHAIN=local GOWORK=off GOFLAGS=-buildvcs=false
}

# e2e_build FOLDER VARIABLE MODULE: exports the folder of the programs of a module below tools/.
e2e_build() {
    status=0
    built=$("$1/tools/build.sh" "$3") || status=$?
    if [ "$status" -eq 3 ] && [ "${SKIP_E2E:-}" = 1 ]; then
        echo "e2e: SKIPPED"
        exit 0
    fi
    [ "$status" -eq 0 ] || exit "$status"
    export "$2=$built"
}
