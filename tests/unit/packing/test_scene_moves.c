/* SPDX-License-Identifier: Apache-2.0 */
/* The fewest moves that make room, by counts. */
#include "tests/unit/packing/recorded.h"

#include <check.h>

TCase *tcase_scene_moves(void);

#define NODE(name, labels, gpus)                                                                   \
  "---\nkind: Node\nmetadata: {name: " name ", labels: {" labels "}}\n"                            \
  "status: {allocatable: {cpu: 32, memory: 64Gi, pods: 20, nvidia.com/gpu: " gpus "}}\n"
#define POD(name, node, gpus, rest)                                                                \
  "---\nkind: Pod\nmetadata: {name: " name ", namespace: ml}\nspec: {nodeName: " node              \
  ", containers: [{resources: {limits: {nvidia.com/gpu: " gpus "}}}]" rest "}\n"
#define ASKED(gpus)                                                                                \
  "---\nkind: Pod\nmetadata: {name: asked}\nspec: {containers: [{resources: {limits: "             \
  "{nvidia.com/gpu: " gpus "}}}]}\n"

static const struct {
  const char *name, *yaml;
  const char *moves; /* "pod>node ..., node"; NULL: none */
} cases[] = {
    {"one small pod in the way",
     NODE("a", "", "8") NODE("b", "", "8") POD("p", "a", "1", "") POD("q", "b", "2", "") ASKED("8"),
     "p>b a"},
    {"the one that holds the least",
     NODE("a", "", "8") NODE("b", "", "8") NODE("c", "", "4") POD("p", "a", "2", "")
         POD("q", "b", "1", "") POD("r", "c", "2", "") ASKED("8"),
     "q>a b"},
    {"two where one is not enough",
     NODE("a", "", "4") NODE("b", "", "2") POD("p", "a", "1", "") POD("q", "a", "1", "")
         POD("r", "a", "1", "") ASKED("3"),
     "p>b q>b a"},
    {"two that need two places",
     NODE("a", "", "4") NODE("b", "", "1") NODE("c", "", "1") POD("p", "a", "1", "")
         POD("q", "a", "1", "") ASKED("4"),
     "p>b q>c a"},
    {"nowhere to go", NODE("a", "", "4") POD("p", "a", "1", "") ASKED("4"), NULL},
    {"three would be needed",
     NODE("a", "", "4") NODE("b", "", "3") POD("p", "a", "1", "") POD("q", "a", "1", "")
         POD("r", "a", "1", "") ASKED("4"),
     NULL},
    {"who may not go there",
     NODE("a", "zone: x", "4") NODE("b", "zone: y", "2")
         POD("p", "a", "1", ", nodeSelector: {zone: x}") ASKED("4"),
     NULL},
    {"pods of DaemonSets stay",
     NODE("a", "", "4") NODE(
         "b", "",
         "2") "---\nkind: Pod\nmetadata: {name: d, ownerReferences: [{kind: DaemonSet, controller: "
              "true}]}\nspec: {nodeName: a, containers: [{resources: {limits: {nvidia.com/gpu: "
              "1}}}]}\n" ASKED("4"),
     NULL},
    {"not from a whole GPU to a share",
     NODE("a", "", "4") NODE("b", "nvidia.com/gpu.replicas: '2'", "2") POD("p", "a", "1", "")
         ASKED("4"),
     NULL},
    {"the same product first",
     NODE("a", "nvidia.com/gpu.product: X", "4") NODE("b", "nvidia.com/gpu.product: Y", "1")
         NODE("c", "nvidia.com/gpu.product: X", "1") POD("p", "a", "1", "") ASKED("4"),
     "p>c a"},
};

START_TEST(the_fewest_moves_are_found) {
  CLEANUP_RECORDED struct recorded r;
  recorded_init(&r, cases[_i].yaml);
  const struct pack_asked *asked = recorded_ask(&r, "asked");
  struct pack_scene *scene = recorded_scene(&r);
  struct pack_scene_moves moves = {0};
  ck_assert_uint_eq(recorded_fill(&r, asked, "firstfit"), 0);
  bool is_found = pack_scene_suggest(scene, NULL, asked, &moves);
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1024);
  for (size_t m = 0; m < moves.move_count; m++)
    buf_printf(&text, "%.*s>%.*s ", STR_FMT(r.cluster.pods[moves.moves[m].pod].name),
               STR_FMT(r.cluster.nodes[moves.moves[m].to].name));
  if (is_found)
    buf_append_str(&text, r.cluster.nodes[moves.node].name);
  const char *wanted = cases[_i].moves ? cases[_i].moves : "";
  ck_assert_msg(strcmp(text.ptr ? text.ptr : "", wanted) == 0, "%s: %s", cases[_i].name, text.ptr);
}
END_TEST

TCase *tcase_scene_moves(void) {
  TCase *tc = tcase_create("scene_moves");
  tcase_add_loop_test(tc, the_fewest_moves_are_found, 0, SG_ARRAY_LEN(cases));
  return tc;
}
