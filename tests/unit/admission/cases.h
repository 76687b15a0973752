/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLICEGATE_TESTS_ADMISSION_CASES_H
#define SLICEGATE_TESTS_ADMISSION_CASES_H

#include <check.h>

TCase *tcase_context(void);
TCase *tcase_cluster(void);
TCase *tcase_engine(void);
TCase *tcase_mutate(void);
TCase *tcase_message(void);
TCase *tcase_gpu_limits(void);
TCase *tcase_mig_profile(void);
TCase *tcase_gpu_bypass(void);
TCase *tcase_gpu_node_use(void);
TCase *tcase_gpu_toleration(void);
TCase *tcase_right_size(void);
TCase *tcase_budget_labels(void);
TCase *tcase_spot(void);
TCase *tcase_host_balance(void);
TCase *tcase_gpu_node_affinity(void);
TCase *tcase_sharing(void);
TCase *tcase_lifetime(void);
TCase *tcase_stale(void);

#endif
