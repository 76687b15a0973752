#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Takes what make bench-packing found into the documents: the table of goals into
# docs/packing.md, between its two marks, and the charts beside it. Figures are not typed.
#
#   packing_docs.sh [RESULTS]    default: build/packing
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
results=${1:-$root/build/packing}
page=$root/docs/packing.md
[ -s "$results/goals.tsv" ] || { echo "packing_docs.sh: no results in $results: make bench-packing first" >&2; exit 1; }

table() {
  printf 'Measured on %s.\n\n' "$(cat "$results/machine.txt")"
  printf '| | goal | reached | | beside it |\n|---|---|---|---|---|\n'
  awk -F '\t' 'NR == 1 || NF == 0 { next }
    NF == 1 { print "| **" $1 "** | | | | |"; next }
    { print "| " $1 " | " $2 " | " $3 " | " $4 " | " $5 " |" }' "$results/goals.tsv"
}

table >"$results/goals.md"
awk -v table="$results/goals.md" '
  /^<!-- figures: begin -->$/ { print; print ""; while ((getline line < table) > 0) print line; print ""; inside = 1 }
  /^<!-- figures: end -->$/ { inside = 0 }
  !inside && !/^<!-- figures: begin -->$/ { print }' "$page" >"$results/packing.md"
cp "$results/packing.md" "$page"
for chart in inflate mig; do
  cp "$results/$chart.svg" "$root/docs/$chart.svg"
done
echo "docs/packing.md, docs/inflate.svg and docs/mig.svg are from $results."
