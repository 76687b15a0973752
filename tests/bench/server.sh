# SPDX-License-Identifier: Apache-2.0
# Sourced by reviews.sh, extender.sh and soak.sh: a server on loopback, stopped at exit.
# shellcheck shell=sh
bench_dir=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
server=""

stop_server() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=""
  fi
}

finish() {
  stop_server
  rm -rf "$work"
}
trap finish EXIT

# start_server SLICEGATE: with every rule on; sets $server and $port.
start_server() {
  [ -e "$work/tls.crt" ] || "$1" certs issue --dir "$work" --ip 127.0.0.1 >"$work/certs"
  : >"$work/log"
  "$1" serve --listen 127.0.0.1:0 --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" \
    --policy "$bench_dir/policy.yaml" --cluster "$bench_dir/../../deploy/examples/cluster.json" \
    2>"$work/log" &
  server=$!
  port=""
  tries=0
  while [ -z "$port" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    port=$(sed -n 's/.*msg=serving address=127.0.0.1:\([0-9]*\).*/\1/p' "$work/log")
    tries=$((tries + 1))
    [ "$tries" -le 500 ] || { echo "the server is not ready" >&2; exit 1; }
    [ -n "$port" ] || sleep 0.02
  done
}

# start_extender SLICEGATE NODES PODS [FLAG]: on a recorded cluster of that size; sets $server, $main and $port, of the
# extender. Without a flag it asks who calls, as it does in a cluster: $work has the certificate that it accepts.
start_extender() {
  [ -e "$work/tls.crt" ] || "$1" certs issue --dir "$work" --ip 127.0.0.1 >"$work/certs"
  [ -e "$work/client.crt" ] || "$1" certs issue --dir "$work" --client kube-scheduler --reuse-ca >"$work/certs"
  recording=$work/cluster-$2.json
  [ -e "$recording" ] || awk -v nodes="$2" -v pods="$3" -f "$bench_dir/cluster.awk" >"$recording"
  : >"$work/log"
  "$1" serve --listen 127.0.0.1:0 --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" --cluster "$recording" \
    --extender-listen 127.0.0.1:0 "${4:---extender-client-ca=$work/ca.crt}" 2>"$work/log" &
  server=$!
  tries=0
  until grep -q 'msg="extender serving"' "$work/log"; do
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    tries=$((tries + 1))
    [ "$tries" -le 1500 ] || { echo "the server is not ready" >&2; exit 1; }
    sleep 0.02
  done
  main=$(sed -n 's/.*msg=serving address=\([^ ]*\).*/\1/p' "$work/log")
  until curl -fsS --cacert "$work/ca.crt" "https://$main/readyz" >/dev/null 2>&1; do sleep 0.05; done
  port=$(sed -n 's/.*msg="extender serving" address=127.0.0.1:\([0-9]*\).*/\1/p' "$work/log")
}

# metric NAME LABELS: the sum of the series of the server at $main, as in: metric holds '{kind="tentative"}'
metric() {
  curl -fsS --cacert "$work/ca.crt" "https://$main/metrics" |
    awk -v series="slicegate_$1$2" 'index($1, series) == 1 { sum += $2 } END { print sum + 0 }'
}

# field NAME FILE
field() {
  sed -n "s/^$1=//p" "$2"
}

# median NUMBERS...
median() {
  printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}
