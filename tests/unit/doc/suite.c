/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_json(void);
TCase *tcase_yaml(void);
TCase *tcase_tree(void);
TCase *tcase_objects(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("doc");
  suite_add_tcase(suite, tcase_json());
  suite_add_tcase(suite, tcase_yaml());
  suite_add_tcase(suite, tcase_tree());
  suite_add_tcase(suite, tcase_objects());
  return suite;
}
