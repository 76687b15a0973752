/* SPDX-License-Identifier: Apache-2.0 */
/* Who has to go. */
#include "src/extender/fewest.h"
#include "tests/unit/extender/doors.h"

TCase *tcase_preempt(void);

enum { PODS_MAX = 16 };

struct scene {
  struct doors lab;
  struct ext_victim victims[PODS_MAX];
  bool is_out[PODS_MAX];
  size_t count;
};

/* One node of 8 GPUs, or of cards. */
static void begin(struct scene *scene, const char *resource, const char *amount) {
  *scene = (struct scene){0};
  doors_init(&scene->lab);
  doors_add(&scene->lab, "n", resource, amount);
}

static void add(struct scene *scene, const char *name, const char *resource, const char *amount,
                int32_t priority) {
  struct pod pod = lab_pod(&scene->lab.s, name, "n", resource, amount, NULL);
  pod.priority = priority;
  state_put_pod(scene->lab.s.state, &pod);
}

static bool preempt(struct scene *scene, const char *resource, const char *amount, int32_t priority,
                    const char *named) {
  struct state_lab *s = &scene->lab.s;
  struct pod pod = lab_pod(s, "new", NULL, resource, amount, NULL);
  doors_ask(&scene->lab, &pod, "n");
  const struct state_resident *there =
      state_residents(s->state, s->arena, STR_LIT("n"), &scene->count);
  for (size_t i = 0; i < scene->count; i++) {
    struct pack_asked asked;
    struct err err;
    ck_assert(state_ask(s->state, s->arena, &there[i].pod, &asked, &err));
    scene->victims[i] = (struct ext_victim){
        .uid = there[i].pod.name,
        .number = there[i].number,
        .priority = there[i].pod.priority,
        .is_named = named && str_is(there[i].pod.name, named),
        .cost_milli = pack_request_milli(state_catalog(s->state), &asked.request, 1)};
  }
  return ext_preempt_node(&scene->lab.view, &scene->lab.asked, priority, 0, scene->victims,
                          scene->count, scene->is_out);
}

/* Names of those that are out, in order of the node's pods. */
static const char *out(struct scene *scene) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  for (size_t i = 0; i < scene->count; i++)
    if (scene->is_out[i])
      buf_printf(&text, "%s%.*s", text.len ? " " : "", STR_FMT(scene->victims[i].uid));
  return str_copy(scene->lab.s.arena, buf_str(&text)).ptr;
}

START_TEST(nobody_when_it_fits) {
  struct scene scene;
  begin(&scene, "nvidia.com/gpu", "8");
  add(&scene, "a", "nvidia.com/gpu", "4", 0);
  ck_assert(preempt(&scene, "nvidia.com/gpu", "4", 10, NULL));
  ck_assert_str_eq(out(&scene), "");
  doors_done(&scene.lab);
}
END_TEST

START_TEST(one_rather_than_two_and_the_cheapest_of_the_lowest) {
  struct scene scene;
  begin(&scene, "nvidia.com/gpu", "8");
  add(&scene, "two", "nvidia.com/gpu", "2", 1);
  add(&scene, "four", "nvidia.com/gpu", "4", 2);
  add(&scene, "one", "nvidia.com/gpu", "1", 0);
  add(&scene, "last", "nvidia.com/gpu", "1", 0);
  ck_assert(preempt(&scene, "nvidia.com/gpu", "3", 10, NULL));
  ck_assert_str_eq(out(&scene), "four");
  ck_assert(preempt(&scene, "nvidia.com/gpu", "1", 10, NULL));
  ck_assert_str_eq(out(&scene), "last"); /* of two alike the uid decides */
  ck_assert(preempt(&scene, "nvidia.com/gpu", "2", 10, NULL));
  ck_assert_str_eq(out(&scene), "two");
  ck_assert(preempt(&scene, "nvidia.com/gpu", "6", 10, NULL));
  ck_assert_str_eq(out(&scene), "two four");
  doors_done(&scene.lab);
}
END_TEST

START_TEST(never_who_is_as_important) {
  struct scene scene;
  begin(&scene, "nvidia.com/gpu", "8");
  add(&scene, "peer", "nvidia.com/gpu", "6", 10);
  add(&scene, "low", "nvidia.com/gpu", "2", 0);
  ck_assert(!preempt(&scene, "nvidia.com/gpu", "4", 10, NULL));
  ck_assert(preempt(&scene, "nvidia.com/gpu", "2", 10, NULL));
  ck_assert_str_eq(out(&scene), "low");
  doors_done(&scene.lab);
}
END_TEST

START_TEST(who_is_named_stays_named_and_more_are_added) {
  struct scene scene;
  begin(&scene, "nvidia.com/gpu", "8");
  add(&scene, "a", "nvidia.com/gpu", "2", 0);
  add(&scene, "b", "nvidia.com/gpu", "2", 0);
  add(&scene, "c", "nvidia.com/gpu", "2", 1);
  add(&scene, "d", "nvidia.com/gpu", "2", 1);
  ck_assert(preempt(&scene, "nvidia.com/gpu", "2", 10, "c"));
  ck_assert_str_eq(out(&scene), "c");
  ck_assert(preempt(&scene, "nvidia.com/gpu", "4", 10, "c"));
  ck_assert_str_eq(out(&scene), "a c");
  ck_assert(preempt(&scene, "nvidia.com/gpu", "8", 10, NULL)); /* more than two: all of them */
  ck_assert_str_eq(out(&scene), "a b c d");
  ck_assert(preempt(&scene, "nvidia.com/gpu", "5", 10,
                    NULL)); /* three of four, a most harmful one spared */
  ck_assert_str_eq(out(&scene), "a b c");
  doors_done(&scene.lab);
}
END_TEST

START_TEST(three_large_ones_rather_than_many_small_ones) {
  struct scene scene;
  begin(&scene, "nvidia.com/gpu", "13");
  static const char *const small[] = {"a", "b", "c", "d", "e"};
  static const char *const large[] = {"w", "x", "y", "z"};
  for (size_t i = 0; i < SG_ARRAY_LEN(small); i++)
    add(&scene, small[i], "nvidia.com/gpu", "1", 0);
  for (size_t i = 0; i < SG_ARRAY_LEN(large); i++)
    add(&scene, large[i], "nvidia.com/gpu", "2", 5 + (int32_t)i);
  ck_assert(preempt(&scene, "nvidia.com/gpu", "5", 10, NULL));
  ck_assert_str_eq(out(&scene), "a w x");
  ck_assert(preempt(&scene, "nvidia.com/gpu", "6", 10, NULL));
  ck_assert_str_eq(out(&scene), "w x y");
  ck_assert(preempt(&scene, "nvidia.com/gpu", "6", 10, "z")); /* who is named counts */
  ck_assert_str_eq(out(&scene), "w x z");
  ck_assert(preempt(&scene, "nvidia.com/gpu", "10", 10, "a"));
  ck_assert_str_eq(out(&scene), "a b w x y z");
  doors_done(&scene.lab);
}
END_TEST

START_TEST(cards_are_freed_where_it_helps) {
  struct scene scene;
  begin(&scene, "slicegate.dev/gpu-milli", "2000");
  add(&scene, "a", "slicegate.dev/gpu-milli", "900", 0);
  add(&scene, "b", "slicegate.dev/gpu-milli", "500", 0);
  add(&scene, "c", "slicegate.dev/gpu-milli", "400", 0);
  /* b and c share a card: either leaves room for 500 there. */
  ck_assert(preempt(&scene, "slicegate.dev/gpu-milli", "500", 10, NULL));
  ck_assert_str_eq(out(&scene), "c");
  ck_assert(preempt(&scene, "slicegate.dev/gpu-milli", "1000", 10, NULL));
  ck_assert_str_eq(out(&scene), "a");
  doors_done(&scene.lab);
}
END_TEST

/* ---- the search ------------------------------------------------------------------------- */

enum { HARD = 60 };

/* Each gives more of one the less it gives of the other, so that no bound tells much. */
static struct fewest hard(struct fewest_item *items, int64_t needed) {
  for (size_t i = 0; i < HARD; i++) {
    int64_t give = 1000000 + (int64_t)(i * i * 7919 % 65537);
    items[i] = (struct fewest_item){{give, 3000000 - give, 1, 0}};
  }
  return (struct fewest){items, HARD, {needed * 1032768, needed * 1967232, 0, 0}};
}

START_TEST(a_search_ends) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct fewest_item items[HARD];
  bool is_in[HARD];
  size_t steps = 20000;
  struct fewest ask = hard(items, 12);
  ck_assert_uint_eq(fewest_find(&ask, HARD, &steps, arena, is_in), SIZE_MAX);
  ck_assert_uint_eq(steps, 0);
  size_t some = fewest_grab(&ask, is_in);
  ck_assert_uint_ge(some, 12);
  ck_assert_uint_le(some, 14);
}
END_TEST

START_TEST(large_sets_are_not_searched_for) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct fewest_item items[HARD];
  bool is_in[HARD];
  struct fewest ask = hard(items, 1);
  size_t steps = 1000000;
  memset(ask.needs, 0, sizeof(ask.needs));
  ask.needs[2] = FEWEST_MOST;
  ck_assert_uint_eq(fewest_find(&ask, HARD, &steps, arena, is_in), FEWEST_MOST);
  for (size_t i = 0; i < HARD; i++)
    ck_assert(is_in[i] == (i < FEWEST_MOST));
  ck_assert_uint_gt(steps, 900000); /* one kind: it never turns back */
  ask.needs[2]++;
  ck_assert_uint_eq(fewest_find(&ask, HARD, &steps, arena, is_in), SIZE_MAX);
  ck_assert_uint_eq(steps, 0);
  ck_assert_uint_eq(fewest_grab(&ask, is_in), FEWEST_MOST + 1);
}
END_TEST

START_TEST(what_is_not_there_is_not_found) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct fewest_item items[HARD];
  bool is_in[HARD];
  struct fewest ask = hard(items, 12);
  size_t steps = 20000;
  ask.needs[3] = 1;
  ck_assert_uint_eq(fewest_grab(&ask, is_in), SIZE_MAX);
  ck_assert_uint_eq(fewest_find(&ask, 2, &steps, arena, is_in), SIZE_MAX);
  ck_assert_uint_gt(steps, 0); /* for certain */
  memset(ask.needs, 0, sizeof(ask.needs));
  ck_assert_uint_eq(fewest_find(&ask, 2, &steps, arena, is_in), 0);
  ck_assert_uint_eq(fewest_grab(&ask, is_in), 0);
}
END_TEST

TCase *tcase_preempt(void) {
  TCase *tcase = tcase_create("preempt");
  tcase_add_test(tcase, nobody_when_it_fits);
  tcase_add_test(tcase, one_rather_than_two_and_the_cheapest_of_the_lowest);
  tcase_add_test(tcase, never_who_is_as_important);
  tcase_add_test(tcase, who_is_named_stays_named_and_more_are_added);
  tcase_add_test(tcase, three_large_ones_rather_than_many_small_ones);
  tcase_add_test(tcase, cards_are_freed_where_it_helps);
  tcase_add_test(tcase, a_search_ends);
  tcase_add_test(tcase, large_sets_are_not_searched_for);
  tcase_add_test(tcase, what_is_not_there_is_not_found);
  return tcase;
}
