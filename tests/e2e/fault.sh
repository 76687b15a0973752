#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pods through a real kube-scheduler while everything fails:  fault.sh PATH_TO_SLICEGATE [flags]; -help tells the flags.
#   fault.sh build/slicegate -pods 20000 -seed 7 -replicas 2
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/environment.sh"
e2e_environment "$here" "${1:?usage: fault.sh PATH_TO_SLICEGATE [flags]}"
shift

program=$(mktemp)
trap 'rm -f "$program"' EXIT
cd "$here"
go build -o "$program" ./cmd/faulttest
"$program" "$@"
