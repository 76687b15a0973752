#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make bench-packing: every suite of `slicegate simulate` on the public lists, then lists and
# mixes that nobody has seen, and in the end the figures reached beside the goals. Tables, CSV,
# JSON and charts go to OUT. Fails when a baseline is off its published figure.
#
#   packing.sh SLICEGATE OUT [SUITE...]    inflate churn mig mixed scale; default: all of them
#   SEEDS=2      only so many seeds of each (default: those of docs/packing.md)
#   THREADS=4    runs at the same time where no time is measured (default: cores)
set -eu
slicegate=${1:?usage: packing.sh SLICEGATE OUT [SUITE...]}
out=${2:?usage: packing.sh SLICEGATE OUT [SUITE...]}
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
bench=$root/tests/bench
nodes=$root/tests/data/alibaba-gpu-2023/openb_node_list_gpu_node.csv
pods=$root/tests/data/alibaba-gpu-2023/openb_pod_list_default.csv
threads=${THREADS:-$(nproc)}
begin=$(date +%s)
mkdir -p "$out"

say() {
  printf '\n==== %s\n\n' "$*"
}

# seeds COUNT: "42-51", or fewer.
seeds() {
  count=$1
  [ -z "${SEEDS:-}" ] || [ "$SEEDS" -ge "$count" ] || count=$SEEDS
  echo "42-$((42 + count - 1))"
}

# simulate NAME SUITE FLAGS...: NAME.txt, .csv and .json. Exit code 1 is a baseline that is off.
simulate() {
  name=$1
  shift
  "$slicegate" simulate "$@" --csv "$out/$name.csv" --json "$out/$name.json" >"$out/$name.txt" || {
    code=$?
    cat "$out/$name.txt"
    exit "$code"
  }
}

# As simulate, and shows the table.
show() {
  simulate "$@"
  cat "$out/$1.txt"
}

# What came of lists or mixes that nobody has seen: a line each.
sum_up() {
  jq -r -L "$bench" -f "$bench/packing_unseen.jq" "$@" | awk -F '\t' -f "$bench/columns.awk"
}

# unseen_list LIST: $out/LIST.csv, where LIST is a kind of unseen_list.awk and a seed.
unseen_list() {
  awk -v kind="${1%-*}" -v seed="${1##*-}" -v nodes="$nodes" -f "$bench/unseen_list.awk" "$pods" >"$out/$1.csv"
}

# Baselines are judged here, before anything else; seconds are measured, so one run at a time.
inflate() {
  say "inflate (A1): a cluster fills up"
  show inflate inflate --nodes "$nodes" --pods "$pods" --seeds "$(seeds 10)" --svg "$out/inflate.svg"
  say "inflate, with at most one move for each 100 pods placed"
  show inflate-moves inflate --nodes "$nodes" --pods "$pods" --seeds "$(seeds 10)" --policies slicegate \
    --moves-per-100 1 --jobs "$threads"
  say "inflate, pod lists that nobody has seen: slicegate and fgd on the same arrivals"
  for list in resample-1 resample-2 mix-1 mix-2 mix-3 mix-4 sizes-1 sizes-2 sizes-3 sizes-4 parts-1 parts-2 \
    hosts-1 hosts-2 models-1 models-2 gangs-1 idle-1; do
    unseen_list "$list"
    simulate "unseen-$list" inflate --nodes "$nodes" --pods "$out/$list.csv" --policies slicegate,fgd --seeds "$(seeds 3)"
  done
  sum_up "$out"/unseen-*.json
}

churn() {
  say "churn (A2): pods come and go"
  show churn churn --nodes "$nodes" --pods "$pods" --seeds "$(seeds 6)" --jobs "$threads"
  say "churn, pod lists that nobody has seen: slicegate and fgd on the same arrivals"
  for list in resample-1 mix-1 mix-2 sizes-1 models-1 idle-1; do
    unseen_list "$list"
    simulate "churn-unseen-$list" churn --nodes "$nodes" --pods "$out/$list.csv" --policies slicegate,fgd \
      --seeds "$(seeds 2)" --jobs "$threads"
  done
  sum_up "$out"/churn-unseen-*.json
}

mig() {
  say "mig (B): MIG instances on 100 GPUs"
  show mig mig --seeds "$(seeds 20)" --jobs "$threads" --svg "$out/mig.svg"
  say "mig, with one move for a pod that is refused, and at most five for each 100 that are placed"
  show mig-moves mig --parts churn --policies slicegate+1move,oracle --moves-per-100 5 --seeds "$(seeds 20)" --jobs "$threads"
  say "mig, mixes that nobody has seen: slicegate less the best of best fit, MFI and FGD"
  while read -r name count flags; do
    # shellcheck disable=SC2086 # flags with their values
    simulate "mig-unseen-$name" mig --policies slicegate,bestfit,mfi,fgd-masks --parts saturation,churn \
      --jobs "$threads" --seeds "$(seeds "$count")" $flags
  done <<MIXES
8-gpus 20 --gpus 8 --random-mixes 12 --mix-seed 8
100-gpus 5 --gpus 100 --random-mixes 12 --mix-seed 100
1000-gpus 1 --gpus 1000 --random-mixes 4 --mix-seed 1000
a30 5 --product a30-24gb --random-mixes 8 --mix-seed 30
rtx-pro-6000 20 --product rtx-pro-6000-blackwell-96gb --random-mixes 8 --mix-seed 6000
MIXES
  sum_up "$out"/mig-unseen-*.json
  say "mig, the best policy that places what fits and does not know the story: B3's, arrivals only"
  "${ONLINE:-$root/build/release/tests/bench/online}" 42 "${SEEDS:-20}" | tee "$out/online.txt"
}

mixed() {
  say "mixed (C): whole GPUs, MIG slices and time-sliced GPUs in one cluster"
  show mixed mixed --pods "$pods" --seeds "$(seeds 30)" --jobs "$threads" --svg "$out/mixed.svg"
  say "mixed, where idle GPUs may change their mode"
  show mixed-flex mixed --pods "$pods" --flex --seeds "$(seeds 2)" --jobs "$threads"
}

scale() {
  say "scale (D): time of one decision, memory"
  show scale scale --pods "$pods" --seeds "$(seeds 1)"
}

if [ $# -eq 0 ]; then
  rm -rf "$out"
  mkdir -p "$out"
  set -- inflate churn mig mixed scale
fi
for suite in "$@"; do
  case $suite in
    inflate | churn | mig | mixed | scale) "$suite" ;;
    *) echo "packing.sh: there is no suite \"$suite\" (inflate, churn, mig, mixed, scale)" >&2; exit 2 ;;
  esac
done

say "goals, and what was reached"
jq -rn -L "$bench" -f "$bench/packing_goals.jq" "$out"/*.json >"$out/goals.tsv"
awk -F '\t' -f "$bench/columns.awk" "$out/goals.tsv"
printf '%s cores of %s, %s, %s; %s, %s; %s seconds in all\n' "$(nproc)" \
  "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -sr)" "$(date -u +%F)" \
  "$("$slicegate" version)" "$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)" \
  "$(($(date +%s) - begin))" >"$out/machine.txt"
printf '\n%s' "$(cat "$out/machine.txt")"
printf '\nTables, CSV, JSON and charts are in %s. sh tests/bench/packing_docs.sh takes them into docs/.\n' "$out"
