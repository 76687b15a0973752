#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What kube-scheduler waits for: filter, then prioritize, with the names of all nodes, on recorded clusters of 8 GPUs a
# node; load and server on the same cores.  extender.sh SLICEGATE LOAD   RUNS (5) and SECONDS_EACH (5) may be set.
set -eu
slicegate=${1:?usage: extender.sh SLICEGATE LOAD}
load=${2:?usage: extender.sh SLICEGATE LOAD}
# shellcheck source=tests/bench/server.sh
. "$(dirname "$0")/server.sh"
runs=${RUNS:-5}
each=${SECONDS_EACH:-5}

# measure TITLE NODES PODS IN_FLIGHT [FLAG OF THE SERVER] [FLAG OF THE LOAD]: every run on a fresh server.
measure() {
  filter="" rank="" rate=""
  i=0
  while [ "$i" -lt "$runs" ]; do
    start_extender "$slicegate" "$2" "$3" "$5"
    "$load" --port "$port" --nodes "$2" --in-flight "$4" --seconds "$each" ${6:+"$6"} >"$work/run" || { cat "$work/run" >&2; exit 1; }
    rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status")
    stop_server
    filter="$filter $(field filter_p99_us "$work/run")"
    rank="$rank $(field prioritize_p99_us "$work/run")"
    rate="$rate $(field pods_per_second "$work/run")"
    i=$((i + 1))
  done
  # shellcheck disable=SC2086 # lists of numbers
  echo "$1: p99 of filter $(median $filter) us, of prioritize $(median $rank) us, $(median $rate) pods/s, $((rss / 1024)) MiB   (filter:$filter; prioritize:$rank)"
}

measure "5,000 nodes, 100,000 pods, HTTP" 5000 100000 1 --extender-plain-http ""
measure "5,000 nodes, 100,000 pods, TLS" 5000 100000 1 "" --tls
measure "5,000 nodes, 100,000 pods, HTTP, 16 in flight" 5000 100000 16 --extender-plain-http ""
measure "15,000 nodes, 150,000 pods, HTTP" 15000 150000 1 --extender-plain-http ""
measure "15,000 nodes, 150,000 pods, TLS" 15000 150000 1 "" --tls

start_extender "$slicegate" 5000 100000 --extender-plain-http
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }
sleep 2
before=$(ticks)
sleep 20
echo "idle on 5,000 nodes: $(awk -v t=$(($(ticks) - before)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", 100 * t / hz / 20 }') % of a core"
stop_server
