/* SPDX-License-Identifier: Apache-2.0 */
/* Severities and rules by the names that policies and findings use. */
#include "slicegate/model.h"

static const char *const severities[] = {
    [SEVERITY_OFF] = "off",
    [SEVERITY_AUDIT] = "audit",
    [SEVERITY_WARN] = "warn",
    [SEVERITY_DENY] = "deny",
};

static const char *const rules[RULE_COUNT] = {
    [RULE_GPU_LIMITS] = "gpu-limits",
    [RULE_MIG_PROFILE] = "mig-profile",
    [RULE_GPU_BYPASS] = "gpu-bypass",
    [RULE_GPU_NODE_USE] = "gpu-node-use",
    [RULE_GPU_TOLERATION] = "gpu-toleration",
    [RULE_GPU_NODE_AFFINITY] = "gpu-node-affinity",
    [RULE_RIGHT_SIZE] = "right-size",
    [RULE_SHARING] = "sharing",
    [RULE_BUDGET_LABELS] = "budget-labels",
    [RULE_BUDGET] = "budget",
    [RULE_LIFETIME] = "lifetime",
    [RULE_SPOT] = "spot",
    [RULE_HOST_BALANCE] = "host-balance",
};

const char *severity_name(enum severity severity) {
  return severities[severity];
}

bool severity_parse(struct str text, enum severity *ret) {
  for (size_t i = 0; i < SG_ARRAY_LEN(severities); i++) {
    if (str_is(text, severities[i])) {
      *ret = (enum severity)i;
      return true;
    }
  }
  return false;
}

const char *rule_name(enum rule_id rule) {
  return rules[rule];
}

bool rule_parse(struct str name, enum rule_id *ret) {
  for (size_t i = 0; i < RULE_COUNT; i++) {
    if (str_is(name, rules[i])) {
      *ret = (enum rule_id)i;
      return true;
    }
  }
  return false;
}
