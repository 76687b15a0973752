#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the end-to-end suite:  run.sh PATH_TO_SLICEGATE [arguments of go test]
# Builds the control plane first, unless the cache has it. Without Go 1.26 this fails, or, if SKIP_E2E=1 says so,
# prints "e2e: SKIPPED" and succeeds. PACKAGES=./scheduling runs some packages only.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/environment.sh"
e2e_environment "$here" "${1:?usage: run.sh PATH_TO_SLICEGATE [arguments of go test]}"
shift

cd "$here"
lane() {
    # One package after the other: each has a control plane of its own.
    go test -count=1 -v -p 1 -timeout 15m "$@"
}
if [ "$#" -gt 0 ] || [ -n "${PACKAGES:-}" ]; then
    # shellcheck disable=SC2086 # a list
    lane "$@" ${PACKAGES:-./...}
    exit
fi

# All of it mostly waits, the tests named here for a minute each: two lanes. The second is shown when both have ended.
waits='^(TestFeedIsLost|TestWaitingPodsAreExplained)$'
log=$(mktemp)
beside=''
trap 'rm -f "$log"; [ -z "$beside" ] || kill "$beside" 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM
{
    # shellcheck disable=SC2046 # a list
    lane $(go list ./... | grep -v '/scheduling$') && lane -run "$waits" ./scheduling
} >"$log" 2>&1 &
beside=$!
status=0
lane -skip "$waits" ./scheduling || status=$?
wait "$beside" || status=$?
beside=''
cat "$log"
exit "$status"
