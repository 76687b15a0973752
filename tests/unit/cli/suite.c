/* SPDX-License-Identifier: Apache-2.0 */
/* Every test_<what>.c here gives one TCase; a new one adds its line in both lists. */
#include "tests/unit/cli/cases.h"

#include "tests/support/check_main.h"

Suite *make_suite(void) {
  Suite *suite = suite_create("cli");
  suite_add_tcase(suite, tcase_commands());
  suite_add_tcase(suite, tcase_flags());
  suite_add_tcase(suite, tcase_help());
  suite_add_tcase(suite, tcase_load());
  suite_add_tcase(suite, tcase_inputs());
  suite_add_tcase(suite, tcase_check());
  suite_add_tcase(suite, tcase_outputs());
  suite_add_tcase(suite, tcase_golden());
  suite_add_tcase(suite, tcase_globs());
  suite_add_tcase(suite, tcase_webhook_config());
  suite_add_tcase(suite, tcase_scheduler_config());
  suite_add_tcase(suite, tcase_yaml_emit());
  suite_add_tcase(suite, tcase_same_verdict());
  suite_add_tcase(suite, tcase_simulate());
  suite_add_tcase(suite, tcase_what_if());
  suite_add_tcase(suite, tcase_leader());
  suite_add_tcase(suite, tcase_judges());
  suite_add_tcase(suite, tcase_api_auth());
  suite_add_tcase(suite, tcase_explain());
  suite_add_tcase(suite, tcase_reason_book());
  suite_add_tcase(suite, tcase_fence());
  suite_add_tcase(suite, tcase_serve_check());
  suite_add_tcase(suite, tcase_serve_bind());
  suite_add_tcase(suite, tcase_serve_hami());
  suite_add_tcase(suite, tcase_reasons());
  suite_add_tcase(suite, tcase_live_odd());
  suite_add_tcase(suite, tcase_nominator());
  suite_add_tcase(suite, tcase_waker());
  suite_add_tcase(suite, tcase_serve_api());
  suite_add_tcase(suite, tcase_serve_api_recording());
  return suite;
}
