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

# Whoever is between filter and its Binding has one hold, whatever was asked meanwhile.
check_holds() { # TITLE COUNT
  holds=$(metric holds '{kind="tentative"}')
  [ "$holds" -eq "$2" ] || { echo "$1: $2 pods were placed, and $holds have a hold" >&2; exit 1; }
}

# Asked for more than is free, it gives all that is free, and nothing twice: of 8 GPUs a node two are free in cluster.awk.
# What was held meanwhile for half a minute is free again: then only the latter can be told.
check_all_given() { # TITLE NODES IN_FLIGHT [CLIENT]
  free=$((2 * $2))
  "$load" --port "$port" --nodes "$2" --in-flight "$3" --once "$free" ${4:+--client "$4"} >"$work/rest" || { cat "$work/rest" >&2; exit 1; }
  holds=$(metric holds '{kind="tentative"}') expired=$(metric holds_expired_total '')
  [ "$holds" -le "$free" ] || { echo "$1: $free GPUs are free, and $holds were given" >&2; exit 1; }
  [ "$expired" -gt 0 ] || [ "$holds" -eq "$free" ] || { echo "$1: of $free free GPUs only $holds were given" >&2; exit 1; }
  wrong=$(($(metric state_drift '') + $(metric excess_nodes '')))
  [ "$wrong" -eq 0 ] || { echo "$1: $wrong nodes are not what their pods make them" >&2; exit 1; }
}

# measure TITLE NODES PODS IN_FLIGHT [FLAG OF THE SERVER] [CLIENT]: every run on a fresh server.
measure() {
  filter="" rank="" rate=""
  i=0
  while [ "$i" -lt "$runs" ]; do
    start_extender "$slicegate" "$2" "$3" "$5"
    "$load" --port "$port" --nodes "$2" --in-flight "$4" --seconds "$each" ${6:+--client "$6"} >"$work/run" || { cat "$work/run" >&2; exit 1; }
    rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status")
    check_holds "$1" "$(field different_pods "$work/run")"
    [ "$4" -eq 1 ] || check_all_given "$1" "$2" "$4" "$6"
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
measure "5,000 nodes, 100,000 pods, TLS, both sides with certificates" 5000 100000 1 "" "$work"
measure "5,000 nodes, 100,000 pods, HTTP, 16 in flight" 5000 100000 16 --extender-plain-http ""
measure "15,000 nodes, 150,000 pods, HTTP" 15000 150000 1 --extender-plain-http ""
measure "15,000 nodes, 150,000 pods, TLS, both sides with certificates" 15000 150000 1 "" "$work"

start_extender "$slicegate" 5000 100000 --extender-plain-http
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }
sleep 2
before=$(ticks)
sleep 20
echo "idle on 5,000 nodes: $(awk -v t=$(($(ticks) - before)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", 100 * t / hz / 20 }') % of a core"
stop_server
