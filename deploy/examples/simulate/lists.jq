# SPDX-License-Identifier: Apache-2.0
# A recorded cluster as a list for `slicegate simulate`: --arg list nodes, or pods.
#
# Pods of DaemonSets and static pods belong to their nodes: they are no demand, and what they
# request is taken off. Of init containers only sidecars count. GPUs are nvidia.com/gpu. Left out,
# as the lists cannot say it: nodes that are cordoned, or have no CPU left for others; pods that
# ask for MIG instances or shared GPUs, which are counted on standard error.

def quantity:
  (tostring | capture("^(?<number>[0-9.]+)(?<unit>[A-Za-z]*)$") // error("no quantity: \(.)"))
  | (.number | tonumber)
    * ({"": 1, n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15,
        Ki: 1024, Mi: 1048576, Gi: 1073741824, Ti: 1099511627776, Pi: 1125899906842624}[.unit]
       // error("no unit: \(.unit)"));

# Of a pod, in cores, bytes or devices.
def asks($name):
  [.spec | .containers[], (.initContainers // [] | .[] | select(.restartPolicy == "Always"))
   | .resources | .requests[$name] // .limits[$name] // 0 | quantity] | add;

# Values that a node's product must be one of: the selector's, or those of the required affinity
# (a term that does not name the product takes any).
def models:
  .spec.nodeSelector["nvidia.com/gpu.product"] as $selected
  | [.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
     | .nodeSelectorTerms // [] | .[]
     | [.matchExpressions // [] | .[]
        | select(.key == "nvidia.com/gpu.product" and .operator == "In") | .values]
     | if . == [] then null else reduce .[1:][] as $more (.[0]; . - (. - $more)) end] as $terms
  | if $selected then [$selected] elif any($terms[]; . == null) then [] else $terms | add // [] end
  | unique | join("|");

# Resources of GPUs that are no whole ones: nvidia.com/mig-1g.10gb, nvidia.com/gpu.shared, ...
def has_part: [.spec.containers[].resources | (.limits // {}) + (.requests // {}) | keys[]]
  | any(startswith("nvidia.com/mig-") or . == "nvidia.com/gpu.shared");

def is_of_its_node: .metadata.ownerReferences // [] | any(.kind == "DaemonSet" or .kind == "Node");
def milli: . * 1000 | round;
def mib: . / 1048576 | floor;

[.items[] | select(.kind == "Pod" and (.status.phase | IN("Succeeded", "Failed") | not))] as $pods
| if $list == "nodes" then
    (reduce ($pods[] | select(.spec.nodeName and is_of_its_node)) as $pod ({};
       .[$pod.spec.nodeName] |= {cpu: (.cpu + ($pod | asks("cpu"))),
                                 memory: (.memory + ($pod | asks("memory")))})) as $held
    | ["sn", "cpu_milli", "memory_mib", "gpu", "model"],
      (.items[] | select(.kind == "Node" and (.spec.unschedulable | not))
       | $held[.metadata.name] as $own | .status.allocatable as $has
       | ($has["nvidia.com/gpu"] // 0 | quantity) as $gpus
       | [.metadata.name, (($has.cpu | quantity) - ($own.cpu // 0) | milli),
          (($has.memory | quantity) - ($own.memory // 0) | mib), $gpus,
          if $gpus > 0 then .metadata.labels["nvidia.com/gpu.product"] // "GPU" else "" end]
       | select(.[1] > 0 and .[2] > 0))
  else
    ["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec"],
    ([$pods[] | select((is_of_its_node | not) and has_part)] | length | select(. > 0)
     | "left out, for they ask for MIG instances or shared GPUs: \(.) pods" | debug | empty),
    ($pods[] | select((is_of_its_node or has_part) | not) | asks("nvidia.com/gpu") as $gpus
     | ["\(.metadata.namespace)/\(.metadata.name)", (asks("cpu") | milli),
        (asks("memory") | mib), $gpus, if $gpus > 0 then 1000 else 0 end,
        models])
  end
| join(",")
