/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded cluster: what `kubectl get nodes,namespaces -A -o json` printed. */
#include "wire_internal.h"

#include <stdlib.h>

struct cluster_reader {
  struct arena *arena;
  struct node *nodes;
  size_t node_count, node_cap;
  struct k8s_namespace *namespaces;
  size_t ns_count, ns_cap;
  bool has_nodes, has_namespaces;
  struct err *err;
};

static void cluster_reader_done(struct cluster_reader *r) {
  free(r->nodes);
  free(r->namespaces);
}

static void *grow(void *list, size_t *cap, size_t count, size_t size) {
  if (count < *cap)
    return list;
  *cap = *cap ? *cap * 2 : 64;
  return mem_realloc(list, *cap * size);
}

static bool read_taints(struct cluster_reader *r, const struct doc_node *spec,
                        const struct trail *trail, struct node *ret) {
  const struct doc_node *list;
  if (!wire_child(spec, "taints", DOC_SEQUENCE, trail, &list, r->err))
    return false;
  if (!list || list->count == 0)
    return true;
  struct taint *taints = arena_array(r->arena, list->count, sizeof(*taints));
  for (uint32_t i = 0; i < list->count; i++) {
    taints[i].key = doc_text_at(&list->items[i], "key");
    taints[i].value = doc_text_at(&list->items[i], "value");
    if (!wire_taint_effect(doc_text_at(&list->items[i], "effect"), &taints[i].effect))
      taints[i].effect = EFFECT_ANY;
  }
  ret->taints = taints;
  ret->taint_count = list->count;
  return true;
}

static bool read_node(struct cluster_reader *r, const struct doc_node *object) {
  const struct doc_node *metadata, *spec, *status;
  struct trail at_metadata = {NULL, STR_LIT("metadata"), 0};
  struct trail at_spec = {NULL, STR_LIT("spec"), 0};
  struct trail at_status = {NULL, STR_LIT("status"), 0};
  struct node made = {0};
  if (!wire_child(object, "metadata", DOC_MAPPING, NULL, &metadata, r->err) ||
      !wire_child(object, "spec", DOC_MAPPING, NULL, &spec, r->err) ||
      !wire_child(object, "status", DOC_MAPPING, NULL, &status, r->err) ||
      !wire_child_text(metadata, "name", &at_metadata, &made.name, r->err) ||
      !wire_child_pairs(r->arena, metadata, "labels", &at_metadata, &made.labels, &made.label_count,
                        r->err) ||
      !read_taints(r, spec, &at_spec, &made) ||
      !wire_amounts_decode(r->arena, status, "allocatable", &at_status, &made.allocatable,
                           &made.allocatable_count, r->err))
    return false;
  made.is_unschedulable = doc_is_true(doc_get_lit(spec, "unschedulable"));
  r->nodes = grow(r->nodes, &r->node_cap, r->node_count, sizeof(*r->nodes));
  r->nodes[r->node_count++] = made;
  return true;
}

static bool read_namespace(struct cluster_reader *r, const struct doc_node *object) {
  const struct doc_node *metadata;
  struct trail here = {NULL, STR_LIT("metadata"), 0};
  struct k8s_namespace made = {0};
  if (!wire_child(object, "metadata", DOC_MAPPING, NULL, &metadata, r->err) ||
      !wire_child_text(metadata, "name", &here, &made.name, r->err) ||
      !wire_child_pairs(r->arena, metadata, "labels", &here, &made.labels, &made.label_count,
                        r->err))
    return false;
  r->namespaces = grow(r->namespaces, &r->ns_cap, r->ns_count, sizeof(*r->namespaces));
  r->namespaces[r->ns_count++] = made;
  return true;
}

/* One object; items of a typed list carry no kind of their own. */
static bool read_object(struct cluster_reader *r, const struct doc_node *object,
                        struct str list_kind) {
  struct str kind = doc_text_at(object, "kind");
  if (kind.len == 0)
    kind = list_kind;
  const struct doc_node *items = doc_get_lit(object, "items");
  if (doc_is(items, DOC_SEQUENCE)) {
    struct str of = str_ends_with(kind, STR_LIT("List")) ? (struct str){kind.ptr, kind.len - 4}
                                                         : (struct str){NULL, 0};
    r->has_nodes |= str_is(of, "Node");
    r->has_namespaces |= str_is(of, "Namespace");
    for (uint32_t i = 0; i < items->count; i++) {
      if (doc_is(doc_get_lit(&items->items[i], "items"), DOC_SEQUENCE))
        continue; /* a list in a list is nothing that kubectl prints */
      if (!read_object(r, &items->items[i], of))
        return err_wrap(r->err, "items[%u]", i);
    }
    return true;
  }
  if (str_is(kind, "Node")) {
    r->has_nodes = true;
    return read_node(r, object);
  }
  if (str_is(kind, "Namespace")) {
    r->has_namespaces = true;
    return read_namespace(r, object);
  }
  return true;
}

static int compare_namespaces(const void *a, const void *b) {
  return str_cmp(((const struct k8s_namespace *)a)->name, ((const struct k8s_namespace *)b)->name);
}

static int compare_nodes(const void *a, const void *b) {
  return str_cmp(((const struct node *)a)->name, ((const struct node *)b)->name);
}

bool wire_cluster_decode(struct arena *arena, struct str text, struct cluster *ret,
                         struct err *reterr) {
  struct doc_stream stream;
  if (!doc_parse_manifest(arena, text, &doc_limits_cluster, &stream, reterr))
    return false;
  SG_CLEANUP(cluster_reader_done) struct cluster_reader r = {.arena = arena, .err = reterr};
  for (size_t i = 0; i < stream.count; i++) {
    if (!read_object(&r, stream.documents[i], (struct str){NULL, 0}))
      return false;
  }
  if (!r.has_nodes && !r.has_namespaces)
    return err_set_at(reterr, ERR_INVALID, 1, 1,
                      "neither nodes nor namespaces are in here; record a cluster with `kubectl "
                      "get nodes,namespaces -o json`");
  struct node *nodes = arena_array(arena, r.node_count, sizeof(*nodes));
  if (r.node_count)
    memcpy(nodes, r.nodes, r.node_count * sizeof(*nodes));
  qsort(nodes, r.node_count, sizeof(*nodes), compare_nodes);
  struct k8s_namespace *namespaces = arena_array(arena, r.ns_count, sizeof(*namespaces));
  if (r.ns_count)
    memcpy(namespaces, r.namespaces, r.ns_count * sizeof(*namespaces));
  qsort(namespaces, r.ns_count, sizeof(*namespaces), compare_namespaces);
  *ret = (struct cluster){.nodes = nodes,
                          .node_count = r.node_count,
                          .namespaces = namespaces,
                          .namespace_count = r.ns_count,
                          .has_nodes = r.has_nodes,
                          .has_namespaces = r.has_namespaces};
  return true;
}
