/* SPDX-License-Identifier: Apache-2.0 */
/* matchConditions about the object: which pods are sent to the webhook. */
#include "src/cli/webhook_config.h"

/* ---- a pod that asks for a GPU ----------------------------------------------------------- */

/*
 * A name that speaks of GPUs is sent whatever its domain: `gpu`, `nvidea.com/gpu` and
 * `NVIDIA.com/Gpu` are typing errors that gpu-limits explains. All in lower case.
 */
static const char *const telling_words[] = {"gpu", "nvidia", "mig-"};

/* Whether every name that a pattern matches is sent for its prefix or for one of the words. */
static bool is_covered(const struct policy_view *view, struct str pattern) {
  for (size_t i = 0; i < view->vendor_prefixes.count; i++) {
    if (str_starts_with(pattern, view->vendor_prefixes.items[i]))
      return true;
  }
  for (size_t i = 0; i < SG_ARRAY_LEN(telling_words); i++) {
    if (pattern.len && memmem(pattern.ptr, pattern.len, telling_words[i], strlen(telling_words[i])))
      return true;
  }
  return false;
}

/* The rows "none": names that look like a GPU's and are not. */
static struct strings excluded_names(const struct policy_view *view, struct arena *arena) {
  struct str *items = arena_array(arena, view->gpu_resource_count + 1, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < view->gpu_resource_count; i++) {
    if (view->gpu_resources[i].is_excluded)
      items[count++] = view->gpu_resources[i].pattern;
  }
  return (struct strings){items, count};
}

/* The rows that must be named: not covered, or perhaps hidden behind a row "none". */
static struct strings further_names(const struct policy_view *view, const struct strings *excluded,
                                    struct arena *arena) {
  struct str *items = arena_array(arena, view->gpu_resource_count + 1, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < view->gpu_resource_count; i++) {
    const struct gpu_resource *row = &view->gpu_resources[i];
    bool is_needed = !is_covered(view, row->pattern);
    for (size_t x = 0; x < excluded->count && !is_needed; x++)
      is_needed = globs_overlap(row->pattern, excluded->items[x]);
    if (is_needed && !row->is_excluded)
      items[count++] = row->pattern;
  }
  return (struct strings){items, count};
}

/* The vendors' prefixes as patterns. */
static struct strings prefix_globs(const struct policy_view *view, struct arena *arena) {
  const struct strings *prefixes = &view->vendor_prefixes;
  struct str *items = arena_array(arena, prefixes->count + 1, sizeof(*items));
  for (size_t i = 0; i < prefixes->count; i++)
    items[i] = str_printf(arena, "%.*s*", STR_FMT(prefixes->items[i]));
  return (struct strings){items, prefixes->count};
}

/*
 * Is the resource name `n` a GPU's? Everything below a vendor's prefix is taken for one, be
 * it a typing error, and everything that sounds like one, unless the policy knows better.
 */
static void append_is_gpu_name(struct buf *out, const struct policy_view *view,
                               struct arena *arena) {
  struct strings prefixes = prefix_globs(view, arena);
  struct strings excluded = excluded_names(view, arena);
  struct strings further = further_names(view, &excluded, arena);
  buf_append_char(out, '(');
  for (size_t i = 0; i < SG_ARRAY_LEN(telling_words); i++)
    buf_printf(out, "%sn.lowerAscii().contains('%s')", i ? " || " : "", telling_words[i]);
  if (prefixes.count) {
    buf_append_cstr(out, " ||\n");
    cel_append_globs(out, "n", &prefixes, GLOB_SUPERSET);
  }
  buf_append_char(out, ')');
  if (excluded.count) {
    buf_append_cstr(out, " &&\n!(");
    cel_append_globs(out, "n", &excluded, GLOB_EXACT);
    buf_append_char(out, ')');
  }
  if (further.count) {
    buf_append_cstr(out, " ||\n");
    cel_append_globs(out, "n", &further, GLOB_SUPERSET);
  }
}

/* Opens a test of the containers `c` of all three lists. With the pod, which has resources
 * too, where nobody can ask for a GPU but people try. */
static void open_containers(struct buf *out, bool with_pod) {
  static const char lists[] = "['containers', 'initContainers', 'ephemeralContainers']"
                              ".map(l, l in p && type(p[l]) == list, p[l])";
  if (with_pod)
    buf_printf(out,
               "([[p]] + (has(p.overhead) ? [[dyn({'resources': {'limits': p.overhead}})]] : []) "
               "+\n%s).exists(cs,\n",
               lists);
  else
    buf_printf(out, "%s.exists(cs,\n", lists);
  cel_open_some(out, "cs", "c", CEL_LIST_MAX);
  buf_append_cstr(out, "type(c) == map &&\n");
}

static void close_containers(struct buf *out) {
  cel_close_some(out);
  buf_append_char(out, ')');
}

static void append_asks_for_gpu(struct buf *out, const struct policy_view *view,
                                struct arena *arena) {
  open_containers(out, true);
  cel_append_guard(out, "c.resources", "map");
  buf_append_cstr(out, "['limits', 'requests'].exists(r, r in c.resources && "
                       "type(c.resources[r]) == map &&\n");
  cel_open_some(out, "c.resources[r]", "n", CEL_NAMES_MAX);
  append_is_gpu_name(out, view, arena);
  cel_close_some(out);
  buf_append_char(out, ')');
  close_containers(out);
}

static struct str gpu_expression(const struct policy_view *view, bool is_negated,
                                 struct arena *arena) {
  CLEANUP_BUF struct buf test;
  CLEANUP_BUF struct buf out;
  buf_init(&test, CEL_EXPRESSION_MAX);
  buf_init(&out, CEL_EXPRESSION_MAX);
  append_asks_for_gpu(&test, view, arena);
  const struct pod_test pod_test = {.text = buf_str(&test)};
  buf_append_cstr(&out, is_negated ? "!" : "");
  cel_append_any_pod(&out, view, &pod_test);
  return cel_layout(arena, buf_str(&out));
}

struct str condition_asks_for_gpu(const struct policy_view *view, struct arena *arena) {
  return gpu_expression(view, false, arena);
}

/* What asks for a GPU has been sent by the other entry. That one is not called when an
 * ephemeral container is added. */
struct str condition_asks_for_no_gpu(const struct policy_view *view, struct arena *arena) {
  return str_printf(arena,
                    "has(request.subResource) && request.subResource == 'ephemeralcontainers' ||\n"
                    "%.*s",
                    STR_FMT(gpu_expression(view, true, arena)));
}

/* ---- a pod that has to do with GPUs in another way ------------------------------------------- */

/* "(t.key in [...] || ...)": in brackets, because && stands in front of it. */
static void append_matches(struct buf *out, const char *var, const struct strings *globs) {
  buf_append_char(out, '(');
  cel_append_globs(out, var, globs, GLOB_SUPERSET);
  buf_append_char(out, ')');
}

/* gpu-bypass: variables by which a runtime hands out devices; some values hand out none. */
static void append_env(struct cel_parts *a, const struct strings *names) {
  if (names->count == 0)
    return;
  struct buf *out = cel_next_part(a);
  open_containers(out, false);
  cel_append_guard(out, "c.env", "list");
  cel_open_some(out, "c.env", "e", CEL_LIST_MAX);
  buf_append_cstr(out, "type(e) == map && ");
  cel_append_guard(out, "e.name", "string");
  append_matches(out, "e.name", names);
  buf_append_cstr(out, " &&\n(has(e.valueFrom) || "
                       "has(e.value) && !(e.value in ['', 'void', 'none']))");
  cel_close_some(out);
  close_containers(out);
}

static void append_host_paths(struct cel_parts *a, const struct strings *paths) {
  if (paths->count == 0)
    return;
  struct buf *out = cel_next_part(a);
  cel_append_guard(out, "p.volumes", "list");
  cel_open_some(out, "p.volumes", "v", CEL_LIST_MAX);
  buf_append_cstr(out, "type(v) == map && ");
  cel_append_guard(out, "v.hostPath", "map");
  cel_append_guard(out, "v.hostPath.path", "string");
  /* The rule reads `/dev//nvidia0` and `/dev/./nvidia0` as the kernel does. */
  buf_append_cstr(out, "(v.hostPath.path.contains('//') || v.hostPath.path.contains('/.') ||\n");
  cel_append_globs(out, "v.hostPath.path", paths, GLOB_SUPERSET);
  buf_append_char(out, ')');
  cel_close_some(out);
}

static void append_runtime_class(struct cel_parts *a, const struct strings *names) {
  if (names->count == 0)
    return;
  struct buf *out = cel_next_part(a);
  cel_append_guard(out, "p.runtimeClassName", "string");
  append_matches(out, "p.runtimeClassName", names);
}

static void append_tolerations(struct cel_parts *a, const struct strings *taints,
                               bool with_wildcard) {
  if (taints->count == 0 && !with_wildcard)
    return;
  struct buf *out = cel_next_part(a);
  cel_append_guard(out, "p.tolerations", "list");
  cel_open_some(out, "p.tolerations", "t", CEL_LIST_MAX);
  buf_append_cstr(out, "type(t) == map && (");
  if (with_wildcard)
    buf_append_cstr(out, "!has(t.key) || t.key == '' || t.key == null");
  if (taints->count) {
    buf_append_cstr(out, with_wildcard ? " ||\n" : "");
    cel_append_guard(out, "t.key", "string");
    append_matches(out, "t.key", taints);
  }
  buf_append_char(out, ')');
  cel_close_some(out);
}

static void append_node_selector(struct cel_parts *a, const struct strings *labels) {
  struct buf *out = cel_next_part(a);
  cel_append_guard(out, "p.nodeSelector", "map");
  cel_open_some(out, "p.nodeSelector", "k", CEL_LIST_MAX);
  cel_append_globs(out, "k", labels, GLOB_SUPERSET);
  cel_close_some(out);
}

/* Any term that names a label of GPU nodes; the webhook looks whether all of them do. */
static void append_affinity(struct cel_parts *a, const struct strings *labels) {
  static const char required[] =
      "p.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
  static const char terms[] =
      "p.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  struct buf *out = cel_next_part(a);
  cel_append_guard(out, "p.affinity", "map");
  cel_append_guard(out, "p.affinity.nodeAffinity", "map");
  cel_append_guard(out, required, "map");
  cel_append_guard(out, terms, "list");
  cel_open_some(out, terms, "t", CEL_LIST_MAX);
  buf_append_cstr(out, "type(t) == map && ");
  cel_append_guard(out, "t.matchExpressions", "list");
  cel_open_some(out, "t.matchExpressions", "m", CEL_LIST_MAX);
  buf_append_cstr(out, "type(m) == map && ");
  cel_append_guard(out, "m.key", "string");
  append_matches(out, "m.key", labels);
  cel_close_some(out);
  cel_close_some(out);
}

struct str condition_is_suspect(const struct policy_view *view, struct arena *arena) {
  CLEANUP_BUF struct buf test;
  CLEANUP_BUF struct buf out;
  buf_init(&test, CEL_EXPRESSION_MAX);
  buf_init(&out, CEL_EXPRESSION_MAX);
  struct cel_parts a = {&test, 0};
  bool bypass = rule_is_on(view, RULE_GPU_BYPASS), node_use = rule_is_on(view, RULE_GPU_NODE_USE);
  if (bypass) {
    struct strings env = param_union(view, P_BYPASS_ENV, arena);
    struct strings paths = param_union(view, P_BYPASS_HOST_PATHS, arena);
    struct strings classes = param_union(view, P_BYPASS_RUNTIME_CLASSES, arena);
    append_env(&a, &env);
    append_host_paths(&a, &paths);
    append_runtime_class(&a, &classes);
  }
  /* A privileged container counts on GPU nodes only: what makes a pod go there is what is
   * tested for here, so there is no test of `privileged` itself. */
  if (node_use || (bypass && param_is_on(view, P_BYPASS_PRIVILEGED))) {
    append_tolerations(&a, &view->gpu_nodes.taint_keys,
                       node_use && param_is_on(view, P_NODE_USE_WILDCARD));
    if (view->gpu_nodes.labels.count) {
      append_node_selector(&a, &view->gpu_nodes.labels);
      append_affinity(&a, &view->gpu_nodes.labels);
    }
  }
  if (a.count == 0)
    return (struct str){NULL, 0};
  const struct pod_test pod_test = {.text = buf_str(&test), .needs_pod_spec = true};
  cel_append_any_pod(&out, view, &pod_test);
  return cel_layout(arena, buf_str(&out));
}
