/* SPDX-License-Identifier: Apache-2.0 */
/*
 * managedResources has no wildcards and the file is static, so the names of everything that may
 * come are spelled out: a name too many costs nothing, one too few lets pods go past us.
 */
#include "src/cli/scheduler_config.h"

#include "slicegate/packing.h"
#include "src/cli/cli_internal.h"

#include <stdlib.h>

static const struct str slice_prefix = {"nvidia.com/mig-", 15};
static const struct str shared_suffix = {".shared", 7};
static const struct str product_label = {"nvidia.com/gpu.product", 22};

static const char group_nvidia[] = "NVIDIA: whole GPUs, and replicas of them (time-slicing, MPS).";
static const char group_slices[] = "MIG slices, and replicas of them.";
static const char group_amd[] = "AMD: whole GPUs and partitions.";
static const char group_intel[] = "Intel.";
static const char group_cards[] =
    "Parts of a card that we choose at bind; the device plugin finds the card in an annotation. "
    "Nodes list the sum of their cards.";
static const char group_others[] = "Further names of the policy or on nodes.";

struct collector {
  struct arena *arena;
  const struct policy_view *view;
  bool binds;
  struct managed_name *items;
  size_t count, cap;
};

/* ---- which group, and in which order ------------------------------------------------------- */

static const char *group_of(struct str name) {
  if (pack_is_card_name(name))
    return group_cards;
  if (str_starts_with(name, slice_prefix))
    return group_slices;
  if (str_starts_with(name, STR_LIT("nvidia.com/gpu")))
    return group_nvidia;
  if (str_starts_with(name, STR_LIT("amd.com/")))
    return group_amd;
  if (str_starts_with(name, STR_LIT("gpu.intel.com/")))
    return group_intel;
  return group_others;
}

static size_t rank_of_group(const char *group) {
  static const char *const order[] = {group_nvidia, group_slices, group_amd,
                                      group_intel,  group_others, group_cards};
  size_t i = 0;
  while (order[i] != group)
    i++;
  return i;
}

/* 1g.10gb, 1g.10gb.shared, 1g.10gb.me, ... 2g.20gb: by size, then by name. */
static int compare_slices(struct str a, struct str b) {
  struct mig_name x = {0}, y = {0};
  size_t a_end = str_ends_with(a, shared_suffix) ? a.len - shared_suffix.len : a.len;
  size_t b_end = str_ends_with(b, shared_suffix) ? b.len - shared_suffix.len : b.len;
  bool has_both = mig_name_parse(str_skip((struct str){a.ptr, a_end}, slice_prefix.len), &x) &&
                  mig_name_parse(str_skip((struct str){b.ptr, b_end}, slice_prefix.len), &y);
  if (has_both && x.compute != y.compute)
    return x.compute < y.compute ? -1 : 1;
  if (has_both && x.memory_gib != y.memory_gib)
    return x.memory_gib < y.memory_gib ? -1 : 1;
  int by_base = str_cmp((struct str){a.ptr, a_end}, (struct str){b.ptr, b_end});
  return by_base ? by_base : str_cmp(a, b);
}

static int compare(const void *left, const void *right) {
  const struct managed_name *a = left, *b = right;
  size_t x = rank_of_group(a->group), y = rank_of_group(b->group);
  if (x != y)
    return x < y ? -1 : 1;
  return a->group == group_slices ? compare_slices(a->name, b->name) : str_cmp(a->name, b->name);
}

/* ---- collecting ---------------------------------------------------------------------------- */

/*
 * What says how much of a device (nvidia.com/gpumem) never comes alone: the device's own name
 * brings the pod here. What the policy calls no GPU is none. Cards are chosen at bind: without it
 * kube-scheduler's count of their sum is all there is, and nobody would tell the plugin the card.
 */
static bool is_wanted(const struct collector *c, struct str name) {
  enum gpu_resource_form form;
  if (pack_is_card_name(name) && !pack_is_hami_memory(name))
    return c->binds &&
           (policy_gpu_resource(c->view, name, &form) || !policy_knows_resource(c->view, name));
  return policy_gpu_resource(c->view, name, &form) && form != GPU_AUX;
}

/* As kube-scheduler wants it, which is what a pod can ask for at all: prefix/name, of which a
 * quota can be made ("requests.prefix/name"), and which is not a quota's name itself. */
static bool is_extended_name(struct str name) {
  enum { NAME_MAX_LEN = 63, PREFIX_MAX_LEN = 253 - 9 };
  size_t slash = str_find_char(name, '/');
  struct str prefix = {name.ptr, slash};
  if (str_starts_with(name, STR_LIT("requests.")) || prefix.len > PREFIX_MAX_LEN)
    return false;
  struct str rest = str_skip(name, slash < name.len ? slash + 1 : slash);
  if (!cli_is_dns_name(prefix) || rest.len == 0 || rest.len > NAME_MAX_LEN)
    return false;
  for (size_t i = 0; i < rest.len; i++) {
    char c = rest.ptr[i];
    bool is_inner = i > 0 && i + 1 < rest.len;
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_word && !(is_inner && (c == '-' || c == '_' || c == '.')))
      return false;
  }
  return !str_is(prefix, "kubernetes.io") && !str_ends_with(prefix, STR_LIT(".kubernetes.io"));
}

static void add(struct collector *c, struct str name) {
  if (!is_wanted(c, name) || !is_extended_name(name))
    return;
  if (c->count == c->cap) {
    c->cap = c->cap ? c->cap * 2 : 128;
    struct managed_name *items = arena_array(c->arena, c->cap, sizeof(*items));
    if (c->count)
      memcpy(items, c->items, c->count * sizeof(*items));
    c->items = items;
  }
  c->items[c->count++] = (struct managed_name){.name = name, .group = group_of(name)};
}

static void add_with_shared(struct collector *c, struct str name) {
  add(c, name);
  add(c, str_printf(c->arena, "%.*s%.*s", STR_FMT(name), STR_FMT(shared_suffix)));
}

/* "1g.24gb+me" is nvidia.com/mig-1g.24gb.me. */
static void add_profile(struct collector *c, struct str profile) {
  struct str name = str_printf(c->arena, "%.*s%.*s", STR_FMT(slice_prefix), STR_FMT(profile));
  char *text = (char *)(uintptr_t)name.ptr; /* just made */
  for (size_t i = slice_prefix.len; i < name.len; i++) {
    if (text[i] == '+' || text[i] == ',')
      text[i] = '.';
  }
  add_with_shared(c, name);
}

static void add_product(struct collector *c, const struct gpu_product *product,
                        struct strings *products) {
  struct str *ids = (struct str *)(uintptr_t)products->items; /* ours, with room for all */
  for (size_t i = 0; i < products->count; i++) {
    if (str_eq(ids[i], product->id))
      return;
  }
  ids[products->count++] = product->id;
  for (size_t i = 0; i < product->profile_count; i++) {
    add_with_shared(c, product->profiles[i].resource);
    if (product->profiles[i].alternate.len)
      add_profile(c, product->profiles[i].alternate);
  }
}

/* ---- sources ------------------------------------------------------------------------------- */

static void add_policy(struct collector *c) {
  for (size_t i = 0; i < c->view->gpu_resource_count; i++) {
    struct str pattern = c->view->gpu_resources[i].pattern;
    if (str_find_char(pattern, '*') == pattern.len && str_find_char(pattern, '?') == pattern.len)
      add(c, pattern);
  }
  add_with_shared(c, STR_LIT("nvidia.com/gpu"));
  add(c, STR_LIT("aliyun.com/gpu-mem"));
  add(c, STR_LIT(GPU_MILLI_NAME));
}

/* With the resource naming strategy "mixed", amd.com/<compute>_<memory>. */
static void add_amd_partitions(struct collector *c) {
  static const char *const computes[] = {"spx", "dpx", "tpx", "qpx", "cpx"};
  static const char *const memories[] = {"nps1", "nps2", "nps4", "nps8"};
  for (size_t i = 0; i < SG_ARRAY_LEN(computes); i++) {
    for (size_t k = 0; k < SG_ARRAY_LEN(memories); k++)
      add(c, str_printf(c->arena, "amd.com/%s_%s", computes[i], memories[k]));
  }
}

/* What the nodes told. */
struct seen {
  bool has_amd;
  bool has_unlabelled; /* NVIDIA's GPUs without a product: feature discovery has not run there */
};

static void add_node(struct collector *c, const struct node *node, struct strings *products,
                     struct seen *seen) {
  const struct str *label = kv_find(node->labels, node->label_count, product_label);
  const struct gpu_product *product = label ? product_by_label(*label) : NULL;
  if (product)
    add_product(c, product, products);
  for (size_t i = 0; i < node->allocatable_count; i++) {
    struct str name = node->allocatable[i].name;
    if (!is_wanted(c, name))
      continue;
    add(c, name);
    seen->has_amd = seen->has_amd || str_starts_with(name, STR_LIT("amd.com/"));
    seen->has_unlabelled =
        seen->has_unlabelled || (!label && str_starts_with(name, STR_LIT("nvidia.com/")));
  }
}

/* A product that is not compiled in has the profiles that its pool says. */
static void add_pool(struct collector *c, const struct node_pool *pool, struct strings *products) {
  for (size_t i = 0; i < pool->products.count; i++) {
    const struct gpu_product *product = product_by_label(pool->products.items[i]);
    if (product)
      add_product(c, product, products);
  }
  for (size_t i = 0; i < pool->profiles.count; i++)
    add_profile(c, pool->profiles.items[i]);
}

static size_t drop_duplicates(struct managed_name *items, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (kept == 0 || !str_eq(items[kept - 1].name, items[i].name))
      items[kept++] = items[i];
  }
  return kept;
}

void scheduler_names(const struct policy_view *view, const struct cluster *cluster, bool binds,
                     struct arena *arena, struct managed_names *ret) {
  struct collector c = {.arena = arena, .view = view, .binds = binds};
  struct gpu_products all = products_builtin();
  struct strings products = {arena_array(arena, all.count, sizeof(struct str)), 0};
  struct seen seen = {0};
  bool is_known = cluster && cluster->has_nodes;
  *ret = (struct managed_names){0};
  add_policy(&c);
  for (size_t i = 0; is_known && i < cluster->node_count; i++)
    add_node(&c, &cluster->nodes[i], &products, &seen);
  for (size_t i = 0; i < view->node_pool_count; i++)
    add_pool(&c, &view->node_pools[i], &products);
  ret->has_every_product = !is_known || seen.has_unlabelled;
  for (size_t i = 0; ret->has_every_product && i < all.count; i++)
    add_product(&c, &all.items[i], &products);
  if (!is_known || seen.has_amd)
    add_amd_partitions(&c);
  if (c.count)
    qsort(c.items, c.count, sizeof(*c.items), compare);
  ret->count = drop_duplicates(c.items, c.count);
  ret->items = c.items;
  ret->products = products;
}

void scheduler_names_add_hami(struct arena *arena, struct managed_names *names) {
  struct managed_name *items = arena_array(arena, names->count + 1, sizeof(*items));
  memcpy(items, names->items, names->count * sizeof(*items));
  items[names->count++] = (struct managed_name){
      STR_LIT("nvidia.com/gpumem"),
      "Parts of HAMi's cards (`serve --hami`). Nodes list their cards in an annotation, and "
      "nothing by this name: kube-scheduler cannot count it.",
      true};
  names->items = items;
}
