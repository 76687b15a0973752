/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of parameters: one row each, in the order of enum param_id, read by the
 * policy's reader (which also parses the defaults), printed by `policy explain`, and
 * thereby the reference in docs/policy.md.
 */
#include "policy_internal.h"

enum {
  MINUTE = 60,
  TEN_YEARS = 3650 * 86400,
  MAX_GPUS = 1024,
  MAX_CPU_MILLI = 1024 * 1000,
  MAX_MEMORY_MIB = 64 * 1024 * 1024, /* 64 TiB */
};

static const struct param_info params[PARAM_COUNT] = {
    [P_LIMITS_KNOWN_NAMES] = {P_LIMITS_KNOWN_NAMES, RULE_GPU_LIMITS, "knownNames", PARAM_STRINGS, 0,
                              0, "[]",
                              "Further resource names below a GPU vendor's prefix that are not "
                              "typing errors (patterns).",
                              NULL},
    [P_LIMITS_MAX_PER_CONTAINER] =
        {P_LIMITS_MAX_PER_CONTAINER, RULE_GPU_LIMITS, "maxPerContainer", PARAM_INT, 0, MAX_GPUS,
         "0",
         "Most GPUs that one container may ask for; 0 is no maximum. The GPUs of your largest node "
         "is a good value: more is never scheduled.",
         NULL},
    [P_MIG_MAX_PER_CONTAINER] =
        {P_MIG_MAX_PER_CONTAINER, RULE_MIG_PROFILE, "maxPerContainer", PARAM_INT, 0, MAX_GPUS, "0",
         "Most slices of one profile that one container may ask for; 0 is no maximum. A CUDA "
         "process uses one MIG device: more helps only programs of several processes.",
         NULL},
    [P_BYPASS_ENV] = {P_BYPASS_ENV, RULE_GPU_BYPASS, "env", PARAM_STRINGS, 0, 0,
                      "[NVIDIA_VISIBLE_DEVICES, AMD_VISIBLE_DEVICES]",
                      "Environment variables by which a container runtime hands out devices "
                      "(patterns); the values \"void\" and \"none\" are fine.",
                      "Values taken from a ConfigMap, Secret or field are not known."},
    [P_BYPASS_HOST_PATHS] =
        {P_BYPASS_HOST_PATHS, RULE_GPU_BYPASS, "hostPaths", PARAM_STRINGS, 0, 0,
         "[\"/dev/nvidia*\", /dev/kfd]",
         "Host paths that are GPU devices (patterns). Add \"/dev/dri*\" where nothing but the "
         "device plugin may hand out Intel and AMD GPUs; video transcoders often mount it.",
         NULL},
    [P_BYPASS_RUNTIME_CLASSES] =
        {P_BYPASS_RUNTIME_CLASSES, RULE_GPU_BYPASS, "runtimeClasses", PARAM_STRINGS, 0, 0,
         "[\"nvidia*\"]",
         "Runtime classes that inject devices and therefore need a GPU request (patterns).", NULL},
    [P_BYPASS_PRIVILEGED] =
        {P_BYPASS_PRIVILEGED, RULE_GPU_BYPASS, "privileged", PARAM_BOOL, 0, 0, "true",
         "Whether privileged containers bound for GPU nodes count: they see every device of the "
         "node.",
         NULL},
    [P_NODE_USE_WILDCARD] =
        {P_NODE_USE_WILDCARD, RULE_GPU_NODE_USE, "wildcardToleration", PARAM_BOOL, 0, 0, "true",
         "Whether a toleration of every taint (operator Exists without a key) is named too: it "
         "lets the pod onto GPU nodes by accident.",
         NULL},
    [P_TOLERATION_MUTATE] =
        {P_TOLERATION_MUTATE, RULE_GPU_TOLERATION, "mutate", PARAM_BOOL, 0, 0, "true",
         "Whether /mutate adds the missing toleration to pods; templates are then not held to "
         "account.",
         "Assumed to be installed: nothing is said where /mutate would add it."},
    [P_AFFINITY_LABELS] =
        {P_AFFINITY_LABELS, RULE_GPU_NODE_AFFINITY, "labels", PARAM_STRINGS, 0, 0,
         "[nvidia.com/gpu.product, nvidia.com/gpu.family, amd.com/gpu.product-name, "
         "gpu.intel.com/product, cloud.google.com/gke-accelerator, k8s.amazonaws.com/accelerator, "
         "eks.amazonaws.com/instance-gpu-name, karpenter.k8s.aws/instance-gpu-name, "
         "karpenter.azure.com/sku-gpu-name]",
         "Node labels that name a product or class (patterns); a nodeSelector or required node "
         "affinity on one of them is enough.",
         NULL},
    [P_AFFINITY_PRODUCTS] =
        {P_AFFINITY_PRODUCTS, RULE_GPU_NODE_AFFINITY, "products", PARAM_PRODUCTS, 0, 0, "{}",
         "What each team (slicegate.dev/team, a pattern) may name: {\"research-*\": "
         "[\"NVIDIA-A100-*\"]}. Teams that are not listed may name everything.",
         NULL},
    [P_AFFINITY_REQUIRED] = {P_AFFINITY_REQUIRED, RULE_GPU_NODE_AFFINITY, "required", PARAM_BOOL, 0,
                             0, "true",
                             "Whether a pod with whole GPUs must name a product or class at all.",
                             NULL},
    [P_RIGHT_SIZE_MUTATE] =
        {P_RIGHT_SIZE_MUTATE, RULE_RIGHT_SIZE, "mutate", PARAM_BOOL, 0, 0, "false",
         "Whether /mutate rewrites the request of pods to the slice. Off because a running job's "
         "resources should not change unseen.",
         NULL},
    [P_SHARING_ENVIRONMENTS] =
        {P_SHARING_ENVIRONMENTS, RULE_SHARING, "environments", PARAM_STRINGS, 0, 0,
         "[dev, development, test, testing, qa, staging, sandbox, research]",
         "Environments (values of slicegate.dev/environment; patterns) that may use shared GPUs. "
         "Workloads that name no environment are not judged.",
         NULL},
    [P_SHARING_MAX_REQUEST] =
        {P_SHARING_MAX_REQUEST, RULE_SHARING, "maxRequest", PARAM_INT, 1, MAX_GPUS, "1",
         "Most shares that one container may ask for. With failRequestsGreaterThanOne the kubelet "
         "fails a pod that asks for 2.",
         NULL},
    [P_SHARING_TRAINING] =
        {P_SHARING_TRAINING, RULE_SHARING, "exclusiveTypes", PARAM_STRINGS, 0, 0, "[training]",
         "Workload types (values of slicegate.dev/workload-type; patterns) that may not share: "
         "training beside inference ruins the latency of the one and the time of the other.",
         NULL},
    [P_LABELS] =
        {P_LABELS, RULE_BUDGET_LABELS, "labels", PARAM_LABELS, 0, 0, "{}",
         "The labels, each with required (must be there), values (allowed ones; patterns) and "
         "fromNamespace (the namespace's label of the same key serves too).",
         "The namespace's labels are known with --cluster; without, a label that may come from "
         "the namespace is not missed."},
    [P_LIFETIME_MAXIMUM] =
        {P_LIFETIME_MAXIMUM, RULE_LIFETIME, "maximum", PARAM_ENVIRONMENTS, MINUTE, TEN_YEARS, "{}",
         "Longest life for each environment: {dev: 72h, \"*\": 30d}; \"*\" is every other one, "
         "also when none is named.",
         NULL},
    [P_LIFETIME_DEFAULT] =
        {P_LIFETIME_DEFAULT, RULE_LIFETIME, "default", PARAM_DURATION, 0, TEN_YEARS, "0s",
         "Deadline that /mutate gives to pods which have none and belong to no controller; 0 is "
         "none.",
         NULL},
    [P_LIFETIME_SERVICES] = {P_LIFETIME_SERVICES, RULE_LIFETIME, "services", PARAM_BOOL, 0, 0,
                             "true",
                             "Whether Deployments, notebooks and the like, which run until they "
                             "are deleted and can have "
                             "no deadline, must name slicegate.dev/expires-at.",
                             NULL},
    [P_SPOT_CAPACITY] =
        {P_SPOT_CAPACITY, RULE_SPOT, "capacity", PARAM_CAPACITY, 0, 0, "[]",
         "Further marks of spot nodes besides those of GKE, EKS, AKS and Karpenter: {label: "
         "example.com/capacity, values: [spot]} or {taint: example.com/spot}.",
         NULL},
    [P_SPOT_ENVIRONMENTS] = {P_SPOT_ENVIRONMENTS, RULE_SPOT, "environments", PARAM_STRINGS, 0, 0,
                             "[production, prod]",
                             "Environments (patterns) in which inference may not run on spot.",
                             NULL},
    [P_BALANCE_CPU_MIN_MILLI] = {P_BALANCE_CPU_MIN_MILLI, RULE_HOST_BALANCE, "minimumCPU",
                                 PARAM_CPU, 0, MAX_CPU_MILLI, "\"1\"",
                                 "Least CPU requested for each whole GPU; 0 is no minimum.", NULL},
    [P_BALANCE_CPU_MAX_MILLI] =
        {P_BALANCE_CPU_MAX_MILLI, RULE_HOST_BALANCE, "maximumCPU", PARAM_CPU, 0, MAX_CPU_MILLI,
         "\"0\"",
         "Most CPU requested for each whole GPU; 0 is no maximum. The CPUs of your node divided by "
         "its GPUs is a good value.",
         NULL},
    [P_BALANCE_MEMORY_MIN_MIB] = {P_BALANCE_MEMORY_MIN_MIB, RULE_HOST_BALANCE, "minimumMemory",
                                  PARAM_MEMORY, 0, MAX_MEMORY_MIB, "1Gi",
                                  "Least memory requested for each whole GPU; 0 is no minimum.",
                                  NULL},
    [P_BALANCE_MEMORY_MAX_MIB] =
        {P_BALANCE_MEMORY_MAX_MIB, RULE_HOST_BALANCE, "maximumMemory", PARAM_MEMORY, 0,
         MAX_MEMORY_MIB, "\"0\"",
         "Most memory requested for each whole GPU; 0 is no maximum. The memory of your node "
         "divided by its GPUs is a good value.",
         NULL},
};

const struct param_info *policy_param_info(enum param_id id) {
  return &params[id];
}

const char *param_type_name(enum param_type type) {
  static const char *const names[] = {
      [PARAM_BOOL] = "true or false",
      [PARAM_INT] = "whole number",
      [PARAM_STRINGS] = "list of strings",
      [PARAM_ENVIRONMENTS] = "environment: duration",
      [PARAM_DURATION] = "duration",
      [PARAM_LABELS] = "label: requirement",
      [PARAM_PRODUCTS] = "team: list of products",
      [PARAM_CAPACITY] = "list of marks",
      [PARAM_CPU] = "CPU quantity",
      [PARAM_MEMORY] = "memory quantity",
  };
  return names[type];
}
