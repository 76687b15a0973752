#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: the webhook without Kubernetes. Issues certificates, serves a recorded
# cluster on loopback, sends two reviews over TLS, checks the example manifests offline, and
# asks whether one more job would start on another recorded cluster.
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

say "The server, on loopback, with a recorded cluster (no Kubernetes needed)"
: >"$work/log"
"$slicegate" serve --listen 127.0.0.1:0 --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" \
  --cluster "$examples/cluster.json" 2>"$work/log" &
server=$!
address=""
tries=0
while [ -z "$address" ]; do
  kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; fail "the server did not start"; }
  address=$(sed -n 's/.*msg=serving address=\([^ ]*\).*/\1/p' "$work/log")
  tries=$((tries + 1))
  [ "$tries" -le 500 ] || fail "the server is not ready after 10 s"
  [ -n "$address" ] || sleep 0.02
done
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
kill "$server"
code=0
wait "$server" || code=$?
server=""
[ "$code" = 0 ] || fail "the server ended with exit code $code"
tail -n 1 "$work/log"
printf '\nDone. Next: README.md, make demo-cluster for the same story on a real kube-apiserver.\n'
