#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make soak, but for its live part: resident memory after 1,000,000 reviews is at most 2 MiB above that after 10,000; that of
# the extender on a recorded cluster grows by no more than a tenth after its first minute.
set -eu
slicegate=${1:?usage: soak.sh SLICEGATE LOAD}
load=${2:?usage: soak.sh SLICEGATE LOAD}
# shellcheck source=tests/bench/server.sh
. "$(dirname "$0")/server.sh"

sh "$bench_dir/review.sh" >"$work/review.json"
start_server "$slicegate"

# resident COUNT: sends as many reviews, prints the server's resident KiB.
resident() {
  "$load" --port "$port" --body "$work/review.json" --connections 16 --warmup 0 --seconds 600 --requests "$1" --reconnect 1000 --server-pid "$server" >"$work/run"
  [ "$(field errors "$work/run")$(field bad_status "$work/run")" = 00 ] || { cat "$work/run" >&2; exit 1; }
  [ "$(field requests "$work/run")" -ge "$1" ] || { echo "only $(field requests "$work/run") of $1 reviews" >&2; exit 1; }
  sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status"
}

first=$(resident 10000)
last=$(resident 990000)
echo "resident after 10,000 reviews: $first KiB; after 1,000,000: $last KiB; difference $((last - first)) KiB"
[ $((last - first)) -le 2048 ] || { echo "soak: more than 2 MiB above" >&2; exit 1; }

stop_server

# The extender: what it holds ends after 30 s, so that memory is the same from then on.
extender=${3:?usage: soak.sh SLICEGATE LOAD EXTENDER_LOAD}
start_extender "$slicegate" 500 5000 --extender-plain-http
rss() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status"; }
"$extender" --port "$port" --nodes 500 --in-flight 4 --seconds 60 >"$work/run"
first=$(rss)
"$extender" --port "$port" --nodes 500 --in-flight 4 --seconds "${SOAK_SECONDS:-3600}" >"$work/run"
last=$(rss)
echo "resident memory of the extender after 60 s: $((first / 1024)) MiB, after ${SOAK_SECONDS:-3600} s more and $(field pods "$work/run") pods: $((last / 1024)) MiB"
[ "$last" -le $((first * 11 / 10)) ] || { echo "it grows" >&2; exit 1; }
