/* SPDX-License-Identifier: Apache-2.0 */
/* The list of policies. */
#include "src/packing/packing_internal.h"

static const struct pack_policy *const policies[] = {
    &pack_policy_slicegate,
    &pack_policy_random,
    &pack_policy_firstfit,
    &pack_policy_dotprod,
    &pack_policy_clustering,
    &pack_policy_packing,
    &pack_policy_bestfit,
    &pack_policy_fgd,
    &pack_policy_leastallocated,
    &pack_policy_mostallocated,
    &pack_policy_requestedtocapacityratio,
    &pack_policy_mfi,
    &pack_policy_fgd_masks,
    &pack_policy_worstfit,
    &pack_policy_roundrobin,
};

const struct pack_policy *const *pack_policies(size_t *ret_count) {
  *ret_count = SG_ARRAY_LEN(policies);
  return policies;
}

const struct pack_policy *pack_policy_find(struct str name) {
  for (size_t i = 0; i < SG_ARRAY_LEN(policies); i++)
    if (str_is(name, policies[i]->name))
      return policies[i];
  return NULL;
}

const char *pack_policy_name(const struct pack_policy *policy) {
  return policy->name;
}

const char *pack_policy_summary(const struct pack_policy *policy) {
  return policy->summary;
}
