/* SPDX-License-Identifier: Apache-2.0 */
/* Every test_<what>.c here gives one TCase; a new one adds its line in both lists. */
#include "tests/unit/admission/cases.h"

#include "tests/support/check_main.h"

Suite *make_suite(void) {
  Suite *suite = suite_create("admission");
  suite_add_tcase(suite, tcase_context());
  suite_add_tcase(suite, tcase_cluster());
  suite_add_tcase(suite, tcase_engine());
  suite_add_tcase(suite, tcase_mutate());
  suite_add_tcase(suite, tcase_message());
  suite_add_tcase(suite, tcase_gpu_limits());
  suite_add_tcase(suite, tcase_mig_profile());
  suite_add_tcase(suite, tcase_gpu_bypass());
  suite_add_tcase(suite, tcase_gpu_node_use());
  suite_add_tcase(suite, tcase_gpu_toleration());
  suite_add_tcase(suite, tcase_right_size());
  suite_add_tcase(suite, tcase_budget_labels());
  suite_add_tcase(suite, tcase_spot());
  suite_add_tcase(suite, tcase_host_balance());
  suite_add_tcase(suite, tcase_gpu_node_affinity());
  suite_add_tcase(suite, tcase_sharing());
  suite_add_tcase(suite, tcase_lifetime());
  suite_add_tcase(suite, tcase_stale());
  return suite;
}
