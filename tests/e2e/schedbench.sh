#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures kube-scheduler on simulated nodes:  schedbench.sh [flags] [-- command of an extender]; -help tells the flags.
#   schedbench.sh -nodes 5000 -mode alone-default,alone-all -rounds 5
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/environment.sh"
e2e_tools "$here"

program=$(mktemp)
trap 'rm -f "$program"' EXIT
(cd "$here" && go build -o "$program" ./cmd/schedbench)
"$program" "$@"
