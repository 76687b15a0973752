#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# slicegate serve as its users meet it, over TLS with curl: verdicts, status codes, files
# that change while it serves, readiness, metrics, logs, the end.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
slicegate=${1:?usage: serve.sh PATH_TO_SLICEGATE}
work=$(mktemp -d)
server=""
passed=0
failed=0

finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

# is NAME WANT HAVE: one assertion.
is() {
  # shellcheck disable=SC2053 # the right side is a pattern
  if [[ $3 == $2 ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'serve: %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3" >&2
  fi
}

# until_true NAME COMMAND...: waits for an event, at most 15 s.
until_true() {
  local name=$1 tries=0
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 750 ]; then
      is "$name (after 15 s)" yes no
      return 0
    fi
    sleep 0.02
  done
  passed=$((passed + 1))
}

start() {
  rm -f "$work/log" # else the last server's line may be found before this one begins
  "$slicegate" serve --listen 127.0.0.1:0 --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" "$@" 2>"$work/log" &
  server=$!
  port=""
  until_true "the server starts" grep -q msg=serving "$work/log"
  port=$(sed -n 's/.*msg=serving address=127.0.0.1:\([0-9]*\).*/\1/p' "$work/log")
  url=https://127.0.0.1:$port
}

stop() {
  local code=0
  kill "$server"
  wait "$server" || code=$?
  server=""
  is "SIGTERM ends it with exit code 0 (a sanitizer's report would not)" 0 "$code"
}

call() {
  curl -sS --cacert "$work/ca.crt" "$@"
}

post() { # post PATH FILE
  call -H 'Content-Type: application/json' --data-binary "@$2" "$url$1"
}

status() {
  call -o /dev/null -w '%{http_code}' "$@"
}

# review OPERATION OBJECT [OLD]: an AdmissionReview on stdout.
review() {
  jq -cn --arg op "$1" --argjson object "$2" --argjson old "${3:-null}" '
    ($object.apiVersion | split("/") | if length == 2 then . else [""] + . end) as [$group, $version]
    | {apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: {
        uid: "u-\($op)", kind: {group: $group, version: $version, kind: $object.kind},
        resource: {group: $group, version: $version, resource: "x"}, operation: $op,
        namespace: "research", userInfo: {username: "alice", groups: []}, dryRun: true,
        object: $object, oldObject: $old}}'
}

# Expects $work/answer; jq FILTER
answer() {
  jq -r "$1" "$work/answer"
}

pod() { # pod LIMITS_JSON [EXTRA_SPEC_JSON]
  jq -cn --argjson limits "$1" --argjson extra "${2:-{\}}" '
    {apiVersion: "v1", kind: "Pod", metadata: {name: "p"},
     spec: ({containers: [{name: "m", image: "i", resources: {limits: $limits}}]} + $extra)}'
}

"$slicegate" certs issue --dir "$work" --ip 127.0.0.1 >"$work/certs"
is "keys are for their owner only" 600 "$(stat -c %a "$work/tls.key")"

# A ConfigMap mount: policy.yaml -> ..data/policy.yaml, ..data -> a folder that is swapped.
policy() { # policy GENERATION TEXT
  mkdir "$work/mount/$1"
  printf '%s\n' "$2" >"$work/mount/$1/policy.yaml"
  ln -s "$1" "$work/mount/..next"
  mv -T "$work/mount/..next" "$work/mount/..data"
}
head='apiVersion: slicegate.dev/v1alpha1
kind: GPUPolicy
metadata: {name: test}
spec:'
mkdir "$work/mount"
policy 1 "$head
  rules: {gpu-limits: {severity: deny}, lifetime: {severity: warn}, host-balance: {severity: audit}}"
ln -s ..data/policy.yaml "$work/mount/policy.yaml"
cp "$root/deploy/examples/cluster.json" "$work/cluster.json"
start --policy "$work/mount/policy.yaml" --cluster "$work/cluster.json"

# ---- verdicts ----
review CREATE "$(pod '{"nvidia.com/gpu": "0.5"}')" >"$work/r"
post /validate "$work/r" >"$work/answer"
is "the answer names what it answers" "admission.k8s.io/v1 AdmissionReview u-CREATE" "$(answer '"\(.apiVersion) \(.kind) \(.response.uid)"')"
is "a fraction is refused" "false 403 Forbidden" "$(answer '"\(.response.allowed) \(.response.status.code) \(.response.status.reason)"')"
is "with rule and field" "*\[gpu-limits\] spec.containers\[0\].resources.limits\[nvidia.com/gpu\]: *" "$(answer .response.status.message)"
is "and never a patch" null "$(answer .response.patch)"
post /mutate "$work/r" >"$work/answer"
is "/mutate refuses it too, before built-in validation can" false "$(answer .response.allowed)"
review CREATE "$(pod '{"nvidia.com/gpu": "1"}')" >"$work/r"
post /validate "$work/r" >"$work/answer"
is "a whole GPU is accepted" true "$(answer .response.allowed)"
is "with a warning" "\[lifetime\] *" "$(answer '.response.warnings[0]')"
is "and an audit annotation" "*cpu*" "$(answer '.response.auditAnnotations["host-balance"]')"
post /mutate "$work/r" >"$work/answer"
is "/mutate adds the toleration" '[{"op":"add","path":"/spec/tolerations","value":\[{"key":"nvidia.com/gpu",*' "$(answer '.response.patch | @base64d')"
review UPDATE "$(pod '{"nvidia.com/gpu": "0.5"}')" "$(pod '{"nvidia.com/gpu": "0.5"}')" >"$work/r"
post /validate "$work/r" >"$work/answer"
is "an update that changes nothing passes in silence" "true null" "$(answer '"\(.response.allowed) \(.response.warnings)"')"
review UPDATE "$(pod '{"nvidia.com/gpu": "0.5"}' '{"hostNetwork": true}')" "$(pod '{"nvidia.com/gpu": "0.5"}')" >"$work/r"
post /validate "$work/r" >"$work/answer"
is "what was wrong before only warns" "true \[gpu-limits\]*" "$(answer '"\(.response.allowed) \(.response.warnings[0])"')"
review DELETE "$(pod '{"nvidia.com/gpu": "0.5"}')" >"$work/r"
post /validate "$work/r" >"$work/answer"
is "a deletion is nobody's business" true "$(answer .response.allowed)"
review CREATE '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":"none"}}' >"$work/r"
post /validate "$work/r" >"$work/answer"
is "what cannot be judged passes by failureStance allow, and says so" "true *spec.containers: a list was expected*" "$(answer '"\(.response.allowed) \(.response.warnings[0])"')"

# ---- HTTP ----
printf '{"apiVersion": "admission.k8s.io/v1",\n "kind": }' >"$work/bad"
is "malformed JSON is a 400" 400 "$(status -H 'Content-Type: application/json' --data-binary "@$work/bad" "$url/validate")"
is "with line and column" "*line 2, column 10*" "$(post /validate "$work/bad")"
is "no review is a 400" 400 "$(status -H 'Content-Type: application/json' --data-binary '{}' "$url/validate")"
is "another content type is a 415" 415 "$(status -H 'Content-Type: text/plain' --data-binary '{}' "$url/validate")"
is "another method is a 405" 405 "$(status "$url/validate")"
is "another path is a 404" 404 "$(status "$url/nowhere")"
head -c 11000000 /dev/zero >"$work/large"
is "11 MB is a 413" 413 "$(status -H 'Content-Type: application/json' -H 'Expect:' --data-binary "@$work/large" "$url/validate" || true)"
is "healthz" "200" "$(status "$url/healthz")"
is "readyz" "200" "$(status "$url/readyz")"
is "TLS 1.1 is refused" "" "$(call --tls-max 1.1 "$url/healthz" 2>/dev/null || true)"

# ---- metrics and log ----
call "$url/metrics" >"$work/metrics"
for line in 'slicegate_reviews_total{path="/validate",kind="Pod",verdict="denied"} 1' \
  'slicegate_reviews_total{path="/validate",kind="Pod",verdict="unjudged"} 1' \
  'slicegate_findings_total{rule="gpu-limits",severity="deny",kind="Pod"} *' \
  'slicegate_findings_total{rule="host-balance",severity="audit",kind="Pod"} *' \
  'slicegate_policy_generation 1' 'slicegate_policy_stale 0'; do
  # shellcheck disable=SC2254 # the line is a pattern
  is "metric" "$line" "$(while IFS= read -r have; do case $have in $line) echo "$have" ;; esac; done <"$work/metrics" | head -n 1)"
done
is "the latency histogram counts" "slicegate_review_duration_seconds_count{path=\"/validate\"} *" "$(grep 'duration_seconds_count{path="/validate"' "$work/metrics")"
is "the certificate's end is there" "slicegate_certificate_expiry_timestamp_seconds 1*" "$(grep '^slicegate_certificate_expiry' "$work/metrics")"
is "a refusal is one log line with its uid" "*level=info msg=refused path=/validate uid=u-CREATE kind=Pod*" "$(grep 'msg=refused' "$work/log" | head -n 1)"

# ---- files that change ----
generation() {
  call "$url/metrics" | sed -n 's/^slicegate_policy_generation //p'
}
has_generation() {
  [ "$(generation)" = "$1" ]
}
is_stale() {
  call "$url/metrics" | grep -q '^slicegate_policy_stale 1'
}
policy 2 "$head
  failureStance: deny
  rules: {gpu-limits: {severity: warn}, gpu-toleration: {severity: warn, mutate: false}}"
until_true "a swapped ConfigMap mount is read" has_generation 2
review CREATE "$(pod '{"nvidia.com/gpu": "0.5"}')" >"$work/r"
post /validate "$work/r" >"$work/answer"
is "the new policy judges" "true" "$(answer .response.allowed)"
review CREATE '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":"none"}}' >"$work/r"
post /validate "$work/r" >"$work/answer"
is "failureStance deny refuses what cannot be judged" "false" "$(answer .response.allowed)"
policy 3 "$head
  rules: {gpu-limts: {severity: warn}}"
until_true "a bad policy shows in the metric" is_stale
is "and in readyz, which stays ready" "*keeps serving*gpu-limts*ok" "$(call "$url/readyz?verbose")"
is "and in the log, with line and column" "*line=5 column=11*" "$(grep 'msg="policy error"' "$work/log" | head -n 1)"
is "the old policy serves on" 2 "$(generation)"
policy 4 "$head
  rules: {gpu-limits: {severity: warn}}"
until_true "a good one ends it" has_generation 3
"$slicegate" certs issue --dir "$work" --ip 127.0.0.1 --reuse-ca --force --days 9 >"$work/certs"
until_true "a new certificate is picked up" grep -q 'msg="certificate reloaded"' "$work/log"
is "and served" "*9 days*" "$(call "$url/readyz?verbose" | sed 's/ends in 8 days/ends in 9 days/')"
printf 'no certificate\n' >"$work/tls.crt"
until_true "a bad certificate is said" grep -q 'certificate not reloaded' "$work/log"
is "and the old one serves on" 200 "$(status "$url/healthz")"
is "and readyz says so" "*\[!\] certificate: *keeps serving; reload failed: *tls.crt*" "$(call "$url/readyz?verbose")"
printf 'no cluster\n' >"$work/cluster.json"
until_true "a bad recording is said" grep -q 'cluster not reloaded' "$work/log"
is "as the cluster's fault" "*\[+\] policy: *\[!\] cluster: *cluster.json*" "$(call "$url/readyz?verbose")"
stop

# ---- golden reviews: tests/golden/review/CASE/{review,validate,mutate}.json ----
"$slicegate" certs issue --dir "$work" --ip 127.0.0.1 --force >"$work/certs"
start --cluster "$root/deploy/examples/cluster.json"
for case in "$root"/tests/golden/review/*/; do
  for path in validate mutate; do
    post "/$path" "$case/review.json" | jq -S '.response | if .patch then .patch |= (@base64d | fromjson) else . end' >"$work/answer"
    [ -z "${UPDATE:-}" ] || cp "$work/answer" "$case/$path.json"
    is "golden review $(basename "$case"): $path" same "$(cmp -s "$case/$path.json" "$work/answer" && echo same || diff "$case/$path.json" "$work/answer" || true)"
  done
done
stop

# ---- what it will not begin with ----
refuses() { # refuses NAME PATTERN ARGUMENTS...
  local name=$1 pattern=$2 code=0
  shift 2
  timeout 20 "$slicegate" serve "$@" >"$work/out" 2>&1 || code=$?
  is "$name: exit code" 2 "$code"
  is "$name" "$pattern" "$(cat "$work/out")"
}
"$slicegate" certs issue --dir "$work" --ip 127.0.0.1 --force >"$work/certs"
pair=(--tls-cert "$work/tls.crt" --tls-key "$work/tls.key")
refuses "no certificate given" "*needs --tls-cert FILE and --tls-key FILE*" --listen 127.0.0.1:0
refuses "a certificate that is not there" "*nowhere.crt*" --listen 127.0.0.1:0 --tls-cert "$work/nowhere.crt" --tls-key "$work/tls.key"
refuses "a key of another certificate" "*level=error*tls.crt with --tls-key *ca.key*" --listen 127.0.0.1:0 --tls-cert "$work/tls.crt" --tls-key "$work/ca.key"
refuses "a policy with errors" "*gpu-limts*" --listen 127.0.0.1:0 "${pair[@]}" --policy "$work/mount/3/policy.yaml"
refuses "a cluster that is none" "*neither nodes nor namespaces*" --listen 127.0.0.1:0 "${pair[@]}" --cluster "$work/r"
refuses "an address that is none" "*--listen is ADDRESS:PORT*" --listen nowhere "${pair[@]}"
# Addresses that are nobody's here (RFC 5737), so that it would end at once if it did not refuse.
recorded=(--listen 127.0.0.1:0 "${pair[@]}" --cluster "$root/deploy/examples/cluster.json")
far=(--extender-listen 192.0.2.1:1)
open="*--extender-listen 192.0.2.1:1 is not loopback: give --extender-client-ca FILE*"
refuses "an extender off loopback that asks for no client certificate" "$open" "${recorded[@]}" "${far[@]}"
is "it never listened there" 0 "$(grep -c 'msg="extender serving"' "$work/out" || true)"
: >"$work/empty"
refuses "a client CA without a certificate" "*--extender-client-ca: */empty: empty*" "${recorded[@]}" "${far[@]}" --extender-client-ca "$work/empty"
refuses "a client CA where clients are not asked for one" "*client certificates need TLS*" "${recorded[@]}" "${far[@]}" --extender-plain-http --extender-client-ca "$work/ca.crt"
refuses "with a client CA only an address that is not there" "*cannot bind ?192.0.2.1?:1*" "${recorded[@]}" "${far[@]}" --extender-client-ca "$work/ca.crt"
refuses "a file is named by its flag" '*error="--tls-cert: nope: cannot open*' --listen 127.0.0.1:0 --tls-cert nope --tls-key nope
refuses "a policy by its flag" '*error="--policy: nope: cannot open*' --listen 127.0.0.1:0 "${pair[@]}" --policy nope
refuses "one address for both listeners" "*--listen 127.0.0.1:9443 and --extender-listen 127.0.0.1:9443 meet*" --listen 127.0.0.1:9443 --extender-listen 127.0.0.1:9443 --extender-plain-http "${pair[@]}" --cluster "$root/deploy/examples/cluster.json"
refuses "plain HTTP off loopback" "*0.0.0.0:0 is not loopback, and --extender-plain-http is for loopback*" --extender-listen 0.0.0.0:0 --extender-plain-http "${recorded[@]}"
is "before anything serves" "" "$(grep msg=serving "$work/out" || true)"
refuses "a client CA that is not there" "*--extender-client-ca: nowhere: cannot open*" --extender-listen :0 --extender-client-ca nowhere "${recorded[@]}"
refuses "a client CA that is none" "*--extender-client-ca: *tls.crt: client CA: certificate 1 of 1 is not a CA*" --extender-listen :0 --extender-client-ca "$work/tls.crt" "${recorded[@]}"
is "before anything serves" "" "$(grep msg=serving "$work/out" || true)"
refuses "an unknown flag" "*did you mean --policy?*" --polcy x "${pair[@]}"

# ---- JSON logs ----
rm -f "$work/log"
"$slicegate" serve --listen 127.0.0.1:0 "${pair[@]}" --log-format json 2>"$work/log" &
server=$!
until_true "the server with JSON logs starts" grep -q '"msg":"serving"' "$work/log"
# jq 1.6 calls an empty file a match, so that what is read must be known to be there.
is "JSON logs are JSON" serving "$(jq -r 'select(.msg == "serving").msg' "$work/log")"
stop

# ---- the extender without TLS has no certificate ----
start "${recorded[@]}" --extender-listen 127.0.0.1:0 --extender-plain-http
until_true "its extender starts" grep -q 'msg="extender serving"' "$work/log"
feeds() {
  call "$url/readyz?verbose" | grep 'feed Node'
}
is "its feeds are recorded" "\[+\] feed Node: [1-9]* objects, recorded" "$(feeds)"
kill -HUP "$server"
until_true "SIGHUP reads the recording again" grep -q 'recording read again' "$work/log"
until_true "SIGHUP reads the certificate again" grep -q 'certificate.*reloaded' "$work/log"
is "which is no failure" "" "$(grep 'not reloaded' "$work/log" || true)"
is "and readyz does not say one" "*\[+\] certificate: *" "$(call "$url/readyz?verbose")"
stop

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
