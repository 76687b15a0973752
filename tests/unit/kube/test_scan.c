/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/fixture.h"

TCase *tcase_scan(void);

TCase *tcase_scan(void) {
  TCase *tc = tcase_create("scan");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  return tc;
}
