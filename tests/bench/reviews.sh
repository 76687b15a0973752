#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make bench-review: what a review costs, and slicegate check on many manifests. Load generator and server share the machine.
# RUNS (5) and SECONDS_EACH (5) may be set; medians of the runs are printed.
set -eu
slicegate=${1:?usage: reviews.sh SLICEGATE LOAD}
load=${2:?usage: reviews.sh SLICEGATE LOAD}
# shellcheck source=tests/bench/server.sh
. "$(dirname "$0")/server.sh"
runs=${RUNS:-5}
each=${SECONDS_EACH:-5}

echo "machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)"
echo "build: $("$slicegate" version), $(git -C "$bench_dir" rev-parse --short HEAD 2>/dev/null || echo unknown)"

sh "$bench_dir/review.sh" >"$work/review.json"
start_server "$slicegate"
curl -sS --cacert "$work/ca.crt" -H 'Content-Type: application/json' --data-binary "@$work/review.json" \
  "https://127.0.0.1:$port/validate" >"$work/answer"
[ "$(jq .response.allowed "$work/answer")" = true ] || { echo "the review of the figures must be accepted:" >&2; cat "$work/answer" >&2; exit 1; }

cpu="" rps=""
i=0
while [ "$i" -lt "$runs" ]; do
  "$load" --port "$port" --body "$work/review.json" --connections 16 --seconds "$each" --server-pid "$server" >"$work/run"
  [ "$(field errors "$work/run")$(field bad_status "$work/run")" = 00 ] || { cat "$work/run" >&2; exit 1; }
  cpu="$cpu $(field requests_per_server_cpu_second "$work/run")"
  rps="$rps $(field requests_per_second "$work/run")"
  i=$((i + 1))
done
# shellcheck disable=SC2086 # lists of numbers
per_cpu=$(median $cpu) per_second=$(median $rps)
echo "reviews per CPU second of the server: $per_cpu   (runs:$cpu)"
echo "reviews a second, load on the same cores: $per_second   (runs:$rps)"

half=4000
p99=""
i=0
while [ "$i" -lt "$runs" ]; do
  "$load" --port "$port" --body "$work/review.json" --connections 16 --rate "$half" --seconds "$each" --server-pid "$server" >"$work/run"
  p99="$p99 $(field p99_us "$work/run")"
  i=$((i + 1))
done
# shellcheck disable=SC2086
echo "p99 at $half a second (half of the figure's load): $(median $p99) us   (runs:$p99)"
p99=""
i=0
while [ "$i" -lt "$runs" ]; do
  "$load" --port "$port" --body "$work/review.json" --connections 16 --rate $((per_second / 2)) --seconds "$each" --server-pid "$server" >"$work/run"
  p99="$p99 $(field p99_us "$work/run")"
  i=$((i + 1))
done
# shellcheck disable=SC2086
echo "p99 at $((per_second / 2)) a second (half of what it can): $(median $p99) us   (runs:$p99)"
echo "resident memory of the server: $(($(field server_rss_kib "$work/run") / 1024)) MiB, at most $(($(field server_hwm_kib "$work/run") / 1024)) MiB"
stop_server

mkdir "$work/manifests"
i=0
while [ "$i" -lt 1000 ]; do
  jq -c --arg name "train-$i" '.request.object | .metadata.name = $name | del(.metadata.uid)' "$work/review.json" >"$work/manifests/$i.json"
  i=$((i + 1))
done
took=""
i=0
while [ "$i" -lt "$runs" ]; do
  begin=$(date +%s%N)
  "$slicegate" check --policy "$bench_dir/policy.yaml" --cluster "$bench_dir/../../deploy/examples/cluster.json" "$work/manifests" >"$work/out"
  took="$took $((($(date +%s%N) - begin) / 1000000))"
  i=$((i + 1))
done
# shellcheck disable=SC2086
echo "slicegate check on 1,000 manifests: $(median $took) ms   (runs:$took)"
tail -n 1 "$work/out"
