/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of pods that figures are broken down by: suites of traces share them. */
#ifndef SLICEGATE_SIMULATE_PODS_H
#define SLICEGATE_SIMULATE_PODS_H

#include "src/simulate/simulate_internal.h"

enum pod_kind { POD_CPU_ONLY, POD_SHARE, POD_ONE, POD_TWO, POD_FOUR, POD_EIGHT, POD_KINDS };

/* "cpu", "share", "1", "2", "4", "8": in names of metrics. Pods with 2 or 3 GPUs are "2", those
 * with 4 to 7 "4", all with more "8". */
extern const char *const pod_kind_names[POD_KINDS];
enum pod_kind pod_kind_of(const struct pack_request *request);

/* Mean GPU milli of a pod of the list. */
double pod_mean_milli(const struct sim_trace *trace);

/* What suites of traces cannot work with: no GPU, nobody who asks for one, or so many pods for
 * one load that a run would not end. */
bool pod_list_check(const struct sim_trace *trace, double capacities,
                    struct err *reterr) SG_MUST_CHECK;

#endif
