/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/builder.h"

#include <check.h>

void builder_init(struct builder *b) {
  *b = (struct builder){.arena = arena_new(16384)};
  b->request.operation = ADM_CREATE;
  b->request.now_seconds = BUILDER_NOW;
}

void builder_done(struct builder *b) {
  adm_cluster_free(b->known);
  policy_unref(b->policy);
  arena_free(b->arena);
  *b = (struct builder){0};
}

/* A list of `count` items with one more, zeroed, at its end. Small lists: copied each time. */
static void *grown(struct builder *b, const void *items, size_t *count, size_t size) {
  char *list = arena_array(b->arena, *count + 1, size);
  if (*count)
    memcpy(list, items, *count * size);
  (*count)++;
  return list;
}

/* The rows' lists are const for the code under test; here they are still being made. */
#define APPEND(b, list, count, ...)                                                                \
  do {                                                                                             \
    __typeof__(*(list)) item_ = __VA_ARGS__;                                                       \
    char *grown_ = grown((b), (list), &(count), sizeof(item_));                                    \
    memcpy(grown_ + ((count)-1) * sizeof(item_), &item_, sizeof(item_));                           \
    (list) = (void *)grown_;                                                                       \
  } while (0)

static struct str text(struct builder *b, const char *cstr) {
  return str_copy(b->arena, str_of(cstr));
}

/* ---- the policy ------------------------------------------------------------------ */

static void read_policy(struct builder *b, struct str yaml) {
  struct policy_errors errors = {0};
  policy_unref(b->policy);
  b->policy = policy_read(STR_LIT("test.yaml"), yaml, b->arena, &errors);
  if (!b->policy)
    ck_abort_msg("policy, line %u: %.*s: %.*s", errors.items[0].line,
                 STR_FMT(errors.items[0].field), STR_FMT(errors.items[0].message));
}

/* `block` with every line indented by two, as it must stand below `spec:`. */
static void append_indented(struct buf *out, const char *block) {
  bool at_start = true;
  for (const char *c = block; *c; c++) {
    if (at_start && *c != '\n')
      buf_append_cstr(out, "  ");
    buf_append_char(out, *c);
    at_start = *c == '\n';
  }
  if (!at_start)
    buf_append_char(out, '\n');
}

static const char policy_head[] = "apiVersion: slicegate.dev/v1alpha1\n"
                                  "kind: GPUPolicy\n"
                                  "metadata: {name: test}\n"
                                  "spec:\n";

void given_policy(struct builder *b, const char *spec) {
  CLEANUP_BUF struct buf yaml;
  buf_init(&yaml, 1 << 16);
  buf_append_cstr(&yaml, policy_head);
  append_indented(&yaml, spec);
  read_policy(b, buf_str(&yaml));
}

void given_rule_and(struct builder *b, enum rule_id rule, const char *settings, const char *spec) {
  CLEANUP_BUF struct buf yaml;
  buf_init(&yaml, 1 << 16);
  buf_append_cstr(&yaml, policy_head);
  append_indented(&yaml, spec);
  buf_append_cstr(&yaml, "  rules:\n");
  for (enum rule_id id = 0; id < RULE_COUNT; id++) {
    if (id == RULE_BUDGET && id != rule)
      continue; /* off anyway: money is not counted yet */
    buf_printf(&yaml, "    %s: {%s}\n", rule_name(id), id == rule ? settings : "severity: \"off\"");
  }
  read_policy(b, buf_str(&yaml));
}

void given_rule(struct builder *b, enum rule_id rule, const char *settings) {
  given_rule_and(b, rule, settings, "");
}

const struct policy_view *builder_view(const struct builder *b) {
  ck_assert_msg(b->policy != NULL, "the test gives no policy");
  return policy_get(b->policy);
}

/* ---- the object ------------------------------------------------------------------- */

void with_template(struct builder *b, enum template_form form, const char *path,
                   const char *spec_path) {
  struct pod_template made = {.form = form,
                              .path = text(b, path),
                              .spec_path = text(b, spec_path),
                              .spec.active_deadline_seconds = -1,
                              .replicas = 1,
                              .replicas_max = 1};
  APPEND(b, b->object.templates, b->object.template_count, made);
  b->tmpl = (struct pod_template *)(uintptr_t)&b->object.templates[b->object.template_count - 1];
  b->container = NULL;
}

void given_object(struct builder *b, const char *group, const char *kind) {
  const struct workload_kind *row = policy_find_kind(builder_view(b), str_of(group), str_of(kind));
  ck_assert_msg(row != NULL, "%s is not in the kinds table", kind);
  b->object = (struct workload){.group = text(b, group),
                                .version = STR_LIT("v1"),
                                .kind = text(b, kind),
                                .ns = STR_LIT("default"),
                                .name = STR_LIT("train"),
                                .row = row};
  const struct kind_template *first = &row->templates[0];
  /* Wildcards in the path are taken by a first item. */
  CLEANUP_BUF struct buf path;
  buf_init(&path, 1024);
  for (size_t i = 0; i < first->path.len; i++) {
    if (first->path.ptr[i] == '[')
      buf_append_cstr(&path, "[0");
    else if (first->path.ptr[i] == '*')
      buf_append_cstr(&path, "Worker");
    else
      buf_append_char(&path, first->path.ptr[i]);
  }
  struct str at = str_copy(b->arena, buf_str(&path));
  struct str spec_at = at;
  if (first->form == FORM_TEMPLATE)
    spec_at = str_printf(b->arena, "%.*s%sspec", STR_FMT(at), at.len ? "." : "");
  with_template(b, first->form, at.ptr, spec_at.ptr);
}

void given_pod(struct builder *b) {
  given_object(b, "", "Pod");
}

static bool is_pod(const struct builder *b) {
  return b->tmpl->path.len == 0;
}

void with_object_label(struct builder *b, const char *key, const char *value) {
  APPEND(b, b->object.labels, b->object.label_count, {text(b, key), text(b, value)});
}

void with_object_annotation(struct builder *b, const char *key, const char *value) {
  APPEND(b, b->object.annotations, b->object.annotation_count, {text(b, key), text(b, value)});
}

void with_label(struct builder *b, const char *key, const char *value) {
  APPEND(b, b->tmpl->labels, b->tmpl->label_count, {text(b, key), text(b, value)});
  if (is_pod(b))
    with_object_label(b, key, value);
}

void with_annotation(struct builder *b, const char *key, const char *value) {
  APPEND(b, b->tmpl->annotations, b->tmpl->annotation_count, {text(b, key), text(b, value)});
  if (is_pod(b))
    with_object_annotation(b, key, value);
}

void with_owner(struct builder *b, const char *api_version, const char *kind, bool is_controller) {
  APPEND(b, b->object.owners, b->object.owner_count,
         {text(b, api_version), text(b, kind), STR_LIT("owner"), is_controller});
}

void with_deadline(struct builder *b, const char *path, int64_t seconds) {
  APPEND(b, b->object.deadlines, b->object.deadline_count, {text(b, path), seconds});
}

/* Init containers (sidecars are such) first, then app, then ephemeral ones. */
static int list_rank(enum container_role role) {
  return role == CONTAINER_EPHEMERAL ? 2 : role == CONTAINER_APP ? 1 : 0;
}

static void add_container(struct builder *b, const char *name, enum container_role role) {
  struct pod_spec *spec = &b->tmpl->spec;
  struct container made = {.name = text(b, name), .role = role};
  size_t at = 0;
  while (at < spec->container_count && list_rank(spec->containers[at].role) <= list_rank(role))
    made.index += list_rank(spec->containers[at++].role) == list_rank(role);
  APPEND(b, spec->containers, spec->container_count, made);
  struct container *list = (struct container *)(uintptr_t)spec->containers;
  memmove(&list[at + 1], &list[at], (spec->container_count - 1 - at) * sizeof(*list));
  list[at] = made;
  b->container = &list[at];
}

void with_container(struct builder *b, const char *name) {
  add_container(b, name, CONTAINER_APP);
}

void with_init_container(struct builder *b, const char *name) {
  add_container(b, name, CONTAINER_INIT);
}

void with_sidecar(struct builder *b, const char *name) {
  add_container(b, name, CONTAINER_SIDECAR);
}

void with_ephemeral_container(struct builder *b, const char *name) {
  add_container(b, name, CONTAINER_EPHEMERAL);
}

static struct resource_amount amount(struct builder *b, const char *resource,
                                     const char *quantity) {
  struct resource_amount made = {.name = text(b, resource), .text = text(b, quantity)};
  made.is_valid = qty_parse(made.text, &made.amount);
  return made;
}

void with_limit(struct builder *b, const char *resource, const char *quantity) {
  b->container->has_resources_key = true;
  APPEND(b, b->container->limits, b->container->limit_count, amount(b, resource, quantity));
}

void with_request(struct builder *b, const char *resource, const char *quantity) {
  b->container->has_resources_key = true;
  APPEND(b, b->container->requests, b->container->request_count, amount(b, resource, quantity));
}

void with_env(struct builder *b, const char *name, const char *value) {
  APPEND(b, b->container->env, b->container->env_count,
         {text(b, name), value ? text(b, value) : (struct str){NULL, 0}, value == NULL});
}

void with_privileged(struct builder *b) {
  b->container->is_privileged = true;
}

void with_toleration(struct builder *b, const char *key, const char *value,
                     enum taint_effect effect) {
  struct pod_spec *spec = &b->tmpl->spec;
  APPEND(b, spec->tolerations, spec->toleration_count,
         {text(b, key), value ? text(b, value) : (struct str){NULL, 0}, value == NULL, effect});
}

void with_node_selector(struct builder *b, const char *key, const char *value) {
  struct pod_spec *spec = &b->tmpl->spec;
  APPEND(b, spec->node_selector, spec->node_selector_count, {text(b, key), text(b, value)});
}

void with_affinity_term(struct builder *b) {
  struct pod_spec *spec = &b->tmpl->spec;
  APPEND(b, spec->affinity_terms, spec->affinity_term_count, {.requirement_count = 0});
}

void with_requirement(struct builder *b, const char *key, enum selector_operator op,
                      const char *values) {
  struct pod_spec *spec = &b->tmpl->spec;
  struct node_selector_term *term =
      (struct node_selector_term *)(uintptr_t)&spec->affinity_terms[spec->affinity_term_count - 1];
  struct node_requirement made = {.key = text(b, key), .op = op};
  for (struct str rest = text(b, values); rest.len;) {
    size_t comma = str_find_char(rest, ',');
    APPEND(b, made.values, made.value_count, {rest.ptr, comma});
    rest = str_skip(rest, comma < rest.len ? comma + 1 : comma);
  }
  APPEND(b, term->requirements, term->requirement_count, made);
}

void with_host_path(struct builder *b, const char *path) {
  struct pod_spec *spec = &b->tmpl->spec;
  APPEND(b, spec->host_paths, spec->host_path_count,
         {str_printf(b->arena, "volume-%zu", spec->host_path_count), text(b, path),
          (uint32_t)spec->host_path_count});
}

void with_service_account(struct builder *b, const char *name) {
  b->tmpl->spec.service_account = text(b, name);
}

void with_runtime_class(struct builder *b, const char *name) {
  b->tmpl->spec.runtime_class = text(b, name);
}

/* ---- the cluster and the request ---------------------------------------------------- */

void given_cluster(struct builder *b) {
  b->has_cluster = true;
  b->cluster.has_nodes = true;
}

void given_node(struct builder *b, const char *name) {
  given_cluster(b);
  APPEND(b, b->cluster.nodes, b->cluster.node_count, {.name = text(b, name)});
  b->node = (struct node *)(uintptr_t)&b->cluster.nodes[b->cluster.node_count - 1];
}

void with_node_label(struct builder *b, const char *key, const char *value) {
  APPEND(b, b->node->labels, b->node->label_count, {text(b, key), text(b, value)});
}

void with_node_taint(struct builder *b, const char *key, const char *value,
                     enum taint_effect effect) {
  APPEND(b, b->node->taints, b->node->taint_count, {text(b, key), text(b, value), effect});
}

void with_node_resource(struct builder *b, const char *resource, const char *quantity) {
  APPEND(b, b->node->allocatable, b->node->allocatable_count, amount(b, resource, quantity));
}

void given_namespace(struct builder *b) {
  b->ns.name = STR_LIT("default");
  b->request.ns_object = &b->ns;
}

void with_namespace_label(struct builder *b, const char *key, const char *value) {
  given_namespace(b);
  APPEND(b, b->ns.labels, b->ns.label_count, {text(b, key), text(b, value)});
}

void given_user(struct builder *b, const char *user) {
  b->request.is_user_known = true;
  b->request.user = text(b, user);
}

void given_update_of(struct builder *b, const struct builder *old) {
  b->request.operation = ADM_UPDATE;
  b->request.old = &old->object;
  b->request.is_changed = true;
}

/* ---- asking --------------------------------------------------------------------------- */

static const struct adm_cluster *known_cluster(struct builder *b) {
  adm_cluster_free(b->known);
  b->known = b->has_cluster ? adm_cluster_new(&b->cluster, builder_view(b)) : NULL;
  return b->known;
}

const struct adm_verdict *judge(struct builder *b) {
  struct adm_verdict *verdict = arena_alloc(b->arena, sizeof(*verdict));
  b->request.object = &b->object;
  adm_validate(builder_view(b), known_cluster(b), &b->request, b->arena, verdict);
  expect_wellformed(verdict);
  return verdict;
}

const struct adm_mutation *mutate(struct builder *b) {
  struct adm_mutation *mutation = arena_alloc(b->arena, sizeof(*mutation));
  b->request.object = &b->object;
  adm_mutate(builder_view(b), known_cluster(b), &b->request, b->arena, mutation);
  return mutation;
}

/* ---- checking -------------------------------------------------------------------------- */

size_t count_findings(const struct adm_verdict *verdict, enum rule_id rule) {
  size_t count = 0;
  for (size_t i = 0; i < verdict->finding_count; i++)
    count += verdict->findings[i].rule == rule;
  return count;
}

const struct finding *first_finding(const struct adm_verdict *verdict, enum rule_id rule) {
  for (size_t i = 0; i < verdict->finding_count; i++)
    if (verdict->findings[i].rule == rule)
      return &verdict->findings[i];
  return NULL;
}

static bool contains(struct str haystack, const char *needle) {
  size_t len = strlen(needle);
  for (size_t i = 0; i + len <= haystack.len; i++)
    if (memcmp(haystack.ptr + i, needle, len) == 0)
      return true;
  return false;
}

void expect_finding_row(const char *row, const struct adm_verdict *verdict, enum rule_id rule,
                        enum severity severity, const char *field, const char *fragment) {
  size_t count = count_findings(verdict, rule);
  const struct finding *finding = first_finding(verdict, rule);
  if (!finding)
    ck_abort_msg("%s: no finding of %s", row, rule_name(rule));
  ck_assert_msg(count == 1, "%s: %zu findings of %s, the first: %.*s: %.*s; %.*s", row, count,
                rule_name(rule), STR_FMT(finding->field), STR_FMT(finding->message),
                STR_FMT(finding->remedy));
  ck_assert_msg(finding->severity == severity, "%s: severity %s, expected %s: %.*s", row,
                severity_name(finding->severity), severity_name(severity),
                STR_FMT(finding->message));
  ck_assert_msg(!field || str_is(finding->field, field), "%s: field %.*s, expected %s", row,
                STR_FMT(finding->field), field);
  ck_assert_msg(!fragment || contains(finding->message, fragment) ||
                    contains(finding->remedy, fragment),
                "%s: \"%.*s; %.*s\" does not contain \"%s\"", row, STR_FMT(finding->message),
                STR_FMT(finding->remedy), fragment ? fragment : "");
}

void expect_finding(const struct adm_verdict *verdict, enum rule_id rule, enum severity severity,
                    const char *field, const char *fragment) {
  expect_finding_row("this case", verdict, rule, severity, field, fragment);
}

void expect_none_row(const char *row, const struct adm_verdict *verdict, enum rule_id rule) {
  const struct finding *finding = first_finding(verdict, rule);
  if (finding)
    ck_abort_msg("%s: unexpected %s of %s: %.*s: %.*s; %.*s", row, severity_name(finding->severity),
                 rule_name(rule), STR_FMT(finding->field), STR_FMT(finding->message),
                 STR_FMT(finding->remedy));
}

void expect_none(const struct adm_verdict *verdict, enum rule_id rule) {
  expect_none_row("this case", verdict, rule);
}

static void expect_sentence(const struct finding *finding, const char *what, struct str sentence) {
  ck_assert_msg(sentence.len > 0, "%s: %s is empty", rule_name(finding->rule), what);
  ck_assert_msg(sentence.ptr[sentence.len - 1] != '.', "%s: %s ends with a full stop: %.*s",
                rule_name(finding->rule), what, STR_FMT(sentence));
  /* One assertion a sentence: each of them writes to Check's pipe. */
  size_t plain = 0;
  while (plain < sentence.len && (unsigned char)sentence.ptr[plain] >= 0x20 &&
         sentence.ptr[plain] != 0x7f)
    plain++;
  ck_assert_msg(plain == sentence.len, "%s: %s has a control character", rule_name(finding->rule),
                what);
}

void expect_wellformed(const struct adm_verdict *verdict) {
  for (size_t i = 0; i < verdict->finding_count; i++) {
    const struct finding *finding = &verdict->findings[i];
    ck_assert_msg(finding->field.len > 0, "%s: no field", rule_name(finding->rule));
    expect_sentence(finding, "message", finding->message);
    expect_sentence(finding, "remedy", finding->remedy);
  }
}
