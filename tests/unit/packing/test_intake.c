/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded nodes as nodes of the core: what is counted, and what is guessed behind it. */
#include "tests/unit/packing/recorded.h"

#include <check.h>
#include <stdio.h>

TCase *tcase_intake(void);

#define NODE(name, labels, allocatable)                                                            \
  "---\nkind: Node\nmetadata: {name: " name ", labels: {" labels "}}\n"                            \
  "status: {allocatable: {cpu: 7910m, memory: 100Gi, pods: \"110\"" allocatable "}}\n"
#define POD(name, node, resources)                                                                 \
  "---\nkind: Pod\nmetadata: {name: " name ", namespace: ml}\n"                                    \
  "spec: {nodeName: '" node "', containers: [{name: c, resources: {limits: {" resources "}}}]}\n"
#define H100 "nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3"

/* ---- nodes ------------------------------------------------------------------------------- */

/* "kind profile total" of every counter, then "mode size x count" of the devices. */
static struct str describe(struct recorded *r, const struct pack_node *node) {
  static const char *const kinds[] = {"cpu", "whole", "fraction", "slices", "replicas"};
  static const char *const modes[] = {"whole", "MIG", "shared"};
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  for (uint16_t c = 0; c < node->counter_count; c++) {
    struct str profile = node->counters[c].kind == PACK_SLICES
                             ? pack_catalog_profile_name(r->catalog, node->counters[c].profile)
                             : STR_LIT("-");
    buf_printf(&text, "%s %.*s %u; ", kinds[node->counters[c].kind], STR_FMT(profile),
               node->counters[c].total);
  }
  for (uint16_t d = 0, run = 1; d < node->device_count; d++, run++) {
    const struct pack_device *device = &node->devices[d], *next = device + 1;
    if (d + 1 < node->device_count && next->mode == device->mode && next->size == device->size &&
        next->product == device->product)
      continue;
    buf_printf(&text, "%s %.*s %u x%u; ", modes[device->mode],
               STR_FMT(pack_catalog_name(r->catalog, device->product)), device->size, run);
    run = 0;
  }
  return str_copy(r->arena, buf_str(&text));
}

static const struct {
  const char *name, *yaml, *is;
} nodes[] = {
    {"no GPU", NODE("n", "", ""), ""},
    {"whole", NODE("n", H100 ", nvidia.com/gpu.count: '8'", ", nvidia.com/gpu: 8"),
     "whole - 8; whole h100-80gb 1000 x8; "},
    {"without labels", NODE("n", "", ", nvidia.com/gpu: 2"),
     "whole - 2; whole nvidia.com/gpu 1000 x2; "},
    {"a product that nobody knows",
     NODE("n", "nvidia.com/gpu.product: Tesla-T4", ", nvidia.com/gpu: 1"),
     "whole - 1; whole Tesla-T4 1000 x1; "},
    {"MIG, mixed",
     NODE("n", H100 ", nvidia.com/gpu.count: '4', nvidia.com/mig.strategy: mixed",
          ", nvidia.com/gpu: 2, nvidia.com/mig-1g.10gb: 10, nvidia.com/mig-1g.10gb.me: 1"),
     "whole - 2; slices 1g.10gb 10; slices 1g.10gb+me 1; whole h100-80gb 1000 x2; "
     "MIG h100-80gb 8 x2; "},
    {"MIG, mixed, without a count of GPUs",
     NODE("n", H100 ", nvidia.com/mig.strategy: mixed", ", nvidia.com/mig-3g.40gb: 5"),
     "slices 3g.40gb 5; MIG h100-80gb 8 x3; "},
    {"MIG, single",
     NODE("n",
          "nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3-MIG-1g.10gb, nvidia.com/gpu.count: '14', "
          "nvidia.com/mig.strategy: single",
          ", nvidia.com/gpu: 14"),
     "slices 1g.10gb 14; MIG h100-80gb 8 x2; "},
    {"MIG, single and invalid",
     NODE("n",
          "nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3-MIG-INVALID, nvidia.com/gpu.count: '0', "
          "nvidia.com/mig.strategy: single",
          ", nvidia.com/gpu: 0"),
     "whole - 0; "},
    {"time-sliced",
     NODE("n",
          "nvidia.com/gpu.product: Tesla-T4-SHARED, nvidia.com/gpu.count: '2', "
          "nvidia.com/gpu.replicas: '4', nvidia.com/gpu.sharing-strategy: time-slicing",
          ", nvidia.com/gpu: 8"),
     "replicas - 8; shared Tesla-T4 4 x2; "},
    {"MPS, renamed",
     NODE("n",
          "nvidia.com/gpu.product: Tesla-T4, nvidia.com/gpu.count: '2', nvidia.com/gpu.replicas: "
          "'4', nvidia.com/gpu.sharing-strategy: mps",
          ", nvidia.com/gpu: 0, nvidia.com/gpu.shared: 8"),
     "replicas - 0; replicas - 8; shared Tesla-T4 4 x2; "},
    {"a slice that is shared",
     NODE("n", H100 ", nvidia.com/mig.strategy: mixed, nvidia.com/mig-1g.10gb.replicas: '2'",
          ", nvidia.com/mig-1g.10gb: 14"),
     "replicas - 14; "},
    {"AMD", NODE("n", "amd.com/gpu.product-name: MI300X", ", amd.com/gpu: 8"),
     "whole - 8; whole MI300X 1000 x8; "},
    {"AMD partitions", NODE("n", "", ", amd.com/cpx_nps4: 3"),
     "whole - 3; whole amd.com/cpx_nps4 1000 x3; "},
    {"Intel", NODE("n", "", ", gpu.intel.com/i915: 1, gpu.intel.com/monitoring: 1"),
     "whole - 1; whole gpu.intel.com/i915 1000 x1; "},
    /* Of several products GPU Feature Discovery labels one: allocatable counts them all. */
    {"two products, whole", NODE("n", H100 ", nvidia.com/gpu.count: '4'", ", nvidia.com/gpu: 8"),
     "whole - 8; whole h100-80gb 1000 x8; "},
    {"two products, one of them cut",
     NODE("n", H100 ", nvidia.com/gpu.count: '2', nvidia.com/mig.strategy: mixed",
          ", nvidia.com/gpu: 2, nvidia.com/mig-1g.5gb: 14"),
     "whole - 2; whole - 14; whole h100-80gb 1000 x2; "},
    {"two products, both cut",
     NODE("n", H100 ", nvidia.com/gpu.count: '2', nvidia.com/mig.strategy: mixed",
          ", nvidia.com/mig-1g.10gb: 14, nvidia.com/mig-1g.5gb: 14"),
     "slices 1g.10gb 14; whole - 14; MIG h100-80gb 8 x2; "},
    {"two products, shared among different numbers",
     NODE("n", H100 ", nvidia.com/gpu.count: '2', nvidia.com/gpu.replicas: '4'",
          ", nvidia.com/gpu.shared: 11"),
     "replicas - 11; shared h100-80gb 4 x3; "},
    {"a profile that no product has",
     NODE("n", "nvidia.com/gpu.product: Tesla-T4", ", nvidia.com/mig-9g.99gb: 2"), "whole - 2; "},
};

START_TEST(nodes_are_what_they_list) {
  CLEANUP_RECORDED struct recorded r;
  recorded_init(&r, nodes[_i].yaml);
  (void)recorded_scene(&r);
  const struct pack_node *node = recorded_node(&r, "n");
  struct str is = describe(&r, node);
  ck_assert_msg(str_is(is, nodes[_i].is), "%s: %.*s", nodes[_i].name, STR_FMT(is));
  ck_assert_int_eq(node->cpu_milli, 7910);
  ck_assert_int_eq(node->mem_bytes, INT64_C(100) << 30);
  ck_assert_uint_eq(node->pods_max, 110);
}
END_TEST

START_TEST(a_node_is_there_once) {
  struct err err = {0};
  const struct node twice[] = {{.name = STR_LIT("n")}, {.name = STR_LIT("n")}};
  struct cluster cluster = {.nodes = twice, .node_count = 2};
  struct pack_catalog *catalog = pack_catalog_new();
  ck_assert_ptr_null(pack_intake_new(catalog, products_builtin(), &cluster, &err));
  ck_assert_str_eq(err.text, "node \"n\" is there twice");
  pack_catalog_free(catalog);
}
END_TEST

/* ---- several products -------------------------------------------------------------------- */

#define A100 "nvidia.com/gpu.product: NVIDIA-A100-SXM4-40GB"
#define MIXED ", nvidia.com/gpu.count: '2', nvidia.com/mig.strategy: mixed"
#define LISTS ", nvidia.com/gpu: 4, nvidia.com/mig-1g.10gb: 14, nvidia.com/mig-1g.5gb: 9"
#define SHARED ", nvidia.com/gpu.count: '2', nvidia.com/gpu.replicas: '4'"
/* The product of its 1g.5gb stands on another node, so that the name is known as a profile. */
#define KNOWN NODE("m", A100 MIXED, ", nvidia.com/mig-1g.5gb: 0")

/* What a pod may ask of the node, and how many of them it has room for. */
static const struct {
  const char *node, *asks;
  uint64_t fit;
} several[] = {
    {NODE("n", H100 ", nvidia.com/gpu.count: '2'", ", nvidia.com/gpu: 8"), "nvidia.com/gpu: 1", 8},
    {NODE("n", H100 ", nvidia.com/gpu.count: '2'", ", nvidia.com/gpu: 8"), "nvidia.com/gpu: 8", 1},
    {NODE("n", H100 MIXED, LISTS), "nvidia.com/gpu: 4", 1},
    {NODE("n", H100 MIXED, LISTS), "nvidia.com/gpu: 1", 4},
    {NODE("n", H100 MIXED, LISTS), "nvidia.com/mig-1g.10gb: 1", 14},
    {NODE("n", H100 MIXED, LISTS), "nvidia.com/mig-1g.10gb: 14", 1},
    {NODE("n", H100 MIXED, LISTS), "nvidia.com/mig-1g.5gb: 1", 9},
    {NODE("n", H100 MIXED, LISTS), "nvidia.com/mig-1g.5gb: 9", 1},
    {KNOWN NODE("n", H100 MIXED, LISTS), "nvidia.com/mig-1g.5gb: 1", 9},
    {KNOWN NODE("n", H100 MIXED, LISTS), "nvidia.com/mig-1g.5gb: 9", 1},
    {NODE("n", A100 MIXED, LISTS), "nvidia.com/mig-1g.5gb: 1", 9},
    {NODE("n", A100 MIXED, LISTS), "nvidia.com/mig-1g.10gb: 14", 1},
    {NODE("n", H100 SHARED, ", nvidia.com/gpu.shared: 11"), "nvidia.com/gpu.shared: 1", 11},
    {NODE("n", H100 SHARED, ", nvidia.com/gpu.shared: 11"), "nvidia.com/gpu.shared: 11", 1},
    {NODE("n", H100 SHARED, ", nvidia.com/gpu: 11"), "nvidia.com/gpu: 11", 1},
};

/* Nothing that allocatable permits is refused, whichever of the products is labelled. */
START_TEST(all_that_is_listed_is_given) {
  size_t count;
  const struct pack_policy *const *policies = pack_policies(&count);
  for (size_t i = 0; i < count; i++) {
    CLEANUP_RECORDED struct recorded r;
    CLEANUP_BUF struct buf yaml;
    buf_init(&yaml, 4096);
    buf_printf(&yaml, "%s" POD("p", "", "%s"), several[_i].node, several[_i].asks);
    buf_append_char(&yaml, '\0');
    recorded_init(&r, yaml.ptr);
    const struct pack_asked *asked = recorded_ask(&r, "p");
    (void)recorded_scene(&r);
    ck_assert_uint_eq(recorded_judge(&r, "n", asked).blocks, 0);
    uint64_t fit = recorded_fill(&r, asked, pack_policy_name(policies[i]));
    ck_assert_msg(fit == several[_i].fit, "%s, %s: %llu", several[_i].asks,
                  pack_policy_name(policies[i]), (unsigned long long)fit);
    struct pack_verdict verdict = recorded_judge(&r, "n", asked);
    ck_assert_uint_eq(verdict.blocks, PACK_BLOCK_DEVICES); /* and no more than that */
  }
}
END_TEST

/* ---- pods -------------------------------------------------------------------------------- */

START_TEST(one_name_may_be_met_in_several_ways) {
  CLEANUP_RECORDED struct recorded r;
  recorded_init(
      &r, NODE("mixed", H100 ", nvidia.com/gpu.count: '2', nvidia.com/mig.strategy: mixed",
               ", nvidia.com/gpu: 1, nvidia.com/mig-1g.10gb: 7")
              NODE("single",
                   "nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3-MIG-1g.10gb, "
                   "nvidia.com/mig.strategy: single",
                   ", nvidia.com/gpu: 7")
                  NODE("shared", "nvidia.com/gpu.replicas: '4'", ", nvidia.com/gpu: 4")
                      NODE("renamed", "nvidia.com/gpu.replicas: '4'", ", nvidia.com/gpu.shared: 4")
                          POD("gpu", "", "nvidia.com/gpu: 1")
                              POD("slice", "", "nvidia.com/mig-1g.10gb: 1")
                                  POD("share", "", "nvidia.com/gpu.shared: 1"));
  const struct pack_asked *gpu = recorded_ask(&r, "gpu"), *slice = recorded_ask(&r, "slice"),
                          *share = recorded_ask(&r, "share");
  (void)recorded_scene(&r);
  ck_assert_uint_eq(gpu->request.form_count, 3);
  ck_assert_uint_eq(slice->request.form_count, 1);
  /* The same instance, but by another name: a name is met by its own counter only. */
  ck_assert_uint_eq(recorded_judge(&r, "single", slice).blocks, PACK_BLOCK_DEVICES);
  ck_assert_uint_eq(recorded_judge(&r, "shared", share).blocks, PACK_BLOCK_DEVICES);
  ck_assert_uint_eq(recorded_judge(&r, "renamed", gpu).blocks, PACK_BLOCK_DEVICES);
  ck_assert_uint_eq(recorded_fill(&r, gpu, "slicegate"), 1 + 7 + 4);
  ck_assert_uint_eq(recorded_fill(&r, slice, "slicegate"), 7);
  ck_assert_uint_eq(recorded_fill(&r, share, "slicegate"), 4);
}
END_TEST

static const struct {
  const char *yaml, *says;
  bool is_absurd; /* to whoever asks a live cluster */
} refusals[] = {
    {POD("p", "", "nvidia.com/gpu: 1, nvidia.com/mig-1g.10gb: 1"), "GPUs of two names", false},
    {POD("p", "", "nvidia.com/gpu: 0.5"), "not a whole number", true},
    {POD("p", "", "nvidia.com/gpu: 70000"), "more than any node has", true},
    {POD("p", "", "nvidia.com/gpu: 9223372036854775807"), "more than any node has", true},
    {POD("p", "", "nvidia.com/gpu: 1, nvidia.com/gpumem: 3000"), "nvidia.com/gpumem is handed out",
     false},
    {POD("p", "", "slicegate.dev/gpu-milli: 1500"), "neither from 1 to 999", false},
    {POD("p", "", "deviceclass.resource.kubernetes.io/gpu.nvidia.com: 1"), "a device by DRA",
     false},
    {"---\nkind: Pod\nmetadata: {name: p}\nspec: {resourceClaims: [{name: x}]}\n", "devices by DRA",
     false},
};

START_TEST(what_cannot_be_counted_is_refused_with_the_reason) {
  CLEANUP_RECORDED struct recorded r;
  CLEANUP_BUF struct buf yaml;
  buf_init(&yaml, 4096);
  buf_printf(&yaml, "%s%s", NODE("n", "", ""), refusals[_i].yaml);
  recorded_init(&r, yaml.ptr);
  struct err err = recorded_refusal(&r, "p");
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_msg(strstr(err.text, refusals[_i].says) != NULL, "%s", err.text);
  struct pack_intake *live = pack_intake_new_live(r.catalog, products_builtin());
  struct pack_asked asked;
  struct err why = {0};
  bool is_read = pack_intake_read_pod(live, r.arena, &r.cluster.pods[0], &asked, &why);
  ck_assert_msg(asked.is_absurd == refusals[_i].is_absurd && !(is_read && asked.is_absurd), "%s",
                why.text);
  pack_intake_free(live);
}
END_TEST

/* Thousandths of one GPU, or whole GPUs: nothing between. */
START_TEST(parts_of_cards_are_below_one) {
  static const struct {
    const char *amount;
    bool is_read;
  } amounts[] = {{"1", true},     {"999", true},   {"1000", true},    {"64000", true},
                 {"1001", false}, {"1500", false}, {"1000.5", false}, {"70000", false}};
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct pack_catalog *catalog = pack_catalog_new();
  struct pack_intake *live = pack_intake_new_live(catalog, products_builtin());
  struct pack_node_reading reading;
  struct resource_amount milli = {.name = STR_LIT("slicegate.dev/gpu-milli"), .is_valid = true};
  ck_assert(qty_parse(STR_LIT("2k"), &milli.amount));
  const struct node node = {.name = STR_LIT("n"), .allocatable = &milli, .allocatable_count = 1};
  pack_intake_read_node(live, &node, &reading);
  ck_assert_uint_eq(reading.spec.device_count, 2);
  for (size_t i = 0; i < SG_ARRAY_LEN(amounts); i++) {
    struct resource_request request = {.name = milli.name};
    const struct pod pod = {.requests = &request, .request_count = 1};
    struct pack_asked asked;
    struct err err;
    ck_assert(qty_parse(str_of(amounts[i].amount), &request.amount));
    bool is_read = pack_intake_read_pod(live, arena, &pod, &asked, &err);
    ck_assert_msg(is_read == amounts[i].is_read && asked.is_absurd != is_read, "%s",
                  amounts[i].amount);
  }
  pack_intake_free(live);
  pack_catalog_free(catalog);
}
END_TEST

START_TEST(equal_constraints_share_a_bit) {
  static const char yaml[] =
      "kind: Node\nmetadata: {name: a, labels: {zone: x}}\n"
      "status: {allocatable: {cpu: 1, memory: 1Gi, pods: 10, rdma/hca: 2}}\n"
      "---\nkind: Pod\nmetadata: {name: p1}\nspec: {nodeSelector: {zone: x}}\n"
      "---\nkind: Pod\nmetadata: {name: p2}\nspec: {nodeSelector: {zone: x}}\n"
      "---\nkind: Pod\nmetadata: {name: p3}\nspec: {nodeSelector: {zone: y}}\n"
      "---\nkind: Pod\nmetadata: {name: p4}\nspec: {tolerations: [{operator: Exists}]}\n"
      "---\nkind: Pod\nmetadata: {name: p5}\n"
      "spec: {containers: [{resources: {limits: {rdma/hca: 1}}}]}\n";
  CLEANUP_RECORDED struct recorded r;
  recorded_init(&r, yaml);
  const struct pack_asked *p1 = recorded_ask(&r, "p1"), *p2 = recorded_ask(&r, "p2"),
                          *p3 = recorded_ask(&r, "p3"), *p4 = recorded_ask(&r, "p4"),
                          *p5 = recorded_ask(&r, "p5");
  ck_assert_uint_eq(p1->request.needs, 3);
  ck_assert_uint_eq(p2->request.needs, 3);
  ck_assert_uint_eq(p3->request.needs, 5);
  ck_assert_uint_eq(p4->request.needs, 8);
  ck_assert_uint_eq(p5->request.needs, 1 | 16);
  (void)recorded_scene(&r);
  ck_assert_uint_eq(recorded_node(&r, "a")->traits, 1 | 2 | 8 | 16);
  struct err err = recorded_refusal(&r, "p1");
  ck_assert_int_eq(err.code, ERR_INTERNAL);
}
END_TEST

START_TEST(there_are_64_constraints) {
  CLEANUP_RECORDED struct recorded r;
  CLEANUP_BUF struct buf yaml;
  buf_init(&yaml, 64 * 1024);
  buf_append_cstr(&yaml, NODE("n", "", ""));
  for (int i = 0; i < 64; i++)
    buf_printf(&yaml, "---\nkind: Pod\nmetadata: {name: p%d}\nspec: {nodeSelector: {k: v%d}}\n", i,
               i);
  recorded_init(&r, yaml.ptr);
  for (int i = 0; i < 63; i++) {
    char name[16];
    (void)snprintf(name, sizeof(name), "p%d", i);
    (void)recorded_ask(&r, name);
  }
  ck_assert_int_eq(recorded_refusal(&r, "p63").code, ERR_LIMIT);
}
END_TEST

TCase *tcase_intake(void) {
  TCase *tc = tcase_create("intake");
  tcase_add_loop_test(tc, nodes_are_what_they_list, 0, SG_ARRAY_LEN(nodes));
  tcase_add_loop_test(tc, all_that_is_listed_is_given, 0, SG_ARRAY_LEN(several));
  tcase_add_test(tc, a_node_is_there_once);
  tcase_add_test(tc, one_name_may_be_met_in_several_ways);
  tcase_add_loop_test(tc, what_cannot_be_counted_is_refused_with_the_reason, 0,
                      SG_ARRAY_LEN(refusals));
  tcase_add_test(tc, parts_of_cards_are_below_one);
  tcase_add_test(tc, equal_constraints_share_a_bit);
  tcase_add_test(tc, there_are_64_constraints);
  return tc;
}
