/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random clusters: whatever change is claimed, made to the recording by other hands than the
 * module's, makes the pod fit; and what is not claimed does not work, where everything can be
 * tried.
 */
#include "slicegate/explain.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 1000, NODES_MAX = 5, PODS_MAX = 24, SLICES = 4, TAINTS = 3, TRIES = 8 };

static const char *const slices[SLICES] = {"nvidia.com/mig-1g.10gb", "nvidia.com/mig-1g.20gb",
                                           "nvidia.com/mig-2g.20gb", "nvidia.com/mig-3g.40gb"};
static const unsigned slice_gib[SLICES] = {10, 20, 20, 40};
static const struct taint taints[TAINTS] = {
    {{"nvidia.com/gpu", 14}, {"present", 7}, EFFECT_NO_SCHEDULE},
    {{"team", 4}, {"vision", 6}, EFFECT_NO_EXECUTE},
    {{"spot", 4}, {NULL, 0}, EFFECT_NO_SCHEDULE},
};
static const char *const controllers[] = {"Job", "ReplicaSet", "DaemonSet", "", "PyTorchJob"};

struct round {
  struct random random;
  struct arena *arena;
  struct node nodes[NODES_MAX];
  struct pod pods[PODS_MAX];
  struct cluster cluster;
  struct pod asked;
};

/* ---- making one up ----------------------------------------------------------------------- */

static struct resource_amount amount(const char *name, int64_t units) {
  return (struct resource_amount){
      .name = str_of(name), .text = STR_LIT("?"), .amount = {units, 0}, .is_valid = true};
}

static void make_node(struct round *r, size_t n) {
  struct node *node = &r->nodes[n];
  struct resource_amount *list = arena_array(r->arena, 8, sizeof(*list));
  struct key_value *labels = arena_array(r->arena, 3, sizeof(*labels));
  struct taint *own = arena_array(r->arena, TAINTS + 1, sizeof(*own));
  *node = (struct node){.name = str_printf(r->arena, "n%zu", n),
                        .labels = labels,
                        .taints = own,
                        .allocatable = list};
  labels[node->label_count++] = (struct key_value){
      STR_LIT("zone"), random_one_in(&r->random, 2) ? STR_LIT("a") : STR_LIT("b")};
  labels[node->label_count++] = (struct key_value){
      STR_LIT("disk"), random_one_in(&r->random, 2) ? STR_LIT("ssd") : STR_LIT("hdd")};
  labels[node->label_count++] =
      (struct key_value){STR_LIT("nvidia.com/gpu.product"), STR_LIT("NVIDIA-H100-80GB-HBM3")};
  list[node->allocatable_count++] = amount("cpu", 2 + (int64_t)random_below(&r->random, 12));
  list[node->allocatable_count++] =
      amount("memory", (int64_t)(2 + random_below(&r->random, 12)) << 30);
  list[node->allocatable_count++] = amount("pods", 2 + (int64_t)random_below(&r->random, 9));
  list[node->allocatable_count++] = amount("nvidia.com/gpu", (int64_t)random_below(&r->random, 5));
  for (size_t i = 0; i < SLICES; i++)
    if (random_one_in(&r->random, 3))
      list[node->allocatable_count++] = amount(slices[i], (int64_t)random_below(&r->random, 4));
  for (size_t i = 0; i < TAINTS; i++)
    if (random_one_in(&r->random, 5))
      own[node->taint_count++] = taints[i];
  if (random_one_in(&r->random, 8)) {
    node->is_unschedulable = true;
    own[node->taint_count++] =
        (struct taint){STR_LIT("node.kubernetes.io/unschedulable"), {NULL, 0}, EFFECT_NO_SCHEDULE};
  }
}

static void add_request(struct pod *pod, const char *name, int64_t units) {
  struct resource_request *list = (struct resource_request *)(uintptr_t)pod->requests;
  if (units > 0)
    list[pod->request_count++] = (struct resource_request){str_of(name), {units, 0}};
}

static void make_pod(struct round *r, struct pod *ret, size_t number, int64_t most) {
  struct toleration *tolerations = arena_array(r->arena, TAINTS, sizeof(*tolerations));
  struct key_value *selector = arena_array(r->arena, 2, sizeof(*selector));
  *ret = (struct pod){.ns = STR_LIT("ml"),
                      .name = str_printf(r->arena, "p%02zu", number),
                      .phase = PHASE_RUNNING,
                      .requests = arena_array(r->arena, 4, sizeof(*ret->requests)),
                      .controller =
                          str_of(controllers[random_below(&r->random, SG_ARRAY_LEN(controllers))]),
                      .priority = (int32_t)random_below(&r->random, 3)};
  ret->traits = random_one_in(&r->random, 10) ? POD_IS_DELETING : 0;
  add_request(ret, "cpu", (int64_t)random_below(&r->random, (size_t)most * 2));
  add_request(ret, "memory", (int64_t)random_below(&r->random, (size_t)most * 2) << 30);
  size_t device = random_below(&r->random, SLICES + 3);
  if (device < SLICES)
    add_request(ret, slices[device], 1 + (int64_t)random_below(&r->random, (size_t)most));
  else if (device < SLICES + 2)
    add_request(ret, "nvidia.com/gpu", 1 + (int64_t)random_below(&r->random, (size_t)most));
  for (size_t i = 0; i < TAINTS; i++)
    if (random_one_in(&r->random, 2))
      tolerations[ret->constraints.toleration_count++] =
          (struct toleration){.key = taints[i].key, .is_exists = true};
  ret->constraints.tolerations = tolerations;
  if (random_one_in(&r->random, 4))
    selector[ret->constraints.node_selector_count++] =
        (struct key_value){STR_LIT("zone"), STR_LIT("a")};
  if (random_one_in(&r->random, 4))
    selector[ret->constraints.node_selector_count++] =
        (struct key_value){STR_LIT("disk"), STR_LIT("ssd")};
  ret->constraints.node_selector = selector;
}

static void make_affinity(struct round *r) {
  struct node_selector_term *term = arena_alloc(r->arena, sizeof(*term));
  struct node_requirement *list = arena_array(r->arena, 2, sizeof(*list));
  struct str *values = arena_alloc(r->arena, sizeof(*values));
  *values = STR_LIT("b");
  list[0] = (struct node_requirement){STR_LIT("zone"), SELECT_IN, values, 1};
  list[1] = (struct node_requirement){STR_LIT("fast"), SELECT_EXISTS, NULL, 0};
  *term = (struct node_selector_term){.requirements = list,
                                      .requirement_count = 1 + random_below(&r->random, 2)};
  r->asked.constraints.affinity_terms = term;
  r->asked.constraints.affinity_term_count = 1;
}

/* One for all: tables of MIG products are dear. */
static struct pack_catalog *catalog;

static bool fits(const struct cluster *cluster, const struct pod *pod) {
  struct err err = {0};
  struct pack_intake *intake = pack_intake_new(catalog, products_builtin(), cluster, &err);
  ck_assert_msg(intake != NULL, "%s", err.text);
  const struct pack_asked *asked = pack_intake_ask(intake, pod, &err);
  ck_assert_msg(asked != NULL, "%s", err.text);
  struct pack_scene *scene = pack_scene_new(intake, &err);
  struct pack_scorer *scorer = pack_scorer_new(pack_policy_find(STR_LIT("firstfit")), catalog, 0);
  struct pack_choice choice;
  bool found = pack_choose(scorer, pack_scene_cluster(scene), &asked->request, &choice, 1) > 0;
  pack_scorer_free(scorer);
  pack_scene_free(scene);
  pack_intake_free(intake);
  return found;
}

static void make_round(struct round *r) {
  size_t pods = random_below(&r->random, PODS_MAX + 1);
  r->cluster = (struct cluster){.nodes = r->nodes,
                                .node_count = 1 + random_below(&r->random, NODES_MAX),
                                .pods = r->pods,
                                .pod_count = pods,
                                .has_nodes = true,
                                .has_pods = true};
  for (size_t n = 0; n < r->cluster.node_count; n++)
    make_node(r, n);
  for (size_t p = 0; p < pods; p++) {
    make_pod(r, &r->pods[p], p, 2);
    r->pods[p].constraints.node_name =
        r->nodes[random_below(&r->random, r->cluster.node_count)].name;
  }
  pods_sort(r->pods, pods);
  /* Mostly one that fits nowhere: of the others there is little to say. */
  for (int tries = 0; tries == 0 || (tries < TRIES && fits(&r->cluster, &r->asked)); tries++) {
    make_pod(r, &r->asked, 99, 5);
    if (random_one_in(&r->random, 4))
      make_affinity(r);
    if (random_one_in(&r->random, 4))
      r->asked.gpu_memory = (int64_t)(5 + random_below(&r->random, 30)) << 30;
  }
}

/* ---- changes, by other hands ------------------------------------------------------------- */

/* Copies to change. */
struct copy {
  struct node nodes[NODES_MAX];
  struct pod pods[PODS_MAX];
  struct cluster cluster;
  struct pod asked;
  struct resource_request requests[4];
  struct toleration tolerations[TAINTS + EXPLAIN_TOLERATIONS];
  struct key_value selector[2];
  struct node_selector_term term;
  struct node_requirement requirements[2];
};

static void copy_round(const struct round *r, struct copy *ret) {
  *ret = (struct copy){.cluster = r->cluster, .asked = r->asked};
  memcpy(ret->nodes, r->nodes, sizeof(ret->nodes));
  memcpy(ret->pods, r->pods, sizeof(ret->pods));
  memcpy(ret->requests, r->asked.requests, r->asked.request_count * sizeof(*ret->requests));
  memcpy(ret->tolerations, r->asked.constraints.tolerations,
         r->asked.constraints.toleration_count * sizeof(*ret->tolerations));
  ret->cluster.nodes = ret->nodes;
  ret->cluster.pods = ret->pods;
  ret->asked.requests = ret->requests;
  ret->asked.constraints.tolerations = ret->tolerations;
}

static struct resource_request *find_device(struct copy *copy) {
  for (size_t i = 0; i < copy->asked.request_count; i++)
    if (pack_is_device_name(copy->requests[i].name))
      return &copy->requests[i];
  return NULL;
}

static void drop_selector(struct copy *copy, size_t which) {
  size_t count = copy->asked.constraints.node_selector_count, kept = 0;
  for (size_t i = 0; i < count; i++)
    if (i != which)
      copy->selector[kept++] = copy->asked.constraints.node_selector[i];
  copy->asked.constraints.node_selector = copy->selector;
  copy->asked.constraints.node_selector_count = kept;
}

static void drop_requirement(struct copy *copy, size_t which) {
  const struct node_selector_term *term = copy->asked.constraints.affinity_terms;
  size_t kept = 0;
  for (size_t i = 0; i < term->requirement_count; i++)
    if (i != which)
      copy->requirements[kept++] = term->requirements[i];
  copy->term =
      (struct node_selector_term){.requirements = copy->requirements, .requirement_count = kept};
  copy->asked.constraints.affinity_terms = &copy->term;
  copy->asked.constraints.affinity_term_count = kept ? 1 : 0;
}

/* The pod of the recording is another one in a copy that was sorted: by name. */
static void take_away(struct copy *copy, struct str name) {
  size_t kept = 0;
  for (size_t i = 0; i < copy->cluster.pod_count; i++)
    if (!str_eq(copy->pods[i].name, name))
      copy->pods[kept++] = copy->pods[i];
  copy->cluster.pod_count = kept;
}

static void uncordon(struct copy *copy, size_t node) {
  copy->nodes[node].is_unschedulable = false;
  copy->nodes[node].taint_count--; /* the cordon's is the last */
}

static void drop_by_path(const struct round *r, struct copy *copy, struct str path) {
  for (size_t i = 0; i < r->asked.constraints.node_selector_count; i++) {
    struct str key = r->asked.constraints.node_selector[i].key;
    if (str_eq(path, str_printf(r->arena, "nodeSelector[%.*s]", STR_FMT(key)))) {
      drop_selector(copy, i);
      return;
    }
  }
  ck_assert(str_ends_with(path, STR_LIT("]")));
  drop_requirement(copy, (size_t)(path.ptr[path.len - 2] - '0'));
}

static void apply(const struct round *r, const struct explain_change *change, struct copy *copy) {
  for (size_t i = 0; i < change->toleration_count; i++)
    copy->tolerations[copy->asked.constraints.toleration_count++] = change->tolerations[i];
  if (change->resource.len) {
    struct resource_request *device = find_device(copy);
    device->name = change->resource;
    device->amount.units = change->count;
  }
  for (size_t i = 0; i < copy->asked.request_count; i++) {
    if (change->cpu_milli && str_is(copy->requests[i].name, "cpu"))
      copy->requests[i].amount = (struct quantity){change->cpu_milli / 1000,
                                                   (int32_t)(change->cpu_milli % 1000) * 1000000};
    if (change->mem_bytes && str_is(copy->requests[i].name, "memory"))
      copy->requests[i].amount = (struct quantity){change->mem_bytes, 0};
  }
  if (change->dropped.len)
    drop_by_path(r, copy, change->dropped);
  if (change->kind == EXPLAIN_UNCORDON)
    uncordon(copy, change->node);
  for (size_t i = 0; i < change->pod_count; i++) {
    const struct pod *pod = &r->pods[change->pods[i]];
    if (change->kind != EXPLAIN_MOVE) {
      take_away(copy, pod->name);
      continue;
    }
    take_away(copy, pod->name);
    struct pod moved = *pod;
    moved.constraints.node_name = (struct str){NULL, 0};
    /* Where it goes it has room, beside those that have moved before it. */
    struct cluster one = copy->cluster;
    struct node only = copy->nodes[change->to[i]];
    struct pod there[PODS_MAX];
    one.nodes = &only;
    one.node_count = 1;
    one.pods = there;
    one.pod_count = 0;
    for (size_t p = 0; p < copy->cluster.pod_count; p++)
      if (str_eq(copy->pods[p].constraints.node_name, only.name))
        there[one.pod_count++] = copy->pods[p];
    ck_assert(fits(&one, &moved));
    moved.constraints.node_name = only.name;
    copy->pods[copy->cluster.pod_count++] = moved;
    pods_sort(copy->pods, copy->cluster.pod_count);
  }
}

/* ---- what was not claimed ---------------------------------------------------------------- */

static bool is_listed(const struct explain_answer *answer, enum explain_change_kind kind) {
  for (size_t i = 0; i < answer->change_count; i++)
    if (answer->changes[i].kind == kind)
      return true;
  return false;
}

/* Would be listed if it had been found. */
static bool is_denied(const struct explain_answer *answer, enum explain_change_kind kind) {
  return !is_listed(answer, kind) && (answer->change_count < EXPLAIN_CHANGES ||
                                      answer->changes[EXPLAIN_CHANGES - 1].kind > kind);
}

static bool some_toleration_helps(const struct round *r) {
  for (size_t i = 0; i < TAINTS; i++) {
    struct copy copy;
    copy_round(r, &copy);
    copy.tolerations[copy.asked.constraints.toleration_count++] =
        (struct toleration){.key = taints[i].key, .is_exists = true};
    if (fits(&copy.cluster, &copy.asked))
      return true;
  }
  return false;
}

static bool some_drop_helps(const struct round *r) {
  struct copy copy;
  for (size_t i = 0; i < r->asked.constraints.node_selector_count; i++) {
    copy_round(r, &copy);
    drop_selector(&copy, i);
    if (fits(&copy.cluster, &copy.asked))
      return true;
  }
  for (size_t i = 0; r->asked.constraints.affinity_term_count &&
                     i < r->asked.constraints.affinity_terms->requirement_count;
       i++) {
    copy_round(r, &copy);
    drop_requirement(&copy, i);
    if (fits(&copy.cluster, &copy.asked))
      return true;
  }
  return false;
}

static bool some_slice_helps(const struct round *r, bool is_enough) {
  struct copy copy;
  copy_round(r, &copy);
  const struct resource_request *device = find_device(&copy);
  size_t asked = SLICES;
  for (size_t i = 0; device && i < SLICES; i++)
    if (str_is(device->name, slices[i]))
      asked = i;
  if (!device || (asked == SLICES && r->asked.gpu_memory == 0))
    return false;
  for (size_t i = 0; i < SLICES; i++) {
    /* As they stand: more memory, or as much and more compute. */
    bool is_more =
        r->asked.gpu_memory ? mig_memory_holds(slice_gib[i], r->asked.gpu_memory) : i >= asked;
    if (i == asked || is_more != is_enough || (r->asked.gpu_memory && !is_more))
      continue;
    copy_round(r, &copy);
    find_device(&copy)->name = str_of(slices[i]);
    if (fits(&copy.cluster, &copy.asked))
      return true;
  }
  return false;
}

static int64_t most_that_fit(const struct round *r) {
  struct copy copy;
  copy_round(r, &copy);
  struct resource_request *device = find_device(&copy);
  for (int64_t count = device ? device->amount.units - 1 : 0; count > 0; count--) {
    device->amount.units = count;
    if (fits(&copy.cluster, &copy.asked))
      return count;
  }
  return 0;
}

static int class_of(const struct pod *pod) {
  if (str_is(pod->controller, "DaemonSet"))
    return 3;
  return (pod->traits & POD_IS_DELETING)                  ? 0
         : str_ends_with(pod->controller, STR_LIT("Job")) ? 1
                                                          : 2;
}

/* The fewest pods up to this class, of one node, without which it fits; 3: more than 2. */
static size_t fewest_to_go(const struct round *r, int class) {
  struct copy copy;
  size_t fewest = 3;
  for (size_t a = 0; a < r->cluster.pod_count; a++) {
    if (class_of(&r->pods[a]) > class)
      continue;
    copy_round(r, &copy);
    take_away(&copy, r->pods[a].name);
    if (fits(&copy.cluster, &copy.asked))
      return 1;
    for (size_t b = a + 1; b < r->cluster.pod_count && fewest > 2; b++) {
      if (class_of(&r->pods[b]) > class ||
          !str_eq(r->pods[a].constraints.node_name, r->pods[b].constraints.node_name))
        continue;
      copy_round(r, &copy);
      take_away(&copy, r->pods[a].name);
      take_away(&copy, r->pods[b].name);
      fewest = fits(&copy.cluster, &copy.asked) ? 2 : fewest;
    }
  }
  return fewest;
}

static void check_waits(const struct round *r, const struct explain_answer *answer) {
  static const enum explain_change_kind kinds[] = {EXPLAIN_WAIT_DELETING, EXPLAIN_WAIT,
                                                   EXPLAIN_WAIT_LONG};
  bool is_claimed = false;
  for (int class = 0; class < 3; class ++) {
    for (size_t i = 0; i < answer->change_count; i++) {
      const struct explain_change *change = &answer->changes[i];
      if (change->kind != kinds[class])
        continue;
      is_claimed = true;
      ck_assert_uint_le(change->pod_count < 3 ? change->pod_count : 3, fewest_to_go(r, class));
    }
    if (!is_claimed && is_denied(answer, kinds[class]))
      ck_assert_uint_eq(fewest_to_go(r, class), 3);
  }
}

static void check_denials(const struct round *r, const struct explain_answer *answer) {
  if (is_denied(answer, EXPLAIN_TOLERATE))
    ck_assert(!some_toleration_helps(r));
  if (is_denied(answer, EXPLAIN_UNSELECT))
    ck_assert(!some_drop_helps(r));
  if (is_denied(answer, EXPLAIN_PROFILE))
    ck_assert(!some_slice_helps(r, true));
  if (is_denied(answer, EXPLAIN_SMALLER))
    ck_assert(!some_slice_helps(r, false));
  if (is_denied(answer, EXPLAIN_FEWER))
    ck_assert_int_eq(most_that_fit(r), 0);
}

static size_t claims[EXPLAIN_CHANGE_KINDS];

static void check_round(struct round *r) {
  struct err err = {0};
  struct explain_answer answer;
  CLEANUP_EXPLAIN_SCENE struct explain_scene *scene =
      explain_scene_new(&r->cluster, products_builtin(), &err);
  ck_assert_msg(scene != NULL, "%s", err.text);
  const struct explain_question question = {.pod = &r->asked, .is_new = true};
  explain_pod(scene, &question, r->arena, &answer);
  ck_assert(answer.is_judged);
  ck_assert_int_eq(answer.fit_count > 0, fits(&r->cluster, &r->asked));
  size_t counted = answer.fit_count;
  for (size_t g = 0; g < answer.group_count; g++)
    counted += answer.groups[g].node_count;
  ck_assert_uint_eq(counted, r->cluster.node_count);
  ck_assert_uint_le(explain_reason_line(&answer, r->arena, 200).len, 200);
  for (size_t i = 0; i < answer.change_count; i++) {
    struct copy copy;
    const struct explain_change *change = &answer.changes[i];
    claims[change->kind]++;
    ck_assert(i == 0 || answer.changes[i - 1].kind < change->kind);
    copy_round(r, &copy);
    apply(r, change, &copy);
    ck_assert_msg(fits(&copy.cluster, &copy.asked), "%.*s", STR_FMT(change->text));
    if (change->kind == EXPLAIN_FEWER)
      ck_assert_int_eq(change->count, most_that_fit(r));
  }
  if (answer.is_never) /* then nobody's leaving helps either */
    ck_assert(!is_listed(&answer, EXPLAIN_WAIT) && !is_listed(&answer, EXPLAIN_WAIT_LONG) &&
              !is_listed(&answer, EXPLAIN_WAIT_DELETING) && !is_listed(&answer, EXPLAIN_MOVE));
  if (answer.fit_count == 0) {
    check_denials(r, &answer);
    check_waits(r, &answer);
  }
}

START_TEST(claims_hold_and_denials_too) {
  uint64_t seed = random_seed();
  catalog = pack_catalog_new();
  for (uint64_t i = 0; i < ROUNDS; i++) {
    CLEANUP_ARENA struct arena *arena = arena_new(16 * 1024);
    struct round *round = arena_alloc(arena, sizeof(*round));
    round->arena = arena;
    random_init(&round->random, seed + i);
    make_round(round);
    check_round(round);
  }
  pack_catalog_free(catalog);
  for (size_t k = 0; k < EXPLAIN_CHANGE_KINDS; k++)
    printf("%s: %zu\n", explain_change_name((enum explain_change_kind)k), claims[k]);
  /* A test of claims that are never made would test nothing. */
  for (size_t k = 0; k < EXPLAIN_CHANGE_KINDS; k++)
    ck_assert_uint_gt(claims[k], 0);
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("property/explain");
  TCase *tcase = tcase_create("changes");
  tcase_set_timeout(tcase, 300);
  tcase_add_test(tcase, claims_hold_and_denials_too);
  suite_add_tcase(suite, tcase);
  return suite;
}
