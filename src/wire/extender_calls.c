/* SPDX-License-Identifier: Apache-2.0 */
/* ExtenderBindingArgs and ExtenderPreemptionArgs: small enough to be trees. */
#include "wire_internal.h"

#include <stdlib.h>

enum { NODES_MAX = 50000, TREE_BYTES = 32 << 10 };

static bool parse(struct arena *arena, struct str body, const char *name,
                  const struct doc_node **ret, struct err *reterr) {
  struct trail here = {NULL, str_of(name), 0};
  if (!doc_parse_json(arena, body, &doc_limits_review, ret, reterr))
    return false;
  return (*ret)->kind == DOC_MAPPING || wire_wrong_type(&here, *ret, "a mapping", reterr);
}

/* `parent` is what `up` leads to. */
static bool required_id(const struct doc_node *parent, const char *name, const struct trail *up,
                        size_t max, struct str *ret, struct err *reterr) {
  struct trail here = {up, str_of(name), 0};
  const struct doc_node *child = doc_get_lit(parent, name);
  return wire_child_id(parent, name, up, max, ret, reterr) &&
         (ret->len > 0 || wire_invalid(&here, child ? child : parent, reterr, "is missing"));
}

bool wire_binding_read(struct arena *arena, struct str body, struct wire_binding *ret,
                       struct err *reterr) {
  const struct doc_node *root;
  struct wire_binding made;
  if (!parse(arena, body, "ExtenderBindingArgs", &root, reterr) ||
      !required_id(root, "PodName", NULL, WIRE_NAME_MAX, &made.pod_name, reterr) ||
      !required_id(root, "PodNamespace", NULL, WIRE_NAMESPACE_MAX, &made.pod_ns, reterr) ||
      !required_id(root, "PodUID", NULL, WIRE_NAME_MAX, &made.pod_uid, reterr) ||
      !required_id(root, "Node", NULL, WIRE_NAME_MAX, &made.node, reterr))
    return false;
  *ret = made;
  return true;
}

/* ---- preemption -------------------------------------------------------------------------- */

struct victims_reader {
  const struct keeper *keeper;
  bool is_meta;
  struct err *err;
};

/* A victim's uid: its own field in the short form, its metadata's in the other. */
static bool read_uid(const struct victims_reader *r, const struct doc_node *victim,
                     const struct trail *trail, struct str *ret) {
  const struct doc_node *holder = victim;
  struct trail at_metadata = {trail, STR_LIT("metadata"), 0};
  const struct trail *up = r->is_meta ? trail : &at_metadata;
  const char *name = r->is_meta ? "UID" : "uid";
  if (victim->kind != DOC_MAPPING)
    return wire_wrong_type(trail, victim, "a mapping", r->err);
  if ((!r->is_meta && !wire_child(victim, "metadata", DOC_MAPPING, trail, &holder, r->err)) ||
      !required_id(holder ? holder : victim, name, up, WIRE_NAME_MAX, ret, r->err))
    return false;
  *ret = wire_keep(r->keeper, *ret);
  return true;
}

static bool read_victims(const struct victims_reader *r, const struct doc_node *node,
                         const struct trail *trail, struct wire_victims *ret) {
  const struct doc_node *pods;
  struct trail at_pods = {trail, STR_LIT("Pods"), 0};
  if (node->kind == DOC_NULL) /* a nil pointer in Go: nobody has to go */
    return true;
  if (node->kind != DOC_MAPPING)
    return wire_wrong_type(trail, node, "a mapping", r->err);
  if (!wire_child(node, "Pods", DOC_SEQUENCE, trail, &pods, r->err) ||
      !wire_child_number(node, "NumPDBViolations", trail, 0, INT64_MAX, &ret->pdb_violations,
                         r->err))
    return false;
  if (!pods || pods->count == 0)
    return true;
  struct str *uids = arena_array(r->keeper->arena, pods->count, sizeof(*uids));
  for (uint32_t i = 0; i < pods->count; i++) {
    struct trail item = {&at_pods, {NULL, 0}, i};
    if (!read_uid(r, &pods->items[i], &item, &uids[i]))
      return false;
  }
  ret->uids = uids;
  ret->uid_count = pods->count;
  return true;
}

static int compare_pairs(const void *a, const void *b) {
  const struct doc_pair *x = *(const struct doc_pair *const *)a;
  const struct doc_pair *y = *(const struct doc_pair *const *)b;
  int order = str_cmp(x->key, y->key);
  return order ? order : (x > y) - (x < y);
}

/* By node, which is how Go writes a map; of two equal keys the last one counts. */
static const struct doc_pair **sorted_pairs(struct arena *scratch, const struct doc_node *mapping,
                                            size_t *ret_count) {
  const struct doc_pair **pairs = arena_array(scratch, mapping->count, sizeof(*pairs));
  size_t count = 0;
  for (uint32_t i = 0; i < mapping->count; i++)
    pairs[i] = &mapping->pairs[i];
  if (mapping->count)
    qsort(pairs, mapping->count, sizeof(*pairs), compare_pairs);
  for (uint32_t i = 0; i < mapping->count; i++)
    if (i + 1 == mapping->count || !str_eq(pairs[i]->key, pairs[i + 1]->key))
      pairs[count++] = pairs[i];
  *ret_count = count;
  return pairs;
}

static bool read_nodes(const struct victims_reader *r, struct arena *scratch,
                       const struct doc_node *mapping, const struct trail *trail,
                       struct wire_preemption_args *ret) {
  size_t count;
  const struct doc_pair **pairs = sorted_pairs(scratch, mapping, &count);
  if (count > NODES_MAX)
    return err_set_at(r->err, ERR_LIMIT, mapping->line, mapping->column, "%.*s: more than %d nodes",
                      STR_FMT(trail->name), NODES_MAX);
  struct wire_victims *nodes = arena_array(r->keeper->arena, count, sizeof(*nodes));
  for (size_t i = 0; i < count; i++) {
    struct trail here = {trail, pairs[i]->key, 0};
    nodes[i].node = wire_keep(r->keeper, pairs[i]->key);
    if (!read_victims(r, &pairs[i]->value, &here, &nodes[i]))
      return false;
  }
  ret->nodes = nodes;
  ret->node_count = count;
  return true;
}

bool wire_preemption_args_read(struct arena *arena, struct str body,
                               struct wire_preemption_args *ret, struct err *reterr) {
  CLEANUP_ARENA struct arena *scratch = arena_new(TREE_BYTES);
  const struct keeper keeper = {arena, body};
  struct trail at_pod = {NULL, STR_LIT("Pod"), 0},
               at_full = {NULL, STR_LIT("NodeNameToVictims"), 0};
  struct trail at_meta = {NULL, STR_LIT("NodeNameToMetaVictims"), 0};
  const struct doc_node *root, *pod, *full, *meta;
  struct wire_preemption_args made = {0};
  if (!parse(scratch, body, "ExtenderPreemptionArgs", &root, reterr) ||
      !wire_child(root, "Pod", DOC_MAPPING, NULL, &pod, reterr) ||
      !wire_child(root, "NodeNameToVictims", DOC_MAPPING, NULL, &full, reterr) ||
      !wire_child(root, "NodeNameToMetaVictims", DOC_MAPPING, NULL, &meta, reterr))
    return false;
  if (!pod)
    return wire_invalid(&at_pod, root, reterr, "is missing");
  if (!full && !meta)
    return wire_invalid(
        NULL, root, reterr,
        "NodeNameToVictims and NodeNameToMetaVictims are both null: there is nothing "
        "to choose from");
  if (full && meta)
    return wire_invalid(NULL, meta, reterr,
                        "both NodeNameToVictims and NodeNameToMetaVictims, one was expected");
  if (!wire_pod_read_tree(&keeper, scratch, pod, &made.pod, reterr))
    return err_wrap(reterr, "Pod");
  const struct victims_reader r = {&keeper, meta != NULL, reterr};
  if ((meta && !read_nodes(&r, scratch, meta, &at_meta, &made)) ||
      (full && !read_nodes(&r, scratch, full, &at_full, &made)))
    return false;
  *ret = made;
  return true;
}
