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
# One package after the other: each has a control plane of its own.
go_test='go test -count=1 -v -p 1 -timeout 15m'
if [ "$#" -gt 0 ] || [ -n "${PACKAGES:-}" ]; then
    # shellcheck disable=SC2086 # lists
    exec $go_test "$@" ${PACKAGES:-./...}
fi

# All of it mostly waits, the tests named here for a minute each: two lanes. The second is shown when both have ended.
waits='^(TestFeedIsLost|TestWaitingPodsAreExplained)$'
packages=$(go list ./...)
others=$(printf '%s\n' "$packages" | grep -v '/scheduling$')
log=$(mktemp)
child='' beside=''

# Each go test is a process group, which an interrupt reaches as a whole: the programs that it has started end with it.
lane() {
    # shellcheck disable=SC2086 # a list
    setsid $go_test "$@" &
    child=$!
    wait "$child"
}
end() {
    [ -z "$beside" ] || kill "$beside" 2>/dev/null || :
    [ -z "$child" ] || kill -s INT -- "-$child" 2>/dev/null || :
    wait
}
trap 'end; exit 143' INT TERM
trap 'rm -f "$log"' EXIT
{
    trap 'end; exit 143' TERM
    # shellcheck disable=SC2086 # a list
    lane $others && lane -run "$waits" ./scheduling
} >"$log" 2>&1 &
beside=$!
status=0
lane -skip "$waits" ./scheduling || status=$?
wait "$beside" || status=$?
cat "$log"
exit "$status"
