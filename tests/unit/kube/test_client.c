/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/fixture.h"

TCase *tcase_client(void);

TCase *tcase_client(void) {
  TCase *tc = tcase_create("client");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  return tc;
}
