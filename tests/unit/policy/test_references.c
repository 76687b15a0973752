/* SPDX-License-Identifier: Apache-2.0 */
/* A policy is shared by threads that come and go; the last reference frees it. */
#include "policy_suite.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 2000 };

static void *use(void *shared) {
  struct policy *own = policy_ref(shared);
  struct match_subject subject = {.ns = STR_LIT("default")};
  for (int i = 0; i < ROUNDS; i++) {
    struct policy *again = policy_ref(own);
    struct effective effective;
    policy_effective(policy_get(again), &subject, &effective);
    ck_assert(effective.severities[RULE_GPU_LIMITS] == SEVERITY_DENY);
    policy_unref(again);
  }
  policy_unref(own);
  return NULL;
}

START_TEST(threads_share_a_policy) {
  struct policy *policy = policy_builtin();
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, use, policy), 0);
  for (size_t i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  policy_unref(policy);
}
END_TEST

START_TEST(null_is_nothing_to_release) {
  policy_unref(NULL);
  struct policy *none = NULL;
  policy_unref_ptr(&none);
}
END_TEST

TCase *case_references(void) {
  TCase *tcase = tcase_create("references");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, threads_share_a_policy);
  tcase_add_test(tcase, null_is_nothing_to_release);
  return tcase;
}
