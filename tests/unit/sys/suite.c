/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_clock(void);
TCase *tcase_log(void);
TCase *tcase_file(void);
TCase *tcase_watch(void);
TCase *tcase_signals(void);
TCase *tcase_metrics(void);
TCase *tcase_rest(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("sys");
  suite_add_tcase(suite, tcase_clock());
  suite_add_tcase(suite, tcase_log());
  suite_add_tcase(suite, tcase_file());
  suite_add_tcase(suite, tcase_watch());
  suite_add_tcase(suite, tcase_signals());
  suite_add_tcase(suite, tcase_metrics());
  suite_add_tcase(suite, tcase_rest());
  return suite;
}
