/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded cluster: what `kubectl get nodes,namespaces,pods -A -o json` printed. */
#include "wire_internal.h"

#include <stdlib.h>

struct cluster_reader {
  struct keeper keeper;
  struct arena *scratch;
  struct node *nodes;
  size_t node_count, node_cap;
  struct k8s_namespace *namespaces;
  size_t ns_count, ns_cap;
  struct pod *pods;
  size_t pod_count, pod_cap;
  bool wants_pods;
  bool has_nodes, has_namespaces, has_pods;
};

static void cluster_reader_done(struct cluster_reader *r) {
  free(r->nodes);
  free(r->namespaces);
  free(r->pods);
  arena_free(r->scratch);
}

static void *grow(void *list, size_t *cap, size_t count, size_t size) {
  if (count < *cap)
    return list;
  *cap = *cap ? *cap * 2 : 64;
  return mem_realloc(list, *cap * size);
}

/* The list in the arena, as long as it is. */
static void *settle(struct arena *arena, const void *list, size_t count, size_t size) {
  void *made = arena_array(arena, count, size);
  if (count)
    memcpy(made, list, count * size);
  return made;
}

static bool read_node(struct cluster_reader *r, const struct doc_node *object, struct err *reterr) {
  struct node made;
  if (!wire_node_decode(&r->keeper, object, &made, reterr))
    return false;
  r->nodes = grow(r->nodes, &r->node_cap, r->node_count, sizeof(*r->nodes));
  r->nodes[r->node_count++] = made;
  return true;
}

static bool read_namespace(struct cluster_reader *r, const struct doc_node *object,
                           struct err *reterr) {
  struct k8s_namespace made;
  if (!wire_namespace_decode(&r->keeper, object, &made, reterr))
    return false;
  r->namespaces = grow(r->namespaces, &r->ns_cap, r->ns_count, sizeof(*r->namespaces));
  r->namespaces[r->ns_count++] = made;
  return true;
}

static bool read_pod(struct cluster_reader *r, const struct doc_node *object, struct err *reterr) {
  struct pod made = {0};
  arena_reset(r->scratch);
  if (!wire_pod_decode(&r->keeper, r->scratch, object, &made, reterr))
    return false;
  r->pods = grow(r->pods, &r->pod_cap, r->pod_count, sizeof(*r->pods));
  r->pods[r->pod_count++] = made;
  return true;
}

/* One object; items of a typed list carry no kind of their own. */
static bool read_object(struct cluster_reader *r, const struct doc_object *object,
                        struct err *reterr) {
  struct str kind = doc_text_at(object->node, "kind"), list = object->list_kind;
  if (kind.len == 0 && str_ends_with(list, STR_LIT("List")))
    kind = (struct str){list.ptr, list.len - strlen("List")};
  r->has_nodes |= str_is(kind, "Node");
  r->has_namespaces |= str_is(kind, "Namespace");
  r->has_pods |= str_is(kind, "Pod");
  if (!object->node || doc_is(doc_get_lit(object->node, "items"), DOC_SEQUENCE))
    return true; /* a list in a list is nothing that kubectl prints */
  if (str_is(kind, "Node"))
    return read_node(r, object->node, reterr);
  if (str_is(kind, "Namespace"))
    return read_namespace(r, object->node, reterr);
  return !r->wants_pods || !str_is(kind, "Pod") || read_pod(r, object->node, reterr);
}

static bool on_object(void *context, const struct doc_object *object, struct err *reterr) {
  if (read_object(context, object, reterr))
    return true;
  return object->is_item ? err_wrap(reterr, "items[%zu]", object->index) : false;
}

static bool decode(struct arena *arena, struct str text, bool wants_pods, struct cluster *ret,
                   struct err *reterr) {
  SG_CLEANUP(cluster_reader_done)
  struct cluster_reader r = {
      .keeper = {arena, text}, .scratch = arena_new(16 * 1024), .wants_pods = wants_pods};
  if (!doc_each_object(text, &doc_limits_cluster, on_object, &r, reterr))
    return false;
  if (!r.has_nodes && !r.has_namespaces)
    return err_set_at(reterr, ERR_INVALID, 1, 1,
                      wants_pods ? "no nodes are in here; record a cluster with `kubectl get "
                                   "nodes,pods -A -o json`"
                                 : "neither nodes nor namespaces are in here; record a cluster "
                                   "with `kubectl get nodes,namespaces -o json`");
  nodes_sort(r.nodes, r.node_count);
  namespaces_sort(r.namespaces, r.ns_count);
  pods_sort(r.pods, r.pod_count);
  *ret = (struct cluster){
      .nodes = settle(arena, r.nodes, r.node_count, sizeof(*r.nodes)),
      .node_count = r.node_count,
      .namespaces = settle(arena, r.namespaces, r.ns_count, sizeof(*r.namespaces)),
      .namespace_count = r.ns_count,
      .pods = settle(arena, r.pods, r.pod_count, sizeof(*r.pods)),
      .pod_count = r.pod_count,
      .has_nodes = r.has_nodes,
      .has_namespaces = r.has_namespaces,
      .has_pods = r.has_pods && wants_pods,
  };
  return true;
}

bool wire_cluster_decode(struct arena *arena, struct str text, struct cluster *ret,
                         struct err *reterr) {
  return decode(arena, text, false, ret, reterr);
}

bool wire_cluster_decode_pods(struct arena *arena, struct str text, struct cluster *ret,
                              struct err *reterr) {
  return decode(arena, text, true, ret, reterr);
}
