/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen without a client; the rest is tests/integration/http_server. */
#include "tests/support/check_main.h"

TCase *tcase_listen(void);
TCase *tcase_response(void);
TCase *tcase_table(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("http");
  suite_add_tcase(suite, tcase_listen());
  suite_add_tcase(suite, tcase_response());
  suite_add_tcase(suite, tcase_table());
  return suite;
}
