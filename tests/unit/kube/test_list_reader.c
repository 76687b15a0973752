/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/fixture.h"

TCase *tcase_list_reader(void);

TCase *tcase_list_reader(void) {
  TCase *tc = tcase_create("list_reader");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  return tc;
}
