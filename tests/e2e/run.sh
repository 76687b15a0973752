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
# shellcheck disable=SC2086 # a list
exec go test -count=1 -v -p 1 -timeout 15m "$@" ${PACKAGES:-./...}
