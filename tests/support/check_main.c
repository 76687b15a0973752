/* SPDX-License-Identifier: Apache-2.0 */
/* main() of every Check program: runs the folder's suite, fails when a test fails or none ran. */
#include "tests/support/check_main.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  /* Check's own 4 s are little under a sanitizer, beside other suites. */
  setenv("CK_DEFAULT_TIMEOUT", "60", 0);
  SRunner *runner = srunner_create(make_suite());
  srunner_run_all(runner, CK_ENV);
  int run = srunner_ntests_run(runner);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  if (run == 0)
    fprintf(stderr, "no test ran\n");
  return run > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
