/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of this folder, and small traces to try suites on. */
#ifndef SLICEGATE_TESTS_SIMULATE_SUITE_H
#define SLICEGATE_TESTS_SIMULATE_SUITE_H

#include "src/simulate/simulate_internal.h"

#include <check.h>

TCase *tcase_chart(void);
TCase *tcase_churn(void);
TCase *tcase_fragmentation(void);
TCase *tcase_inflate(void);
TCase *tcase_mig_bound(void);
TCase *tcase_mig_exact(void);
TCase *tcase_mig_mix(void);
TCase *tcase_mig_suite(void);
TCase *tcase_mixed(void);
TCase *tcase_mixed_ledger(void);
TCase *tcase_queue(void);
TCase *tcase_random(void);
TCase *tcase_reference(void);
TCase *tcase_results(void);
TCase *tcase_scale(void);
TCase *tcase_statistics(void);
TCase *tcase_trace(void);
TCase *tcase_world(void);
TCase *tcase_write(void);

#define NODES_HEADER "sn,cpu_milli,memory_mib,gpu,model\n"
#define PODS_HEADER "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"

/* Feeds a list in chunks of this many bytes. */
bool read_list(struct sim_trace *trace, enum sim_list list, struct str text, size_t chunk,
               struct err *reterr);
/* Both lists, which must be good. */
struct sim_trace *must_read(const char *nodes, const char *pods);
void trace_free(struct sim_trace **trace);
#define CLEANUP_TRACE SG_CLEANUP(trace_free)
/* `gpu_nodes` nodes with one T4 each and CPU to spare; pods of these rows. */
struct sim_trace *must_read_pods(size_t gpu_nodes, const char *pods);

/* Seeds 1..count, which must go well. */
struct sim_results *must_run(const char *suite, const struct sim_trace *trace, size_t seeds,
                             const char *policy);
void results_free(struct sim_results **results);
#define CLEANUP_RESULTS SG_CLEANUP(results_free)
/* Of the first contender and seed. */
double value_of(const struct sim_results *results, const char *metric);

#endif
