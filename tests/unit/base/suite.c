/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_str(void);
TCase *tcase_buf(void);
TCase *tcase_err_mem(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("base");
  suite_add_tcase(suite, tcase_str());
  suite_add_tcase(suite, tcase_buf());
  suite_add_tcase(suite, tcase_err_mem());
  return suite;
}
