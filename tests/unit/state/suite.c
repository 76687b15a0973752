/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_drift(void);
TCase *tcase_hami(void);
TCase *tcase_holds(void);
TCase *tcase_nodes(void);
TCase *tcase_pods(void);
TCase *tcase_snapshot(void);
TCase *tcase_threads(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("state");
  suite_add_tcase(suite, tcase_drift());
  suite_add_tcase(suite, tcase_hami());
  suite_add_tcase(suite, tcase_holds());
  suite_add_tcase(suite, tcase_nodes());
  suite_add_tcase(suite, tcase_pods());
  suite_add_tcase(suite, tcase_snapshot());
  suite_add_tcase(suite, tcase_threads());
  return suite;
}
