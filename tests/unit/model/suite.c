/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/model/cases.h"

#include "tests/support/check_main.h"

Suite *make_suite(void) {
  Suite *suite = suite_create("model");
  suite_add_tcase(suite, tcase_quantity());
  suite_add_tcase(suite, tcase_pods());
  suite_add_tcase(suite, tcase_placement());
  suite_add_tcase(suite, tcase_names());
  suite_add_tcase(suite, tcase_kinds());
  suite_add_tcase(suite, tcase_products());
  suite_add_tcase(suite, tcase_product_facts());
  return suite;
}
