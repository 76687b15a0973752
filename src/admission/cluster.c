/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules need to know of a cluster, drawn once from its nodes and from the policy's
 * node pools: which products there are or may come, which resources are offered now, and
 * which of those are shared. Counting what is free is nobody's business here.
 */
#include "src/admission/admission_internal.h"

#include <stdlib.h>

static const struct str shared_ending = {"-SHARED", 7};
static const struct str mig_marker = {"-MIG-", 5};

bool strings_have(const struct strings *strings, struct str item) {
  for (size_t i = 0; i < strings->count; i++)
    if (str_eq(strings->items[i], item))
      return true;
  return false;
}

/* "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED" names the product NVIDIA-A100-SXM4-40GB. */
struct str product_base_label(struct str label) {
  for (size_t i = 1; i + mig_marker.len <= label.len; i++)
    if (memcmp(label.ptr + i, mig_marker.ptr, mig_marker.len) == 0)
      return (struct str){label.ptr, i};
  if (label.len > shared_ending.len && str_ends_with(label, shared_ending))
    label.len -= shared_ending.len;
  return label;
}

/*
 * One more zeroed item at the end of a list in the arena. It is full at powers of two, so
 * that no list needs a field for its capacity.
 */
static void *append(struct arena *arena, const void *items, size_t *count, size_t size) {
  char *list = (char *)(uintptr_t)items;
  if ((*count & (*count - 1)) == 0) {
    list = arena_array(arena, *count ? *count * 2 : 1, size);
    if (*count)
      memcpy(list, items, *count * size);
  }
  memset(list + *count * size, 0, size);
  (*count)++;
  return list;
}

static void add_once(struct arena *arena, struct strings *strings, struct str item) {
  if (strings_have(strings, item))
    return;
  struct str *items = append(arena, strings->items, &strings->count, sizeof(item));
  items[strings->count - 1] = item;
  strings->items = items;
}

static struct cluster_product *product_slot(struct adm_cluster *known, struct str label) {
  for (size_t i = 0; i < known->product_count; i++)
    if (str_eq(known->products[i].label, label))
      return &known->products[i];
  known->products =
      append(known->arena, known->products, &known->product_count, sizeof(*known->products));
  struct cluster_product *slot = &known->products[known->product_count - 1];
  slot->label = label;
  slot->product = product_by_label(label);
  return slot;
}

static struct cluster_resource *resource_slot(struct adm_cluster *known, struct str name) {
  for (size_t i = 0; i < known->resource_count; i++)
    if (str_eq(known->resources[i].name, name))
      return &known->resources[i];
  known->resources =
      append(known->arena, known->resources, &known->resource_count, sizeof(*known->resources));
  struct cluster_resource *slot = &known->resources[known->resource_count - 1];
  slot->name = name;
  slot->is_shared_everywhere = true;
  return slot;
}

/* ---- shared or not ------------------------------------------------------------- */

/* The node's label "<resource>.<suffix>", without building the key. */
static struct str resource_label(const struct node *node, struct str resource, const char *suffix) {
  size_t suffix_len = strlen(suffix);
  for (size_t i = 0; i < node->label_count; i++) {
    struct str key = node->labels[i].key;
    if (key.len == resource.len + 1 + suffix_len && key.ptr[resource.len] == '.' &&
        str_starts_with(key, resource) &&
        memcmp(key.ptr + resource.len + 1, suffix, suffix_len) == 0)
      return node->labels[i].value;
  }
  return (struct str){NULL, 0};
}

/*
 * GPU Feature Discovery tells sharing in three ways (docs/gpu-feature-discovery): replicas
 * per device above 1, a sharing strategy, and a product that ends in -SHARED; the last
 * only for nvidia.com/gpu. Under a renamed resource the name itself says it.
 */
static bool is_shared_on(const struct node *node, struct str resource) {
  struct str base = gpu_base_name(resource);
  if (base.len != resource.len)
    return true;
  int64_t replicas = 0;
  if (i64_parse(resource_label(node, base, "replicas"), &replicas) && replicas > 1)
    return true;
  struct str strategy = resource_label(node, base, "sharing-strategy");
  if (str_is(strategy, "time-slicing") || str_is(strategy, "mps"))
    return true;
  return str_is(base, "nvidia.com/gpu") &&
         str_ends_with(resource_label(node, base, "product"), shared_ending);
}

/* ---- products ---------------------------------------------------------------------- */

/* Boards of one name come with other memories (NVIDIA-H100 with 64 GB and with 94), and so with
 * other profiles. What drivers keep back, and GiB for GB, stays far below this. */
static bool is_other_board(const struct gpu_product *product, int64_t memory_mib) {
  enum { MEMORY_MAY_DIFFER_PERCENT = 6 };
  int64_t expected = (int64_t)product->memory_gib * 1024;
  int64_t difference = memory_mib > expected ? memory_mib - expected : expected - memory_mib;
  return difference > expected / 100 * MEMORY_MAY_DIFFER_PERCENT;
}

static void add_memory(struct cluster_product *slot, const struct node *node) {
  int64_t memory_mib = 0;
  if (!i64_parse(resource_label(node, STR_LIT("nvidia.com/gpu"), "memory"), &memory_mib) ||
      memory_mib <= 0)
    return;
  if (slot->product && is_other_board(slot->product, memory_mib))
    slot->product = NULL;
  if (memory_mib > slot->memory_mib)
    slot->memory_mib = memory_mib;
}

static void add_product(struct adm_cluster *known, const struct node *node, struct str label) {
  struct cluster_product *slot = product_slot(known, product_base_label(label));
  bool is_mig_incapable =
      str_is(resource_label(node, STR_LIT("nvidia.com/mig"), "capable"), "false");
  slot->is_mig_incapable = is_mig_incapable && (slot->is_mig_incapable || !slot->is_present);
  slot->is_present = true;
  add_once(known->arena, &known->node_products, label);
  /* Under the single MIG strategy the label tells a slice's memory, not the GPU's. */
  if (str_eq(slot->label, label))
    add_memory(slot, node);
}

/* Before GPU Feature Discovery has run, or without it, a node says that it has GPUs by the
 * resources of its device plugin (be they 0 while that restarts) or by its provider's labels. */
static bool has_nvidia_gpus(const struct policy_view *view, const struct node *node) {
  enum gpu_resource_form form;
  for (size_t i = 0; i < node->allocatable_count; i++)
    if (str_starts_with(node->allocatable[i].name, STR_LIT("nvidia.com/")) &&
        policy_gpu_resource(view, node->allocatable[i].name, &form))
      return true;
  for (size_t i = 0; i < node->label_count; i++) {
    const struct key_value *label = &node->labels[i];
    bool is_other = str_starts_with(label->key, STR_LIT("amd.com/")) ||
                    str_starts_with(label->key, STR_LIT("beta.amd.com/")) ||
                    str_starts_with(label->key, STR_LIT("gpu.intel.com/"));
    if (!is_other && !str_is(label->value, "false") && !str_is(label->value, "0") &&
        policy_is_gpu_label(view, label->key))
      return true;
  }
  return false;
}

/* ---- taints ------------------------------------------------------------------------ */

/* Combinations differ by product or pool; more than this are no help to anybody. */
enum { TAINT_LISTS_MAX = 64 };

static struct taint_list gpu_taints(struct adm_cluster *known, const struct node *node) {
  struct taint_list list = {NULL, 0};
  for (size_t i = 0; i < node->taint_count; i++) {
    const struct taint *taint = &node->taints[i];
    if (taint->effect == EFFECT_PREFER_NO_SCHEDULE || !policy_is_gpu_taint(known->view, taint->key))
      continue;
    struct taint *items = append(known->arena, list.items, &list.count, sizeof(*items));
    items[list.count - 1] = *taint;
    list.items = items;
  }
  return list;
}

static bool same_taints(const struct taint_list *a, const struct taint_list *b) {
  if (a->count != b->count)
    return false;
  for (size_t i = 0; i < a->count; i++)
    if (!str_eq(a->items[i].key, b->items[i].key) ||
        !str_eq(a->items[i].value, b->items[i].value) || a->items[i].effect != b->items[i].effect)
      return false;
  return true;
}

static void add_taints(struct adm_cluster *known, struct cluster_resource *slot,
                       const struct taint_list *taints) {
  for (size_t i = 0; i < slot->taint_list_count; i++)
    if (same_taints(&slot->taint_lists[i], taints))
      return;
  if (slot->taint_list_count == TAINT_LISTS_MAX)
    return;
  struct taint_list *lists =
      append(known->arena, slot->taint_lists, &slot->taint_list_count, sizeof(*lists));
  lists[slot->taint_list_count - 1] = *taints;
  slot->taint_lists = lists;
}

/* ---- nodes and pools ------------------------------------------------------------ */

static void add_node(struct adm_cluster *known, const struct node *node) {
  struct str label = resource_label(node, STR_LIT("nvidia.com/gpu"), "product");
  struct taint_list taints = gpu_taints(known, node);
  if (label.len)
    add_product(known, node, label);
  else if (has_nvidia_gpus(known->view, node))
    known->has_unnamed_products = true;
  for (size_t i = 0; i < node->allocatable_count; i++) {
    const struct resource_amount *amount = &node->allocatable[i];
    /* Extended resources have a domain; a node without the device says 0 or nothing. */
    if (str_find_char(amount->name, '/') == amount->name.len || !amount->is_valid)
      continue;
    if (amount->amount.units <= 0) {
      add_once(known->arena, &known->at_rest, amount->name);
      continue;
    }
    struct cluster_resource *slot = resource_slot(known, amount->name);
    if (amount->amount.units > slot->max_on_a_node)
      slot->max_on_a_node = amount->amount.units;
    if (label.len)
      add_once(known->arena, &slot->node_products, label);
    add_taints(known, slot, &taints);
    if (is_shared_on(node, amount->name))
      slot->is_shared_somewhere = true;
    else
      slot->is_shared_everywhere = false;
  }
}

/* Two pools of one product may each offer some profiles; one that does not say offers all. */
static void declare(struct adm_cluster *known, struct str label, const struct node_pool *pool) {
  struct cluster_product *slot = product_slot(known, product_base_label(label));
  bool had_all = slot->is_declared && !slot->declared_profiles.count && !slot->declares_no_mig;
  bool had_none = !slot->is_declared || slot->declares_no_mig;
  bool is_silent = !pool->has_profiles && pool->profiles.count == 0;
  slot->is_declared = true;
  slot->declares_no_mig = false;
  if (had_all || is_silent) {
    slot->declared_profiles = (struct strings){NULL, 0};
    return;
  }
  for (size_t i = 0; i < pool->profiles.count; i++)
    add_once(known->arena, &slot->declared_profiles, pool->profiles.items[i]);
  slot->declares_no_mig = had_none && pool->profiles.count == 0;
}

static int compare_strs(const void *a, const void *b) {
  return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void sort_strings(struct strings *strings) {
  if (strings->count)
    qsort((struct str *)(uintptr_t)strings->items, strings->count, sizeof(struct str),
          compare_strs);
}

static int compare_products(const void *a, const void *b) {
  return str_cmp(((const struct cluster_product *)a)->label,
                 ((const struct cluster_product *)b)->label);
}

static int compare_resources(const void *a, const void *b) {
  return str_cmp(((const struct cluster_resource *)a)->name,
                 ((const struct cluster_resource *)b)->name);
}

struct adm_cluster *adm_cluster_new(const struct cluster *cluster, const struct policy_view *view) {
  struct arena *arena = arena_new(4096);
  struct adm_cluster *known = arena_alloc(arena, sizeof(*known));
  known->view = view;
  known->cluster = cluster;
  known->arena = arena;
  for (size_t i = 0; i < cluster->node_count; i++)
    add_node(known, &cluster->nodes[i]);
  for (size_t i = 0; i < view->node_pool_count; i++)
    for (size_t k = 0; k < view->node_pools[i].products.count; k++)
      declare(known, view->node_pools[i].products.items[k], &view->node_pools[i]);
  for (size_t i = 0; i < known->product_count; i++)
    if (known->products[i].product)
      known->products[i].memory_mib = (int64_t)known->products[i].product->memory_gib * 1024;
  /* By name: messages list them, and equal clusters give equal messages in any node order. */
  if (known->product_count)
    qsort(known->products, known->product_count, sizeof(*known->products), compare_products);
  if (known->resource_count)
    qsort(known->resources, known->resource_count, sizeof(*known->resources), compare_resources);
  sort_strings(&known->node_products);
  for (size_t i = 0; i < known->resource_count; i++)
    sort_strings(&known->resources[i].node_products);
  return known;
}

void adm_cluster_free(struct adm_cluster *cluster) {
  if (cluster)
    arena_free(cluster->arena); /* it lives in there itself */
}

const struct cluster_resource *cluster_find_resource(const struct adm_cluster *cluster,
                                                     struct str name) {
  if (!cluster || cluster->resource_count == 0)
    return NULL;
  const struct cluster_resource key = {.name = name};
  return bsearch(&key, cluster->resources, cluster->resource_count, sizeof(key), compare_resources);
}

bool cluster_lists_resource(const struct adm_cluster *cluster, struct str name) {
  return cluster && (cluster_find_resource(cluster, name) || strings_have(&cluster->at_rest, name));
}
