/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of rules: what each holds, why, and how strict the built-in policy is.
 * Built in, `deny` is only for what can never run or goes around the scheduler; what
 * an organisation must decide for itself is off.
 */
#include "policy_internal.h"

static const struct rule_info rules[RULE_COUNT] = {
    [RULE_GPU_LIMITS] =
        {RULE_GPU_LIMITS, SEVERITY_DENY,
         "GPUs are asked for in limits, in whole numbers, with requests equal to limits, by a name "
         "that exists, and never twice by different names.",
         "Kubernetes refuses such a pod or leaves it Pending for ever; inside custom resources "
         "nobody else checks at all.",
         NULL},
    [RULE_MIG_PROFILE] =
        {RULE_MIG_PROFILE, SEVERITY_DENY,
         "A MIG profile exists for some GPU product, and some node here can ever provide it; "
         "denied only when no product that is present or declared in nodePools has it.",
         "A pod that asks for a slice which no node can make stays Pending for ever and no event "
         "says why.",
         "The name is judged; which products and profiles the cluster has is known with --cluster "
         "(and from nodePools), and nothing is said of them without."},
    [RULE_GPU_BYPASS] =
        {RULE_GPU_BYPASS, SEVERITY_DENY,
         "No container reaches GPUs around the scheduler: by environment variable, host path, "
         "runtime class, or privileged on a GPU node.",
         "Such a container uses devices that are promised to other pods; both fail in ways that "
         "are hard to trace.",
         NULL},
    [RULE_GPU_NODE_USE] =
        {RULE_GPU_NODE_USE, SEVERITY_WARN,
         "A pod that selects or tolerates GPU nodes asks for a GPU.",
         "Pods without a GPU on GPU nodes take the CPU and memory that the GPUs need. It is a "
         "warning because agents and log shippers belong there: exempt them.",
         NULL},
    [RULE_GPU_TOLERATION] =
        {RULE_GPU_TOLERATION, SEVERITY_WARN,
         "A pod that asks for a GPU tolerates the GPU taint; /mutate can add the toleration.",
         "Without it the pod is Pending on tainted nodes, and Kubernetes' own plugin adds the "
         "wrong key for MIG requests. It is a warning because nodes need not be tainted.",
         "Taints of nodes are known with --cluster; without, GPU nodes are taken to be tainted."},
    [RULE_GPU_NODE_AFFINITY] =
        {RULE_GPU_NODE_AFFINITY, SEVERITY_OFF,
         "A pod with whole GPUs names a GPU product or class that its team may use.",
         "In a cluster of several products a small job lands on the dearest GPU by chance. Off "
         "because which team may use what is yours to say.",
         NULL},
    [RULE_RIGHT_SIZE] =
        {RULE_RIGHT_SIZE, SEVERITY_WARN,
         "A need declared in slicegate.dev/gpu-memory that a slice satisfies does not take a whole "
         "GPU.",
         "A whole GPU for a need of a seventh of it wastes six sevenths. It speaks only where a "
         "need is declared.",
         "Which profiles are offered is known with --cluster or from nodePools; without, nothing "
         "is said."},
    [RULE_SHARING] =
        {RULE_SHARING, SEVERITY_WARN,
         "Time-sliced or MPS GPUs are used only where the policy allows, never by workload types "
         "that need a GPU to themselves, and one at a time.",
         "Shared GPUs isolate neither memory nor faults, and two shares give no double share: the "
         "kubelet may refuse the pod.",
         "Resources named *.shared are judged; plain names that nodes share are known with "
         "--cluster."},
    [RULE_BUDGET_LABELS] =
        {RULE_BUDGET_LABELS, SEVERITY_OFF,
         "GPU workloads carry the labels that cost is counted by, with allowed values.",
         "Spend that nobody can be asked about is spend that nobody lowers. Off because the labels "
         "are yours to name.",
         "Labels taken from the namespace are known with --cluster."},
    [RULE_BUDGET] = {RULE_BUDGET, SEVERITY_OFF,
                     "The projected cost fits what is left of the budget.",
                     "Money is not counted by this version: the rule has its name and cannot be "
                     "switched on yet.",
                     "Judged nowhere yet."},
    [RULE_LIFETIME] =
        {RULE_LIFETIME, SEVERITY_OFF,
         "Every GPU workload ends: by its own deadline or by slicegate.dev/expires-at, within the "
         "maximum of its environment.",
         "A forgotten notebook holds its GPU until someone notices. Off because how long is long "
         "enough is yours to say.",
         NULL},
    [RULE_SPOT] =
        {RULE_SPOT, SEVERITY_WARN,
         "Spot capacity is for workloads that say they checkpoint (annotation "
         "slicegate.dev/checkpoint: \"true\"), and not for production inference.",
         "Spot nodes go away within seconds or minutes; work that was not saved is paid for twice.",
         NULL},
    [RULE_HOST_BALANCE] =
        {RULE_HOST_BALANCE, SEVERITY_OFF,
         "CPU and memory requests are there and in proportion to the GPUs.",
         "Too little starves the GPU, too much strands the GPUs that are left on the node. Off "
         "because the right proportion is that of your nodes.",
         NULL},
};

const struct rule_info *policy_rule_info(enum rule_id id) {
  return &rules[id];
}
