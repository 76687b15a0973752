/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded cluster as what-if reads it: decoded, taken in, each of its first pods asked for
 * once more. What the core chooses must be what the verdict allows, and the other way round.
 */
#include "slicegate/packing.h"
#include "slicegate/wire.h"
#include "tests/support/fuzz_main.h"

enum { NODES_MAX = 16, ASKED_MAX = 6, FILL_MAX = 4 };

static size_t count_open(const struct pack_scene *scene, const struct pack_asked *asked) {
  size_t open = 0;
  for (size_t n = 0; n < pack_cluster_count(pack_scene_cluster(scene)); n++)
    open += pack_scene_judge(scene, n, asked).blocks == 0;
  return open;
}

static void fill(struct pack_scene *scene, struct pack_scorer *scorer,
                 const struct pack_asked *asked, uint64_t *uid) {
  struct pack_choice choice;
  struct pack_scene_moves moves;
  for (size_t i = 0; i < FILL_MAX; i++) {
    size_t open = count_open(scene, asked);
    bool is_found =
        pack_choose(scorer, pack_scene_cluster(scene), &asked->request, &choice, 1) == 1;
    if (is_found != (open > 0))
      __builtin_trap();
    if (!is_found) {
      if (pack_scene_suggest(scene, scorer, asked, &moves) &&
          (moves.move_count == 0 || moves.move_count > PACK_MOVES_MAX))
        __builtin_trap();
      return;
    }
    if (pack_scene_judge(scene, choice.placement.node, asked).blocks ||
        !pack_scene_place(scene, ++*uid, asked, &choice.placement))
      __builtin_trap();
  }
}

static void ask(const struct cluster *recorded, struct pack_intake *intake,
                const struct pack_catalog *catalog) {
  struct pod pods[ASKED_MAX];
  const struct pack_asked *asked[ASKED_MAX];
  size_t count = 0;
  struct err err;
  for (size_t p = 0; p < recorded->pod_count && count < ASKED_MAX; p++) {
    pods[count] = recorded->pods[p];
    pods[count].constraints.node_name = (struct str){NULL, 0};
    asked[count] = pack_intake_ask(intake, &pods[count], &err);
    count += asked[count] != NULL;
  }
  struct pack_scene *scene = pack_scene_new(intake, &err);
  if (!scene)
    __builtin_trap();
  struct pack_scorer *scorer = pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), catalog, 0);
  uint64_t uid = recorded->pod_count;
  for (size_t i = 0; i < count; i++)
    fill(scene, scorer, asked[i], &uid);
  pack_scorer_free(scorer);
  pack_scene_free(scene);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct cluster recorded;
  struct err err;
  if (size > 1 << 16 ||
      !wire_cluster_decode_pods(arena, (struct str){(const char *)data, size}, &recorded, &err))
    return 0;
  if (recorded.node_count > NODES_MAX)
    return 0;
  struct pack_catalog *catalog = pack_catalog_new();
  struct pack_intake *intake = pack_intake_new(catalog, products_builtin(), &recorded, &err);
  if (intake)
    ask(&recorded, intake, catalog);
  pack_intake_free(intake);
  pack_catalog_free(catalog);
  return 0;
}
