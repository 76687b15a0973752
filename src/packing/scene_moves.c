/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fewest moves that make room, by counts. On recorded nodes a device plugin picks the device,
 * so what can be promised is what kube-scheduler counts: a pod leaves a node and everything it
 * requested is free there, and it may go where all of that is free and its own constraints hold.
 *
 * Single moves first, then pairs from one node. Whether a pod has anywhere to go depends only on
 * what it asks for, and is remembered, so that a full cluster costs one look at all nodes for
 * each shape and not for each pod.
 */
#include "src/packing/intake.h"

#include <stdlib.h>

enum demand_kind { DEMAND_CPU, DEMAND_MEMORY, DEMAND_DEVICE, DEMAND_CARD, DEMAND_OTHER };
enum { DEMANDS_MAX = 16 }; /* resource names of one pod; with more of them it stays */

struct demand {
  uint16_t id; /* number of the device name, or index of the other resource */
  uint8_t kind;
  int64_t amount;
};

/* A pod with its names resolved. */
struct mover {
  const struct pod *pod;
  struct demand demands[DEMANDS_MAX];
  size_t demand_count;
  struct pack_form form;                        /* what its device is where it runs */
  struct str product;                           /* of its node; empty: not labelled */
  int64_t gpu_milli, cpu_milli, mem_bytes;      /* what a move costs, in this order */
  bool is_fixed;                                /* it stays, or what it holds is not known */
  enum { WAY_UNKNOWN, WAY_NONE, WAY_OPEN } way; /* whether any node has room for it */
  bool is_sought;
  size_t to; /* is_sought: the best destination, or SIZE_MAX */
};

struct search {
  const struct pack_scene *scene;
  struct pack_scorer *scorer; /* NULL: all nodes are as good */
  const struct pack_asked *asked;
  struct mover *shapes; /* one of each, with its way known */
  size_t shape_count, shape_cap;
  struct pack_scene_moves best;
  int64_t best_cost[3];
  bool is_found;
};

/* ---- pods -------------------------------------------------------------------------------- */

static bool resolve(const struct pack_intake *intake, const struct pod *pod, struct mover *ret) {
  *ret = (struct mover){.pod = pod};
  for (size_t i = 0; i < pod->request_count; i++) {
    const struct resource_request *item = &pod->requests[i];
    struct demand made = {.amount = qty_units_ceil(item->amount)};
    size_t other;
    if (str_is(item->name, "pods"))
      continue;
    if (str_is(item->name, "cpu")) {
      made.amount = ret->cpu_milli = qty_milli_ceil(item->amount);
      made.kind = DEMAND_CPU;
    } else if (str_is(item->name, "memory")) {
      made.kind = DEMAND_MEMORY;
      ret->mem_bytes = made.amount;
    } else if ((made.id = intake_find_name(intake, item->name)) != 0) {
      made.kind = pack_is_card_name(item->name) ? DEMAND_CARD : DEMAND_DEVICE;
    } else if ((other = intake_find_other(intake, item->name)) != SIZE_MAX) {
      made.kind = DEMAND_OTHER;
      made.id = (uint16_t)other;
    } else {
      return false; /* no node lists it */
    }
    if (ret->demand_count == DEMANDS_MAX)
      return false;
    ret->demands[ret->demand_count++] = made;
  }
  return true;
}

static bool is_amount_of_device(const struct pod *pod) {
  for (size_t i = 0; i < pod->request_count; i++)
    if (resource_name_parse(pod->requests[i].name).class >= NAME_CARD)
      return true;
  return pod->has_claims;
}

static struct str product_of(const struct search *s, size_t n) {
  const struct node *node = &s->scene->intake->recorded->nodes[n];
  const struct str *label =
      kv_find(node->labels, node->label_count, STR_LIT("nvidia.com/gpu.product"));
  return label ? *label : (struct str){NULL, 0};
}

static struct mover mover_of(const struct search *s, size_t node, const struct pod *pod) {
  struct mover made;
  const struct pack_intake *intake = s->scene->intake;
  bool is_known = resolve(intake, pod, &made);
  made.is_fixed = !is_known || pod_is_over(pod) || str_is(pod->controller, "DaemonSet") ||
                  str_is(pod->controller, "Node") || is_amount_of_device(pod);
  if (made.is_fixed)
    return made;
  const struct pack_node *at = pack_cluster_node(s->scene->cluster, node);
  struct pack_request request = pack_intake_request_on(intake, at, pod);
  uint16_t replicas = 1;
  for (uint16_t d = 0; d < at->device_count && replicas == 1; d++)
    if (at->devices[d].mode == PACK_MODE_SHARED)
      replicas = at->devices[d].size;
  made.form = request.forms[0];
  made.product = product_of(s, node);
  made.gpu_milli = pack_request_milli(intake->catalog, &request, replicas);
  return made;
}

static int64_t amount_of(const struct mover *mover, const struct demand *like) {
  for (size_t i = 0; mover && i < mover->demand_count; i++)
    if (mover->demands[i].kind == like->kind && mover->demands[i].id == like->id)
      return mover->demands[i].amount;
  return 0;
}

/* ---- where it may go --------------------------------------------------------------------- */

static int64_t room(const struct pack_scene *scene, size_t n, const struct demand *demand) {
  const struct pack_node *node = pack_cluster_node(scene->cluster, n);
  switch ((enum demand_kind)demand->kind) {
  case DEMAND_CPU:
    return node->cpu_left;
  case DEMAND_MEMORY:
    return node->mem_left;
  case DEMAND_OTHER:
    return scene_others(scene, n)[demand->id];
  case DEMAND_CARD: /* judged: no pod that moves holds any of it */
    return INT64_MAX;
  case DEMAND_DEVICE:
    for (uint16_t c = 0; c < node->counter_count; c++)
      if (node->counters[c].name == demand->id)
        return node->counters[c].left;
    return 0;
  }
  return 0;
}

static int64_t pods_room(const struct pack_scene *scene, size_t n) {
  const struct pack_node *node = pack_cluster_node(scene->cluster, n);
  if (scene->takes_no_pods[n])
    return -(int64_t)node->pod_count;
  return node->pods_max ? (int64_t)node->pods_max - node->pod_count : INT64_MAX;
}

/* `beside`: another mover that has gone there already, or NULL. */
static bool has_room(const struct pack_scene *scene, size_t n, const struct mover *mover,
                     const struct mover *beside) {
  if (pods_room(scene, n) < (beside ? 2 : 1))
    return false;
  for (size_t i = 0; i < mover->demand_count; i++) {
    const struct demand *demand = &mover->demands[i];
    if (i64_add_sat(demand->amount, amount_of(beside, demand)) > room(scene, n, demand))
      return false;
  }
  return true;
}

/* Under one name a node may count whole GPUs, another MIG instances or shares: kube-scheduler
 * would not mind, but who had the one would not want the other. */
static bool is_same_device(const struct pack_node *node, const struct pack_form *form) {
  return form->kind == PACK_CPU || pack_find_counter(node, form) != NULL;
}

static bool may_go(const struct pack_scene *scene, size_t n, const struct mover *mover) {
  const struct node *node = &scene->intake->recorded->nodes[n];
  struct pod_constraints anywhere = mover->pod->constraints;
  if (!is_same_device(pack_cluster_node(scene->cluster, n), &mover->form))
    return false;
  anywhere.node_name = (struct str){NULL, 0}; /* where it is now */
  return pod_selects_node(&anywhere, node) && !pod_find_barrier(&anywhere, node);
}

/* How well a node would do: of the same product first, then as the policy would have it. */
struct fitness {
  bool is_same_product;
  int64_t score;
};

static struct fitness judge_destination(const struct search *s, size_t n,
                                        const struct mover *mover) {
  const struct pack_cluster *cluster = s->scene->cluster;
  struct fitness made = {.is_same_product = mover->form.kind == PACK_CPU ||
                                            str_eq(product_of(s, n), mover->product)};
  struct pack_choice choice;
  struct pack_request request =
      pack_intake_request_on(s->scene->intake, pack_cluster_node(cluster, n), mover->pod);
  if (s->scorer && pack_score(s->scorer, cluster, n, &request, &choice))
    made.score = choice.score;
  return made;
}

/* The best node but `from` and `but`; SIZE_MAX: none. */
static size_t find_destination(const struct search *s, const struct mover *mover, size_t from,
                               size_t but) {
  const struct pack_scene *scene = s->scene;
  size_t best = SIZE_MAX;
  struct fitness best_fitness = {0};
  for (size_t n = 0; n < pack_cluster_count(scene->cluster); n++) {
    if (n == from || n == but || !has_room(scene, n, mover, NULL) || !may_go(scene, n, mover))
      continue;
    struct fitness fitness = judge_destination(s, n, mover);
    if (best != SIZE_MAX && (fitness.is_same_product != best_fitness.is_same_product
                                 ? best_fitness.is_same_product
                                 : fitness.score <= best_fitness.score))
      continue;
    best = n;
    best_fitness = fitness;
  }
  return best;
}

static bool is_same_shape(const struct mover *a, const struct mover *b) {
  if (a->demand_count != b->demand_count || a->cpu_milli != b->cpu_milli ||
      a->mem_bytes != b->mem_bytes)
    return false;
  if (a->form.kind != b->form.kind || a->form.amount != b->form.amount)
    return false;
  for (size_t i = 0; i < a->demand_count; i++)
    if (a->demands[i].kind != b->demands[i].kind || a->demands[i].id != b->demands[i].id ||
        a->demands[i].amount != b->demands[i].amount)
      return false;
  return pack_equal_constraints(&a->pod->constraints, &b->pod->constraints);
}

static bool has_any_room(const struct pack_scene *scene, const struct mover *mover) {
  for (size_t n = 0; n < pack_cluster_count(scene->cluster); n++)
    if (has_room(scene, n, mover, NULL) && may_go(scene, n, mover))
      return true;
  return false;
}

/* Whether some node, be it its own, has room for another such pod. */
static bool has_way(struct search *s, struct mover *mover) {
  for (size_t i = 0; mover->way == WAY_UNKNOWN && i < s->shape_count; i++)
    if (is_same_shape(&s->shapes[i], mover))
      mover->way = s->shapes[i].way;
  if (mover->way != WAY_UNKNOWN)
    return mover->way == WAY_OPEN;
  mover->way = has_any_room(s->scene, mover) ? WAY_OPEN : WAY_NONE;
  if (s->shape_count == s->shape_cap) {
    s->shape_cap = s->shape_cap ? s->shape_cap * 2 : 16;
    s->shapes = mem_realloc(s->shapes, s->shape_cap * sizeof(*s->shapes));
  }
  s->shapes[s->shape_count++] = *mover;
  return mover->way == WAY_OPEN;
}

static size_t destination(struct search *s, struct mover *mover, size_t from) {
  if (!mover->is_sought && has_way(s, mover)) {
    mover->to = find_destination(s, mover, from, SIZE_MAX);
    mover->is_sought = true;
  }
  return mover->is_sought ? mover->to : SIZE_MAX;
}

/* ---- what has to go ---------------------------------------------------------------------- */

/* Whether the pod fits the node when these are gone. */
static bool is_enough(const struct search *s, size_t n, const struct mover *asked,
                      const struct mover *a, const struct mover *b) {
  if (i64_add_sat(pods_room(s->scene, n), b ? 2 : 1) < 1)
    return false;
  for (size_t i = 0; i < asked->demand_count; i++) {
    const struct demand *demand = &asked->demands[i];
    int64_t freed = i64_add_sat(amount_of(a, demand), amount_of(b, demand));
    if (demand->amount > i64_add_sat(room(s->scene, n, demand), freed))
      return false;
  }
  return true;
}

static bool is_cheaper(const struct search *s, const struct mover *a, const struct mover *b) {
  const int64_t cost[3] = {a->gpu_milli + (b ? b->gpu_milli : 0),
                           i64_add_sat(a->cpu_milli, b ? b->cpu_milli : 0),
                           i64_add_sat(a->mem_bytes, b ? b->mem_bytes : 0)};
  for (size_t i = 0; s->is_found && i < SG_ARRAY_LEN(cost); i++)
    if (cost[i] != s->best_cost[i])
      return cost[i] < s->best_cost[i];
  return !s->is_found;
}

static void take(struct search *s, size_t node, const struct mover *a, size_t a_to,
                 const struct mover *b, size_t b_to) {
  const struct pod *pods = s->scene->intake->recorded->pods;
  s->is_found = true;
  s->best_cost[0] = a->gpu_milli + (b ? b->gpu_milli : 0);
  s->best_cost[1] = i64_add_sat(a->cpu_milli, b ? b->cpu_milli : 0);
  s->best_cost[2] = i64_add_sat(a->mem_bytes, b ? b->mem_bytes : 0);
  s->best = (struct pack_scene_moves){.node = (uint32_t)node, .move_count = b ? 2 : 1};
  s->best.moves[0].pod = (size_t)(a->pod - pods);
  s->best.moves[0].to = (uint32_t)a_to;
  if (b) {
    s->best.moves[1].pod = (size_t)(b->pod - pods);
    s->best.moves[1].to = (uint32_t)b_to;
  }
}

static void try_one(struct search *s, size_t n, const struct mover *asked, struct mover *a) {
  if (!is_enough(s, n, asked, a, NULL) || !is_cheaper(s, a, NULL))
    return;
  size_t to = destination(s, a, n);
  if (to != SIZE_MAX)
    take(s, n, a, to, NULL, 0);
}

/* Two pods need two places, or one with room for both. No single move has helped: of a pair in
 * which one pod is enough, that one has nowhere to go. */
static void try_two(struct search *s, size_t n, const struct mover *asked, struct mover *a,
                    struct mover *b) {
  if (!is_enough(s, n, asked, a, b) || is_enough(s, n, asked, a, NULL) ||
      is_enough(s, n, asked, b, NULL) || !is_cheaper(s, a, b) || !has_way(s, a) || !has_way(s, b))
    return;
  size_t a_to = destination(s, a, n), b_to = destination(s, b, n);
  if (a_to == SIZE_MAX || b_to == SIZE_MAX)
    return;
  if (a_to == b_to && !has_room(s->scene, a_to, b, a)) {
    size_t other = find_destination(s, b, n, a_to);
    if (other != SIZE_MAX)
      b_to = other;
    else if ((other = find_destination(s, a, n, b_to)) != SIZE_MAX)
      a_to = other;
    else
      return;
  }
  take(s, n, a, a_to, b, b_to);
}

static bool is_open(const struct search *s, size_t n) {
  struct pack_verdict verdict = pack_scene_judge(s->scene, n, s->asked);
  return (verdict.blocks & (PACK_BLOCK_SELECTOR | PACK_BLOCK_TAINT | PACK_BLOCK_UNREADABLE)) == 0 &&
         !((verdict.blocks & PACK_BLOCK_DEVICES) &&
           (pack_reason_is_final(verdict.devices) || pack_is_card_name(s->asked->device)));
}

static void search_node(struct search *s, size_t n, const struct mover *asked, size_t moves) {
  const struct pack_intake *intake = s->scene->intake;
  size_t first = intake->pod_first[n], count = intake->pod_last[n] - first;
  if (count < moves || !is_open(s, n))
    return;
  CLEANUP_FREE struct mover *movers = mem_zalloc(count * sizeof(*movers));
  for (size_t i = 0; i < count; i++)
    movers[i] = mover_of(s, n, &intake->recorded->pods[first + i]);
  for (size_t i = 0; i < count; i++) {
    if (movers[i].is_fixed)
      continue;
    if (moves == 1)
      try_one(s, n, asked, &movers[i]);
    for (size_t k = i + 1; moves == 2 && k < count; k++)
      if (!movers[k].is_fixed)
        try_two(s, n, asked, &movers[i], &movers[k]);
  }
}

bool pack_scene_suggest(const struct pack_scene *scene, struct pack_scorer *scorer,
                        const struct pack_asked *asked, struct pack_scene_moves *ret) {
  struct search s = {.scene = scene, .scorer = scorer, .asked = asked};
  struct mover wanted;
  if (!resolve(scene->intake, asked->pod, &wanted))
    return false;
  for (size_t moves = 1; moves <= PACK_MOVES_MAX && !s.is_found; moves++)
    for (size_t n = 0; n < pack_cluster_count(scene->cluster); n++)
      search_node(&s, n, &wanted, moves);
  free(s.shapes);
  *ret = s.best;
  return s.is_found;
}
