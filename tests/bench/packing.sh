#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All suites of `slicegate simulate`: a table each, and the same as CSV, JSON and SVG under
# build/packing/. Exit code 1 when a baseline is off its published figure.
#
#   packing.sh SLICEGATE [SUITE...]     SEEDS=42 for fewer seeds, JOBS=2 for a shorter wait
set -eu
slicegate=$1
shift
data=tests/data/alibaba-gpu-2023
out=build/packing
lists="--nodes $data/openb_node_list_gpu_node.csv --pods $data/openb_pod_list_default.csv"
mkdir -p "$out"
code=0

# run NAME SUITE DEFAULT-SEEDS [FLAGS...]
run() {
  name=$1 suite=$2 seeds=${SEEDS:-$3}
  shift 3
  echo "== $name: slicegate simulate $suite --seeds $seeds $*"
  status=0
  "$slicegate" simulate "$suite" --seeds "$seeds" --jobs "${JOBS:-1}" \
    --json "$out/$name.json" --csv "$out/$name.csv" "$@" || status=$?
  echo
  [ "$status" -le 1 ] || exit "$status"
  [ "$status" -eq 0 ] || code=1
}

[ $# -gt 0 ] || set -- inflate churn moves mig mixed flex scale
# shellcheck disable=SC2086 # names of files without spaces
for suite in "$@"; do
  case $suite in
    inflate) run inflate inflate 42-51 $lists --svg "$out/inflate.svg" ;;
    churn) run churn churn 42-47 $lists ;;
    moves) run moves inflate 42-51 $lists --moves-per-100 1 --policies slicegate ;;
    mig) run mig mig 42-61 ;;
    mixed) run mixed mixed 42-51 $lists ;;
    flex) run flex mixed 42-51 $lists --flex ;;
    scale) run scale scale 42 $lists ;;
    *) echo "unknown suite $suite" >&2; exit 2 ;;
  esac
done
echo "CSV, JSON and SVG are in $out/"
exit $code
