/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_issue(void);
TCase *tcase_pem(void);
TCase *tcase_digest(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("certs");
  suite_add_tcase(suite, tcase_issue());
  suite_add_tcase(suite, tcase_pem());
  suite_add_tcase(suite, tcase_digest());
  return suite;
}
