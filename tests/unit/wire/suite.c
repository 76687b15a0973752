/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_workload(void);
TCase *tcase_review(void);
TCase *tcase_cluster(void);
TCase *tcase_cluster_pods(void);
TCase *tcase_products(void);
TCase *tcase_hami(void);
TCase *tcase_objects(void);
TCase *tcase_extender_args(void);
TCase *tcase_extender_calls(void);
TCase *tcase_extender_results(void);
TCase *tcase_extender_golden(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("wire");
  suite_add_tcase(suite, tcase_workload());
  suite_add_tcase(suite, tcase_review());
  suite_add_tcase(suite, tcase_cluster());
  suite_add_tcase(suite, tcase_products());
  suite_add_tcase(suite, tcase_cluster_pods());
  suite_add_tcase(suite, tcase_hami());
  suite_add_tcase(suite, tcase_objects());
  suite_add_tcase(suite, tcase_extender_args());
  suite_add_tcase(suite, tcase_extender_calls());
  suite_add_tcase(suite, tcase_extender_results());
  suite_add_tcase(suite, tcase_extender_golden());
  return suite;
}
