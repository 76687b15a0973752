#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a program of cmd/ against a control plane of its own:  program.sh NAME PATH_TO_SLICEGATE [flags]; -help tells the flags.
#   program.sh faulttest build/slicegate -pods 20000 -seed 7 -replicas 2
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/environment.sh"
usage="usage: program.sh NAME PATH_TO_SLICEGATE [flags]"
name=${1:?$usage}
e2e_environment "$here" "${2:?$usage}"
shift 2

program=$(mktemp)
trap 'rm -f "$program"' EXIT
cd "$here"
go build -o "$program" "./cmd/$name"
"$program" "$@"
