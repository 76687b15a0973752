/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that would do and are closed by a taint, a cordon, or one thing that the pod selects by. */
#include "src/explain/explain_internal.h"

/* ---- taints ------------------------------------------------------------------------------ */

static bool is_tolerated(const struct pod *pod, const struct taint *taint) {
  for (size_t i = 0; i < pod->constraints.toleration_count; i++)
    if (toleration_tolerates(&pod->constraints.tolerations[i], taint))
      return true;
  return false;
}

/* Nodes that are not ready yet or about to go are tainted by Kubernetes, by what scales them and
 * by agents that start: nobody should want to be there. */
static bool is_of_lifecycle(const struct taint *taint) {
  static const char *const prefixes[] = {
      "node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "node.cluster.x-k8s.io/",
      "karpenter.sh/",       "aws-node-termination-handler/",     "ToBeDeletedByClusterAutoscaler"};
  static const char *const suffixes[] = {"/agent-not-ready", "/impending-node-termination"};
  for (size_t i = 0; i < SG_ARRAY_LEN(prefixes); i++)
    if (str_starts_with(taint->key, str_of(prefixes[i])))
      return true;
  for (size_t i = 0; i < SG_ARRAY_LEN(suffixes); i++)
    if (str_ends_with(taint->key, str_of(suffixes[i])))
      return true;
  return false;
}

/* What it takes to be let in. */
struct entry {
  struct toleration tolerations[EXPLAIN_TOLERATIONS];
  size_t count;
  bool is_cordoned; /* and nothing else than tolerations and an end of the cordon helps */
};

static bool read_entry(const struct inquiry *q, const struct node *node, struct entry *ret) {
  *ret = (struct entry){.is_cordoned = node->is_unschedulable};
  for (size_t i = 0; i < node->taint_count; i++) {
    const struct taint *taint = &node->taints[i];
    bool is_hard = taint->effect == EFFECT_NO_SCHEDULE || taint->effect == EFFECT_NO_EXECUTE;
    if (!is_hard || is_tolerated(&q->pod, taint))
      continue;
    if (str_is(taint->key, EXPLAIN_CORDON_KEY)) {
      ret->is_cordoned = true;
      continue;
    }
    if (is_of_lifecycle(taint) || ret->count == EXPLAIN_TOLERATIONS)
      return false;
    ret->tolerations[ret->count++] = (struct toleration){.key = taint->key,
                                                         .value = taint->value,
                                                         .is_exists = taint->value.len == 0,
                                                         .effect = taint->effect};
  }
  return true;
}

static struct pod with_tolerations(struct inquiry *q, const struct toleration *added,
                                   size_t count) {
  struct pod changed = q->pod;
  size_t before = changed.constraints.toleration_count;
  struct toleration *all = arena_array(q->scratch, before + count, sizeof(*all));
  if (before)
    memcpy(all, changed.constraints.tolerations, before * sizeof(*all));
  memcpy(all + before, added, count * sizeof(*all));
  changed.constraints.tolerations = all;
  changed.constraints.toleration_count = before + count;
  return changed;
}

static bool has_same(const struct entry *a, const struct entry *b) {
  if (a->count != b->count)
    return false;
  for (size_t i = 0; i < a->count; i++)
    if (!str_eq(a->tolerations[i].key, b->tolerations[i].key) ||
        !str_eq(a->tolerations[i].value, b->tolerations[i].value) ||
        a->tolerations[i].effect != b->tolerations[i].effect)
      return false;
  return true;
}

static struct str toleration_text(struct arena *arena, const struct toleration *t) {
  return str_printf(arena, "%.*s%s%.*s:%s", STR_FMT(t->key), t->value.len ? "=" : "",
                    STR_FMT(t->value), t->effect == EFFECT_NO_EXECUTE ? "NoExecute" : "NoSchedule");
}

static void add_toleration(struct inquiry *q, const struct entry *entry, size_t node,
                           size_t node_count) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  buf_printf(&text, "add the toleration%s ", entry->count == 1 ? "" : "s");
  for (size_t i = 0; i < entry->count; i++)
    buf_printf(&text, "%s%.*s", i ? ", " : "",
               STR_FMT(toleration_text(q->scratch, &entry->tolerations[i])));
  struct explain_change change = {.kind = EXPLAIN_TOLERATE,
                                  .text = str_copy(q->arena, buf_str(&text)),
                                  .node = node,
                                  .node_count = node_count,
                                  .toleration_count = entry->count};
  change.stable = change.text;
  memcpy(change.tolerations, entry->tolerations, sizeof(change.tolerations));
  explain_add_change(q, &change);
}

/* A cordon that the pod would tolerate is none: what is left is the same as without it. */
static void try_uncordon(struct inquiry *q) {
  const struct toleration cordon = {.key = STR_LIT(EXPLAIN_CORDON_KEY), .is_exists = true};
  struct pod changed = with_tolerations(q, &cordon, 1);
  size_t node, count;
  if (!explain_try(q, &changed, PACK_BLOCK_TAINT, &node, &count))
    return;
  struct explain_change change = {
      .kind = EXPLAIN_UNCORDON,
      .text = str_printf(q->arena, "uncordon %.*s", STR_FMT(q->scene->cluster->nodes[node].name)),
      .stable = STR_LIT("uncordon a node"),
      .node = node,
      .node_count = 1};
  explain_add_change(q, &change);
}

/* The fewest tolerations, then those that open the most nodes, then the first. */
void explain_find_tolerations(struct inquiry *q) {
  enum { ENTRIES_MAX = 64 };
  struct entry tried[ENTRIES_MAX], best = {0};
  size_t tried_count = 0, best_node = 0, best_count = 0;
  bool has_cordoned = false;
  for (size_t n = 0; n < q->answer->node_count; n++) {
    struct entry entry;
    if (q->verdicts[n].blocks != PACK_BLOCK_TAINT ||
        !read_entry(q, &q->scene->cluster->nodes[n], &entry))
      continue;
    if (entry.is_cordoned) {
      has_cordoned |= entry.count == 0;
      continue;
    }
    bool is_known = false;
    for (size_t i = 0; i < tried_count && !is_known; i++)
      is_known = has_same(&tried[i], &entry);
    if (is_known || tried_count == ENTRIES_MAX)
      continue;
    tried[tried_count++] = entry;
    struct pod changed = with_tolerations(q, entry.tolerations, entry.count);
    size_t node, count;
    if ((best.count == 0 || entry.count <= best.count) &&
        explain_try(q, &changed, PACK_BLOCK_TAINT, &node, &count) &&
        (best.count == 0 || entry.count < best.count || count > best_count)) {
      best = entry;
      best_node = node;
      best_count = count;
    }
  }
  if (best.count)
    add_toleration(q, &best, best_node, best_count);
  if (has_cordoned)
    try_uncordon(q);
}

/* ---- selectors --------------------------------------------------------------------------- */

static struct str requirement_text(struct arena *arena, const struct node_requirement *r) {
  static const char *const operators[] = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"};
  enum { VALUES_SHOWN = 3 };
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  buf_printf(&text, "%.*s %s", STR_FMT(r->key), operators[r->op]);
  for (size_t i = 0; i < r->value_count && i < VALUES_SHOWN; i++)
    buf_printf(&text, "%s%.*s", i ? ", " : " (", STR_FMT(r->values[i]));
  if (r->value_count)
    buf_append_cstr(&text, r->value_count > VALUES_SHOWN ? ", ...)" : ")");
  return str_copy(arena, buf_str(&text));
}

struct best_drop {
  struct str what, path;
  size_t node, count;
};

static void try_drop(struct inquiry *q, const struct pod *changed, struct str what, struct str path,
                     struct best_drop *best) {
  size_t node, count;
  if (!explain_try(q, changed, PACK_BLOCK_SELECTOR, &node, &count) || count <= best->count)
    return;
  *best = (struct best_drop){what, path, node, count};
}

static void try_node_selector(struct inquiry *q, struct best_drop *best) {
  size_t count = q->pod.constraints.node_selector_count;
  for (size_t i = 0; i < count; i++) {
    const struct key_value *pair = &q->pod.constraints.node_selector[i];
    struct key_value *rest = arena_array(q->scratch, count, sizeof(*rest));
    struct pod changed = q->pod;
    memcpy(rest, q->pod.constraints.node_selector, i * sizeof(*rest));
    memcpy(rest + i, pair + 1, (count - i - 1) * sizeof(*rest));
    changed.constraints.node_selector = rest;
    changed.constraints.node_selector_count = count - 1;
    try_drop(
        q, &changed,
        str_printf(q->scratch, "node selector %.*s=%.*s", STR_FMT(pair->key), STR_FMT(pair->value)),
        str_printf(q->scratch, "nodeSelector[%.*s]", STR_FMT(pair->key)), best);
  }
}

/* A term without requirements selects nothing: with its last one the whole affinity goes. */
static struct pod without_requirement(struct inquiry *q, size_t term, bool is_field, size_t item) {
  struct pod changed = q->pod;
  size_t count = changed.constraints.affinity_term_count;
  struct node_selector_term *terms = arena_array(q->scratch, count, sizeof(*terms));
  memcpy(terms, q->pod.constraints.affinity_terms, count * sizeof(*terms));
  struct node_selector_term *at = &terms[term];
  const struct node_requirement *from = is_field ? at->fields : at->requirements;
  size_t *of = is_field ? &at->field_count : &at->requirement_count;
  struct node_requirement *rest = arena_array(q->scratch, *of, sizeof(*rest));
  memcpy(rest, from, item * sizeof(*rest));
  memcpy(rest + item, from + item + 1, (*of - item - 1) * sizeof(*rest));
  (*of)--;
  if (is_field)
    at->fields = rest;
  else
    at->requirements = rest;
  changed.constraints.affinity_terms = terms;
  if (at->field_count + at->requirement_count == 0)
    changed.constraints.affinity_term_count = 0;
  return changed;
}

static void try_affinity(struct inquiry *q, struct best_drop *best) {
  enum { DROPS_MAX = 64 };
  size_t tries = 0;
  for (size_t t = 0; t < q->pod.constraints.affinity_term_count; t++) {
    const struct node_selector_term *term = &q->pod.constraints.affinity_terms[t];
    for (size_t i = 0; i < term->requirement_count + term->field_count; i++) {
      bool is_field = i >= term->requirement_count;
      size_t item = is_field ? i - term->requirement_count : i;
      const struct node_requirement *r = is_field ? &term->fields[item] : &term->requirements[item];
      if (tries++ == DROPS_MAX)
        return;
      struct pod changed = without_requirement(q, t, is_field, item);
      try_drop(q, &changed,
               str_printf(q->scratch, "node affinity requirement %.*s",
                          STR_FMT(requirement_text(q->scratch, r))),
               str_printf(q->scratch,
                          "affinity.nodeAffinity."
                          "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[%zu]."
                          "%s[%zu]",
                          t, is_field ? "matchFields" : "matchExpressions", item),
               best);
    }
  }
}

void explain_find_selectors(struct inquiry *q) {
  struct best_drop best = {0};
  try_node_selector(q, &best);
  try_affinity(q, &best);
  if (best.count == 0)
    return;
  struct explain_change change = {.kind = EXPLAIN_UNSELECT,
                                  .text = str_printf(q->arena, "drop the %.*s", STR_FMT(best.what)),
                                  .node = best.node,
                                  .node_count = best.count,
                                  .dropped = str_copy(q->arena, best.path)};
  change.stable = change.text;
  explain_add_change(q, &change);
}
