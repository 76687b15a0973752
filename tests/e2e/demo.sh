#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shows slicegate at work on a real control plane:  demo.sh PATH_TO_SLICEGATE
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/environment.sh"
e2e_environment "$here" "${1:?usage: demo.sh PATH_TO_SLICEGATE}"

cd "$here"
exec go run ./cmd/democluster
