#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the chart's webhook configurations, as slicegate prints them for the chart's policy:  chart-webhooks.sh SLICEGATE
# The chart fills in the namespace and the authority.
set -eu

slicegate=${1:?usage: chart-webhooks.sh SLICEGATE}
chart=$(CDPATH='' cd -- "$(dirname -- "$0")/../charts/slicegate" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$slicegate" certs issue --dir "$work/certs" --dns slicegate >/dev/null
"$slicegate" webhook-config --policy "$chart/files/policy.yaml" --service slicegate-system/slicegate \
  --ca-bundle "$work/certs/ca.crt" >"$work/webhooks.yaml"
{
  echo "# SPDX-License-Identifier: Apache-2.0"
  echo "# Written by \`make generate\`: slicegate webhook-config for files/policy.yaml, without the authority."
  sed '/^    caBundle: /d' "$work/webhooks.yaml"
} >"$chart/files/webhooks.yaml"
