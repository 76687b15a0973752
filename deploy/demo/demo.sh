#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: the webhook without Kubernetes. Issues certificates, serves a recorded
# cluster on loopback, sends two reviews over TLS, checks the example manifests offline, asks
# whether one more job would start on another recorded cluster and why not, and has pods placed
# there as kube-scheduler would ask for it.
# Fails when anything turns out otherwise than told.
set -eu
slicegate=${1:?usage: demo.sh PATH_TO_SLICEGATE}
slicegate=$(cd "$(dirname "$slicegate")" && pwd)/$(basename "$slicegate")
cd "$(dirname "$0")/../.."
examples=deploy/examples
work=$(mktemp -d)
server=""

finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

say() {
  printf '\n== %s\n' "$*"
}

fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

say "Certificates: a CA and a serving certificate for 127.0.0.1"
"$slicegate" certs issue --dir "$work" --ip 127.0.0.1

# start MESSAGE FLAGS...: a server; its address is that of the line with this message.
start() {
  message=$1
  shift
  : >"$work/log"
  "$slicegate" serve --listen 127.0.0.1:0 --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" "$@" 2>"$work/log" &
  server=$!
  address=""
  tries=0
  while [ -z "$address" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; fail "the server did not start"; }
    address=$(sed -n "s/.*msg=$message address=\\([^ ]*\\).*/\\1/p" "$work/log")
    tries=$((tries + 1))
    [ "$tries" -le 500 ] || fail "the server is not ready after 10 s"
    [ -n "$address" ] || sleep 0.02
  done
}

# stop: it ends by itself when it is asked to.
stop() {
  kill "$server"
  code=0
  wait "$server" || code=$?
  server=""
  [ "$code" = 0 ] || fail "the server ended with exit code $code"
}

say "The server, on loopback, with a recorded cluster (no Kubernetes needed)"
start serving --cluster "$examples/cluster.json"
cat "$work/log"

review() {
  curl -sS --fail-with-body --cacert "$work/ca.crt" -H 'Content-Type: application/json' \
    --data-binary "@deploy/demo/$1" "https://$address/validate" >"$work/answer"
  jq -r '.response | if .allowed then "allowed" else "refused: \(.status.message)" end,
    ((.warnings // [])[] | "warning: \(.)")' "$work/answer"
}

say "A review that it refuses: a MIG profile that no GPU has here, and a way around the scheduler"
review refused.json
[ "$(jq .response.allowed "$work/answer")" = false ] || fail "that review should have been refused"

say "The same workload, put right: accepted"
review accepted.json
[ "$(jq .response.allowed "$work/answer")" = true ] || fail "that review should have been accepted"

say "The same verdicts offline: slicegate check deploy/examples"
code=0
"$slicegate" check --cluster "$examples/cluster.json" "$examples/refused" "$examples/warned" "$examples/accepted" || code=$?
[ "$code" = 1 ] || fail "check should have found something to refuse (exit 1, not $code)"

say "How many more of these pods would fit: slicegate simulate what-if"
code=0
"$slicegate" simulate what-if --cluster "$examples/what-if/cluster.json" --count 1 "$examples/what-if/finetune.yaml" || code=$?
[ "$code" = 1 ] || fail "there should have been no room (exit 1, not $code)"

say "SIGTERM: the server drains and ends"
stop
tail -n 1 "$work/log"

say "Why this one waits, and what would help: slicegate explain"
code=0
"$slicegate" explain --cluster "$examples/what-if/cluster.json" -f "$examples/what-if/finetune.yaml" || code=$?
[ "$code" = 1 ] || fail "there should have been no room (exit 1, not $code)"

say "Packing: that cluster with its job for CPUs done, asked as kube-scheduler asks (POST /scheduler/filter)"
jq '.items |= map(select(.metadata.name != "extract") | del(.spec.unschedulable))' "$examples/what-if/cluster.json" >"$work/cluster.json"
jq -r '[.items[] | select(.kind == "Pod")] as $pods | .items[] | select(.kind == "Node" and .status.allocatable["nvidia.com/gpu"])
  | . as $node | "\(.metadata.name): \(.status.allocatable["nvidia.com/gpu"]) GPUs, " +
    "\([$pods[] | select(.spec.nodeName == $node.metadata.name) | .spec.containers[].resources.limits["nvidia.com/gpu"] // "0" | tonumber] | add // 0) in use"' \
  "$work/cluster.json"
start '"extender serving"' --cluster "$work/cluster.json" --extender-listen 127.0.0.1:0 --extender-plain-http
main=$(sed -n 's/.*msg=serving address=\([^ ]*\).*/\1/p' "$work/log")
until curl -fsS --cacert "$work/ca.crt" "https://$main/readyz" >/dev/null 2>&1; do sleep 0.05; done
nodes=$(jq -c '[.items[] | select(.kind == "Node").metadata.name]' "$work/cluster.json")

# place NAME GPUS: prints where the pod would go; it is held there, as kube-scheduler will bind it in a moment.
place() {
  jq -cn --arg name "$1" --arg gpus "$2" --argjson nodes "$nodes" '{Pod: {metadata: {name: $name, namespace: "research", uid: $name},
    spec: {containers: [{name: "main", resources: {limits: {"nvidia.com/gpu": $gpus}, requests: {"nvidia.com/gpu": $gpus}}}]}},
    Nodes: null, NodeNames: $nodes}' |
    curl -sS --fail-with-body -H 'Content-Type: application/json' --data-binary @- "http://$address/scheduler/filter" >"$work/answer"
  jq -r --arg name "$1" '"\($name) -> \(.NodeNames[0] // "nowhere: \([.FailedNodes[]] | unique | join(", "))")"' "$work/answer"
}

for i in 1 2 3 4 5; do
  place "one-gpu-$i" 1
done | tee "$work/placed"
place eight-gpus 8 | tee -a "$work/placed"
[ "$(grep -c 'one-gpu-[0-9] -> gpu-[12]$' "$work/placed")" = 5 ] || fail "small pods should have filled what was begun"
grep -q '^eight-gpus -> gpu-4$' "$work/placed" || fail "a whole node should have been left"
echo "Small pods fill what is begun; a whole node is left for the one that needs it."
stop
printf '\nDone. Next: README.md, make demo-cluster for the same story on a real kube-apiserver.\n'
