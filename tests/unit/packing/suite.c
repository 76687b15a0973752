/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_catalog(void);
TCase *tcase_cluster(void);
TCase *tcase_commit(void);
TCase *tcase_fit(void);
TCase *tcase_fragment(void);
TCase *tcase_hosts(void);
TCase *tcase_intake(void);
TCase *tcase_mig(void);
TCase *tcase_moves(void);
TCase *tcase_policy_bestfit(void);
TCase *tcase_policy_clustering(void);
TCase *tcase_policy_dotprod(void);
TCase *tcase_policy_kubernetes(void);
TCase *tcase_policy_masks(void);
TCase *tcase_policy_packing(void);
TCase *tcase_policy_turns(void);
TCase *tcase_policy_worstfit(void);
TCase *tcase_potential(void);
TCase *tcase_reserve(void);
TCase *tcase_scene(void);
TCase *tcase_scene_moves(void);
TCase *tcase_scorer(void);
TCase *tcase_sets(void);
TCase *tcase_smooth(void);
TCase *tcase_steps(void);
TCase *tcase_threads(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("packing");
  suite_add_tcase(suite, tcase_catalog());
  suite_add_tcase(suite, tcase_cluster());
  suite_add_tcase(suite, tcase_commit());
  suite_add_tcase(suite, tcase_fit());
  suite_add_tcase(suite, tcase_fragment());
  suite_add_tcase(suite, tcase_hosts());
  suite_add_tcase(suite, tcase_intake());
  suite_add_tcase(suite, tcase_mig());
  suite_add_tcase(suite, tcase_moves());
  suite_add_tcase(suite, tcase_policy_bestfit());
  suite_add_tcase(suite, tcase_policy_clustering());
  suite_add_tcase(suite, tcase_policy_dotprod());
  suite_add_tcase(suite, tcase_policy_kubernetes());
  suite_add_tcase(suite, tcase_policy_masks());
  suite_add_tcase(suite, tcase_policy_packing());
  suite_add_tcase(suite, tcase_policy_turns());
  suite_add_tcase(suite, tcase_policy_worstfit());
  suite_add_tcase(suite, tcase_potential());
  suite_add_tcase(suite, tcase_reserve());
  suite_add_tcase(suite, tcase_scene());
  suite_add_tcase(suite, tcase_scene_moves());
  suite_add_tcase(suite, tcase_scorer());
  suite_add_tcase(suite, tcase_sets());
  suite_add_tcase(suite, tcase_smooth());
  suite_add_tcase(suite, tcase_steps());
  suite_add_tcase(suite, tcase_threads());
  return suite;
}
