/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of pods on rows of numbers: known cases, and all ways for random small ones. */
#include "src/packing/sets.h"
#include "tests/support/random.h"

#include <check.h>

TCase *tcase_sets(void);

enum { NODES = 4, KINDS = 4, AXES = 2, PROBLEMS = 3000 };

/* Axes: GPUs, CPU. Of `asks` and `takers` nothing: not there. */
static const struct {
  const char *name;
  int64_t left[NODES][AXES];
  int64_t asks[KINDS][AXES];
  uint64_t counts[KINDS], takers[NODES];
  size_t node_count, kind_count;
  uint64_t most, sets;
  bool is_most;
} cases[] = {
    {"a head without a GPU leaves the GPU node alone",
     {{8, 96}, {0, 96}},
     {{0, 8}, {8, 90}},
     {1, 1},
     {3, 3},
     2,
     2,
     100,
     1,
     true},
    {"the small pod does not take the large node",
     {{8, 99}, {2, 99}},
     {{1, 1}, {8, 1}},
     {1, 1},
     {3, 3},
     2,
     2,
     100,
     1,
     true},
    {"who may go anywhere goes where the other may not",
     {{1, 99}, {1, 99}},
     {{1, 1}, {1, 1}},
     {1, 1},
     {3, 1},
     2,
     2,
     100,
     1,
     true},
    {"3, 3 and 4 on 6 and 4",
     {{6, 99}, {4, 99}},
     {{3, 1}, {3, 1}, {4, 1}},
     {1, 1, 1},
     {7, 7},
     2,
     3,
     100,
     1,
     true},
    {"no more than there is in all",
     {{8, 99}, {6, 99}},
     {{1, 4}, {2, 8}},
     {1, 2},
     {3, 3},
     2,
     2,
     100,
     2,
     true},
    {"of 8 GPUs pods of 3 use 6",
     {{8, 900}, {8, 900}},
     {{3, 1}, {3, 2}},
     {1, 1},
     {3, 3},
     2,
     2,
     100,
     2,
     true},
    {"the number asked about ends it",
     {{8, 99}, {6, 99}},
     {{1, 4}, {2, 8}},
     {1, 2},
     {3, 3},
     2,
     2,
     1,
     1,
     false},
    {"nodes below 0 take what asks for nothing of it",
     {{-1, 5}},
     {{0, 2}},
     {1},
     {1},
     1,
     1,
     9,
     2,
     true},
    {"no nodes", {{0}}, {{1, 1}, {1, 1}}, {1, 1}, {0}, 0, 2, 9, 0, true},
};

START_TEST(sets_are_found) {
  int64_t left[NODES * AXES], asks[KINDS * AXES];
  memcpy(left, cases[_i].left, sizeof(left));
  memcpy(asks, cases[_i].asks, sizeof(asks));
  const struct sets_problem problem = {
      .node_count = cases[_i].node_count,
      .kind_count = cases[_i].kind_count,
      .axis_count = AXES,
      .device_axis_count = 1,
      .left = left,
      .asks = asks,
      .counts = cases[_i].counts,
      .takers = cases[_i].takers,
  };
  struct sets_found found;
  sets_find(&problem, cases[_i].most, &found);
  ck_assert_msg(found.sets == cases[_i].sets && found.is_most == cases[_i].is_most,
                "%s: %llu sets, %s", cases[_i].name, (unsigned long long)found.sets,
                found.is_most ? "the most" : "perhaps more");
  ck_assert_msg((found.lacking == SIZE_MAX) == (found.sets == cases[_i].most), "%s",
                cases[_i].name);
}
END_TEST

/* ---- against all ways ---------------------------------------------------------------------- */

static bool can_place(const struct sets_problem *problem, int64_t *left, const size_t *pods,
                      size_t count) {
  if (count == 0)
    return true;
  for (size_t n = 0; n < problem->node_count; n++) {
    const int64_t *asks = problem->asks + pods[0] * AXES;
    bool fits = problem->takers[n] >> pods[0] & 1;
    for (size_t a = 0; a < AXES; a++)
      fits = fits && (asks[a] == 0 || asks[a] <= left[n * AXES + a]);
    if (!fits)
      continue;
    for (size_t a = 0; a < AXES; a++)
      left[n * AXES + a] -= asks[a];
    bool is_placed = can_place(problem, left, pods + 1, count - 1);
    for (size_t a = 0; a < AXES; a++)
      left[n * AXES + a] += asks[a];
    if (is_placed)
      return true;
  }
  return false;
}

static bool can_place_sets(const struct sets_problem *problem, uint64_t sets) {
  size_t pods[32], count = 0;
  int64_t left[NODES * AXES];
  memcpy(left, problem->left, sizeof(left));
  for (size_t k = 0; k < problem->kind_count; k++)
    for (uint64_t i = 0; i < sets * problem->counts[k]; i++)
      pods[count++] = k;
  return can_place(problem, left, pods, count);
}

START_TEST(small_problems_are_solved) {
  struct random random;
  random_init(&random, random_seed());
  for (size_t i = 0; i < PROBLEMS; i++) {
    int64_t left[NODES * AXES], asks[KINDS * AXES];
    uint64_t counts[KINDS], takers[NODES], sets = 0;
    struct sets_problem problem = {.node_count = 1 + random_below(&random, NODES),
                                   .kind_count = 1 + random_below(&random, 3),
                                   .axis_count = AXES,
                                   .device_axis_count = 1,
                                   .left = left,
                                   .asks = asks,
                                   .counts = counts,
                                   .takers = takers};
    for (size_t n = 0; n < NODES; n++) {
      left[n * AXES] = (int64_t)random_below(&random, 7) - 1;
      left[n * AXES + 1] = (int64_t)random_below(&random, 9);
      takers[n] = random_one_in(&random, 3) ? random_below(&random, 16) : 15;
    }
    for (size_t k = 0; k < KINDS; k++) {
      asks[k * AXES] = (int64_t)random_below(&random, 4);
      asks[k * AXES + 1] = 1 + (int64_t)random_below(&random, 4);
      counts[k] = 1 + random_below(&random, 2);
    }
    while (sets < 3 && can_place_sets(&problem, sets + 1))
      sets++;
    struct sets_found found;
    sets_find(&problem, 3, &found);
    ck_assert_msg(found.sets == sets && found.is_most == (sets < 3), "problem %zu: %llu, not %llu",
                  i, (unsigned long long)found.sets, (unsigned long long)sets);
  }
}
END_TEST

/* What is not certain is not said to be: two hundred nodes are not searched to the end. */
START_TEST(large_problems_end) {
  enum { MANY = 200 };
  static int64_t left[MANY * AXES];
  static uint64_t takers[MANY];
  static const int64_t asks[] = {3, 5, 2, 7, 5, 6};
  static const uint64_t counts[] = {1, 1, 1};
  for (size_t n = 0; n < MANY; n++) {
    left[n * AXES] = 8 + (int64_t)(n % 5);
    left[n * AXES + 1] = 13 + (int64_t)(n % 7);
    takers[n] = 7;
  }
  const struct sets_problem problem = {MANY, 3, AXES, 1, left, asks, counts, takers};
  struct sets_found found;
  sets_find(&problem, 100000, &found);
  ck_assert_uint_gt(found.sets, 150);
  ck_assert_uint_lt(found.lacking, 3);
}
END_TEST

TCase *tcase_sets(void) {
  TCase *tcase = tcase_create("sets");
  tcase_add_loop_test(tcase, sets_are_found, 0, SG_ARRAY_LEN(cases));
  tcase_add_test(tcase, small_problems_are_solved);
  tcase_add_test(tcase, large_problems_end);
  return tcase;
}
