/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_answer(void);
TCase *tcase_line(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("explain");
  suite_add_tcase(suite, tcase_answer());
  suite_add_tcase(suite, tcase_line());
  return suite;
}
