/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_bid_prices(void);
TCase *tcase_build_tables(void);
TCase *tcase_learner(void);
TCase *tcase_market_replay(void);
TCase *tcase_market_scores(void);
TCase *tcase_market_value(void);
TCase *tcase_mig_layout(void);
TCase *tcase_mig_market(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("pricing");
  suite_add_tcase(suite, tcase_bid_prices());
  suite_add_tcase(suite, tcase_build_tables());
  suite_add_tcase(suite, tcase_learner());
  suite_add_tcase(suite, tcase_market_replay());
  suite_add_tcase(suite, tcase_market_scores());
  suite_add_tcase(suite, tcase_market_value());
  suite_add_tcase(suite, tcase_mig_layout());
  suite_add_tcase(suite, tcase_mig_market());
  return suite;
}
