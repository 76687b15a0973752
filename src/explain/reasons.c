/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a node is closed to a pod, in words that can be counted: kube-scheduler's own where it has
 * some, so that they are the same as in the events of the pod.
 */
#include "src/explain/explain_internal.h"

#include <stdlib.h>

static const struct str slice_prefix = {"nvidia.com/mig-", 15};

struct str explain_profile_of(struct str resource) {
  return str_starts_with(resource, slice_prefix) ? str_skip(resource, slice_prefix.len)
                                                 : (struct str){NULL, 0};
}

static struct str no_device_text(struct arena *arena, const struct pack_node *node,
                                 struct str device) {
  struct str profile = explain_profile_of(device);
  if (profile.len && node->counter_count > 0)
    return str_printf(arena, "no GPU has the MIG profile %.*s", STR_FMT(profile));
  return str_printf(arena, "no %.*s", STR_FMT(device));
}

static struct str taint_text(struct arena *arena, const struct taint *taint) {
  if (str_is(taint->key, EXPLAIN_CORDON_KEY))
    return STR_LIT("node(s) were unschedulable");
  return str_printf(arena, "node(s) had untolerated taint {%.*s: %.*s}", STR_FMT(taint->key),
                    STR_FMT(taint->value));
}

static void add_insufficient(struct buf *text, bool *has_some, struct str name) {
  buf_printf(text, "%s%.*s",
             *has_some   ? ", "
             : text->len ? ", Insufficient "
                         : "Insufficient ",
             STR_FMT(name));
  *has_some = true;
}

/* Everything that the node is short of, in one reason: a node that lacks CPU only holds GPUs that
 * nobody can use, and that is worth seeing apart. */
static struct str short_text(struct arena *arena, const struct pack_asked *asked,
                             const struct pack_verdict *verdict) {
  CLEANUP_BUF struct buf text;
  bool has_some = false;
  struct str profile = explain_profile_of(asked->device);
  buf_init(&text, 16 * 1024);
  if ((verdict->blocks & PACK_BLOCK_DEVICES) && verdict->devices == PACK_FRAGMENTED) {
    buf_printf(&text, "%.*s left only in pieces on several GPUs", STR_FMT(asked->device));
  } else if ((verdict->blocks & PACK_BLOCK_DEVICES) && profile.len) {
    if (verdict->devices_left == 0)
      buf_printf(&text, "no slice %.*s left on any GPU", STR_FMT(profile));
    else
      buf_printf(&text, "fewer than %lld slices %.*s left", (long long)asked->device_count,
                 STR_FMT(profile));
  } else if (verdict->blocks & PACK_BLOCK_DEVICES) {
    add_insufficient(&text, &has_some, asked->device);
  }
  if (verdict->blocks & PACK_BLOCK_CPU)
    add_insufficient(&text, &has_some, STR_LIT("cpu"));
  if (verdict->blocks & PACK_BLOCK_MEMORY)
    add_insufficient(&text, &has_some, STR_LIT("memory"));
  for (size_t i = 0; i < asked->other_count; i++)
    if (verdict->others >> i & 1)
      add_insufficient(&text, &has_some, asked->others[i].name);
  if (verdict->blocks & PACK_BLOCK_PODS)
    buf_printf(&text, "%sToo many pods", text.len ? ", " : "");
  return str_copy(arena, buf_str(&text));
}

static struct str unknown_text(enum pack_unknown why) {
  switch (why) {
  case PACK_OF_HAMI:
    return STR_LIT("not known: GPUs that HAMi's scheduler hands out");
  case PACK_OF_DRIVER:
    return STR_LIT("not known: devices that a DRA driver lists (ResourceSlices)");
  case PACK_UNLISTED:
    break;
  }
  return STR_LIT("not known: GPUs that allocatable does not list (DRA, or no device plugin)");
}

struct str explain_reason(struct arena *arena, const struct pack_node *node,
                          const struct pack_asked *asked, const struct pack_verdict *verdict,
                          enum explain_rank *ret_rank) {
  struct str wanted = asked->pod->constraints.node_name;
  if ((verdict->blocks & PACK_BLOCK_DEVICES) && verdict->devices_total == 0) {
    *ret_rank = EXPLAIN_NO_DEVICE;
    return no_device_text(arena, node, asked->device);
  }
  if (verdict->blocks & PACK_BLOCK_SELECTOR) {
    *ret_rank = EXPLAIN_SELECTOR;
    return wanted.len && !str_eq(wanted, node->name)
               ? STR_LIT("node(s) didn't match the requested node name")
               : STR_LIT("node(s) didn't match Pod's node affinity/selector");
  }
  if (verdict->blocks & PACK_BLOCK_TAINT) {
    *ret_rank = EXPLAIN_TAINT;
    return taint_text(arena, verdict->taint);
  }
  if (verdict->blocks & PACK_BLOCK_UNREADABLE) {
    *ret_rank = EXPLAIN_UNREADABLE;
    return unknown_text(verdict->unknown);
  }
  if ((verdict->blocks & PACK_BLOCK_DEVICES) && verdict->devices == PACK_TOO_MANY) {
    *ret_rank = EXPLAIN_TOO_SMALL;
    if (verdict->card_total && asked->device_count <= verdict->devices_total)
      return str_printf(arena, "no GPU has %lld %.*s in all", (long long)asked->device_count,
                        STR_FMT(asked->device));
    return str_printf(arena, "fewer than %lld %.*s in all", (long long)asked->device_count,
                      STR_FMT(asked->device));
  }
  *ret_rank = EXPLAIN_SHORT;
  return short_text(arena, asked, verdict);
}

/* ---- groups ------------------------------------------------------------------------------ */

struct groups {
  struct explain_group *items;
  size_t count, cap;
};

static struct explain_group *find_group(struct groups *groups, struct str reason) {
  for (size_t i = 0; i < groups->count; i++)
    if (str_eq(groups->items[i].reason, reason))
      return &groups->items[i];
  return NULL;
}

static struct explain_group *add_group(struct groups *groups, struct str reason,
                                       enum explain_rank rank) {
  if (groups->count == groups->cap) {
    groups->cap = groups->cap ? groups->cap * 2 : 16;
    groups->items = mem_realloc(groups->items, groups->cap * sizeof(*groups->items));
  }
  struct explain_group *made = &groups->items[groups->count++];
  *made = (struct explain_group){.reason = reason, .rank = rank};
  return made;
}

static int by_rank(const void *a, const void *b) {
  const struct explain_group *x = a, *y = b;
  if (x->rank != y->rank)
    return x->rank < y->rank ? -1 : 1;
  if (x->node_count != y->node_count)
    return x->node_count > y->node_count ? -1 : 1;
  return str_cmp(x->reason, y->reason);
}

const struct explain_group *explain_groups(struct arena *arena, const struct pack_scene *scene,
                                           const struct pack_asked *asked, size_t *ret_count) {
  const struct pack_cluster *cluster = pack_scene_cluster(scene);
  CLEANUP_ARENA struct arena *scratch = arena_new(4096);
  struct groups groups = {0};
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    struct pack_verdict verdict = pack_scene_judge(scene, n, asked);
    enum explain_rank rank;
    if (verdict.blocks == 0)
      continue;
    arena_reset(scratch);
    struct str reason = explain_reason(scratch, node, asked, &verdict, &rank);
    struct explain_group *group = find_group(&groups, reason);
    if (!group)
      group = add_group(&groups, str_copy(arena, reason), rank);
    if (group->node_count < EXPLAIN_EXAMPLES)
      group->examples[group->node_count] = str_copy(arena, node->name);
    group->node_count++;
    group->devices_left = i64_add_sat(group->devices_left, verdict.devices_left);
  }
  struct explain_group *kept = arena_array(arena, groups.count, sizeof(*kept));
  if (groups.count) {
    qsort(groups.items, groups.count, sizeof(*groups.items), by_rank);
    memcpy(kept, groups.items, groups.count * sizeof(*kept));
  }
  free(groups.items);
  *ret_count = groups.count;
  return kept;
}
