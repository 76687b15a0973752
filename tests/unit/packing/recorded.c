/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/recorded.h"

#include "slicegate/wire.h"

#include <check.h>
#include <stdlib.h>

void recorded_init(struct recorded *recorded, const char *yaml) {
  struct err err = {0};
  *recorded = (struct recorded){.arena = arena_new(4096), .catalog = pack_catalog_new()};
  ck_assert_msg(wire_cluster_decode_pods(recorded->arena, str_of(yaml), &recorded->cluster, &err),
                "%u:%u: %s", err.line, err.column, err.text);
  recorded->intake =
      pack_intake_new(recorded->catalog, products_builtin(), &recorded->cluster, &err);
  ck_assert_msg(recorded->intake != NULL, "%s", err.text);
  recorded->uid = recorded->cluster.pod_count;
}

void recorded_done(struct recorded *recorded) {
  pack_scene_free(recorded->scene);
  pack_intake_free(recorded->intake);
  pack_catalog_free(recorded->catalog);
  arena_free(recorded->arena);
}

static const struct pod *find_pod(struct recorded *recorded, const char *name) {
  for (size_t i = 0; i < recorded->cluster.pod_count; i++) {
    if (!str_is(recorded->cluster.pods[i].name, name))
      continue;
    struct pod *copy = arena_alloc(recorded->arena, sizeof(*copy));
    *copy = recorded->cluster.pods[i];
    copy->constraints.node_name = (struct str){NULL, 0};
    return copy;
  }
  ck_abort_msg("no pod %s", name);
  return NULL;
}

const struct pack_asked *recorded_ask(struct recorded *recorded, const char *name) {
  struct err err = {0};
  const struct pack_asked *asked =
      pack_intake_ask(recorded->intake, find_pod(recorded, name), &err);
  ck_assert_msg(asked != NULL, "%s: %s", name, err.text);
  return asked;
}

struct err recorded_refusal(struct recorded *recorded, const char *name) {
  struct err err = {0};
  ck_assert_ptr_null(pack_intake_ask(recorded->intake, find_pod(recorded, name), &err));
  return err;
}

struct pack_scene *recorded_scene(struct recorded *recorded) {
  struct err err = {0};
  recorded->scene = pack_scene_new(recorded->intake, &err);
  ck_assert_msg(recorded->scene != NULL, "%s", err.text);
  return recorded->scene;
}

static size_t index_of(struct recorded *recorded, const char *name) {
  size_t n = pack_cluster_find(pack_scene_cluster(recorded->scene), str_of(name));
  ck_assert_msg(n != SIZE_MAX, "no node %s", name);
  return n;
}

const struct pack_node *recorded_node(struct recorded *recorded, const char *name) {
  return pack_cluster_node(pack_scene_cluster(recorded->scene), index_of(recorded, name));
}

struct pack_verdict recorded_judge(struct recorded *recorded, const char *node,
                                   const struct pack_asked *asked) {
  return pack_scene_judge(recorded->scene, index_of(recorded, node), asked);
}

uint64_t recorded_fill(struct recorded *recorded, const struct pack_asked *asked,
                       const char *policy) {
  enum { TOO_MANY = 100000 };
  struct pack_scorer *scorer =
      pack_scorer_new(pack_policy_find(str_of(policy)), recorded->catalog, 1);
  struct pack_choice choice;
  uint64_t count = 0;
  while (count < TOO_MANY &&
         pack_choose(scorer, pack_scene_cluster(recorded->scene), &asked->request, &choice, 1)) {
    ck_assert(pack_scene_place(recorded->scene, ++recorded->uid, asked, &choice.placement));
    count++;
  }
  pack_scorer_free(scorer);
  return count;
}
