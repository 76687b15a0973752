/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies, clusters and workloads for the properties of the engine: not typical
 * ones, but full of what rules look at, so that most of them find something.
 */
#ifndef SLICEGATE_TESTS_PROPERTY_ADMISSION_GEN_H
#define SLICEGATE_TESTS_PROPERTY_ADMISSION_GEN_H

#include "slicegate/admission.h"
#include "tests/support/random.h"

struct gen_policy {
  enum severity severities[RULE_COUNT];
  unsigned variant; /* chooses parameters, exemptions and overrides */
  bool rewrites;    /* right-size: mutate */
};

struct gen_policy gen_policy(struct random *random);
/* The policy that it stands for; policy_unref it. */
struct policy *gen_policy_read(const struct gen_policy *gen);

void gen_cluster(struct random *random, struct arena *arena, struct cluster *ret);
/* Of a kind in the view's table. */
void gen_workload(struct random *random, struct arena *arena, const struct policy_view *view,
                  struct workload *ret);
void gen_namespace(struct random *random, struct arena *arena, struct k8s_namespace *ret);

/* The same workload with the app containers of every template in another order. */
void gen_shuffle(struct random *random, struct arena *arena, const struct workload *workload,
                 struct workload *ret);

/* The same workload with one more app container, asking for nothing, in front of those of
 * every template. */
void gen_insert_container(struct arena *arena, const struct workload *workload,
                          struct workload *ret);

#endif
