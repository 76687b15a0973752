/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/property/admission/gen.h"

#include <check.h>

static struct str pick(struct random *random, const char *const *items, size_t count) {
  return str_of(items[random_below(random, count)]);
}
#define PICK(random, ...)                                                                          \
  pick((random), (const char *const[]){__VA_ARGS__},                                               \
       SG_ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

/* ---- policies --------------------------------------------------------------------------- */

struct gen_policy gen_policy(struct random *random) {
  struct gen_policy gen = {.variant = (unsigned)random_below(random, 1u << 16)};
  for (size_t rule = 0; rule < RULE_COUNT; rule++)
    gen.severities[rule] = (enum severity)random_below(random, 4);
  gen.severities[RULE_BUDGET] = SEVERITY_OFF;
  gen.rewrites = gen.variant & 1;
  return gen;
}

static const char *parameters(const struct gen_policy *gen, enum rule_id rule) {
  bool other = gen->variant >> (rule % 12) & 1;
  switch (rule) {
  case RULE_GPU_LIMITS:
    return other ? ", maxPerContainer: 4" : "";
  case RULE_MIG_PROFILE:
    return other ? ", maxPerContainer: 1" : "";
  case RULE_GPU_TOLERATION:
    return other ? ", mutate: false" : "";
  case RULE_GPU_NODE_AFFINITY:
    return other ? ", products: {vision: [\"NVIDIA-A100-*\"]}" : ", required: false";
  case RULE_RIGHT_SIZE:
    return gen->rewrites ? ", mutate: true" : "";
  case RULE_SHARING:
    return other ? ", environments: [dev], maxRequest: 2" : "";
  case RULE_BUDGET_LABELS:
    return other ? ", labels: {slicegate.dev/team: {required: true, fromNamespace: true}, "
                   "slicegate.dev/environment: {required: true, values: [dev, production], "
                   "fromNamespace: true}}"
                 : ", labels: {slicegate.dev/team: {required: true}, cost-center: {values: "
                   "[\"cc-*\"]}}";
  case RULE_LIFETIME:
    return other ? ", maximum: {dev: 1h, \"*\": 72h}, default: 8h" : ", services: true";
  case RULE_SPOT:
    return other ? ", capacity: [{taint: example.com/spot}]" : "";
  case RULE_HOST_BALANCE:
    return other ? ", minimumCPU: \"2\", maximumCPU: \"8\"" : "";
  default:
    return "";
  }
}

struct policy *gen_policy_read(const struct gen_policy *gen) {
  struct arena *arena CLEANUP_ARENA = arena_new(4096);
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 16);
  buf_append_cstr(&text, "apiVersion: slicegate.dev/v1alpha1\n"
                         "kind: GPUPolicy\n"
                         "metadata: {name: random}\n"
                         "spec:\n"
                         "  controllers: [\"system:serviceaccount:kube-system:*\"]\n");
  if (gen->variant & 2)
    buf_append_cstr(&text, "  nodePools: [{name: a, products: [NVIDIA-H100-80GB-HBM3], profiles: "
                           "[1g.10gb, 3g.40gb]}]\n");
  if (gen->variant & 4)
    buf_append_cstr(&text, "  exempt: {podServiceAccounts: [\"*/operator\"]}\n");
  buf_append_cstr(&text, "  rules:\n");
  for (enum rule_id rule = 0; rule < RULE_COUNT; rule++)
    if (rule != RULE_BUDGET)
      buf_printf(&text, "    %s: {severity: \"%s\"%s}\n", rule_name(rule),
                 severity_name(gen->severities[rule]), parameters(gen, rule));
  struct policy_errors errors;
  struct policy *policy = policy_read(STR_LIT("random"), buf_str(&text), arena, &errors);
  if (!policy)
    ck_abort_msg("%s\nline %u: %.*s", text.ptr, errors.items[0].line,
                 STR_FMT(errors.items[0].message));
  return policy;
}

/* ---- amounts and labels -------------------------------------------------------------------- */

static struct str gpu_resource(struct random *random) {
  return PICK(random, "nvidia.com/gpu", "nvidia.com/gpu", "nvidia.com/mig-1g.10gb",
              "nvidia.com/mig-3g.40gb", "nvidia.com/mig-1g.5gb", "nvidia.com/mig-9g.90gb",
              "nvidia.com/gpu.shared", "nvidia.com/mig-1g.10gb.shared", "amd.com/gpu",
              "nvidia.com/gpus", "nvidia.com/gpumem");
}

static struct resource_amount amount(struct random *random, bool is_gpu) {
  struct resource_amount made = {.name = is_gpu ? gpu_resource(random)
                                                : PICK(random, "cpu", "memory", "example.com/nic")};
  made.text = is_gpu ? PICK(random, "1", "1", "1", "2", "8", "0", "500m", "1000m", "-1", "one",
                            "9223372036854775807")
                     : PICK(random, "1", "16", "500m", "64Gi", "0", "8Ei", "x");
  made.is_valid = qty_parse(made.text, &made.amount);
  return made;
}

/* Names are unique, as in a mapping. */
static const struct resource_amount *amounts(struct random *random, struct arena *arena,
                                             size_t *ret_count) {
  size_t want = random_below(random, 4), count = 0;
  struct resource_amount *made = arena_array(arena, want + 1, sizeof(*made));
  for (size_t i = 0; i < want; i++) {
    struct resource_amount item = amount(random, random_one_in(random, 2));
    if (!amount_find(made, count, item.name))
      made[count++] = item;
  }
  *ret_count = count;
  return made;
}

static void pair(struct key_value *pairs, size_t *count, struct str key, struct str value) {
  pairs[(*count)++] = (struct key_value){key, value};
}

static const struct key_value *labels(struct random *random, struct arena *arena,
                                      size_t *ret_count) {
  struct key_value *made = arena_array(arena, 8, sizeof(*made));
  size_t count = 0;
  if (random_one_in(random, 2))
    pair(made, &count, STR_LIT("slicegate.dev/environment"),
         PICK(random, "dev", "production", "staging", "prodution", "", "a\nb\x1b[1m"));
  if (random_one_in(random, 2))
    pair(made, &count, STR_LIT("slicegate.dev/team"), PICK(random, "vision", "speech"));
  if (random_one_in(random, 2))
    pair(made, &count, STR_LIT("slicegate.dev/workload-type"),
         PICK(random, "training", "inference", "notebook"));
  if (random_one_in(random, 4))
    pair(made, &count, STR_LIT("cost-center"), PICK(random, "cc-1", "17"));
  if (random_one_in(random, 4))
    pair(made, &count, STR_LIT("slicegate.dev/checkpoint"), PICK(random, "true", "no"));
  if (random_one_in(random, 2))
    pair(made, &count, STR_LIT("slicegate.dev/gpu-memory"),
         PICK(random, "8Gi", "30Gi", "500Gi", "8", "much"));
  *ret_count = count;
  return made;
}

static const struct key_value *annotations(struct random *random, struct arena *arena,
                                           size_t *ret_count) {
  struct key_value *made = arena_array(arena, 2, sizeof(*made));
  size_t count = 0;
  if (random_one_in(random, 3))
    pair(made, &count, STR_LIT("slicegate.dev/expires-at"),
         PICK(random, "2026-11-21T12:30:00Z", "2027-01-01T00:00:00Z", "2020-01-01T00:00:00Z",
              "soon"));
  *ret_count = count;
  return made;
}

/* ---- pods --------------------------------------------------------------------------------------
 */

static void container(struct random *random, struct arena *arena, struct container *ret) {
  ret->name = PICK(random, "main", "side", "proxy", "");
  ret->limits = amounts(random, arena, &ret->limit_count);
  ret->requests = amounts(random, arena, &ret->request_count);
  ret->has_resources_key = ret->limit_count || ret->request_count;
  ret->is_privileged = random_one_in(random, 8);
  if (random_one_in(random, 4)) {
    struct env_var *env = arena_alloc(arena, sizeof(*env));
    *env = (struct env_var){STR_LIT("NVIDIA_VISIBLE_DEVICES"), PICK(random, "all", "void", "0,1"),
                            random_one_in(random, 4)};
    ret->env = env;
    ret->env_count = 1;
  }
}

static void containers(struct random *random, struct arena *arena, struct pod_spec *spec) {
  size_t init = random_below(random, 3), app = 1 + random_below(random, 3);
  size_t ephemeral = random_one_in(random, 8) ? 1 : 0;
  struct container *made = arena_array(arena, init + app + ephemeral, sizeof(*made));
  for (size_t i = 0; i < init + app + ephemeral; i++) {
    container(random, arena, &made[i]);
    made[i].role = i < init         ? random_one_in(random, 2) ? CONTAINER_SIDECAR : CONTAINER_INIT
                   : i < init + app ? CONTAINER_APP
                                    : CONTAINER_EPHEMERAL;
    made[i].index = (uint32_t)(i < init ? i : i < init + app ? i - init : i - init - app);
  }
  spec->containers = made;
  spec->container_count = init + app + ephemeral;
}

static const char *const node_keys[] = {"nvidia.com/gpu.product", "nvidia.com/gpu.present",
                                        "karpenter.sh/capacity-type", "zone"};
static const char *const node_values[] = {"NVIDIA-H100-80GB-HBM3",
                                          "NVIDIA-A100-SXM4-40GB",
                                          "NVIDIA-H100-80GB-HBM3-SHARED",
                                          "true",
                                          "spot",
                                          "a"};

static void placement(struct random *random, struct arena *arena, struct pod_spec *spec) {
  if (random_one_in(random, 3)) {
    struct key_value *selector = arena_alloc(arena, sizeof(*selector));
    *selector = (struct key_value){pick(random, node_keys, SG_ARRAY_LEN(node_keys)),
                                   pick(random, node_values, SG_ARRAY_LEN(node_values))};
    spec->node_selector = selector;
    spec->node_selector_count = 1;
  }
  size_t terms = random_below(random, 3);
  struct node_selector_term *made = arena_array(arena, terms + 1, sizeof(*made));
  for (size_t i = 0; i < terms; i++) {
    struct node_requirement *requirement = arena_alloc(arena, sizeof(*requirement));
    struct str *values = arena_array(arena, 2, sizeof(*values));
    values[0] = pick(random, node_values, SG_ARRAY_LEN(node_values));
    values[1] = pick(random, node_values, SG_ARRAY_LEN(node_values));
    *requirement = (struct node_requirement){pick(random, node_keys, SG_ARRAY_LEN(node_keys)),
                                             (enum selector_operator)random_below(random, 6),
                                             values, random_below(random, 3)};
    made[i] = (struct node_selector_term){.requirements = requirement,
                                          .requirement_count = random_below(random, 2)};
  }
  spec->affinity_terms = made;
  spec->affinity_term_count = terms;
  size_t count = random_below(random, 3);
  struct toleration *tolerations = arena_array(arena, count + 1, sizeof(*tolerations));
  for (size_t i = 0; i < count; i++)
    tolerations[i] = (struct toleration){
        PICK(random, "nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "example.com/spot", ""),
        STR_LIT("present"), random_one_in(random, 2), (enum taint_effect)random_below(random, 4)};
  spec->tolerations = tolerations;
  spec->toleration_count = count;
}

/* "[]" and "*" of the kinds table become an index and a key. */
static struct str concrete(struct arena *arena, struct str path, size_t index) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1024);
  for (size_t i = 0; i < path.len; i++) {
    if (path.ptr[i] == '[')
      buf_printf(&out, "[%zu", index);
    else if (path.ptr[i] == '*')
      buf_printf(&out, "Role%zu", index);
    else
      buf_append_char(&out, path.ptr[i]);
  }
  return str_copy(arena, buf_str(&out));
}

static void template_of(struct random *random, struct arena *arena, const struct kind_template *row,
                        size_t index, struct pod_template *ret) {
  ret->form = row->form;
  ret->path = concrete(arena, row->path, index);
  ret->is_partial = row->is_partial;
  ret->spec_path = ret->path;
  if (row->form == FORM_TEMPLATE)
    ret->spec_path = str_printf(arena, "%.*s%sspec", STR_FMT(ret->path), ret->path.len ? "." : "");
  ret->replicas = ret->replicas_max = 1;
  ret->spec.active_deadline_seconds = -1;
  if (row->form == FORM_TEMPLATE) {
    ret->labels = labels(random, arena, &ret->label_count);
    ret->annotations = annotations(random, arena, &ret->annotation_count);
  }
  containers(random, arena, &ret->spec);
  if (row->form == FORM_TEMPLATE || row->form == FORM_POD_SPEC) {
    placement(random, arena, &ret->spec);
    ret->spec.service_account = PICK(random, "", "", "operator", "lab");
    ret->spec.runtime_class = PICK(random, "", "", "nvidia");
  }
}

void gen_workload(struct random *random, struct arena *arena, const struct policy_view *view,
                  struct workload *ret) {
  const struct workload_kind *row = &view->kinds[random_below(random, view->kind_count)];
  if (random_one_in(random, 3))
    row = policy_find_kind(view, STR_LIT(""), STR_LIT("Pod"));
  *ret = (struct workload){.group = row->group,
                           .version = row->versions[0],
                           .kind = row->kind,
                           .ns = STR_LIT("default"),
                           .name = STR_LIT("train"),
                           .row = row};
  bool is_pod = row->group.len == 0 && str_is(row->kind, "Pod");
  size_t count = is_pod ? 1 : 1 + random_below(random, 3);
  struct pod_template *templates = arena_array(arena, count, sizeof(*templates));
  for (size_t i = 0; i < count; i++) {
    const struct kind_template *form = &row->templates[random_below(random, row->template_count)];
    template_of(random, arena, form, i, &templates[i]);
  }
  ret->templates = templates;
  ret->template_count = count;
  if (is_pod) {
    ret->labels = templates[0].labels;
    ret->label_count = templates[0].label_count;
    ret->annotations = templates[0].annotations;
    ret->annotation_count = templates[0].annotation_count;
  } else {
    ret->labels = labels(random, arena, &ret->label_count);
    ret->annotations = annotations(random, arena, &ret->annotation_count);
  }
  if (row->deadline_path_count && random_one_in(random, 2)) {
    struct deadline *deadline = arena_alloc(arena, sizeof(*deadline));
    deadline->path = concrete(arena, row->deadline_paths[0], 0);
    deadline->seconds = (int64_t)random_below(random, 100000);
    ret->deadlines = deadline;
    ret->deadline_count = 1;
  }
  if (random_one_in(random, 4)) {
    struct owner *owner = arena_alloc(arena, sizeof(*owner));
    *owner = (struct owner){STR_LIT("apps/v1"), STR_LIT("ReplicaSet"), STR_LIT("owner"), true};
    ret->owners = owner;
    ret->owner_count = 1;
  }
}

void gen_shuffle(struct random *random, struct arena *arena, const struct workload *workload,
                 struct workload *ret) {
  *ret = *workload;
  struct pod_template *templates = arena_array(arena, workload->template_count, sizeof(*templates));
  for (size_t t = 0; t < workload->template_count; t++) {
    templates[t] = workload->templates[t];
    size_t count = templates[t].spec.container_count, first = 0;
    struct container *list = arena_array(arena, count, sizeof(*list));
    memcpy(list, templates[t].spec.containers, count * sizeof(*list));
    while (first < count && list[first].role != CONTAINER_APP)
      first++;
    size_t end = first;
    while (end < count && list[end].role == CONTAINER_APP)
      end++;
    for (size_t i = end; i > first + 1; i--) {
      size_t other = first + random_below(random, i - first);
      struct container held = list[i - 1];
      list[i - 1] = list[other];
      list[other] = held;
    }
    for (size_t i = first; i < end; i++)
      list[i].index = (uint32_t)(i - first);
    templates[t].spec.containers = list;
  }
  ret->templates = templates;
}

void gen_insert_container(struct arena *arena, const struct workload *workload,
                          struct workload *ret) {
  /* With a runtime class of NVIDIA's a container sees GPUs unless it says otherwise. */
  static const struct env_var no_devices = {.name = {"NVIDIA_VISIBLE_DEVICES", 22},
                                            .value = {"void", 4}};
  *ret = *workload;
  struct pod_template *templates = arena_array(arena, workload->template_count, sizeof(*templates));
  for (size_t t = 0; t < workload->template_count; t++) {
    templates[t] = workload->templates[t];
    struct pod_spec *spec = &templates[t].spec;
    struct container *list = arena_array(arena, spec->container_count + 1, sizeof(*list));
    size_t count = 0;
    bool is_in = false;
    for (size_t i = 0; i < spec->container_count; i++) {
      bool is_app = spec->containers[i].role == CONTAINER_APP;
      if (is_app && !is_in)
        list[count++] =
            (struct container){.name = STR_LIT("inserted"), .env = &no_devices, .env_count = 1};
      is_in = is_in || is_app;
      list[count] = spec->containers[i];
      list[count++].index += is_app;
    }
    spec->containers = list;
    spec->container_count = count;
  }
  ret->templates = templates;
}

/* ---- clusters ------------------------------------------------------------ */

void gen_cluster(struct random *random, struct arena *arena, struct cluster *ret) {
  size_t count = random_below(random, 5);
  struct node *nodes = arena_array(arena, count + 1, sizeof(*nodes));
  for (size_t i = 0; i < count; i++) {
    struct key_value *pairs = arena_array(arena, 2, sizeof(*pairs));
    struct resource_amount *offered = arena_array(arena, 2, sizeof(*offered));
    struct taint *taint = arena_alloc(arena, sizeof(*taint));
    pairs[0] = (struct key_value){STR_LIT("nvidia.com/gpu.product"),
                                  PICK(random, "NVIDIA-H100-80GB-HBM3", "NVIDIA-A100-SXM4-40GB",
                                       "NVIDIA-H100-80GB-HBM3-SHARED", "Tesla-T4")};
    pairs[1] = (struct key_value){STR_LIT("nvidia.com/gpu.replicas"), PICK(random, "1", "4")};
    offered[0] = amount(random, true);
    offered[1] = amount(random, true);
    *taint = (struct taint){STR_LIT("nvidia.com/gpu"), STR_LIT("present"), EFFECT_NO_SCHEDULE};
    nodes[i] = (struct node){.name = str_printf(arena, "node-%zu", i),
                             .labels = pairs,
                             .label_count = 2,
                             .allocatable = offered,
                             .allocatable_count = 2,
                             .taints = taint,
                             .taint_count = random_below(random, 2)};
  }
  *ret = (struct cluster){.nodes = nodes, .node_count = count, .has_nodes = count > 0};
}

void gen_namespace(struct random *random, struct arena *arena, struct k8s_namespace *ret) {
  *ret = (struct k8s_namespace){.name = STR_LIT("default")};
  ret->labels = labels(random, arena, &ret->label_count);
}
