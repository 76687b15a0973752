/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded pods on their nodes, and what keeps another one out. */
#include "tests/unit/packing/recorded.h"

#include <check.h>

TCase *tcase_scene(void);

/* One node with everything in it, and what is asked of it. */
static const char house[] =
    "kind: Node\n"
    "metadata: {name: n, labels: {zone: a, nvidia.com/gpu.product: NVIDIA-A30}}\n"
    "spec: {taints: [{key: gpu, value: 'yes', effect: NoSchedule}]}\n"
    "status: {allocatable: {cpu: 8, memory: 16Gi, pods: 3, nvidia.com/gpu: 4, rdma/hca: 2}}\n"
    "---\nkind: Pod\nmetadata: {name: running}\n"
    "spec: {nodeName: n, containers: [{resources: {limits: "
    "{cpu: 2, memory: 4Gi, nvidia.com/gpu: 1, rdma/hca: 1}}}]}\nstatus: {phase: Running}\n"
    "---\nkind: Pod\nmetadata: {name: over}\n"
    "spec: {nodeName: n, containers: [{resources: {limits: {cpu: 8, nvidia.com/gpu: 4}}}]}\n"
    "status: {phase: Succeeded}\n"
    "---\nkind: Pod\nmetadata: {name: elsewhere}\n"
    "spec: {nodeName: gone, containers: [{resources: {limits: {cpu: 8}}}]}\n";

static const struct {
  const char *name, *spec;
  uint32_t blocks;
} asked[] = {
    {"fits", "resources: {limits: {cpu: 6, memory: 12Gi, nvidia.com/gpu: 3, rdma/hca: 1}}}]", 0},
    {"cpu", "resources: {limits: {cpu: 6001m}}}]", PACK_BLOCK_CPU},
    {"memory", "resources: {limits: {memory: 12884901889}}}]", PACK_BLOCK_MEMORY},
    {"devices", "resources: {limits: {nvidia.com/gpu: 4}}}]", PACK_BLOCK_DEVICES},
    {"other", "resources: {limits: {rdma/hca: 2}}}]", PACK_BLOCK_OTHER},
    {"a name that no node lists", "resources: {limits: {x.io/y: 1}}}]", PACK_BLOCK_OTHER},
    {"all at once", "resources: {limits: {cpu: 7, memory: 13Gi, nvidia.com/gpu: 5, rdma/hca: 3}}}]",
     PACK_BLOCK_CPU | PACK_BLOCK_MEMORY | PACK_BLOCK_DEVICES | PACK_BLOCK_OTHER},
    {"selector", "name: c}], nodeSelector: {zone: b}", PACK_BLOCK_SELECTOR},
};

START_TEST(everything_that_is_in_the_way_is_said) {
  CLEANUP_RECORDED struct recorded r;
  CLEANUP_BUF struct buf yaml;
  buf_init(&yaml, 16 * 1024);
  buf_printf(&yaml,
             "%s---\nkind: Pod\nmetadata: {name: p}\n"
             "spec: {tolerations: [{key: gpu, operator: Exists}], containers: [{%s}\n",
             house, asked[_i].spec);
  recorded_init(&r, yaml.ptr);
  const struct pack_asked *p = recorded_ask(&r, "p");
  (void)recorded_scene(&r);
  ck_assert_uint_eq(recorded_node(&r, "n")->pod_count, 1);
  struct pack_verdict verdict = recorded_judge(&r, "n", p);
  ck_assert_msg(verdict.blocks == asked[_i].blocks, "%s: %x", asked[_i].name, verdict.blocks);
  if (verdict.blocks & PACK_BLOCK_DEVICES)
    ck_assert_int_eq(verdict.devices_left, 3);
  /* The core says the same. */
  ck_assert_uint_eq(recorded_fill(&r, p, "firstfit") > 0, asked[_i].blocks == 0);
}
END_TEST

START_TEST(taints_and_pods_are_in_the_way) {
  CLEANUP_RECORDED struct recorded r;
  CLEANUP_BUF struct buf yaml;
  buf_init(&yaml, 16 * 1024);
  buf_printf(&yaml,
             "%s---\nkind: Pod\nmetadata: {name: p}\nspec: {}\n"
             "---\nkind: Pod\nmetadata: {name: q}\nspec: {tolerations: [{operator: Exists}]}\n",
             house);
  recorded_init(&r, yaml.ptr);
  const struct pack_asked *p = recorded_ask(&r, "p"), *q = recorded_ask(&r, "q");
  (void)recorded_scene(&r);
  struct pack_verdict verdict = recorded_judge(&r, "n", p);
  ck_assert_uint_eq(verdict.blocks, PACK_BLOCK_TAINT);
  ck_assert(str_is(verdict.taint->key, "gpu"));
  ck_assert_uint_eq(recorded_fill(&r, p, "slicegate"), 0);
  ck_assert_uint_eq(recorded_fill(&r, q, "slicegate"), 2);
  ck_assert_uint_eq(recorded_judge(&r, "n", q).blocks, PACK_BLOCK_PODS);
}
END_TEST

START_TEST(excess_is_recorded_and_blocks_only_who_asks_for_it) {
  CLEANUP_RECORDED struct recorded r;
  recorded_init(&r, "kind: Node\nmetadata: {name: n}\n"
                    "status: {allocatable: {cpu: 1, memory: 16Gi, pods: 0, nvidia.com/gpu: 1}}\n"
                    "---\nkind: Node\nmetadata: {name: m}\n"
                    "status: {allocatable: {cpu: 1, memory: 16Gi, nvidia.com/gpu: 1}}\n"
                    "---\nkind: Pod\nmetadata: {name: much}\n"
                    "spec: {nodeName: m, containers: [{resources: {limits: "
                    "{cpu: 3, nvidia.com/gpu: 2}}}]}\n"
                    "---\nkind: Pod\nmetadata: {name: gpu}\n"
                    "spec: {containers: [{resources: {limits: {nvidia.com/gpu: 1}}}]}\n"
                    "---\nkind: Pod\nmetadata: {name: memory}\n"
                    "spec: {containers: [{resources: {limits: {memory: 8Gi}}}]}\n");
  const struct pack_asked *gpu = recorded_ask(&r, "gpu"), *memory = recorded_ask(&r, "memory");
  (void)recorded_scene(&r);
  ck_assert_int_eq(recorded_node(&r, "m")->cpu_left, -2000);
  ck_assert_int_eq(recorded_node(&r, "m")->counters[0].left, -1);
  struct pack_verdict verdict = recorded_judge(&r, "m", gpu);
  ck_assert_uint_eq(verdict.blocks, PACK_BLOCK_DEVICES);
  ck_assert_int_eq(verdict.devices_left, 0);
  ck_assert_uint_eq(recorded_judge(&r, "n", gpu).blocks, PACK_BLOCK_PODS);
  ck_assert_uint_eq(recorded_fill(&r, gpu, "slicegate"), 0);
  ck_assert_msg(recorded_fill(&r, memory, "slicegate") == 2, "m only: n takes no pods at all");
}
END_TEST

START_TEST(devices_of_a_second_name_are_gone_too) {
  CLEANUP_RECORDED struct recorded r;
  recorded_init(&r, "kind: Node\nmetadata: {name: n, labels: "
                    "{nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3, nvidia.com/mig.strategy: "
                    "mixed}}\nstatus: {allocatable: {cpu: 9, nvidia.com/gpu: 2, "
                    "nvidia.com/mig-1g.10gb: 7}}\n"
                    "---\nkind: Pod\nmetadata: {name: both}\n"
                    "spec: {nodeName: n, containers: [{resources: {limits: "
                    "{nvidia.com/gpu: 1, nvidia.com/mig-1g.10gb: 3}}}]}\n"
                    "---\nkind: Pod\nmetadata: {name: gpu}\n"
                    "spec: {containers: [{resources: {limits: {nvidia.com/gpu: 1}}}]}\n"
                    "---\nkind: Pod\nmetadata: {name: slice}\n"
                    "spec: {containers: [{resources: {limits: {nvidia.com/mig-1g.10gb: 1}}}]}\n");
  const struct pack_asked *gpu = recorded_ask(&r, "gpu"), *slice = recorded_ask(&r, "slice");
  (void)recorded_scene(&r);
  ck_assert_uint_eq(recorded_fill(&r, gpu, "slicegate"), 1);
  ck_assert_uint_eq(recorded_fill(&r, slice, "slicegate"), 4);
}
END_TEST

START_TEST(what_allocatable_does_not_list_is_not_known) {
  CLEANUP_RECORDED struct recorded r;
  recorded_init(&r, "kind: Node\nmetadata: {name: dra, labels: {nvidia.com/gpu.count: '8'}}\n"
                    "status: {allocatable: {cpu: 9}}\n"
                    "---\nkind: Node\nmetadata: {name: down, labels: {nvidia.com/gpu.count: '8'}}\n"
                    "status: {allocatable: {cpu: 9, nvidia.com/gpu: 0}}\n"
                    "---\nkind: Node\nmetadata: {name: gke, labels: "
                    "{cloud.google.com/gke-accelerator: nvidia-l4}}\n"
                    "status: {allocatable: {cpu: 9}}\n"
                    "---\nkind: Pod\nmetadata: {name: gpu}\n"
                    "spec: {containers: [{resources: {limits: {nvidia.com/gpu: 1}}}]}\n"
                    "---\nkind: Pod\nmetadata: {name: amd}\n"
                    "spec: {containers: [{resources: {limits: {amd.com/gpu: 1}}}]}\n");
  const struct pack_asked *gpu = recorded_ask(&r, "gpu"), *amd = recorded_ask(&r, "amd");
  (void)recorded_scene(&r);
  ck_assert_uint_eq(recorded_judge(&r, "dra", gpu).blocks, PACK_BLOCK_UNREADABLE);
  ck_assert_uint_eq(recorded_judge(&r, "gke", gpu).blocks, PACK_BLOCK_UNREADABLE);
  ck_assert_uint_eq(recorded_judge(&r, "down", gpu).blocks, PACK_BLOCK_DEVICES);
  ck_assert_uint_eq(recorded_judge(&r, "dra", amd).blocks, PACK_BLOCK_DEVICES);
}
END_TEST

START_TEST(a_copy_is_a_scene_of_its_own) {
  CLEANUP_RECORDED struct recorded r;
  CLEANUP_BUF struct buf yaml;
  buf_init(&yaml, 16 * 1024);
  buf_printf(&yaml,
             "%s---\nkind: Pod\nmetadata: {name: p}\nspec: {tolerations: [{operator: Exists}], "
             "containers: [{resources: {limits: {rdma/hca: 1}}}]}\n",
             house);
  recorded_init(&r, yaml.ptr);
  const struct pack_asked *p = recorded_ask(&r, "p");
  struct pack_scene *scene = recorded_scene(&r);
  r.scene = pack_scene_copy(scene);
  ck_assert_uint_eq(recorded_fill(&r, p, "slicegate"), 1);
  ck_assert_uint_eq(recorded_judge(&r, "n", p).blocks, PACK_BLOCK_OTHER);
  ck_assert_uint_eq(pack_scene_judge(scene, 0, p).blocks, 0);
  pack_scene_free(scene);
}
END_TEST

/* ---- amounts of cards ------------------------------------------------------------------------ */

#define CARDS(name, lists)                                                                         \
  "kind: Node\nmetadata: {name: " name "}\nstatus: {allocatable: {cpu: 9, pods: 20, " lists        \
  "}}\n---\n"
#define HOLDER(name, node, annotation, asks)                                                       \
  "kind: Pod\nmetadata: {name: " name ", annotations: {" annotation "}}\nspec: {nodeName: " node   \
  ", containers: [{resources: {limits: {" asks "}}}]}\n---\n"
#define WANTED(name, asks)                                                                         \
  "kind: Pod\nmetadata: {name: " name "}\nspec: {containers: [{resources: {limits: {" asks         \
  "}}}]}\n---\n"
#define ON_CARD(cards) "slicegate.dev/devices: '" cards "'"

static const char milli_cards[] = CARDS("a", "slicegate.dev/gpu-milli: 2000")
    CARDS("full", "slicegate.dev/gpu-milli: 1000") CARDS("gpus", "nvidia.com/gpu: 4")
        HOLDER("p0", "a", ON_CARD("0"), "slicegate.dev/gpu-milli: 600")
            HOLDER("p1", "a", ON_CARD("1"), "slicegate.dev/gpu-milli: 600")
                HOLDER("p2", "full", ON_CARD("0"), "slicegate.dev/gpu-milli: 1000")
                    WANTED("w300", "slicegate.dev/gpu-milli: 300")
                        WANTED("w700", "slicegate.dev/gpu-milli: 700")
                            WANTED("w4000", "slicegate.dev/gpu-milli: 4000")
                                WANTED("gpu", "nvidia.com/gpu: 1");

START_TEST(cards_are_filled_as_pods_name_them) {
  CLEANUP_RECORDED struct recorded r;
  recorded_init(&r, milli_cards);
  const struct pack_asked *w300 = recorded_ask(&r, "w300"), *w700 = recorded_ask(&r, "w700"),
                          *w4000 = recorded_ask(&r, "w4000"), *gpu = recorded_ask(&r, "gpu");
  (void)recorded_scene(&r);
  ck_assert_uint_eq(recorded_node(&r, "a")->devices[0].left, 400);
  ck_assert_uint_eq(recorded_node(&r, "a")->devices[1].left, 400);
  struct pack_verdict verdict = recorded_judge(&r, "a", w700);
  ck_assert_uint_eq(verdict.blocks, PACK_BLOCK_DEVICES);
  ck_assert_int_eq(verdict.devices, PACK_FRAGMENTED);
  ck_assert_int_eq(verdict.devices_total, 2000);
  ck_assert_int_eq(verdict.devices_left, 800);
  ck_assert_int_eq(verdict.card_left, 400);
  ck_assert_int_eq(recorded_judge(&r, "full", w300).devices, PACK_DEVICES_BUSY);
  ck_assert_int_eq(recorded_judge(&r, "a", w4000).devices, PACK_TOO_MANY);
  ck_assert(pack_reason_is_final(recorded_judge(&r, "gpus", w300).devices));
  ck_assert_int_eq(recorded_judge(&r, "gpus", w300).devices_total, 0);
  ck_assert_uint_eq(recorded_judge(&r, "a", w300).blocks, 0);
  /* A card is no GPU of a name that the node does not list. */
  ck_assert_int_eq(recorded_judge(&r, "a", gpu).devices, PACK_NO_GPU);
  ck_assert_uint_eq(recorded_fill(&r, gpu, "slicegate"), 4);
  const struct pack_set_part parts[] = {{w300, 1}}, pairs[] = {{w300, 2}};
  struct pack_sets sets = pack_scene_sets(r.scene, parts, 1, 100);
  ck_assert(sets.sets == 2 && sets.is_most && sets.lacking == 0);
  ck_assert_uint_eq(pack_scene_sets(r.scene, pairs, 1, 100).sets, 1);
  ck_assert_uint_eq(pack_scene_sets(r.scene, parts, 1, 1).lacking, SIZE_MAX);
  ck_assert_uint_eq(recorded_fill(&r, w300, "slicegate"), 2);
}
END_TEST

START_TEST(memory_of_cards_is_of_one_of_them) {
  CLEANUP_RECORDED struct recorded r;
  recorded_init(&r,
                CARDS("a", "aliyun.com/gpu-mem: 32, aliyun.com/gpu-count: 2")
                    HOLDER("p", "a", "ALIYUN_COM_GPU_MEM_IDX: '1'", "aliyun.com/gpu-mem: 10")
                        HOLDER("unnamed", "a", "", "aliyun.com/gpu-mem: 9")
                            HOLDER("too-much", "a", "ALIYUN_COM_GPU_MEM_IDX: '1'",
                                   "aliyun.com/gpu-mem: 9") WANTED("w7", "aliyun.com/gpu-mem: 7")
                                WANTED("w24", "aliyun.com/gpu-mem: 24"));
  const struct pack_asked *w7 = recorded_ask(&r, "w7"), *w24 = recorded_ask(&r, "w24");
  (void)recorded_scene(&r);
  ck_assert_uint_eq(recorded_node(&r, "a")->devices[0].left, 7);
  ck_assert_uint_eq(recorded_node(&r, "a")->devices[1].left, 0);
  struct pack_verdict verdict = recorded_judge(&r, "a", w24);
  ck_assert_int_eq(verdict.devices, PACK_TOO_MANY);
  ck_assert_int_eq(verdict.card_total, 16);
  ck_assert_uint_eq(recorded_judge(&r, "a", w7).blocks, 0);
  ck_assert_uint_eq(recorded_fill(&r, w7, "slicegate"), 1);
  verdict = recorded_judge(&r, "a", w7);
  ck_assert_int_eq(verdict.devices, PACK_DEVICES_BUSY);
}
END_TEST

TCase *tcase_scene(void) {
  TCase *tc = tcase_create("scene");
  tcase_add_loop_test(tc, everything_that_is_in_the_way_is_said, 0, SG_ARRAY_LEN(asked));
  tcase_add_test(tc, taints_and_pods_are_in_the_way);
  tcase_add_test(tc, excess_is_recorded_and_blocks_only_who_asks_for_it);
  tcase_add_test(tc, devices_of_a_second_name_are_gone_too);
  tcase_add_test(tc, what_allocatable_does_not_list_is_not_known);
  tcase_add_test(tc, a_copy_is_a_scene_of_its_own);
  tcase_add_test(tc, cards_are_filled_as_pods_name_them);
  tcase_add_test(tc, memory_of_cards_is_of_one_of_them);
  return tc;
}
