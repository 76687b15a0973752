/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vector bin packing, which nobody solves in general. Pods that few nodes take come first, each
 * goes to the node that has least left; a kind that found no room is placed first in the next
 * try. When no try succeeds, a depth-first search looks at all ways, as long as its budget lasts.
 * What is certain beyond that comes from bounds: each kind alone, and each axis in sum.
 */
#include "src/packing/sets.h"

#include <stdlib.h>

enum {
  TRIES = 32,                /* orders of kinds for one number of sets */
  TRIES_WORK_MAX = 20000000, /* nodes looked at in all tries; the first of each always runs */
  SEARCH_WORK_MAX = 4000000, /* nodes looked at in the depth-first searches */
  SEARCH_PODS_MAX = 512,     /* deeper is not searched */
  USABLE_MAX = 256,          /* devices of a node whose sums of requests are looked at */
};

struct key {
  unsigned takers;
  int64_t devices, rest;
  size_t node;
};

struct search {
  const struct sets_problem *problem;
  int64_t *left, *best_left; /* as the problem's; best: behind the most sets so far */
  size_t *order;             /* of kinds */
  size_t *nodes;             /* in the order in which the depth-first search tries them */
  struct key *keys;
  uint64_t work;
  uint64_t sets; /* that are to be placed */
};

/* ---- nodes and kinds ----------------------------------------------------------------------- */

static const int64_t *asks_of(const struct sets_problem *problem, size_t kind) {
  return problem->asks + kind * problem->axis_count;
}

/* Pods of the kind that the node takes beside what it holds. */
static uint64_t room_on(const struct search *s, size_t node, size_t kind) {
  const int64_t *asks = asks_of(s->problem, kind), *left = s->left + node * s->problem->axis_count;
  int64_t room = INT64_MAX;
  if (!(s->problem->takers[node] >> kind & 1))
    return 0;
  for (size_t a = 0; a < s->problem->axis_count; a++) {
    if (asks[a] <= 0)
      continue;
    if (left[a] < asks[a])
      return 0;
    room = left[a] / asks[a] < room ? left[a] / asks[a] : room;
  }
  return (uint64_t)room;
}

/* `times` may be negative: taken back. */
static void put(struct search *s, size_t node, size_t kind, int64_t times) {
  const int64_t *asks = asks_of(s->problem, kind);
  for (size_t a = 0; a < s->problem->axis_count; a++)
    s->left[node * s->problem->axis_count + a] -= times * asks[a];
}

static uint64_t room_for(struct search *s, size_t kind, uint64_t enough) {
  uint64_t room = 0;
  s->work += s->problem->node_count;
  for (size_t n = 0; n < s->problem->node_count && room < enough; n++) {
    uint64_t here = room_on(s, n, kind);
    room = here > enough - room ? enough : room + here;
  }
  return room;
}

static int compare_keys(const void *a, const void *b) {
  const struct key *x = a, *y = b;
  if (x->takers != y->takers)
    return x->takers < y->takers ? -1 : 1;
  if (x->devices != y->devices)
    return x->devices < y->devices ? -1 : 1;
  if (x->rest != y->rest)
    return x->rest < y->rest ? -1 : 1;
  return x->node < y->node ? -1 : x->node > y->node;
}

/* Nodes that others can use less come first, then those with few devices left: a pod without a
 * GPU stays off GPU nodes, one with a GPU leaves the large remainders whole. */
static struct key key_of(const struct search *s, size_t node, bool by_takers) {
  const struct sets_problem *problem = s->problem;
  const int64_t *left = s->left + node * problem->axis_count;
  struct key key = {.node = node};
  key.takers = by_takers ? (unsigned)__builtin_popcountll(problem->takers[node]) : 0;
  for (size_t a = 0; a < problem->device_axis_count; a++)
    key.devices = i64_add_sat(key.devices, left[a]);
  if (problem->device_axis_count < problem->axis_count)
    key.rest = left[problem->device_axis_count];
  return key;
}

/* ---- tries --------------------------------------------------------------------------------- */

static bool place_kind(struct search *s, size_t kind, uint64_t count, bool by_takers) {
  size_t found = 0;
  s->work += s->problem->node_count;
  for (size_t n = 0; n < s->problem->node_count; n++)
    if (room_on(s, n, kind))
      s->keys[found++] = key_of(s, n, by_takers);
  if (found)
    qsort(s->keys, found, sizeof(*s->keys), compare_keys);
  for (size_t i = 0; i < found && count; i++) {
    uint64_t here = room_on(s, s->keys[i].node, kind);
    here = here < count ? here : count;
    put(s, s->keys[i].node, kind, (int64_t)here);
    count -= here;
  }
  return count == 0;
}

static void start_from(struct search *s, const int64_t *left) {
  size_t count = s->problem->node_count * s->problem->axis_count;
  if (count)
    memcpy(s->left, left, count * sizeof(*left));
}

static void keep_best(struct search *s) {
  size_t count = s->problem->node_count * s->problem->axis_count;
  if (count)
    memcpy(s->best_left, s->left, count * sizeof(*s->left));
}

/* How many of the kinds, in their order, found room. */
static size_t try_order(struct search *s, bool by_takers) {
  start_from(s, s->problem->left);
  for (size_t i = 0; i < s->problem->kind_count; i++)
    if (!place_kind(s, s->order[i], s->sets * s->problem->counts[s->order[i]], by_takers))
      return i;
  return s->problem->kind_count;
}

static bool try_sets(struct search *s, uint64_t sets) {
  s->sets = sets;
  for (int try = 0; try < TRIES && (try == 0 || s->work < TRIES_WORK_MAX); try++) {
    size_t placed = try_order(s, try % 2 == 0);
    if (placed == s->problem->kind_count) {
      keep_best(s);
      return true;
    }
    size_t failed = s->order[placed];
    memmove(s->order + 1, s->order, placed * sizeof(*s->order));
    s->order[0] = failed;
  }
  return false;
}

/* One more set on top of the best, in the order in which it was asked: what finds no room. */
static size_t add_set(struct search *s) {
  start_from(s, s->best_left);
  for (size_t kind = 0; kind < s->problem->kind_count; kind++)
    if (!place_kind(s, kind, s->problem->counts[kind], true))
      return kind;
  keep_best(s);
  return SIZE_MAX;
}

/* ---- all ways ------------------------------------------------------------------------------ */

enum outcome { FOUND, NONE, GAVE_UP };

static bool is_alike(const struct search *s, size_t a, size_t b) {
  size_t axes = s->problem->axis_count;
  return s->problem->takers[a] == s->problem->takers[b] &&
         memcmp(s->left + a * axes, s->left + b * axes, axes * sizeof(*s->left)) == 0;
}

static bool is_hopeless(struct search *s, size_t position, uint64_t count) {
  for (size_t i = position; i < s->problem->kind_count; i++) {
    uint64_t wanted = i == position ? count : s->sets * s->problem->counts[s->order[i]];
    if (room_for(s, s->order[i], wanted) < wanted)
      return true;
  }
  return false;
}

/* `count` of the kind at `position` are left, on nodes from `first` on: pods of a kind are alike,
 * so that only ascending nodes are ways of their own, and nodes that are alike are one. */
static enum outcome search_from(struct search *s, size_t position, uint64_t count, size_t first) {
  if (count == 0) {
    if (++position == s->problem->kind_count)
      return FOUND;
    count = s->sets * s->problem->counts[s->order[position]];
    first = 0;
  }
  if (s->work > SEARCH_WORK_MAX)
    return GAVE_UP;
  if (is_hopeless(s, position, count))
    return NONE;
  size_t kind = s->order[position];
  for (size_t i = first; i < s->problem->node_count; i++) {
    bool is_new = room_on(s, s->nodes[i], kind) > 0;
    for (size_t j = first; j < i && is_new; j++) {
      is_new = !is_alike(s, s->nodes[i], s->nodes[j]);
      s->work++;
    }
    if (!is_new)
      continue;
    put(s, s->nodes[i], kind, 1);
    enum outcome outcome = search_from(s, position, count - 1, i);
    if (outcome != NONE) /* of GAVE_UP nothing is used */
      return outcome;
    put(s, s->nodes[i], kind, -1);
  }
  return NONE;
}

static enum outcome search_all(struct search *s, uint64_t sets) {
  const struct sets_problem *problem = s->problem;
  uint64_t pods = 0;
  s->sets = sets;
  for (size_t k = 0; k < problem->kind_count; k++)
    pods += sets * problem->counts[k];
  if (pods > SEARCH_PODS_MAX)
    return GAVE_UP;
  start_from(s, problem->left);
  for (size_t n = 0; n < problem->node_count; n++)
    s->keys[n] = key_of(s, n, true);
  if (problem->node_count)
    qsort(s->keys, problem->node_count, sizeof(*s->keys), compare_keys);
  for (size_t n = 0; n < problem->node_count; n++)
    s->nodes[n] = s->keys[n].node;
  enum outcome outcome = search_from(s, 0, sets * problem->counts[s->order[0]], 0);
  if (outcome == FOUND)
    keep_best(s);
  return outcome;
}

/* ---- bounds -------------------------------------------------------------------------------- */

/* The most of `left` that pods which go there can hold: of 8 GPUs, pods of 3 hold 6. */
static int64_t usable(const struct sets_problem *problem, size_t node, size_t axis) {
  int64_t left = problem->left[node * problem->axis_count + axis];
  bool is_sum[USABLE_MAX + 1] = {true};
  if (left <= 0 || problem->takers[node] == 0)
    return 0;
  if (axis >= problem->device_axis_count || left > USABLE_MAX)
    return left;
  int64_t most = 0;
  for (int64_t sum = 1; sum <= left; sum++) {
    for (size_t k = 0; k < problem->kind_count && !is_sum[sum]; k++) {
      int64_t asks = asks_of(problem, k)[axis];
      is_sum[sum] =
          asks > 0 && asks <= sum && is_sum[sum - asks] && (problem->takers[node] >> k & 1);
    }
    most = is_sum[sum] ? sum : most;
  }
  return most;
}

static uint64_t bound_sets(struct search *s, uint64_t most) {
  const struct sets_problem *problem = s->problem;
  start_from(s, problem->left);
  for (size_t k = 0; k < problem->kind_count; k++)
    most = room_for(s, k, most * problem->counts[k]) / problem->counts[k];
  for (size_t a = 0; a < problem->axis_count; a++) {
    int64_t set = 0, all = 0;
    for (size_t k = 0; k < problem->kind_count; k++)
      set = i64_add_sat(set, i64_mul_sat(asks_of(problem, k)[a], (int64_t)problem->counts[k]));
    for (size_t n = 0; n < problem->node_count; n++)
      all = i64_add_sat(all, usable(problem, n, a));
    if (set > 0 && all < INT64_MAX && (uint64_t)(all / set) < most)
      most = (uint64_t)(all / set);
  }
  return most;
}

/* ---- the answer ---------------------------------------------------------------------------- */

/* Fewest nodes first, then most devices, then most of the rest. */
static bool is_harder(const struct sets_problem *problem, const uint64_t *choices, size_t a,
                      size_t b) {
  if (choices[a] != choices[b])
    return choices[a] < choices[b];
  for (size_t axis = 0; axis < problem->axis_count; axis++)
    if (asks_of(problem, a)[axis] != asks_of(problem, b)[axis])
      return asks_of(problem, a)[axis] > asks_of(problem, b)[axis];
  return false;
}

static void order_kinds(struct search *s) {
  uint64_t choices[SETS_KINDS_MAX] = {0};
  for (size_t k = 0; k < s->problem->kind_count; k++) {
    size_t at = k;
    for (size_t n = 0; n < s->problem->node_count; n++)
      choices[k] += room_on(s, n, k) > 0;
    for (; at > 0 && is_harder(s->problem, choices, k, s->order[at - 1]); at--)
      s->order[at] = s->order[at - 1];
    s->order[at] = k;
  }
}

/* By halves: what the tries find need not be monotone, it is only never too much. */
static uint64_t try_up_to(struct search *s, uint64_t bound) {
  uint64_t found = 0, failed = bound + 1;
  for (uint64_t sets = bound; failed - found > 1; sets = found + (failed - found) / 2)
    if (try_sets(s, sets))
      found = sets;
    else
      failed = sets;
  return found;
}

void sets_find(const struct sets_problem *problem, uint64_t most, struct sets_found *ret) {
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  size_t count = problem->node_count * problem->axis_count;
  struct search s = {
      .problem = problem,
      .left = arena_array(arena, count, sizeof(*s.left)),
      .best_left = arena_array(arena, count, sizeof(*s.best_left)),
      .order = arena_array(arena, problem->kind_count, sizeof(*s.order)),
      .nodes = arena_array(arena, problem->node_count, sizeof(*s.nodes)),
      .keys = arena_array(arena, problem->node_count, sizeof(*s.keys)),
  };
  uint64_t bound = bound_sets(&s, most);
  order_kinds(&s);
  keep_best(&s);
  *ret = (struct sets_found){.sets = try_up_to(&s, bound), .lacking = SIZE_MAX};
  s.work = 0;
  while (ret->sets < most) {
    enum outcome outcome = FOUND;
    ret->lacking = add_set(&s);
    if (ret->lacking != SIZE_MAX)
      outcome = ret->sets == bound ? NONE : search_all(&s, ret->sets + 1);
    if (outcome != FOUND) {
      ret->is_most = outcome == NONE;
      return;
    }
    ret->sets++;
    ret->lacking = SIZE_MAX;
  }
}
