/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_catalog(void);
TCase *tcase_mig(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("packing");
  suite_add_tcase(suite, tcase_catalog());
  suite_add_tcase(suite, tcase_mig());
  return suite;
}
