/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLICEGATE_TESTS_ADMISSION_CASES_H
#define SLICEGATE_TESTS_ADMISSION_CASES_H

#include <check.h>

TCase *tcase_context(void);
TCase *tcase_cluster(void);
TCase *tcase_engine(void);
TCase *tcase_gpu_node_affinity(void);
TCase *tcase_sharing(void);
TCase *tcase_lifetime(void);

#endif
