/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/fixture.h"

TCase *tcase_writes(void);

TCase *tcase_writes(void) {
  TCase *tc = tcase_create("writes");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  return tc;
}
