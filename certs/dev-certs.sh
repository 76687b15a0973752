#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Certificates for trying slicegate on this machine: localhost and 127.0.0.1.
set -eu
slicegate=${1:?usage: dev-certs.sh PATH_TO_SLICEGATE DIR}
dir=${2:?usage: dev-certs.sh PATH_TO_SLICEGATE DIR}
mkdir -p "$dir"
"$slicegate" certs issue --dir "$dir" --dns localhost --ip 127.0.0.1
