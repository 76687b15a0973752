/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_filter(void);
TCase *tcase_hami(void);
TCase *tcase_bind(void);
TCase *tcase_preempt(void);
TCase *tcase_nominate(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("extender");
  suite_add_tcase(suite, tcase_filter());
  suite_add_tcase(suite, tcase_hami());
  suite_add_tcase(suite, tcase_bind());
  suite_add_tcase(suite, tcase_preempt());
  suite_add_tcase(suite, tcase_nominate());
  return suite;
}
