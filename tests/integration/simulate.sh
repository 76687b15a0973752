#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make test-simulate: `slicegate simulate` on the public lists with a few seeds. Baselines are
# held against their published figures, ours against the baselines, small cases against exact
# optima, and one run against itself. No time is measured; make bench-packing does that.
set -eu
slicegate=${1:?usage: simulate.sh PATH_TO_SLICEGATE}
root=$(cd "$(dirname "$0")/../.." && pwd)
pods=$root/tests/data/alibaba-gpu-2023/openb_pod_list_default.csv
trace="--nodes $root/tests/data/alibaba-gpu-2023/openb_node_list_gpu_node.csv --pods $pods"
jobs=$(nproc)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
passed=0

# simulate NAME FLAGS...: NAME.json; exit code 1 is a baseline that is off.
simulate() {
  name=$1
  shift
  if "$slicegate" simulate "$@" --json "$work/$name.json" >"$work/$name.txt" 2>"$work/$name.err"; then
    passed=$((passed + 1))
  else
    echo "slicegate simulate $*: exit code $?"
    cat "$work/$name.err"
    exit 1
  fi
}

# holds NAME WHAT PROGRAM: the jq program is true of NAME.json.
holds() {
  if jq -e -L "$root/tests/bench" "include \"figures\"; $3" "$work/$1.json" >"$work/held"; then
    passed=$((passed + 1))
  else
    echo "simulate $1: does not hold: $2"
    sed -n '1,/^The same/p' "$work/$1.txt"
    failed=$((failed + 1))
  fi
}

# Lists of a recorded cluster: what belongs to a node is taken off, what has ended is no demand.
cat >"$work/recorded.json" <<'END'
{"kind": "List", "items": [
 {"kind": "Node", "metadata": {"name": "a", "labels": {"nvidia.com/gpu.product": "NVIDIA-L4"}},
  "status": {"allocatable": {"cpu": "7910m", "memory": "32Gi", "nvidia.com/gpu": "2"}}},
 {"kind": "Node", "metadata": {"name": "cordoned"}, "spec": {"unschedulable": true},
  "status": {"allocatable": {"cpu": "8", "memory": "32Gi"}}},
 {"kind": "Node", "metadata": {"name": "used-up"}, "status": {"allocatable": {"cpu": "1", "memory": "32Gi"}}},
 {"kind": "Pod", "metadata": {"name": "agent-2", "namespace": "s", "ownerReferences": [{"kind": "DaemonSet"}]},
  "spec": {"nodeName": "used-up", "containers": [{"resources": {"requests": {"cpu": "1"}}}]}, "status": {"phase": "Running"}},
 {"kind": "Pod", "metadata": {"name": "slice", "namespace": "s"}, "status": {"phase": "Pending"},
  "spec": {"containers": [{"resources": {"limits": {"nvidia.com/mig-1g.10gb": "1"}}}]}},
 {"kind": "Pod", "metadata": {"name": "either", "namespace": "s"}, "status": {"phase": "Pending"},
  "spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
    {"matchExpressions": [{"key": "nvidia.com/gpu.product", "operator": "In", "values": ["Y", "X"]}]}]}}},
   "containers": [{"resources": {"limits": {"nvidia.com/gpu": 1}}}]}},
 {"kind": "Node", "metadata": {"name": "b"}, "status": {"allocatable": {"cpu": "4", "memory": "1048575Ki"}}},
 {"kind": "Pod", "metadata": {"name": "agent", "namespace": "s", "ownerReferences": [{"kind": "DaemonSet"}]},
  "spec": {"nodeName": "a", "containers": [{"resources": {"requests": {"cpu": "100m", "memory": "1G"}}}]},
  "status": {"phase": "Running"}},
 {"kind": "Pod", "metadata": {"name": "p", "namespace": "s"}, "status": {"phase": "Running"},
  "spec": {"nodeName": "a", "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
   "initContainers": [{"restartPolicy": "Always", "resources": {"limits": {"cpu": 1}}},
                      {"resources": {"limits": {"cpu": 64}}}],
   "containers": [{"resources": {"limits": {"cpu": "1.5", "memory": "3Gi", "nvidia.com/gpu": "1"}}}, {}]}},
 {"kind": "Pod", "metadata": {"name": "done", "namespace": "s"}, "status": {"phase": "Succeeded"},
  "spec": {"nodeName": "a", "containers": [{"resources": {"limits": {"cpu": 1}}}]}},
 {"kind": "Pod", "metadata": {"name": "waits", "namespace": "s"}, "status": {"phase": "Pending"},
  "spec": {"containers": [{"resources": {"requests": {"cpu": 2}}}]}}
]}
END
for list in nodes pods; do
  jq -r --arg list $list -f "$root/deploy/examples/simulate/lists.jq" "$work/recorded.json"
done >"$work/lists" 2>"$work/lists.err"
if grep -q 'shared GPUs: 1 pods' "$work/lists.err" && diff - "$work/lists" <<'END'; then
sn,cpu_milli,memory_mib,gpu,model
a,7810,31814,2,NVIDIA-L4
b,4000,1023,0,
name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec
s/either,0,0,1,1000,X|Y
s/p,2500,3072,1,1000,NVIDIA-L4
s/waits,2000,0,0,0,
END
  passed=$((passed + 1))
else
  echo "simulate: lists.jq makes other lists of a recorded cluster"
  failed=$((failed + 1))
fi

others='[policies[] | select(. != "slicegate")]'

# shellcheck disable=SC2086 # flags with their values
simulate inflate inflate $trace --seeds 42-51 --jobs "$jobs" --svg "$work/inflate.svg"
[ "$(grep -c '^reference: .*: good$' "$work/inflate.txt")" = 12 ] || {
  echo "simulate inflate: six baselines should have been held against two figures each"
  failed=$((failed + 1))
}
holds inflate "ours is above every baseline when 100 % and 130 % were requested" "
  . as \$all | $others as \$others | [(100, 130) as \$x | \$others[] as \$p
    | \$all | paired(\"slicegate\"; \$p; \"allocated_pct@\(\$x)\") | min > 0.3] | all"
holds inflate "no seed is below fgd anywhere" "
  . as \$all | [points(\"allocated_pct\")[] as \$x
    | \$all | paired(\"slicegate\"; \"fgd\"; \"allocated_pct@\(\$x)\") | min >= -1e-9] | all"
holds inflate "ours allocates 96 % and more" 'level("slicegate"; "allocated_pct@100") >= 96'
holds inflate "the keys of the contract are there" '
  (keys == ["inputs", "policies", "seeds", "suite"]) and (.seeds | length) == 10 and .inputs.is_reference
  and ([.policies[] | (.seconds | type == "number") and (.metrics | all(.[];
        (.per_seed | length == 10) and has("mean") and has("ci95")))] | all)'
grep -q '</svg>' "$work/inflate.svg" || { echo "simulate inflate: no chart"; failed=$((failed + 1)); }

# The same figures again, alone and on one thread.
# shellcheck disable=SC2086
simulate again inflate $trace --seeds 43 --policies slicegate,fgd --jobs 1
jq -n -e --slurpfile all "$work/inflate.json" --slurpfile one "$work/again.json" '
  def figures($at): [.policies[] | select(.name == "slicegate" or .name == "fgd")
    | {name, metrics: (.metrics | del(.learning_seconds) | map_values(.per_seed[$at]))}];
  ($all[0] | figures(1)) == ($one[0] | figures(0))' >"$work/held" || {
  echo "simulate inflate: a run comes out otherwise when others run beside it"
  failed=$((failed + 1))
}

# shellcheck disable=SC2086
simulate churn churn $trace --seeds 42 --policies slicegate,fgd,bestfit --jobs "$jobs"
holds churn "ours accepts as much as fgd and best fit, and more, at every load" "
  . as \$all | $others as \$others | [(\"0.9\", \"1.0\", \"1.1\") as \$load | \$others[] as \$p
    | \$all | paired(\"slicegate\"; \$p; \"acceptance_gpu_weighted@\(\$load)\") | mean >= 0] | all"

simulate mig mig --seeds 42 --parts saturation,exact,lists --jobs "$jobs"
holds mig "ours places at least as many slices as every baseline" '
  . as $all | [policies[] | select(IN("slicegate", "slicegate+1move", "slicegate+2moves", "oracle", "lp") | not)
    | . as $p | $all | paired("slicegate"; $p; "slices_pct@100") | mean >= 0] | all'
holds mig "the bound is above the oracle, and the oracle above ours" '
  . as $all | [mixes[] | "\(.)/slices_pct@100" as $m | $all
    | level("lp"; $m) >= level("oracle"; $m) - 1e-9 and level("oracle"; $m) >= level("slicegate"; $m) - 1] | all'
holds mig "short stories: nobody beats the optimum, and ours is nearest" '
  . as $all | [("arrivals", "departures") as $kind | "exact_slices_pct@\($kind)" as $m
    | [policies[] as $p | $all | level($p; $m) | select(. != null)]
    | max <= 100 and max == ($all | level("slicegate"; $m))] | all'
holds mig "short stories: mostly as much as the best who place what fits" '
  level("slicegate"; "exact_equal_accepting_pct@arrivals") >= 90 and
  level("slicegate"; "exact_equal_accepting_pct@departures") >= 90'

simulate mixed mixed --pods "$pods" --seeds 42 --policies slicegate,fgd,bestfit --flex --jobs "$jobs"
holds mixed "nobody is placed on GPUs of the wrong kind, split or overlapping" '
  [.policies[].metrics | .wrong_kind, .split_replicas, .overlaps | .mean == 0] | all'

simulate scale scale --pods "$pods" --seeds 42 --policies slicegate,fgd --node-counts 100,1213
holds scale "cached answers are those of a fresh scorer" '
  [.policies[].metrics | to_entries[] | select(.key | startswith("wrong_answers@")) | .value.mean == 0] | all'

echo "simulate: $passed passed, $failed failed"
[ "$failed" = 0 ]
