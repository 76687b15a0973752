/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other pods: which to move, and which to wait for. On one node the fewest whose end would free
 * what is missing; before them come pods that are on their way out already, then those that end by
 * themselves.
 */
#include "src/explain/explain_internal.h"

#include <stdlib.h>

/* ---- moves ------------------------------------------------------------------------------- */

void explain_find_moves(struct inquiry *q) {
  const struct cluster *cluster = q->scene->cluster;
  struct pack_scene_moves found;
  struct explain_step steps[PACK_MOVES_MAX];
  if (!pack_scene_suggest(q->scene->scene, q->scene->scorer, &q->asked, &found))
    return;
  struct explain_change change = {
      .kind = EXPLAIN_MOVE, .node = found.node, .node_count = 1, .pod_count = found.move_count};
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  for (size_t i = 0; i < found.move_count; i++) {
    const struct pod *pod = &cluster->pods[found.moves[i].pod];
    steps[i] = (struct explain_step){found.moves[i].pod, found.moves[i].to};
    change.pods[i] = steps[i].pod;
    change.to[i] = steps[i].to;
    buf_printf(&text, "%s%.*s/%.*s from %.*s to %.*s", i ? " and " : "move ", STR_FMT(pod->ns),
               STR_FMT(pod->name), STR_FMT(pod->constraints.node_name),
               STR_FMT(cluster->nodes[steps[i].to].name));
  }
  if (!explain_try_steps(q, found.node, steps, found.move_count))
    return;
  change.text = str_copy(q->arena, buf_str(&text));
  change.stable = found.move_count == 1 ? STR_LIT("move a pod") : STR_LIT("move two pods");
  explain_add_change(q, &change);
}

/* ---- waiting: what is missing ------------------------------------------------------------ */

enum { LACKS_MAX = 8, HOLDERS_MAX = 4096, CLASSES = EXPLAIN_STAYS + 1 };

/* Of one resource of a node, in the unit that it is counted in. */
struct lack {
  struct str name;
  int64_t missing;
};

struct holder {
  size_t pod;
  int64_t holds[LACKS_MAX];
};

struct wait_set {
  size_t node;
  size_t pods[EXPLAIN_PODS];
  size_t count;
  int64_t size;     /* of what is scarcest: held by all of them */
  int32_t priority; /* the highest */
};

static int64_t amount_of(struct str name, struct quantity amount) {
  return str_is(name, "cpu") ? qty_milli_ceil(amount) : qty_units_ceil(amount);
}

static int64_t requested(const struct pod *pod, struct str name) {
  if (str_is(name, "pods"))
    return 1;
  for (size_t i = 0; i < pod->request_count; i++)
    if (str_eq(pod->requests[i].name, name))
      return amount_of(name, pod->requests[i].amount);
  return 0;
}

static int64_t left_on(const struct explain_scene *scene, size_t n, struct str name) {
  const struct node *node = &scene->cluster->nodes[n];
  const struct resource_amount *listed =
      amount_find(node->allocatable, node->allocatable_count, name);
  int64_t left = listed && listed->is_valid ? amount_of(name, listed->amount) : 0;
  for (size_t p = scene->pod_first[n]; p < scene->pod_last[n]; p++)
    if (!pod_is_over(&scene->cluster->pods[p]))
      left = i64_add_sat(left, -requested(&scene->cluster->pods[p], name));
  return left;
}

static bool add_lack(const struct inquiry *q, size_t n, struct str name, struct lack *lacks,
                     size_t *count) {
  int64_t missing = requested(&q->pod, name) - left_on(q->scene, n, name);
  if (missing <= 0)
    return true; /* counted otherwise there than here: trying it will tell */
  if (*count == LACKS_MAX)
    return false;
  lacks[(*count)++] = (struct lack){name, missing};
  return true;
}

/* The scarcest first: devices, then what else there is. False: something that nobody holds. */
static bool find_lacks(const struct inquiry *q, size_t n, struct lack *lacks, size_t *count) {
  const struct pack_verdict *verdict = &q->verdicts[n];
  const uint32_t held =
      PACK_BLOCK_DEVICES | PACK_BLOCK_CPU | PACK_BLOCK_MEMORY | PACK_BLOCK_OTHER | PACK_BLOCK_PODS;
  *count = 0;
  if (verdict->blocks == 0 || (verdict->blocks & ~held) ||
      ((verdict->blocks & PACK_BLOCK_DEVICES) && pack_reason_is_final(verdict->devices)))
    return false;
  bool has_room = true;
  if ((verdict->blocks & PACK_BLOCK_DEVICES) && explain_is_part_of_card(q))
    lacks[(*count)++] = (struct lack){q->asked.device, q->asked.device_count - verdict->card_left};
  else if (verdict->blocks & PACK_BLOCK_DEVICES)
    has_room = add_lack(q, n, q->asked.device, lacks, count);
  for (size_t i = 0; i < q->asked.other_count && has_room; i++)
    if (verdict->others >> i & 1)
      has_room = add_lack(q, n, q->asked.others[i].name, lacks, count);
  if (verdict->blocks & PACK_BLOCK_CPU)
    has_room = has_room && add_lack(q, n, STR_LIT("cpu"), lacks, count);
  if (verdict->blocks & PACK_BLOCK_MEMORY)
    has_room = has_room && add_lack(q, n, STR_LIT("memory"), lacks, count);
  if (verdict->blocks & PACK_BLOCK_PODS)
    has_room = has_room && add_lack(q, n, STR_LIT("pods"), lacks, count);
  return has_room && *count > 0;
}

/* ---- waiting: who holds it --------------------------------------------------------------- */

/* Kinds whose pods run to their end. */
static bool ends_by_itself(struct str controller) {
  static const char *const others[] = {"Workflow", "TaskRun", "PipelineRun", "SparkApplication"};
  for (size_t i = 0; i < SG_ARRAY_LEN(others); i++)
    if (str_is(controller, others[i]))
      return true;
  return str_ends_with(controller, STR_LIT("Job"));
}

enum explain_class explain_class_of(const struct pod *pod) {
  if (pod_is_over(pod))
    return EXPLAIN_HOLDS_NO;
  if (str_is(pod->controller, "DaemonSet") || str_is(pod->controller, "Node"))
    return EXPLAIN_RETURNS;
  if (pod->traits & POD_IS_DELETING)
    return EXPLAIN_IS_DELETING;
  return ends_by_itself(pod->controller) ? EXPLAIN_ENDS : EXPLAIN_STAYS;
}

static size_t list_holders(const struct inquiry *q, size_t n, const struct lack *lacks,
                           size_t lack_count, enum explain_class level, struct holder *ret) {
  const struct explain_scene *scene = q->scene;
  size_t count = 0;
  for (size_t p = scene->pod_first[n]; p < scene->pod_last[n] && count < HOLDERS_MAX; p++) {
    if (scene->pod_classes[p] > level)
      continue;
    const struct pod *pod = &scene->cluster->pods[p];
    struct holder *made = &ret[count];
    *made = (struct holder){.pod = p};
    bool is_some = false;
    for (size_t i = 0; i < lack_count; i++) {
      made->holds[i] = requested(pod, lacks[i].name);
      is_some |= made->holds[i] > 0;
    }
    count += is_some;
  }
  return count;
}

struct search {
  const struct inquiry *q;
  size_t node;
  struct lack lacks[LACKS_MAX];
  size_t lack_count;
  struct holder *holders;
  size_t holder_count;
};

static bool is_enough(const struct search *s, const bool *is_gone) {
  for (size_t i = 0; i < s->lack_count; i++) {
    int64_t freed = 0;
    for (size_t h = 0; h < s->holder_count; h++)
      freed = i64_add_sat(freed, is_gone[h] ? s->holders[h].holds[i] : 0);
    if (freed < s->lacks[i].missing)
      return false;
  }
  return true;
}

static bool is_pair_enough(const struct search *s, const struct holder *a, const struct holder *b) {
  for (size_t i = 0; i < s->lack_count; i++)
    if (i64_add_sat(a->holds[i], b ? b->holds[i] : 0) < s->lacks[i].missing)
      return false;
  return true;
}

static void add_to_set(const struct search *s, const struct holder *holder, struct wait_set *ret) {
  int32_t priority = s->q->scene->cluster->pods[holder->pod].priority;
  ret->size = i64_add_sat(ret->size, holder->holds[0]);
  ret->priority = ret->count == 0 || priority > ret->priority ? priority : ret->priority;
  ret->pods[ret->count++] = holder->pod;
}

/* Fewer pods, then less that they hold, then less important ones. */
static bool is_better(const struct wait_set *a, const struct wait_set *b) {
  if (b->count == 0 || a->count != b->count)
    return b->count == 0 || a->count < b->count;
  if (a->size != b->size)
    return a->size < b->size;
  return a->priority < b->priority;
}

static void try_small(const struct search *s, size_t pods, struct wait_set *best) {
  for (size_t a = 0; a < s->holder_count; a++) {
    for (size_t b = pods == 1 ? s->holder_count - 1 : a + 1; b < s->holder_count; b++) {
      const struct holder *other = pods == 1 ? NULL : &s->holders[b];
      if (!is_pair_enough(s, &s->holders[a], other))
        continue;
      struct wait_set made = {.node = s->node};
      add_to_set(s, &s->holders[a], &made);
      if (other)
        add_to_set(s, other, &made);
      if (is_better(&made, best))
        *best = made;
    }
  }
}

static int by_size(const void *a, const void *b) {
  const struct holder *x = a, *y = b;
  for (size_t i = 0; i < LACKS_MAX; i++)
    if (x->holds[i] != y->holds[i])
      return x->holds[i] > y->holds[i] ? -1 : 1;
  return x->pod < y->pod ? -1 : 1;
}

/* Three and more: the largest holders until it is enough, then without those that were needless. */
static void try_many(struct search *s, struct wait_set *best) {
  size_t gone = 0;
  qsort(s->holders, s->holder_count, sizeof(*s->holders), by_size);
  CLEANUP_FREE bool *is_gone = mem_zalloc(s->holder_count * sizeof(*is_gone));
  while (gone < s->holder_count && !is_enough(s, is_gone))
    is_gone[gone++] = true;
  if (!is_enough(s, is_gone))
    return;
  struct wait_set made = {.node = s->node};
  for (size_t h = gone; h-- > 0;) {
    is_gone[h] = false;
    is_gone[h] = !is_enough(s, is_gone);
  }
  for (size_t h = 0; h < gone; h++) {
    if (!is_gone[h])
      continue;
    if (made.count == EXPLAIN_PODS)
      return;
    add_to_set(s, &s->holders[h], &made);
  }
  if (is_better(&made, best))
    *best = made;
}

static void search_node(struct search *s, struct wait_set *best) {
  const struct wait_set none = {0};
  struct wait_set here = none;
  for (size_t pods = 1; pods <= 2 && here.count == 0; pods++)
    if (best->count == 0 || best->count >= pods)
      try_small(s, pods, &here);
  if (here.count == 0 && (best->count == 0 || best->count > 2))
    try_many(s, &here);
  if (here.count && is_better(&here, best))
    *best = here;
}

/* ---- waiting: what is said --------------------------------------------------------------- */

static const enum explain_change_kind wait_kinds[CLASSES] = {
    [EXPLAIN_IS_DELETING] = EXPLAIN_WAIT_DELETING,
    [EXPLAIN_ENDS] = EXPLAIN_WAIT,
    [EXPLAIN_STAYS] = EXPLAIN_WAIT_LONG,
};

static void add_wait(struct inquiry *q, const struct wait_set *set, enum explain_class level) {
  const struct cluster *cluster = q->scene->cluster;
  struct str node = cluster->nodes[set->node].name;
  struct explain_change change = {
      .kind = wait_kinds[level], .node = set->node, .node_count = 1, .pod_count = set->count};
  CLEANUP_BUF struct buf text;
  buf_init(&text, 16 * 1024);
  buf_append_cstr(&text, level == EXPLAIN_STAYS ? "stop " : "wait for ");
  for (size_t i = 0; i < set->count; i++) {
    const struct pod *pod = &cluster->pods[set->pods[i]];
    change.pods[i] = set->pods[i];
    buf_printf(&text, "%s%.*s/%.*s",
               i == 0               ? ""
               : i + 1 < set->count ? ", "
                                    : " and ",
               STR_FMT(pod->ns), STR_FMT(pod->name));
    if (level != EXPLAIN_IS_DELETING && pod->controller.len)
      buf_printf(&text, " (%.*s)", STR_FMT(pod->controller));
  }
  bool is_one = set->count == 1;
  buf_printf(&text, " on %.*s%s", STR_FMT(node),
             level == EXPLAIN_IS_DELETING
                 ? is_one ? ", which is being deleted" : ", which are being deleted"
             : level == EXPLAIN_ENDS ? " to end"
             : is_one                ? ", or wait for it to end"
                                     : ", or wait for them to end");
  change.text = str_copy(q->arena, buf_str(&text));
  change.stable = level == EXPLAIN_IS_DELETING ? STR_LIT("wait for pods that are being deleted")
                  : level == EXPLAIN_ENDS      ? STR_LIT("wait for a Job to end")
                                               : STR_LIT("stop pods, or wait for them to end");
  explain_add_change(q, &change);
}

static bool try_set(struct inquiry *q, const struct wait_set *set) {
  struct explain_step steps[EXPLAIN_PODS];
  for (size_t i = 0; i < set->count; i++)
    steps[i] = (struct explain_step){set->pods[i], SIZE_MAX};
  return explain_try_steps(q, set->node, steps, set->count);
}

/* A node without a pod of the level has been looked at with those of the level before. */
static bool has_some(const struct explain_scene *scene, size_t n, enum explain_class level) {
  for (size_t p = scene->pod_first[n]; p < scene->pod_last[n]; p++)
    if (scene->pod_classes[p] == level)
      return true;
  return false;
}

/* A pod with more pods to be stopped than are named gets no advice of this kind. */
void explain_find_waits(struct inquiry *q) {
  struct search s = {.q = q};
  s.holders = mem_zalloc(HOLDERS_MAX * sizeof(*s.holders));
  for (enum explain_class level = 0; level <= EXPLAIN_STAYS; level++) {
    struct wait_set best = {0};
    if (!explain_is_wanted(q, wait_kinds[level]))
      break;
    for (size_t n = 0; n < q->answer->node_count; n++) {
      if (!has_some(q->scene, n, level) || !find_lacks(q, n, s.lacks, &s.lack_count))
        continue;
      s.node = n;
      s.holder_count = list_holders(q, n, s.lacks, s.lack_count, level, s.holders);
      if (s.holder_count)
        search_node(&s, &best);
    }
    if (best.count == 0 || !try_set(q, &best))
      continue;
    add_wait(q, &best, level);
    break;
  }
  free(s.holders);
}
