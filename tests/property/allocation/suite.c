/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing is ever allocated twice: slicegate's decisions beside an API server, while events are
 * late, repeated and in another order, Bindings fail or are written after nobody waits for them any
 * more, nodes flap, names come back, and slicegate is killed. The checker knows the API server's
 * objects only, and shows first that it finds bugs that are planted on purpose.
 * SEED=N, DECISIONS=N.
 */
#include "tests/property/allocation/world.h"
#include "tests/support/check_main.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { DECISIONS = 30000, PLANTED_DECISIONS = 30000 };

static uint64_t wanted(void) {
  const char *given = getenv("DECISIONS");
  return given ? strtoull(given, NULL, 10) : DECISIONS;
}

/* Until so many decisions were made, or the first double allocation. */
static void run(struct world *w, uint64_t decisions) {
  while (w->decisions < decisions && w->server.doubles == 0)
    world_step(w);
}

START_TEST(nothing_is_allocated_twice) {
  CLEANUP_WORLD struct world w;
  world_init(&w, random_seed(), PLANT_NOTHING);
  run(&w, wanted());
  printf("%" PRIu64 " decisions, %" PRIu64 " Bindings, %" PRIu64 " conflicts, %" PRIu64
         " pods refused, %" PRIu64 " holds without room, %" PRIu64 " Bindings without an answer, "
         "%" PRIu64 " lists, %" PRIu64 " restarts, %" PRIu64 " double allocations\n",
         w.decisions, w.server.bindings, w.server.conflicts, w.refused, w.no_room, w.timeouts,
         w.relists, w.restarts, w.server.doubles);
  ck_assert_uint_eq(w.server.doubles, 0);
  /* A run in which little happens would prove little. */
  ck_assert_uint_gt(w.server.bindings, w.decisions / 20);
  ck_assert_uint_gt(w.no_room, 0);
  ck_assert_uint_gt(w.restarts, w.decisions / 5000);
}
END_TEST

START_TEST(planted_bugs_are_found) {
  CLEANUP_WORLD struct world w;
  world_init(&w, random_seed(), (enum plant)_i);
  run(&w, PLANTED_DECISIONS);
  printf("plant %d: found after %" PRIu64 " decisions\n", _i, w.decisions);
  ck_assert_uint_gt(w.server.doubles, 0);
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("allocation");
  TCase *tcase = tcase_create("allocation");
  tcase_set_timeout(tcase, 7200);
  tcase_add_loop_test(tcase, planted_bugs_are_found, PLANT_NOTHING + 1, PLANTS);
  tcase_add_test(tcase, nothing_is_allocated_twice);
  suite_add_tcase(suite, tcase);
  return suite;
}
