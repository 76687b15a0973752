/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLICEGATE_TESTS_MODEL_CASES_H
#define SLICEGATE_TESTS_MODEL_CASES_H

#include <check.h>

TCase *tcase_quantity(void);
TCase *tcase_pods(void);
TCase *tcase_placement(void);
TCase *tcase_names(void);
TCase *tcase_kinds(void);
TCase *tcase_products(void);
TCase *tcase_product_facts(void);

#endif
