/* SPDX-License-Identifier: Apache-2.0 */
/* The pods that manifests describe: bare ones, and the templates of workloads. */
#include "src/cli/what_if.h"

#include "slicegate/sys.h"
#include "slicegate/wire.h"

#include <unistd.h>

struct reader {
  const struct policy_view *view;
  struct arena *arena;
  const char *file;
  struct str default_ns;
  struct what_if_pods *into;
  size_t left_out;    /* templates that make 0 pods */
  size_t not_counted; /* objects whose pods are described in a way that is not known */
  FILE *err;
};

static bool fail(const struct reader *r, const struct doc_node *node, const struct err *err) {
  unsigned line = err->line ? err->line : node ? node->line : 0;
  unsigned column = err->line ? err->column : node ? node->column : 0;
  if (line)
    (void)fprintf(r->err, "slicegate: %s:%u:%u: %s\n", r->file, line, column, err->text);
  else
    (void)fprintf(r->err, "slicegate: %s: %s\n", r->file, err->text);
  return false;
}

/* ---- what is not looked at --------------------------------------------------------------- */

static bool is_filled(const struct doc_node *node) {
  return node && node->kind != DOC_NULL &&
         !((node->kind == DOC_SEQUENCE || node->kind == DOC_MAPPING) && node->count == 0);
}

/* Whether some item of the list has the field. */
static bool some_item_has(const struct doc_node *list, const char *field) {
  for (uint32_t i = 0; doc_is(list, DOC_SEQUENCE) && i < list->count; i++)
    if (is_filled(doc_get_lit(&list->items[i], field)))
      return true;
  return false;
}

static bool has_host_port(const struct doc_node *spec) {
  const struct doc_node *containers = doc_get_lit(spec, "containers");
  for (uint32_t i = 0; doc_is(containers, DOC_SEQUENCE) && i < containers->count; i++)
    if (some_item_has(doc_get_lit(&containers->items[i], "ports"), "hostPort"))
      return true;
  return false;
}

static bool has_foreign_scheduler(const struct doc_node *spec) {
  struct str name = doc_text_at(spec, "schedulerName");
  return name.len > 0 && !str_is(name, K8S_DEFAULT_SCHEDULER);
}

/* kube-scheduler reads these, too; what depends on other pods, volumes or classes is not here. */
static struct strings find_unread(struct arena *arena, const struct doc_node *spec) {
  static const char *const required = "requiredDuringSchedulingIgnoredDuringExecution";
  const struct doc_node *affinity = doc_get_lit(spec, "affinity");
  const struct doc_node *volumes = doc_get_lit(spec, "volumes");
  const struct {
    const char *name;
    bool is_there;
  } fields[] = {
      {"affinity.podAffinity",
       is_filled(doc_get_lit(doc_get_lit(affinity, "podAffinity"), required))},
      {"affinity.podAntiAffinity",
       is_filled(doc_get_lit(doc_get_lit(affinity, "podAntiAffinity"), required))},
      {"topologySpreadConstraints", is_filled(doc_get_lit(spec, "topologySpreadConstraints"))},
      {"volumes of PersistentVolumeClaims",
       some_item_has(volumes, "persistentVolumeClaim") || some_item_has(volumes, "ephemeral")},
      {"host ports", has_host_port(spec)},
      {"hostNetwork (its ports are the host's)", doc_is_true(doc_get_lit(spec, "hostNetwork"))},
      {"priorityClassName (preemption)", is_filled(doc_get_lit(spec, "priorityClassName"))},
      {"schedulerName (of another scheduler)", has_foreign_scheduler(spec)},
      {"schedulingGates", is_filled(doc_get_lit(spec, "schedulingGates"))},
      {"runtimeClassName (its overhead and node selector)",
       is_filled(doc_get_lit(spec, "runtimeClassName"))},
  };
  struct str *names = arena_array(arena, SG_ARRAY_LEN(fields), sizeof(*names));
  struct strings found = {names, 0};
  for (size_t i = 0; i < SG_ARRAY_LEN(fields); i++)
    if (fields[i].is_there)
      names[found.count++] = str_of(fields[i].name);
  return found;
}

/* ---- objects ----------------------------------------------------------------------------- */

static struct str object_name(struct arena *arena, const struct workload *workload) {
  if (workload->name.len)
    return workload->name;
  return workload->generate_name.len ? str_printf(arena, "%.*s*", STR_FMT(workload->generate_name))
                                     : STR_LIT("(unnamed)");
}

/* Said once where it stands; when nothing else is asked about either, it is an error. */
static void leave_out(struct reader *r, const struct doc_node *object,
                      const struct what_if_pod *pod) {
  (void)fprintf(r->err,
                "slicegate: %s:%u:%u: warning: %.*s asks for 0 pods (a count in it is 0) and is "
                "left out\n",
                r->file, object->line, object->column, STR_FMT(what_if_name(r->arena, pod)));
  r->left_out++;
}

/* Resources that stand inside a PodSpec are those of one more container in it: KServe's servers. */
static bool add_inner(struct reader *r, const struct doc_node *object,
                      const struct workload *workload, const struct pod_template *tmpl,
                      struct pod_spec *spec) {
  struct container *all =
      arena_array(r->arena, spec->container_count + workload->template_count, sizeof(*all));
  struct err err = {0};
  size_t count = spec->container_count;
  if (count)
    memcpy(all, spec->containers, count * sizeof(*all));
  for (size_t i = 0; tmpl->form == FORM_POD_SPEC && i < workload->template_count; i++) {
    const struct pod_template *inner = &workload->templates[i];
    if (inner->form != FORM_RESOURCES || inner->is_partial ||
        !str_starts_with(inner->path, tmpl->path) || inner->path.ptr[tmpl->path.len] != '.')
      continue;
    if (!what_if_check(r->arena, object, inner, &err))
      return fail(r, object, &err);
    all[count++] = inner->spec.containers[0];
  }
  spec->containers = all;
  spec->container_count = count;
  return true;
}

/* Of the template, else of the object; an annotation before a label. */
static int64_t declared_gpu_memory(const struct workload *workload,
                                   const struct pod_template *tmpl) {
  const struct {
    const struct key_value *pairs;
    size_t count;
  } in[] = {{tmpl->annotations, tmpl->annotation_count},
            {tmpl->labels, tmpl->label_count},
            {workload->annotations, workload->annotation_count},
            {workload->labels, workload->label_count}};
  for (size_t i = 0; i < SG_ARRAY_LEN(in); i++) {
    const struct str *text = kv_find(in[i].pairs, in[i].count, STR_LIT("slicegate.dev/gpu-memory"));
    if (text)
      return gpu_memory_need(*text);
  }
  return 0;
}

static bool add_template(struct reader *r, const struct doc_node *object,
                         const struct workload *workload, const struct pod_template *tmpl) {
  struct err err = {0};
  bool is_pod = tmpl->form == FORM_TEMPLATE || tmpl->form == FORM_POD_SPEC;
  if (!is_pod || tmpl->is_partial)
    return true; /* nothing that could be placed by what it says itself */
  if (!what_if_check(r->arena, object, tmpl, &err))
    return fail(r, object, &err);
  struct pod_spec spec = tmpl->spec;
  if (!add_inner(r, object, workload, tmpl, &spec))
    return false;
  struct what_if_pod pod = {.kind = workload->kind, .replicas = tmpl->replicas};
  if (workload->template_count > 1)
    pod.template_path = tmpl->path;
  pod.pod.ns = workload->ns.len ? workload->ns : r->default_ns;
  pod.pod.name = object_name(r->arena, workload);
  if (tmpl->replicas == 0) {
    leave_out(r, object, &pod);
    return true;
  }
  if (r->into->count == WHAT_IF_PODS_MAX) {
    (void)err_set(&err, ERR_LIMIT, "more than %d pod templates in one question", WHAT_IF_PODS_MAX);
    return fail(r, object, &err);
  }
  what_if_set_spec(r->arena, &spec, &pod.pod);
  pod.pod.gpu_memory = declared_gpu_memory(workload, tmpl);
  pod.workload = workload;
  pod.unread = find_unread(r->arena, doc_follow(object, tmpl->spec_path));
  r->into->items[r->into->count++] = pod;
  return true;
}

void what_if_set_spec(struct arena *arena, const struct pod_spec *spec, struct pod *ret) {
  ret->has_claims = spec->has_claims;
  ret->requests = pod_resources(arena, spec, &ret->request_count);
  ret->overhead = pod_overhead_of(spec);
  ret->constraints = pod_constraints_of(spec);
}

static void leave_daemons(struct reader *r, const struct doc_node *object) {
  (void)fprintf(r->err,
                "slicegate: %s:%u:%u: warning: not counted: a DaemonSet has no number of pods: it "
                "runs one on each node that matches. To see on which nodes its pod would fit, ask "
                "about a Pod with this spec.template\n",
                r->file, object->line, object->column);
  r->not_counted++;
}

/* Kinds that lay their own over pods described elsewhere, and unknown ones with a template. */
static void leave_uncounted(struct reader *r, const struct doc_node *object, bool is_known) {
  const struct doc_node *spec =
      doc_get_lit(doc_get_lit(doc_get_lit(object, "spec"), "template"), "spec");
  if (!is_known && !doc_get_lit(spec, "containers"))
    return;
  (void)fprintf(r->err,
                "slicegate: %s:%u:%u: warning: not counted: how many pods %.*s makes, or what they "
                "request, is not known here; ask about a Pod%s\n",
                r->file, object->line, object->column,
                STR_FMT(what_if_shown(r->arena, doc_text_at(object, "kind"))),
                is_known ? "" : " (kinds may be added: extraKinds in --policy)");
  r->not_counted++;
}

static bool read_object(struct reader *r, const struct doc_node *object) {
  struct workload *workload = arena_alloc(r->arena, sizeof(*workload));
  const struct workload_kind *row;
  struct err err = {0};
  size_t before = r->into->count + r->left_out;
  const struct doc_node *items = doc_get_lit(object, "items");
  if (doc_is(items, DOC_SEQUENCE) && str_ends_with(doc_text_at(object, "kind"), STR_LIT("List"))) {
    for (uint32_t i = 0; i < items->count; i++)
      if (!read_object(r, &items->items[i]))
        return false;
    return true;
  }
  if (!wire_workload_decode(r->arena, object, r->view, workload, &row, &err))
    return fail(r, object, &err);
  if (str_is(workload->group, "apps") && str_is(workload->kind, "DaemonSet")) {
    leave_daemons(r, object);
    return true;
  }
  for (size_t i = 0; row && i < workload->template_count; i++)
    if (!add_template(r, object, workload, &workload->templates[i]))
      return false;
  if (r->into->count + r->left_out == before)
    leave_uncounted(r, object, row != NULL);
  return true;
}

static bool read_file(struct reader *r) {
  CLEANUP_BUF struct buf text = {0};
  struct err err = {0};
  struct doc_stream stream;
  bool is_stdin = strcmp(r->file, "-") == 0;
  size_t max = doc_limits_manifest.max_bytes, before = r->into->count + r->left_out;
  bool is_read = is_stdin ? sys_fd_read(STDIN_FILENO, "<stdin>", max, &text, &err)
                          : sys_file_read(r->file, max, &text, &err);
  if (!is_read) { /* its text names the file */
    (void)fprintf(r->err, "slicegate: %s\n", err.text);
    return false;
  }
  r->file = is_stdin ? "<stdin>" : r->file;
  /* What is read views the text. */
  struct str kept = str_copy(r->arena, buf_str(&text));
  if (!doc_parse_manifest(r->arena, kept, &doc_limits_manifest, &stream, &err))
    return fail(r, NULL, &err);
  for (size_t i = 0; i < stream.count; i++)
    if (!read_object(r, stream.documents[i]))
      return false;
  if (r->into->count + r->left_out > before)
    return true;
  if (r->not_counted)
    return false; /* it was said */
  (void)err_set(&err, ERR_INVALID, "no pod in it, and nothing that makes pods");
  return fail(r, NULL, &err);
}

bool what_if_read(const struct flag_list *files, struct str default_ns,
                  const struct policy_view *view, struct arena *arena, struct what_if_pods *ret,
                  FILE *err) {
  struct reader r = {
      .view = view, .arena = arena, .default_ns = default_ns, .into = ret, .err = err};
  *ret = (struct what_if_pods){.items = arena_array(arena, WHAT_IF_PODS_MAX, sizeof(*ret->items))};
  for (size_t i = 0; i < files->count; i++) {
    r.file = files->items[i];
    if (!read_file(&r))
      return false;
  }
  if (ret->count == 0)
    (void)fputs("slicegate: 0 pods are asked about: set replicas (or parallelism, completions) "
                "to 1 or more\n",
                err);
  return ret->count > 0;
}
