# SPDX-License-Identifier: Apache-2.0
# A recorded cluster as a list for `slicegate simulate`: --arg list nodes, or pods.
#
# Pods of DaemonSets and static pods belong to their nodes: they are no demand, and what they
# request is taken off. Of init containers only sidecars count. GPUs are nvidia.com/gpu.

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

def is_of_its_node: .metadata.ownerReferences // [] | any(.kind == "DaemonSet" or .kind == "Node");
def milli: . * 1000 | round;
def mib: . / 1048576 | floor;

[.items[] | select(.kind == "Pod" and (.status.phase | IN("Succeeded", "Failed") | not))] as $pods
| if $list == "nodes" then
    (reduce ($pods[] | select(.spec.nodeName and is_of_its_node)) as $pod ({};
       .[$pod.spec.nodeName] |= {cpu: (.cpu + ($pod | asks("cpu"))),
                                 memory: (.memory + ($pod | asks("memory")))})) as $held
    | ["sn", "cpu_milli", "memory_mib", "gpu", "model"],
      (.items[] | select(.kind == "Node")
       | $held[.metadata.name] as $own | .status.allocatable as $has
       | ($has["nvidia.com/gpu"] // 0 | quantity) as $gpus
       | [.metadata.name, (($has.cpu | quantity) - ($own.cpu // 0) | milli),
          (($has.memory | quantity) - ($own.memory // 0) | mib), $gpus,
          if $gpus > 0 then .metadata.labels["nvidia.com/gpu.product"] // "GPU" else "" end])
  else
    ["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec"],
    ($pods[] | select(is_of_its_node | not) | asks("nvidia.com/gpu") as $gpus
     | ["\(.metadata.namespace)/\(.metadata.name)", (asks("cpu") | milli),
        (asks("memory") | mib), $gpus, if $gpus > 0 then 1000 else 0 end,
        .spec.nodeSelector["nvidia.com/gpu.product"] // ""])
  end
| join(",")
