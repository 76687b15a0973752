/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/world.h"

#include <check.h>

static const struct gpu_product *product_of(const char *id) {
  size_t count;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < count; i++)
    if (str_is(products[i].id, id))
      return &products[i];
  ck_abort_msg("no product %s", id);
}

void world_init(struct world *world) {
  world->catalog = pack_catalog_new();
  ck_assert_uint_eq(pack_catalog_add_plain(world->catalog, STR_LIT("T4")), WORLD_T4);
  ck_assert_uint_eq(pack_catalog_add(world->catalog, product_of("h100-80gb")), WORLD_H100);
  world->cluster = pack_cluster_new(world->catalog);
  world->uid = 0;
}

void world_done(struct world *world) {
  pack_cluster_free(world->cluster);
  pack_catalog_free(world->catalog);
}

void world_add(struct world *world, const char *name, int64_t cores, struct world_gpus gpus) {
  enum { REPLICAS = 10 };
  struct pack_device devices[PACK_DEVICES_MAX];
  uint16_t axis = pack_catalog_mig(world->catalog, WORLD_H100)->axis;
  size_t count = 0;
  for (unsigned i = 0; i < gpus.whole; i++)
    devices[count++] = (struct pack_device){
        .mode = PACK_MODE_WHOLE, .product = WORLD_T4, .size = PACK_MILLI, .left = PACK_MILLI};
  for (unsigned i = 0; i < gpus.mig; i++)
    devices[count++] = (struct pack_device){
        .mode = PACK_MODE_MIG, .product = WORLD_H100, .size = axis, .left = axis};
  for (unsigned i = 0; i < gpus.shared; i++)
    devices[count++] = (struct pack_device){
        .mode = PACK_MODE_SHARED, .product = WORLD_T4, .size = REPLICAS, .left = REPLICAS};
  struct err err;
  struct pack_node_spec spec = {.name = str_of(name),
                                .cpu_milli = cores * 1000,
                                .mem_bytes = 64 * WORLD_GIB,
                                .devices = devices,
                                .device_count = count};
  ck_assert_msg(pack_cluster_set_node(world->cluster, &spec, &err), "%s", err.text);
}

struct pack_request world_request(const struct world *world, int64_t cores, enum pack_kind kind,
                                  uint16_t count, uint16_t amount) {
  (void)world;
  return pack_request_of(cores * 1000, 8 * WORLD_GIB, kind, count, amount);
}

struct pack_request world_slices(const struct world *world, uint16_t count, const char *profile) {
  uint16_t number = pack_catalog_find_profile(world->catalog, str_of(profile));
  ck_assert_uint_ne(number, PACK_NONE);
  return world_request(world, 1, PACK_SLICES, count, number);
}

void world_add_form(struct pack_request *request, const struct pack_request *other) {
  request->forms[request->form_count++] = other->forms[0];
}

void world_put(struct world *world, size_t node, const struct pack_request *request,
               unsigned device, unsigned start) {
  const struct pack_form *form = &request->forms[0];
  struct pack_placement placement = {.node = (uint32_t)node, .unit_count = (uint8_t)form->count};
  for (uint8_t i = 0; i < form->count; i++)
    placement.units[i] =
        (struct pack_unit){.device = (uint8_t)(device + i),
                           .start = (uint8_t)start,
                           .amount = form->kind == PACK_WHOLE ? PACK_MILLI : form->amount};
  ck_assert(pack_commit(world->cluster, ++world->uid, request, &placement));
}

struct pack_scorer *world_scorer(const struct world *world, const char *policy, uint64_t seed) {
  const struct pack_policy *found = pack_policy_find(str_of(policy));
  ck_assert_ptr_nonnull(found);
  return pack_scorer_new(found, world->catalog, seed);
}

void world_unscore(struct pack_scorer **scorer) {
  pack_scorer_free(*scorer);
}

int64_t world_score(const struct world *world, const char *policy, size_t node,
                    const struct pack_request *request, struct pack_placement *ret) {
  CLEANUP_SCORER struct pack_scorer *scorer = world_scorer(world, policy, 1);
  struct pack_choice choice;
  ck_assert(pack_score(scorer, world->cluster, node, request, &choice));
  if (ret)
    *ret = choice.placement;
  return choice.score;
}

size_t world_choose(const struct world *world, const char *policy,
                    const struct pack_request *request, struct pack_placement *ret) {
  CLEANUP_SCORER struct pack_scorer *scorer = world_scorer(world, policy, 1);
  struct pack_choice choice;
  ck_assert_uint_eq(pack_choose(scorer, world->cluster, request, &choice, 1), 1);
  if (ret)
    *ret = choice.placement;
  return choice.placement.node;
}
