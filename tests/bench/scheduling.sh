#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pods a second through the real kube-scheduler: alone with its default sampling, alone looking at every node, and with
# slicegate, nominating and not (extender-other), alternated on one cluster; everything on the same cores. slicegate
# decides alone (the weight pack), so it answers with the best node only, as docs/install.md advises.
# One line of JSON for each measurement, then the medians and ratios.
#   scheduling.sh SLICEGATE   NODES ("500 5000"), PODS (2000), ROUNDS (5; below 1,000 nodes 16, where
#                           the differences are smaller than what a round scatters), PORTS may be set.
set -eu
slicegate=$(readlink -f "${1:?usage: scheduling.sh SLICEGATE}")
bench_dir=$(cd "$(dirname "$0")" && pwd)
e2e=$bench_dir/../e2e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$slicegate" certs issue --dir "$work" --ip 127.0.0.1 >/dev/null

# PORTS: two that nobody uses.
ports=${PORTS:-18843 18844}
main=${ports% *} extender=${ports#* }
"$slicegate" scheduler-config --url "http://127.0.0.1:$extender" >"$work/scheduler.yaml"

for nodes in ${NODES:-500 5000}; do
  echo "== $nodes nodes"
  rounds=5
  [ "$nodes" -ge 1000 ] || rounds=16
  { sh "$e2e/schedbench.sh" -nodes "$nodes" -pods "${PODS:-2000}" -rounds "${ROUNDS:-$rounds}" \
    -mode alone-default,alone-all,extender,extender-other -other --nominate=false \
    -scheduler-config "$work/scheduler.yaml" -ready "https://127.0.0.1:$main/readyz" -extender-ca "$work/ca.crt" \
    -account slicegate-system/slicegate -rbac "$e2e/scheduling/testdata/slicegate-rbac.yaml" -- \
    "$slicegate" serve --listen "127.0.0.1:$main" --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" --live --kubeconfig '{kubeconfig}' \
    --extender-listen "127.0.0.1:$extender" --extender-plain-http --extender-best 1 || touch "$work/failed"; } | tee "$work/lines"
  [ ! -e "$work/failed" ]
  jq -s -r -f "$bench_dir/scheduling.jq" "$work/lines"
done
