/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_requests(void);
TCase *tcase_aside(void);
TCase *tcase_hostile(void);
TCase *tcase_life(void);
TCase *tcase_client_ca(void);
TCase *tcase_plain(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("http server over sockets");
  suite_add_tcase(suite, tcase_requests());
  suite_add_tcase(suite, tcase_aside());
  suite_add_tcase(suite, tcase_hostile());
  suite_add_tcase(suite, tcase_life());
  suite_add_tcase(suite, tcase_client_ca());
  suite_add_tcase(suite, tcase_plain());
  return suite;
}
