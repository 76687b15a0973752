/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single objects, as a watch brings them. Each is a tree for a moment only: what stays is what
 * is read of it, so a caller may gather many in one arena.
 */
#include "wire_internal.h"

enum { TREE_BYTES = 32 << 10 };

/* A mapping with a name. Its kind is the caller's to know: items of a list do not say it. */
static bool check_object(const struct doc_node *object, struct err *reterr) {
  struct trail at_metadata = {NULL, STR_LIT("metadata"), 0};
  struct trail at_name = {&at_metadata, STR_LIT("name"), 0};
  const struct doc_node *metadata;
  struct str name;
  if (object->kind != DOC_MAPPING)
    return wire_wrong_type(NULL, object, "a mapping", reterr);
  if (!wire_child(object, "metadata", DOC_MAPPING, NULL, &metadata, reterr) ||
      !wire_child_text(metadata, "name", &at_metadata, &name, reterr))
    return false;
  return name.len > 0 || wire_invalid(&at_name, metadata ? metadata : object, reterr, "is missing");
}

static bool parse(struct arena *scratch, struct str json, const struct doc_node **ret,
                  struct err *reterr) {
  return doc_parse_json(scratch, json, &doc_limits_review, ret, reterr) &&
         check_object(*ret, reterr);
}

bool wire_node_read(struct arena *arena, struct str json, struct node *ret, struct err *reterr) {
  CLEANUP_ARENA struct arena *scratch = arena_new(TREE_BYTES);
  const struct keeper keeper = {arena, json};
  const struct doc_node *object;
  return parse(scratch, json, &object, reterr) && wire_node_decode(&keeper, object, ret, reterr);
}

bool wire_namespace_read(struct arena *arena, struct str json, struct k8s_namespace *ret,
                         struct err *reterr) {
  CLEANUP_ARENA struct arena *scratch = arena_new(TREE_BYTES);
  const struct keeper keeper = {arena, json};
  const struct doc_node *object;
  return parse(scratch, json, &object, reterr) &&
         wire_namespace_decode(&keeper, object, ret, reterr);
}

/* ---- pods -------------------------------------------------------------------------------- */

static bool check_known_by(const struct doc_node *object, struct err *reterr) {
  struct trail at_metadata = {NULL, STR_LIT("metadata"), 0};
  const struct doc_node *metadata = doc_get_lit(object, "metadata");
  struct str text;
  return wire_child_id(metadata, "name", &at_metadata, WIRE_NAME_MAX, &text, reterr) &&
         wire_child_id(metadata, "namespace", &at_metadata, WIRE_NAMESPACE_MAX, &text, reterr) &&
         wire_child_id(metadata, "uid", &at_metadata, WIRE_NAME_MAX, &text, reterr);
}

bool wire_pod_read_tree(const struct keeper *keeper, struct arena *scratch,
                        const struct doc_node *object, struct pod *ret, struct err *reterr) {
  struct trail at_metadata = {NULL, STR_LIT("metadata"), 0};
  struct str version;
  if (!check_object(object, reterr) || !check_known_by(object, reterr) ||
      !wire_child_text(doc_get_lit(object, "metadata"), "resourceVersion", &at_metadata, &version,
                       reterr) ||
      !wire_pod_decode(keeper, scratch, object, ret, reterr))
    return false;
  ret->resource_version = wire_keep(keeper, version);
  return true;
}

bool wire_pod_read(struct arena *arena, struct str json, struct pod *ret, struct err *reterr) {
  return wire_pod_read_part(arena, json, json, ret, reterr);
}

static void move_position(struct str text, struct str part, struct err *err) {
  unsigned lines = 0;
  const char *line_start = text.ptr;
  for (const char *c = text.ptr; c < part.ptr; c++) {
    if (*c == '\n') {
      lines++;
      line_start = c + 1;
    }
  }
  if (err->line == 1)
    err->column += (unsigned)(part.ptr - line_start);
  if (err->line > 0)
    err->line += lines;
}

bool wire_pod_read_part(struct arena *arena, struct str text, struct str part, struct pod *ret,
                        struct err *reterr) {
  CLEANUP_ARENA struct arena *scratch = arena_new(TREE_BYTES);
  const struct keeper keeper = {arena, text};
  const struct doc_node *object;
  if (doc_parse_json(scratch, part, &doc_limits_review, &object, reterr) &&
      wire_pod_read_tree(&keeper, scratch, object, ret, reterr))
    return true;
  move_position(text, part, reterr);
  return false;
}

/* ---- dynamic resource allocation --------------------------------------------------------- */

/* Items of a list carry no kind: what a slice lists are its devices, a claim describes them. */
static bool is_claim(const struct doc_node *object, const struct doc_node *spec) {
  struct str kind = doc_text_at(object, "kind");
  return kind.len ? str_is(kind, "ResourceClaim")
                  : doc_is(doc_get_lit(spec, "devices"), DOC_MAPPING);
}

static bool count_allocated(const struct doc_node *object, size_t *ret, struct err *reterr) {
  struct trail at_status = {NULL, STR_LIT("status"), 0};
  struct trail at_allocation = {&at_status, STR_LIT("allocation"), 0};
  struct trail at_devices = {&at_allocation, STR_LIT("devices"), 0};
  const struct doc_node *status, *allocation, *devices, *results;
  if (!wire_child(object, "status", DOC_MAPPING, NULL, &status, reterr) ||
      !wire_child(status, "allocation", DOC_MAPPING, &at_status, &allocation, reterr) ||
      !wire_child(allocation, "devices", DOC_MAPPING, &at_allocation, &devices, reterr) ||
      !wire_child(devices, "results", DOC_SEQUENCE, &at_devices, &results, reterr))
    return false;
  *ret = results ? results->count : 0;
  return true;
}

static bool read_slice(const struct doc_node *spec, struct wire_dra *ret, struct err *reterr) {
  struct trail at_spec = {NULL, STR_LIT("spec"), 0};
  const struct doc_node *devices;
  if (!wire_child_text(spec, "driver", &at_spec, &ret->driver, reterr) ||
      !wire_child_text(spec, "nodeName", &at_spec, &ret->node, reterr) ||
      !wire_child(spec, "devices", DOC_SEQUENCE, &at_spec, &devices, reterr))
    return false;
  ret->devices = devices ? devices->count : 0;
  return true;
}

bool wire_dra_read(struct arena *arena, struct str json, struct wire_dra *ret, struct err *reterr) {
  CLEANUP_ARENA struct arena *scratch = arena_new(TREE_BYTES);
  const struct keeper keeper = {arena, json};
  struct trail at_metadata = {NULL, STR_LIT("metadata"), 0};
  const struct doc_node *object, *metadata, *spec;
  struct wire_dra made = {0};
  if (!parse(scratch, json, &object, reterr) ||
      !wire_child(object, "metadata", DOC_MAPPING, NULL, &metadata, reterr) ||
      !wire_child(object, "spec", DOC_MAPPING, NULL, &spec, reterr) ||
      !wire_child_text(metadata, "name", &at_metadata, &made.name, reterr) ||
      !wire_child_text(metadata, "namespace", &at_metadata, &made.ns, reterr) ||
      !(is_claim(object, spec) ? count_allocated(object, &made.devices, reterr)
                               : read_slice(spec, &made, reterr)))
    return false;
  *ret = (struct wire_dra){.ns = wire_keep(&keeper, made.ns),
                           .name = wire_keep(&keeper, made.name),
                           .driver = wire_keep(&keeper, made.driver),
                           .node = wire_keep(&keeper, made.node),
                           .devices = made.devices};
  return true;
}
