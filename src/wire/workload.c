/* SPDX-License-Identifier: Apache-2.0 */
/* An object, read by its row of the kinds table. */
#include "wire_internal.h"

struct template_list {
  struct pod_template *items;
  size_t count, cap;
};

struct deadline_list {
  struct deadline *items;
  size_t count, cap;
};

struct workload_reader {
  struct arena *arena;
  const struct policy_view *view;
  struct template_list templates;
  struct deadline_list deadlines;
  unsigned depth; /* of objects inside objects */
  struct err *err;
};

enum { NESTED_OBJECTS_MAX = 4 };

static struct pod_template *push_template(struct workload_reader *r) {
  struct template_list *list = &r->templates;
  if (list->count == list->cap) {
    size_t cap = list->cap ? list->cap * 2 : 2;
    struct pod_template *moved = arena_array(r->arena, cap, sizeof(*moved));
    if (list->count)
      memcpy(moved, list->items, list->count * sizeof(*moved));
    list->items = moved;
    list->cap = cap;
  }
  return &list->items[list->count++];
}

static struct str join(struct arena *arena, struct str path, const char *field) {
  if (path.len == 0)
    return str_of(field);
  return str_printf(arena, "%.*s.%s", STR_FMT(path), field);
}

/* Where the fields are that say how many pods a template makes. */
struct counter {
  struct workload_reader *r;
  const struct doc_node *object;
  const struct path_hit *hit; /* the template */
  struct str prefix;          /* of the object, when it stands in another one */
  struct str wrong;           /* the first field that is no count; empty: none */
};

/* What the field says; `otherwise` where it is absent, and where it says nothing of use. */
static int64_t read_count(struct counter *c, struct str path, int64_t otherwise) {
  const struct doc_node *node = wire_path_follow(c->object, path, c->hit);
  int64_t value;
  if (!node || node->kind == DOC_NULL)
    return otherwise;
  if (doc_int(node, &value) && value >= 0)
    return value;
  if (c->wrong.len == 0)
    c->wrong = wire_path_text(c->r->arena, path, c->prefix, c->hit);
  return otherwise;
}

/* The last of a row's counts is the one that other fields change. */
static int64_t count_last(struct counter *c, const struct kind_template *row, struct str path) {
  int64_t value = read_count(c, path, row->counts_least.len ? 0 : 1);
  int64_t least = row->counts_least.len ? read_count(c, row->counts_least, 0) : 0;
  int64_t most = row->counts_most.len ? read_count(c, row->counts_most, INT64_MAX) : INT64_MAX;
  bool has_leader =
      row->counts_leader.len && wire_path_follow(c->object, row->counts_leader, c->hit);
  value = value < least ? least : value;
  value = value < most ? value : most;
  return has_leader && value > 0 ? value - 1 : value;
}

/* The product of the fields at `counts`. */
static int64_t count_pods(struct counter *c, const struct kind_template *row) {
  const size_t most = SG_ARRAY_LEN(row->counts);
  int64_t product = 1;
  for (size_t i = 0; i < most && row->counts[i].len; i++) {
    bool is_last = i + 1 == most || row->counts[i + 1].len == 0;
    int64_t value = is_last ? count_last(c, row, row->counts[i]) : read_count(c, row->counts[i], 1);
    product = i64_mul_sat(product, value);
  }
  return product;
}

static int64_t count_most_pods(struct counter *c, const struct kind_template *row) {
  int64_t product = 1;
  for (size_t i = 0; i < SG_ARRAY_LEN(row->counts_max) && row->counts_max[i].len; i++)
    product = i64_mul_sat(product, read_count(c, row->counts_max[i], 1));
  return product;
}

static void count_replicas(struct counter *c, const struct kind_template *row,
                           struct pod_template *ret) {
  ret->replicas = count_pods(c, row);
  ret->replicas_max = row->counts_max[0].len ? count_most_pods(c, row) : ret->replicas;
  ret->wrong_count = c->wrong;
  if (ret->replicas_max < ret->replicas)
    ret->replicas_max = ret->replicas;
}

/* ---- the forms -------------------------------------------------------------------------- */

static bool read_spec(struct workload_reader *r, const struct doc_node *spec,
                      struct pod_template *ret) {
  struct trail here = {NULL, ret->spec_path, 0};
  ret->spec.active_deadline_seconds = -1;
  return !spec || wire_pod_spec_decode(r->arena, spec, &here, &ret->spec, r->err);
}

static bool read_template(struct workload_reader *r, const struct doc_node *node,
                          struct pod_template *ret) {
  struct str metadata_path = join(r->arena, ret->path, "metadata");
  struct trail outer = {NULL, ret->path, 0};
  struct trail inner = {NULL, metadata_path, 0};
  const struct trail *here = ret->path.len ? &outer : NULL;
  const struct doc_node *metadata, *spec;
  ret->spec_path = join(r->arena, ret->path, "spec");
  return wire_child(node, "metadata", DOC_MAPPING, here, &metadata, r->err) &&
         wire_child(node, "spec", DOC_MAPPING, here, &spec, r->err) &&
         wire_child_pairs(r->arena, metadata, "labels", &inner, &ret->labels, &ret->label_count,
                          r->err) &&
         wire_child_pairs(r->arena, metadata, "annotations", &inner, &ret->annotations,
                          &ret->annotation_count, r->err) &&
         read_spec(r, spec, ret);
}

/* Resources without a pod around them become one unnamed container. */
static bool read_resources(struct workload_reader *r, const struct doc_node *node,
                           struct pod_template *ret) {
  struct trail here = {NULL, ret->path, 0};
  struct container *container = arena_alloc(r->arena, sizeof(*container));
  ret->spec_path = ret->path;
  ret->spec.active_deadline_seconds = -1;
  ret->spec.containers = container;
  ret->spec.container_count = 1;
  container->has_resources_key = node->count > 0;
  return wire_amounts_decode(r->arena, node, "limits", &here, &container->limits,
                             &container->limit_count, r->err) &&
         wire_amounts_decode(r->arena, node, "requests", &here, &container->requests,
                             &container->request_count, r->err);
}

/* Spark's gpu: {name: nvidia.com/gpu, quantity: 1}. */
static bool read_gpu_count(struct workload_reader *r, const struct doc_node *node,
                           struct pod_template *ret) {
  struct trail here = {NULL, ret->path, 0};
  struct container *container = arena_alloc(r->arena, sizeof(*container));
  struct resource_amount *amount = arena_alloc(r->arena, sizeof(*amount));
  ret->spec_path = ret->path;
  ret->spec.active_deadline_seconds = -1;
  ret->spec.containers = container;
  ret->spec.container_count = 1;
  container->has_resources_key = true;
  if (!wire_child_text(node, "name", &here, &amount->name, r->err) ||
      !wire_child_text(node, "quantity", &here, &amount->text, r->err))
    return false;
  amount->is_valid = qty_parse(amount->text, &amount->amount);
  container->limits = amount;
  container->limit_count = amount->name.len ? 1 : 0;
  return true;
}

static bool read_object(struct workload_reader *r, const struct doc_node *object,
                        const struct workload_kind *row, struct str prefix, int64_t replicas,
                        int64_t replicas_max);

/* A whole object of another kind inside this one: judged by its own row, when it has one. */
static bool read_nested(struct workload_reader *r, const struct doc_node *node,
                        const struct pod_template *outer) {
  struct wire_identity identity;
  wire_identify(node, &identity);
  const struct workload_kind *row = policy_find_kind(r->view, identity.group, identity.kind);
  if (!row || r->depth == NESTED_OBJECTS_MAX)
    return true;
  r->depth++;
  bool ok = read_object(r, node, row, outer->path, outer->replicas, outer->replicas_max);
  r->depth--;
  return ok;
}

static bool read_hit(struct workload_reader *r, const struct doc_node *object,
                     const struct kind_template *row, const struct path_hit *hit, struct str prefix,
                     int64_t replicas, int64_t replicas_max) {
  struct counter counter = {.r = r, .object = object, .hit = hit, .prefix = prefix};
  struct pod_template made = {.form = row->form, .path = hit->path, .is_partial = row->is_partial};
  count_replicas(&counter, row, &made);
  made.replicas = i64_mul_sat(made.replicas, replicas);
  made.replicas_max = i64_mul_sat(made.replicas_max, replicas_max);
  if (hit->node->kind != DOC_MAPPING) {
    struct trail here = {NULL, hit->path, 0};
    return wire_wrong_type(&here, hit->node, "a mapping", r->err);
  }
  bool ok = false;
  switch (row->form) {
  case FORM_OBJECT:
    return read_nested(r, hit->node, &made);
  case FORM_TEMPLATE:
    ok = read_template(r, hit->node, &made);
    break;
  case FORM_POD_SPEC:
    made.spec_path = hit->path;
    ok = read_spec(r, hit->node, &made);
    break;
  case FORM_RESOURCES:
    ok = read_resources(r, hit->node, &made);
    break;
  case FORM_GPU_COUNT:
    ok = read_gpu_count(r, hit->node, &made);
    break;
  }
  if (ok)
    *push_template(r) = made;
  return ok;
}

static bool read_deadlines(struct workload_reader *r, const struct doc_node *object,
                           const struct workload_kind *row, struct str prefix) {
  for (size_t i = 0; i < row->deadline_path_count; i++) {
    struct path_hit *hits;
    size_t count;
    if (!wire_path_find(r->arena, object, row->deadline_paths[i], prefix, &hits, &count, r->err))
      return false;
    for (size_t h = 0; h < count; h++) {
      int64_t seconds;
      if (!doc_int(hits[h].node, &seconds))
        continue;
      struct deadline_list *list = &r->deadlines;
      if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 2;
        struct deadline *moved = arena_array(r->arena, cap, sizeof(*moved));
        if (list->count)
          memcpy(moved, list->items, list->count * sizeof(*moved));
        list->items = moved;
        list->cap = cap;
      }
      list->items[list->count++] = (struct deadline){hits[h].path, seconds};
    }
  }
  return true;
}

static bool read_object(struct workload_reader *r, const struct doc_node *object,
                        const struct workload_kind *row, struct str prefix, int64_t replicas,
                        int64_t replicas_max) {
  for (size_t i = 0; i < row->template_count; i++) {
    struct path_hit *hits;
    size_t count;
    if (!wire_path_find(r->arena, object, row->templates[i].path, prefix, &hits, &count, r->err))
      return false;
    for (size_t h = 0; h < count; h++) {
      if (!read_hit(r, object, &row->templates[i], &hits[h], prefix, replicas, replicas_max))
        return false;
    }
  }
  return read_deadlines(r, object, row, prefix);
}

/* ---- metadata ---------------------------------------------------------------------------- */

static bool read_owners(struct workload_reader *r, const struct doc_node *metadata,
                        const struct trail *trail, struct workload *ret) {
  const struct doc_node *list;
  if (!wire_child(metadata, "ownerReferences", DOC_SEQUENCE, trail, &list, r->err))
    return false;
  if (!list || list->count == 0)
    return true;
  struct owner *owners = arena_array(r->arena, list->count, sizeof(*owners));
  for (uint32_t i = 0; i < list->count; i++) {
    owners[i].api_version = doc_text_at(&list->items[i], "apiVersion");
    owners[i].kind = doc_text_at(&list->items[i], "kind");
    owners[i].name = doc_text_at(&list->items[i], "name");
    owners[i].is_controller = doc_is_true(doc_get_lit(&list->items[i], "controller"));
  }
  ret->owners = owners;
  ret->owner_count = list->count;
  return true;
}

static bool read_metadata(struct workload_reader *r, const struct doc_node *object,
                          struct workload *ret) {
  const struct doc_node *metadata;
  struct trail here = {NULL, STR_LIT("metadata"), 0};
  return wire_child(object, "metadata", DOC_MAPPING, NULL, &metadata, r->err) &&
         wire_child_pairs(r->arena, metadata, "labels", &here, &ret->labels, &ret->label_count,
                          r->err) &&
         wire_child_pairs(r->arena, metadata, "annotations", &here, &ret->annotations,
                          &ret->annotation_count, r->err) &&
         read_owners(r, metadata, &here, ret);
}

/* Where the kinds of Kubernetes, Kubeflow, Ray and JobSet keep it. */
static struct str ttl_path(const struct doc_node *object) {
  static const struct str paths[] = {STR_LIT("spec.ttlSecondsAfterFinished"),
                                     STR_LIT("spec.jobTemplate.spec.ttlSecondsAfterFinished"),
                                     STR_LIT("spec.runPolicy.ttlSecondsAfterFinished")};
  static const struct path_hit nothing = {.capture_count = 0};
  for (size_t i = 0; i < SG_ARRAY_LEN(paths); i++) {
    if (doc_is(wire_path_follow(object, paths[i], &nothing), DOC_NUMBER))
      return paths[i];
  }
  return (struct str){NULL, 0};
}

bool wire_workload_decode(struct arena *arena, const struct doc_node *object,
                          const struct policy_view *view, struct workload *ret,
                          const struct workload_kind **ret_row, struct err *reterr) {
  struct wire_identity identity;
  if (!doc_is(object, DOC_MAPPING))
    return wire_wrong_type(NULL, object, "a mapping", reterr);
  wire_identify(object, &identity);
  const struct workload_kind *row = policy_find_kind(view, identity.group, identity.kind);
  *ret_row = row;
  if (!row)
    return true;
  struct workload_reader r = {.arena = arena, .view = view, .err = reterr};
  struct workload made = {.group = identity.group,
                          .version = identity.version,
                          .kind = identity.kind,
                          .ns = identity.ns,
                          .name = identity.name,
                          .generate_name = identity.generate_name,
                          .row = row};
  if (!read_metadata(&r, object, &made) ||
      !read_object(&r, object, row, (struct str){NULL, 0}, 1, 1))
    return false;
  made.templates = r.templates.items;
  made.template_count = r.templates.count;
  made.deadlines = r.deadlines.items;
  made.deadline_count = r.deadlines.count;
  made.ttl_path = ttl_path(object);
  *ret = made;
  return true;
}
