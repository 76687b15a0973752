/* SPDX-License-Identifier: Apache-2.0 */
/* The list of suites. */
#include "src/simulate/simulate_internal.h"

static const struct sim_suite *const suites[] = {
    &sim_suite_inflate, &sim_suite_churn, &sim_suite_mig, &sim_suite_mixed, &sim_suite_scale,
};

const struct sim_suite *const *sim_suites(size_t *ret_count) {
  *ret_count = SG_ARRAY_LEN(suites);
  return suites;
}

const struct sim_suite *sim_suite_find(struct str name) {
  for (size_t i = 0; i < SG_ARRAY_LEN(suites); i++) {
    if (str_is(name, suites[i]->name))
      return suites[i];
  }
  return NULL;
}

const char *sim_suite_name(const struct sim_suite *suite) {
  return suite->name;
}

const char *sim_suite_summary(const struct sim_suite *suite) {
  return suite->summary;
}

bool sim_suite_needs_trace(const struct sim_suite *suite) {
  return suite->needs_trace;
}

bool sim_suite_needs_nodes(const struct sim_suite *suite) {
  return suite->needs_trace && !suite->has_own_cluster;
}

bool sim_suite_uses_ratio(const struct sim_suite *suite) {
  return suite->uses_ratio;
}

bool sim_suite_uses_moves(const struct sim_suite *suite) {
  return suite->uses_moves;
}

bool sim_suite_has_chart(const struct sim_suite *suite) {
  return suite->chart || suite->curve;
}
