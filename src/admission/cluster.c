/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules need to know of a cluster, drawn once from its nodes and from the policy's
 * node pools: which products there are or may come, which resources are offered now, and
 * which of those are shared. Counting what is free is nobody's business here.
 */
#include "src/admission/admission_internal.h"

#include <stdlib.h>

static const struct str product_label = {"nvidia.com/gpu.product", 22};
static const struct str shared_ending = {"-SHARED", 7};
static const struct str mig_marker = {"-MIG-", 5};

/* "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED" names the product NVIDIA-A100-SXM4-40GB. */
struct str product_base_label(struct str label) {
  for (size_t i = 1; i + mig_marker.len <= label.len; i++)
    if (memcmp(label.ptr + i, mig_marker.ptr, mig_marker.len) == 0)
      return (struct str){label.ptr, i};
  if (label.len > shared_ending.len && str_ends_with(label, shared_ending))
    label.len -= shared_ending.len;
  return label;
}

static struct cluster_product *product_slot(struct adm_cluster *known, struct str label) {
  for (size_t i = 0; i < known->product_count; i++)
    if (str_eq(known->products[i].label, label))
      return &known->products[i];
  if ((known->product_count & (known->product_count - 1)) == 0) { /* full at powers of two */
    size_t grown = known->product_count ? known->product_count * 2 : 1;
    struct cluster_product *products = arena_array(known->arena, grown, sizeof(*products));
    if (known->product_count)
      memcpy(products, known->products, known->product_count * sizeof(*products));
    known->products = products;
  }
  struct cluster_product *slot = &known->products[known->product_count++];
  *slot = (struct cluster_product){.label = label, .product = product_by_label(label)};
  return slot;
}

static struct cluster_resource *resource_slot(struct adm_cluster *known, struct str name) {
  for (size_t i = 0; i < known->resource_count; i++)
    if (str_eq(known->resources[i].name, name))
      return &known->resources[i];
  if ((known->resource_count & (known->resource_count - 1)) == 0) {
    size_t grown = known->resource_count ? known->resource_count * 2 : 1;
    struct cluster_resource *resources = arena_array(known->arena, grown, sizeof(*resources));
    if (known->resource_count)
      memcpy(resources, known->resources, known->resource_count * sizeof(*resources));
    known->resources = resources;
  }
  struct cluster_resource *slot = &known->resources[known->resource_count++];
  *slot = (struct cluster_resource){.name = name, .is_shared_everywhere = true};
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

/* ---- nodes and pools ------------------------------------------------------------ */

static void add_node(struct adm_cluster *known, const struct node *node) {
  const struct str *label = kv_find(node->labels, node->label_count, product_label);
  if (label && label->len)
    product_slot(known, product_base_label(*label))->is_present = true;
  for (size_t i = 0; i < node->allocatable_count; i++) {
    const struct resource_amount *amount = &node->allocatable[i];
    /* Extended resources have a domain; a node without the device says 0 or nothing. */
    if (str_find_char(amount->name, '/') == amount->name.len || !amount->is_valid ||
        amount->amount.units <= 0)
      continue;
    struct cluster_resource *slot = resource_slot(known, amount->name);
    if (amount->amount.units > slot->max_on_a_node)
      slot->max_on_a_node = amount->amount.units;
    if (is_shared_on(node, amount->name))
      slot->is_shared_somewhere = true;
    else
      slot->is_shared_everywhere = false;
  }
}

/* Two pools of one product may each offer some profiles; a pool that lists none offers all. */
static void declare(struct adm_cluster *known, struct str label, const struct strings *profiles) {
  struct cluster_product *slot = product_slot(known, product_base_label(label));
  bool is_all = profiles->count == 0 || (slot->is_declared && slot->declared_profiles.count == 0);
  if (is_all) {
    slot->declared_profiles = (struct strings){NULL, 0};
  } else {
    const struct strings *had = &slot->declared_profiles;
    struct str *items = arena_array(known->arena, had->count + profiles->count, sizeof(*items));
    if (had->count)
      memcpy(items, had->items, had->count * sizeof(*items));
    memcpy(items + had->count, profiles->items, profiles->count * sizeof(*items));
    slot->declared_profiles = (struct strings){items, had->count + profiles->count};
  }
  slot->is_declared = true;
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
      declare(known, view->node_pools[i].products.items[k], &view->node_pools[i].profiles);
  /* By name: messages list them, and equal clusters give equal messages in any node order. */
  if (known->product_count)
    qsort(known->products, known->product_count, sizeof(*known->products), compare_products);
  if (known->resource_count)
    qsort(known->resources, known->resource_count, sizeof(*known->resources), compare_resources);
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
