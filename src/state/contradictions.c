/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes whose labels and allocatable cannot both be right. GPU Feature Discovery and the device
 * plugin are two programs with two configurations; when they disagree, what we make of the node is
 * a guess, and somebody should know.
 */
#include "src/state/state_internal.h"

static struct str label(const struct node *node, struct str key) {
  const struct str *value = kv_find(node->labels, node->label_count, key);
  return value ? *value : (struct str){NULL, 0};
}

static int64_t number_label(const struct node *node, struct str key) {
  int64_t number;
  return i64_parse(label(node, key), &number) && number > 0 ? number : 0;
}

static int64_t listed(const struct node *node, struct str name) {
  const struct resource_amount *amount =
      amount_find(node->allocatable, node->allocatable_count, name);
  return amount && amount->is_valid ? qty_units_ceil(amount->amount) : 0;
}

/* More of them than the GPUs that are labelled, each as often as it is shared. */
static bool has_too_many(const struct node *node) {
  int64_t gpus = number_label(node, STR_LIT("nvidia.com/gpu.count"));
  int64_t replicas = number_label(node, STR_LIT("nvidia.com/gpu.replicas"));
  int64_t most = i64_mul_sat(gpus, replicas > 1 ? replicas : 1);
  return gpus > 0 && (listed(node, STR_LIT("nvidia.com/gpu")) > most ||
                      listed(node, STR_LIT("nvidia.com/gpu.shared")) > most);
}

/* GPUs in MIG mode that are not all cut alike, which the single strategy cannot name. */
static bool is_single_invalid(const struct node *node) {
  return str_is(label(node, STR_LIT("nvidia.com/mig.strategy")), "single") &&
         str_ends_with(label(node, STR_LIT("nvidia.com/gpu.product")), STR_LIT("-MIG-INVALID"));
}

/* Shared GPUs are renamed or they are not; a name that is no longer used is listed with 0. */
static bool is_half_renamed(const struct node *node) {
  return listed(node, STR_LIT("nvidia.com/gpu")) > 0 &&
         listed(node, STR_LIT("nvidia.com/gpu.shared")) > 0;
}

/* MIG instances that the labelled product cannot make: another product, or two of them. */
static bool has_foreign_profile(const struct gpu_products *products, const struct node *node) {
  static const struct str prefix = {"nvidia.com/mig-", 15}, shared = {".shared", 7};
  const struct gpu_product *product = products_find_label(
      products->items, products->count, label(node, STR_LIT("nvidia.com/gpu.product")));
  for (size_t i = 0; product && i < node->allocatable_count; i++) {
    struct str name = node->allocatable[i].name;
    if (!str_starts_with(name, prefix) || !pack_is_device_name(name) || listed(node, name) <= 0)
      continue;
    name = str_skip(name, prefix.len);
    if (str_ends_with(name, shared))
      name.len -= shared.len;
    if (!product_find_profile(product, name))
      return true;
  }
  return false;
}

const char *node_contradiction(const struct gpu_products *products, const struct node *node) {
  return has_too_many(node) ? "allocatable lists more GPUs than nvidia.com/gpu.count and "
                              "nvidia.com/gpu.replicas tell of"
         : is_single_invalid(node)
             ? "nvidia.com/gpu.product ends in -MIG-INVALID: GPUs that are not all cut alike, or "
               "not all in MIG mode, have no name by the strategy single"
         : is_half_renamed(node)
             ? "allocatable lists nvidia.com/gpu and nvidia.com/gpu.shared at once"
         : has_foreign_profile(products, node) ? "allocatable lists a MIG profile that the GPU of "
                                                 "nvidia.com/gpu.product has not: GPUs "
                                                 "of another product, of which no label tells"
                                               : NULL;
}

size_t state_contradictions(struct state *state, struct arena *arena,
                            struct state_contradiction *ret, size_t max) {
  size_t count = 0;
  state_lock(state);
  for (size_t i = 0; i < pack_cluster_count(state->cluster) && count < max; i++) {
    const struct slot *slot = state->order[i];
    if (slot->is_contradiction)
      ret[count++] = (struct state_contradiction){
          str_copy(arena, atom_text(slot->name)),
          node_contradiction(&state->products, &slot->value->public.node)};
  }
  state_unlock(state);
  return count;
}
