/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/fixture.h"

TCase *tcase_config(void);

TCase *tcase_config(void) {
  TCase *tc = tcase_create("config");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  return tc;
}
