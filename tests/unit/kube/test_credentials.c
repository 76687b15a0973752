/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/fixture.h"

TCase *tcase_credentials(void);

TCase *tcase_credentials(void) {
  TCase *tc = tcase_create("credentials");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  return tc;
}
