/* SPDX-License-Identifier: Apache-2.0 */
/* What the pod asks for, and could ask for instead. */
#include "src/explain/explain_internal.h"

#include <stdlib.h>

enum { MILLI = 1000, MIB_SHIFT = 20 };

/* ---- MIG profiles ------------------------------------------------------------------------ */

struct offer {
  struct str resource;
  struct mig_name name;
  bool is_enough;
};

/* Enough ones first, the smallest of them first; of those that are not the largest. */
static int by_nearness(const void *a, const void *b) {
  const struct offer *x = a, *y = b;
  if (x->is_enough != y->is_enough)
    return x->is_enough ? -1 : 1;
  int up = x->is_enough ? 1 : -1;
  if (x->name.memory_gib != y->name.memory_gib)
    return x->name.memory_gib > y->name.memory_gib ? up : -up;
  if (x->name.compute != y->name.compute)
    return x->name.compute > y->name.compute ? up : -up;
  return str_cmp(x->resource, y->resource);
}

/*
 * A declared need decides alone. Else a slice is enough that has as much of everything: a tenth
 * less memory is the same slice on another product (3g.42gb, 3g.40gb).
 */
static bool is_enough(const struct inquiry *q, const struct mig_name *wanted,
                      const struct mig_name *offered) {
  if (q->pod.gpu_memory)
    return mig_memory_holds(offered->memory_gib, q->pod.gpu_memory);
  return offered->memory_gib * 10 >= wanted->memory_gib * 9 && offered->compute >= wanted->compute;
}

/* Slices that nodes have, nearest first. Without `wanted` (a whole GPU was asked for) only plain
 * ones, and a declared need. */
static size_t list_offers(const struct inquiry *q, const struct mig_name *wanted,
                          struct offer *ret) {
  size_t count = 0;
  for (size_t i = 0; i < q->scene->slice_count; i++) {
    struct offer *made = &ret[count];
    made->resource = q->scene->slices[i];
    if (str_eq(made->resource, q->asked.device) ||
        !mig_name_parse(explain_profile_of(made->resource), &made->name) ||
        (wanted ? !mig_same_attributes(wanted, &made->name) : made->name.attributes.len > 0))
      continue;
    made->is_enough = is_enough(q, wanted ? wanted : &made->name, &made->name);
    if (made->is_enough || q->pod.gpu_memory == 0)
      count++;
  }
  if (count)
    qsort(ret, count, sizeof(*ret), by_nearness);
  return count;
}

static bool try_offer(struct inquiry *q, const struct offer *offer) {
  struct pod changed = q->pod;
  struct resource_request *mine = explain_own_request(q, &changed, q->asked.device);
  size_t node, count;
  mine->name = offer->resource;
  if (!explain_try(q, &changed, PACK_BLOCK_DEVICES, &node, &count))
    return false;
  struct explain_change change = {
      .kind = offer->is_enough ? EXPLAIN_PROFILE : EXPLAIN_SMALLER,
      .text = str_printf(q->arena, "ask for %.*s instead of %.*s%s", STR_FMT(offer->resource),
                         STR_FMT(q->asked.device),
                         offer->is_enough ? "" : ", if its memory and compute are enough"),
      .node = node,
      .node_count = count,
      .resource = offer->resource,
      .count = q->asked.device_count};
  change.stable = change.text;
  explain_add_change(q, &change);
  return true;
}

void explain_find_profiles(struct inquiry *q) {
  struct mig_name wanted;
  struct str profile = explain_profile_of(q->asked.device);
  bool is_slice = profile.len && mig_name_parse(profile, &wanted);
  bool is_whole = str_is(q->asked.device, "nvidia.com/gpu") && q->pod.gpu_memory > 0;
  if (!is_slice && !is_whole)
    return;
  struct offer *offers = arena_array(q->scratch, q->scene->slice_count, sizeof(*offers));
  size_t count = list_offers(q, is_slice ? &wanted : NULL, offers);
  bool has_found[2] = {false, false};
  for (size_t i = 0; i < count; i++)
    if (!has_found[offers[i].is_enough])
      has_found[offers[i].is_enough] = try_offer(q, &offers[i]);
}

/* ---- fewer devices ----------------------------------------------------------------------- */

/* The most that one pod could have of it on this node. */
static int64_t most_of(const struct inquiry *q, size_t n) {
  enum { CARD_MILLI = 1000 };
  const struct pack_verdict *verdict = &q->verdicts[n];
  if (!pack_is_card_name(q->asked.device))
    return verdict->devices_left;
  if (q->asked.request.forms[0].kind != PACK_WHOLE)
    return verdict->card_left;
  const struct pack_node *node = pack_cluster_node(pack_scene_cluster(q->scene->scene), n);
  return node->idle ? (int64_t)node->idle * CARD_MILLI : verdict->card_left;
}

void explain_find_fewer(struct inquiry *q) {
  bool is_card = pack_is_card_name(q->asked.device);
  int64_t most = 0;
  for (size_t n = 0; n < q->answer->node_count; n++)
    if (q->verdicts[n].blocks == PACK_BLOCK_DEVICES && most_of(q, n) > most)
      most = most_of(q, n);
  if (most >= q->asked.device_count)
    most = is_card ? 0 : q->asked.device_count - 1;
  for (; most > 0; most = is_card ? 0 : most - 1) {
    struct pod changed = q->pod;
    size_t node, count;
    explain_own_request(q, &changed, q->asked.device)->amount = (struct quantity){most, 0};
    if (!explain_try(q, &changed, PACK_BLOCK_DEVICES, &node, &count))
      continue;
    struct str device = q->asked.device;
    struct explain_change change = {
        .kind = EXPLAIN_FEWER,
        .text = str_printf(q->arena, "ask for %.*s: %lld instead of %lld", STR_FMT(device),
                           (long long)most, (long long)q->asked.device_count),
        .stable = str_printf(q->arena, "ask for fewer %.*s", STR_FMT(device)),
        .node = node,
        .node_count = count,
        .resource = device,
        .count = most};
    explain_add_change(q, &change);
    return;
  }
}

/* ---- less CPU and memory ----------------------------------------------------------------- */

static int64_t permille(int64_t left, int64_t asked) {
  if (left >= asked || asked == 0)
    return MILLI;
  return left <= 0 ? 0 : i64_mul_sat(left, MILLI) / asked;
}

/* How much of what it asks for the node has, in thousandths of the scarcer of both. */
static int64_t share_of(const struct inquiry *q, size_t n) {
  const struct pack_node *node = pack_cluster_node(pack_scene_cluster(q->scene->scene), n);
  int64_t cpu = permille(node->cpu_left, q->asked.request.cpu_milli);
  int64_t memory = permille(node->mem_left >> MIB_SHIFT, q->asked.request.mem_bytes >> MIB_SHIFT);
  return cpu < memory ? cpu : memory;
}

static size_t best_host(const struct inquiry *q, int64_t *ret_share) {
  const uint32_t host = PACK_BLOCK_CPU | PACK_BLOCK_MEMORY;
  size_t best = SIZE_MAX;
  *ret_share = 0;
  for (size_t n = 0; n < q->answer->node_count; n++) {
    uint32_t blocks = q->verdicts[n].blocks;
    if (blocks == 0 || (blocks & ~host))
      continue;
    int64_t share = share_of(q, n);
    if (share > *ret_share) {
      best = n;
      *ret_share = share;
    }
  }
  return best;
}

/* One of both, from `before` to `amount`, as the containers would have it: the overhead of a
 * RuntimeClass is not theirs to lower. *text grows by "cpu 24 instead of 32". Less than half would
 * be another program. */
static bool lower(struct inquiry *q, struct pod *changed, const char *name, int64_t before,
                  int64_t amount, int64_t overhead, struct buf *text) {
  struct resource_request *mine = explain_own_request(q, changed, str_of(name));
  if (!mine)
    return true;
  if (amount - overhead < (before - overhead) / 2 || amount <= overhead)
    return false;
  mine->amount = explain_host_amount(name, amount);
  buf_printf(text, "%s%s %.*s instead of %.*s", text->len ? " and " : "", name,
             STR_FMT(explain_host_text(q->scratch, name, amount - overhead)),
             STR_FMT(explain_host_text(q->scratch, name, before - overhead)));
  if (overhead)
    buf_printf(text, " (beside %.*s of overhead)",
               STR_FMT(explain_host_text(q->scratch, name, overhead)));
  return true;
}

void explain_find_less(struct inquiry *q) {
  enum { SHARE_LEAST = 500 };
  int64_t share;
  size_t best = best_host(q, &share), node, count;
  if (best == SIZE_MAX || share < SHARE_LEAST)
    return;
  const struct pack_node *at = pack_cluster_node(pack_scene_cluster(q->scene->scene), best);
  struct pod changed = q->pod;
  struct explain_change change = {.kind = EXPLAIN_LESS_HOST};
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1024);
  uint32_t blocks = q->verdicts[best].blocks;
  const struct pod_overhead *overhead = &q->pod.overhead;
  bool is_enough = true;
  if (blocks & PACK_BLOCK_CPU) {
    change.cpu_milli = at->cpu_left - overhead->cpu_milli;
    is_enough = lower(q, &changed, "cpu", q->asked.request.cpu_milli, at->cpu_left,
                      overhead->cpu_milli, &text);
  }
  if (blocks & PACK_BLOCK_MEMORY) {
    int64_t left = at->mem_left >> MIB_SHIFT << MIB_SHIFT;
    change.mem_bytes = left - overhead->mem_bytes;
    is_enough = lower(q, &changed, "memory", q->asked.request.mem_bytes, left, overhead->mem_bytes,
                      &text) &&
                is_enough;
  }
  if (!is_enough || ((blocks & PACK_BLOCK_MEMORY) && change.mem_bytes == 0) ||
      !explain_try(q, &changed, PACK_BLOCK_CPU | PACK_BLOCK_MEMORY, &node, &count))
    return;
  change.text = str_printf(q->arena, "ask for %.*s", STR_FMT(buf_str(&text)));
  change.stable = str_printf(q->arena, "ask for less %s",
                             change.cpu_milli == 0   ? "memory"
                             : change.mem_bytes == 0 ? "cpu"
                                                     : "cpu and memory");
  change.node = node;
  change.node_count = count;
  explain_add_change(q, &change);
}
