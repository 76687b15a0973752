/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

START_TEST(events_come_by_time_then_by_id) {
  struct sim_queue queue = {0};
  struct sim_random random = {3};
  uint64_t in = 0, out = 0;
  struct sim_event last = {-1, 0};
  /* Pushed and popped in turns, so that the heap is used at all sizes. */
  while (out < 5000) {
    if (in < 5000 && sim_random_below(&random, 3) > 0) {
      /* Never before what has come out. */
      double time = (last.time > 0 ? last.time : 0) + (double)sim_random_below(&random, 50);
      sim_queue_push(&queue, time, in++ * 2 + (time > last.time ? 0 : 1000000));
      continue;
    }
    const struct sim_event *first = sim_queue_first(&queue);
    if (!first)
      continue;
    struct sim_event event = sim_queue_pop(&queue);
    ck_assert(event.time > last.time || (event.time >= last.time && event.id > last.id));
    last = event;
    out++;
  }
  ck_assert_ptr_null(sim_queue_first(&queue));
  sim_queue_done(&queue);
}
END_TEST

START_TEST(ties_go_to_the_smaller_id) {
  struct sim_queue queue = {0};
  static const uint64_t ids[] = {5, 1, 4, 2, 3, 0};
  for (size_t i = 0; i < SG_ARRAY_LEN(ids); i++)
    sim_queue_push(&queue, 1.5, ids[i]);
  for (uint64_t id = 0; id < SG_ARRAY_LEN(ids); id++)
    ck_assert_uint_eq(sim_queue_pop(&queue).id, id);
  sim_queue_done(&queue);
}
END_TEST

TCase *tcase_queue(void) {
  TCase *tcase = tcase_create("queue");
  tcase_add_test(tcase, events_come_by_time_then_by_id);
  tcase_add_test(tcase, ties_go_to_the_smaller_id);
  return tcase;
}
