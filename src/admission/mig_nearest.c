/* SPDX-License-Identifier: Apache-2.0 */
#include "src/admission/mig_nearest.h"

static const struct str resource_prefix = {"nvidia.com/mig-", 15};

struct str mig_tail(struct str resource) {
  return str_skip(resource, resource_prefix.len);
}

struct str mig_as_resource_writes(struct arena *arena, struct str profile) {
  struct str copy = str_copy(arena, profile);
  char *at = (char *)(uintptr_t)copy.ptr;
  for (size_t i = 0; i < copy.len; i++)
    if (at[i] == '+' || at[i] == ',')
      at[i] = '.';
  return copy;
}

bool is_mig_slice(struct str resource) {
  return str_starts_with(resource, resource_prefix) && gpu_base_name(resource).len == resource.len;
}

/* A tenth less memory is nearer than twice as much: 3g.40gb to who writes 3g.42gb. */
static bool is_enough_memory(const struct mig_name *name, const struct mig_name *wanted) {
  return name->memory_gib * 10 >= wanted->memory_gib * 9;
}

/* Larger ones do the work too, the smallest of them first; of smaller ones the largest. */
static bool is_nearer(const struct mig_name *wanted, const struct mig_name *a,
                      const struct mig_name *b) {
  bool a_has = mig_same_attributes(a, wanted);
  bool b_has = mig_same_attributes(b, wanted);
  if (a_has != b_has)
    return a_has;
  bool a_fits = is_enough_memory(a, wanted) && a->compute >= wanted->compute;
  bool b_fits = is_enough_memory(b, wanted) && b->compute >= wanted->compute;
  if (a_fits != b_fits)
    return a_fits;
  if (a->memory_gib != b->memory_gib)
    return (a->memory_gib < b->memory_gib) == a_fits;
  return (a->compute < b->compute) == a_fits && a->compute != b->compute;
}

struct nearest {
  struct mig_name wanted, best; /* best.text empty: none yet */
};

static void consider(struct nearest *nearest, struct str profile) {
  struct mig_name name;
  if (!mig_name_parse(profile, &name))
    return;
  /* Media engines and graphics are for those who ask for them. */
  if (name.attributes.len && !mig_same_attributes(&name, &nearest->wanted))
    return;
  if (nearest->best.text.len == 0 || is_nearer(&nearest->wanted, &name, &nearest->best))
    nearest->best = name;
}

struct str nearest_in_cluster(const struct rule_context *ctx, const struct mig_name *wanted) {
  if (!may_look_for_nearest(ctx))
    return (struct str){NULL, 0};
  const struct adm_cluster *cluster = ctx->cluster;
  struct nearest offered = {.wanted = *wanted}, possible = {.wanted = *wanted};
  for (size_t i = 0; i < cluster->resource_count; i++)
    if (is_mig_slice(cluster->resources[i].name))
      consider(&offered, mig_tail(cluster->resources[i].name));
  for (size_t i = 0; i < cluster->product_count; i++) {
    const struct cluster_product *slot = &cluster->products[i];
    for (size_t k = 0; k < slot->declared_profiles.count; k++)
      consider(&possible, mig_as_resource_writes(ctx->arena, slot->declared_profiles.items[k]));
    bool has_all = slot->product && (slot->is_present || slot->declared_profiles.count == 0) &&
                   !(slot->declares_no_mig && !slot->is_present);
    for (size_t k = 0; has_all && k < slot->product->profile_count; k++)
      consider(&possible, mig_tail(slot->product->profiles[k].resource));
  }
  const struct mig_name *best = &offered.best;
  if (best->text.len == 0 || (possible.best.text.len && !is_enough_memory(best, wanted) &&
                              is_enough_memory(&possible.best, wanted)))
    best = &possible.best;
  return best->text;
}

struct str nearest_in_table(const struct rule_context *ctx, const struct mig_name *wanted) {
  struct nearest nearest = {.wanted = *wanted};
  size_t count;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < count && may_look_for_nearest(ctx); i++)
    for (size_t k = 0; k < products[i].profile_count; k++)
      consider(&nearest, mig_tail(products[i].profiles[k].resource));
  return nearest.best.text;
}

struct str nearest_spelling(const struct rule_context *ctx, struct str profile) {
  if (!may_look_for_nearest(ctx))
    return (struct str){NULL, 0};
  size_t product_count, max = 0, count = 0;
  const struct gpu_product *products = products_all(&product_count);
  for (size_t i = 0; i < product_count; i++)
    max += products[i].profile_count;
  struct str *names = arena_array(ctx->arena, max, sizeof(*names));
  for (size_t i = 0; i < product_count; i++)
    for (size_t k = 0; k < products[i].profile_count; k++)
      names[count++] = mig_tail(products[i].profiles[k].resource);
  return str_nearest(profile, names, count);
}
