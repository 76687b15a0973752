/* SPDX-License-Identifier: Apache-2.0 */
/* preempt: who has to go. kube-scheduler's dry run does not know what only we refuse. */
#include "room.h"

#include <stdlib.h>

struct hunt {
  const struct ext_view *view;
  const struct pack_asked *asked;
  size_t node;
  uint64_t *gone; /* numbers of those who go anyway, then scratch for more */
  size_t named;
  /* Those who may go, the least harm in front. */
  const struct ext_victim **victims;
  uint64_t *numbers;
  size_t count;
};

/* The less harm of two: lower priority, then cheaper, then the uid that comes first. */
static int compare_harm(const void *a, const void *b) {
  const struct ext_victim *x = *(const struct ext_victim *const *)a;
  const struct ext_victim *y = *(const struct ext_victim *const *)b;
  if (x->priority != y->priority)
    return x->priority < y->priority ? -1 : 1;
  if (x->cost_milli != y->cost_milli)
    return x->cost_milli < y->cost_milli ? -1 : 1;
  return str_cmp(x->uid, y->uid);
}

static bool fits(const struct hunt *h, const struct pack_node *value) {
  const struct pack_catalog *catalog =
      pack_cluster_catalog(state_snapshot_cluster(h->view->snapshot));
  return pack_fit(catalog, value, &h->asked->request) == PACK_FITS &&
         ext_hami_has(h->view, h->asked, h->node, value);
}

static bool fits_without(struct hunt *h, const bool *is_in) {
  size_t gone = h->named;
  for (size_t i = 0; i < h->count; i++)
    if (is_in[i])
      h->gone[gone++] = h->numbers[i];
  const struct pack_node *bare =
      pack_node_without(state_snapshot_cluster(h->view->snapshot), h->node, h->gone, gone);
  bool does = fits(h, bare);
  pack_node_unref(bare);
  return does;
}

static bool fits_without_first(struct hunt *h, size_t first, bool *is_in) {
  for (size_t i = 0; i < h->count; i++)
    is_in[i] = i < first;
  return fits_without(h, is_in);
}

/* Take out from the least harm on until it fits, then spare, from the most harm on, whoever need
 * not go. The number of those that are in; SIZE_MAX: all of them would not do. */
static size_t take_and_spare(struct hunt *h, bool *is_in) {
  size_t too_few = 0, size = h->count;
  if (!fits_without_first(h, size, is_in))
    return SIZE_MAX;
  while (size - too_few > 1) {
    size_t half = too_few + (size - too_few) / 2;
    if (fits_without_first(h, half, is_in))
      size = half;
    else
      too_few = half;
  }
  (void)fits_without_first(h, size, is_in);
  for (size_t i = size; i-- > 0;) {
    is_in[i] = false;
    if (fits_without(h, is_in))
      size--;
    else
      is_in[i] = true;
  }
  return size;
}

static bool find(struct hunt *h, const struct pack_node *bare, struct arena *arena, bool *is_in) {
  struct room room = {.view = h->view,
                      .asked = h->asked,
                      .index = h->node,
                      .node = bare,
                      .numbers = h->numbers,
                      .count = h->count};
  size_t size;
  enum room_found found = room_make(&room, arena, is_in, &size);
  if (found == ROOM_NONE)
    return false;
  if (found == ROOM_FOUND && fits_without(h, is_in))
    return true;
  bool *taken = arena_array(arena, h->count + 1, sizeof(*taken));
  size_t taken_size = take_and_spare(h, taken);
  if (room_is_better(taken, taken_size, is_in, size, h->count)) {
    memcpy(is_in, taken, h->count * sizeof(*is_in));
    size = taken_size;
  }
  return size != SIZE_MAX;
}

static void sort_out(struct hunt *h, int32_t priority, const struct ext_victim *victims,
                     size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (victims[i].is_named)
      h->gone[h->named++] = victims[i].number;
    else if (victims[i].priority < priority)
      h->victims[h->count++] = &victims[i];
  }
  if (h->count)
    qsort(h->victims, h->count, sizeof(*h->victims), compare_harm);
  for (size_t i = 0; i < h->count; i++)
    h->numbers[i] = h->victims[i]->number;
}

bool ext_preempt_node(const struct ext_view *view, const struct pack_asked *asked, int32_t priority,
                      size_t node, const struct ext_victim *victims, size_t count, bool *is_out) {
  CLEANUP_ARENA struct arena *arena = arena_new(16 << 10);
  struct hunt h = {.view = view,
                   .asked = asked,
                   .node = node,
                   .gone = arena_array(arena, count + 1, sizeof(*h.gone)),
                   .victims = arena_array(arena, count + 1, sizeof(*h.victims)),
                   .numbers = arena_array(arena, count + 1, sizeof(*h.numbers))};
  sort_out(&h, priority, victims, count);
  for (size_t i = 0; i < count; i++)
    is_out[i] = victims[i].is_named;
  const struct pack_node *bare =
      pack_node_without(state_snapshot_cluster(view->snapshot), node, h.gone, h.named);
  bool *is_in = arena_array(arena, h.count + 1, sizeof(*is_in));
  memset(is_in, 0, (h.count + 1) * sizeof(*is_in));
  bool does = fits(&h, bare) || find(&h, bare, arena, is_in);
  pack_node_unref(bare);
  for (size_t i = 0; does && i < h.count; i++)
    if (is_in[i])
      is_out[h.victims[i] - victims] = true;
  return does;
}
