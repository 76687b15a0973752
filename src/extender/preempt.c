/* SPDX-License-Identifier: Apache-2.0 */
/* preempt: who has to go. kube-scheduler's dry run does not know what only we refuse. */
#include "extender_internal.h"

struct hunt {
  const struct ext_view *view;
  const struct pack_cluster *cluster;
  const struct pack_asked *asked;
  const struct ext_victim *victims;
  size_t node, count;
  uint64_t *gone; /* scratch: numbers of those that are out */
};

static bool fits(struct hunt *h, const bool *is_out) {
  size_t gone = 0;
  for (size_t i = 0; i < h->count; i++)
    if (is_out[i])
      h->gone[gone++] = h->victims[i].number;
  const struct pack_node *bare = pack_node_without(h->cluster, h->node, h->gone, gone);
  bool does = pack_fit(pack_cluster_catalog(h->cluster), bare, &h->asked->request) == PACK_FITS &&
              ext_hami_has(h->view, h->asked, h->node, bare);
  pack_node_unref(bare);
  return does;
}

/* The less harm of two: lower priority, then cheaper, then the uid that comes first. */
static bool is_less_harm(const struct ext_victim *a, const struct ext_victim *b) {
  if (a->priority != b->priority)
    return a->priority < b->priority;
  if (a->cost_milli != b->cost_milli)
    return a->cost_milli < b->cost_milli;
  return str_cmp(a->uid, b->uid) < 0;
}

static bool may_go(const struct hunt *h, size_t i, int32_t priority, const bool *is_out) {
  return !is_out[i] && h->victims[i].priority < priority;
}

/* Any one that will do: of those the least harm. */
static bool find_one(struct hunt *h, int32_t priority, bool *is_out) {
  size_t best = SIZE_MAX;
  for (size_t i = 0; i < h->count; i++) {
    if (!may_go(h, i, priority, is_out) ||
        (best != SIZE_MAX && !is_less_harm(&h->victims[i], &h->victims[best])))
      continue;
    is_out[i] = true;
    if (fits(h, is_out))
      best = i;
    is_out[i] = false;
  }
  if (best != SIZE_MAX)
    is_out[best] = true;
  return best != SIZE_MAX;
}

/* Of a pair the greater harm counts first. */
static bool is_pair_less(const struct hunt *h, const size_t *a, const size_t *b) {
  const struct ext_victim *v = h->victims;
  bool a_swap = is_less_harm(&v[a[0]], &v[a[1]]), b_swap = is_less_harm(&v[b[0]], &v[b[1]]);
  const struct ext_victim *a_worse = &v[a[a_swap]], *b_worse = &v[b[b_swap]];
  if (a_worse != b_worse)
    return is_less_harm(a_worse, b_worse);
  return is_less_harm(&v[a[!a_swap]], &v[b[!b_swap]]);
}

static bool find_two(struct hunt *h, int32_t priority, bool *is_out) {
  size_t best[2] = {SIZE_MAX, SIZE_MAX};
  for (size_t i = 0; i < h->count; i++) {
    for (size_t k = i + 1; may_go(h, i, priority, is_out) && k < h->count; k++) {
      size_t pair[2] = {i, k};
      if (!may_go(h, k, priority, is_out) || (best[0] != SIZE_MAX && !is_pair_less(h, pair, best)))
        continue;
      is_out[i] = is_out[k] = true;
      if (fits(h, is_out)) {
        best[0] = i;
        best[1] = k;
      }
      is_out[i] = is_out[k] = false;
    }
  }
  if (best[0] == SIZE_MAX)
    return false;
  is_out[best[0]] = is_out[best[1]] = true;
  return true;
}

/* The next to take out (the least harm), or to spare (the most harm), among those added. */
static size_t next(const struct hunt *h, const bool *is_in, bool wants_least) {
  size_t at = SIZE_MAX;
  for (size_t i = 0; i < h->count; i++)
    if (is_in[i] &&
        (at == SIZE_MAX || is_less_harm(&h->victims[i], &h->victims[at]) == wants_least))
      at = i;
  return at;
}

/* More than two: take out from the least harm on until it fits, then spare, from the most harm on,
 * whoever need not go. */
static bool find_many(struct hunt *h, int32_t priority, bool *is_out, struct arena *arena) {
  bool *left = arena_array(arena, h->count, sizeof(*left));
  bool *added = arena_array(arena, h->count, sizeof(*added));
  for (size_t i = 0; i < h->count; i++) {
    left[i] = may_go(h, i, priority, is_out);
    added[i] = false;
  }
  while (!fits(h, is_out)) {
    size_t out = next(h, left, true);
    if (out == SIZE_MAX)
      return false;
    left[out] = false;
    is_out[out] = added[out] = true;
  }
  for (;;) {
    size_t spared = next(h, added, false);
    if (spared == SIZE_MAX)
      return true;
    added[spared] = false;
    is_out[spared] = false;
    is_out[spared] = !fits(h, is_out);
  }
}

bool ext_preempt_node(const struct ext_view *view, const struct pack_asked *asked, int32_t priority,
                      size_t node, const struct ext_victim *victims, size_t count, bool *is_out) {
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  struct hunt h = {.view = view,
                   .cluster = state_snapshot_cluster(view->snapshot),
                   .asked = asked,
                   .victims = victims,
                   .node = node,
                   .count = count,
                   .gone = arena_array(arena, count + 1, sizeof(*h.gone))};
  for (size_t i = 0; i < count; i++)
    is_out[i] = victims[i].is_named;
  return fits(&h, is_out) || find_one(&h, priority, is_out) || find_two(&h, priority, is_out) ||
         find_many(&h, priority, is_out, arena);
}
