/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer: as many of the pod as fit are placed one by one, as an extender would that has
 * learned nothing of its pods yet, and the state in which no more fits is asked why. Every pod of a
 * question starts from the recording.
 */
#include "src/cli/what_if.h"

struct judge {
  struct arena *arena;
  const struct cluster *recorded;
  const struct pack_catalog *catalog;
  struct pack_scorer *scorer;
  const struct pack_scene *base;
  uint64_t next_uid; /* pods of the recording have those below */
};

static bool place_one(struct judge *j, struct pack_scene *scene, const struct pack_asked *asked,
                      struct pack_placement *ret) {
  struct pack_choice choice;
  if (pack_choose(j->scorer, pack_scene_cluster(scene), &asked->request, &choice, 1) == 0)
    return false;
  *ret = choice.placement;
  return pack_scene_place(scene, j->next_uid++, asked, &choice.placement);
}

/* What a device is where it was found, when its name promises something else. */
static struct str stand_in(const struct judge *j, const struct pack_asked *asked, uint8_t f) {
  const struct pack_form *form = &asked->request.forms[f];
  if (pack_is_card_name(asked->device))
    return (struct str){NULL, 0};
  if (form->kind == PACK_REPLICAS && !str_ends_with(asked->device, STR_LIT(".shared")))
    return STR_LIT("shares of GPUs (time-slicing or MPS)");
  if (form->kind == PACK_SLICES && str_is(asked->device, "nvidia.com/gpu"))
    return str_printf(j->arena, "MIG instances %.*s",
                      STR_FMT(pack_catalog_profile_name(j->catalog, form->amount)));
  return (struct str){NULL, 0};
}

/* ---- one pod, and all together ----------------------------------------------------------- */

static void answer(struct judge *j, const struct what_if_pod *asked, uint64_t count,
                   struct what_if_answer *ret) {
  uint64_t most = count ? count : WHAT_IF_FITS_MAX;
  uint32_t *by_node = arena_array(j->arena, j->recorded->node_count, sizeof(*by_node));
  struct pack_scene *scene = pack_scene_copy(j->base);
  struct pack_placement placement;
  *ret = (struct what_if_answer){.asked = asked, .by_node = by_node};
  for (uint8_t f = 0; f < asked->asked->request.form_count; f++)
    ret->stand_ins[f].what = stand_in(j, asked->asked, f);
  while (ret->fits < most && place_one(j, scene, asked->asked, &placement)) {
    by_node[placement.node]++;
    ret->stand_ins[placement.form].pods += ret->stand_ins[placement.form].what.len > 0;
    ret->fits++;
  }
  ret->is_at_least = ret->fits == most;
  if (!ret->is_at_least) {
    ret->groups = explain_groups(j->arena, scene, asked->asked, &ret->group_count);
    for (size_t g = 0; g < ret->group_count; g++)
      if (ret->groups[g].rank == EXPLAIN_UNREADABLE)
        ret->unreadable_count += ret->groups[g].node_count;
    ret->has_moves = pack_scene_suggest(scene, j->scorer, asked->asked, &ret->moves);
  }
  pack_scene_free(scene);
}

static void answer_together(struct judge *j, const struct what_if_pods *pods, uint64_t count,
                            struct what_if_result *ret) {
  struct pack_set_part parts[WHAT_IF_PODS_MAX];
  uint64_t most = WHAT_IF_FITS_MAX / ret->set_pods;
  for (size_t i = 0; i < pods->count; i++)
    parts[i] = (struct pack_set_part){pods->items[i].asked, (uint64_t)pods->items[i].replicas};
  struct pack_sets found = pack_scene_sets(j->base, parts, pods->count, count ? count : most);
  ret->sets = found.sets;
  ret->is_sets_exact = found.is_most;
  ret->is_sets_at_least = found.lacking == SIZE_MAX;
  if (!ret->is_sets_at_least)
    ret->lacking = &pods->items[found.lacking];
}

/* ---- the recording ----------------------------------------------------------------------- */

static bool is_over(const struct pack_node *node) {
  bool is = node->cpu_left < 0 || node->mem_left < 0;
  for (uint16_t c = 0; c < node->counter_count; c++)
    is = is || node->counters[c].left < 0;
  return is;
}

static void sum_up(const struct judge *j, struct what_if_result *ret) {
  const struct pack_cluster *cluster = pack_scene_cluster(j->base);
  size_t held = 0;
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    held += pack_cluster_node(cluster, n)->pod_count;
    ret->over += is_over(pack_cluster_node(cluster, n));
  }
  size_t bound = 0;
  for (size_t p = 0; p < j->recorded->pod_count; p++) {
    const struct pod *pod = &j->recorded->pods[p];
    bound += !pod_is_over(pod) && pod->constraints.node_name.len > 0;
    ret->waiting += !pod_is_over(pod) && pod->constraints.node_name.len == 0;
  }
  ret->holding = held;
  ret->strays = bound - held;
}

static bool ask_all(struct pack_intake *intake, struct what_if_pods *pods, FILE *err) {
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  for (size_t i = 0; i < pods->count; i++) {
    struct err why = {0};
    pods->items[i].asked = pack_intake_ask(intake, &pods->items[i].pod, &why);
    if (pods->items[i].asked) {
      pods->items[i].device = pods->items[i].asked->device;
      continue;
    }
    (void)fprintf(err, "slicegate: %.*s: %s\n", STR_FMT(what_if_name(arena, &pods->items[i])),
                  why.text);
    return false;
  }
  return true;
}

/* ---- names that no node lists ------------------------------------------------------------ */

static bool is_listed(const struct cluster *recorded, struct str name) {
  for (size_t n = 0; n < recorded->node_count; n++)
    if (amount_find(recorded->nodes[n].allocatable, recorded->nodes[n].allocatable_count, name))
      return true;
  return false;
}

static struct str nearest_listed(const struct cluster *recorded, struct str name) {
  struct str best = {NULL, 0};
  for (size_t n = 0; n < recorded->node_count; n++) {
    for (size_t i = 0; i < recorded->nodes[n].allocatable_count; i++) {
      struct str both[] = {best, recorded->nodes[n].allocatable[i].name};
      best = best.len ? str_nearest(name, both, 2) : str_nearest(name, both + 1, 1);
    }
  }
  return best;
}

/* Often a slip of the pen, and then no answer to what was meant. */
static void warn_of_unlisted(const struct cluster *recorded, const struct what_if_pod *asked,
                             FILE *err) {
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  for (size_t i = 0; i < asked->pod.request_count; i++) {
    struct str name = asked->pod.requests[i].name;
    if (asked->pod.requests[i].amount.units == 0 || is_listed(recorded, name))
      continue;
    struct str nearest = nearest_listed(recorded, name);
    (void)fprintf(err, "slicegate: %.*s: warning: no node of the recording lists %.*s",
                  STR_FMT(what_if_shown(arena, what_if_name(arena, asked))),
                  STR_FMT(what_if_shown(arena, name)));
    if (nearest.len)
      (void)fprintf(err, ", did you mean %.*s?", STR_FMT(what_if_shown(arena, nearest)));
    (void)fputc('\n', err);
  }
}

/* Of all manifests together, as often as they say; saturating. */
static uint64_t count_set(const struct what_if_pods *pods) {
  int64_t set = 0;
  for (size_t i = 0; i < pods->count; i++)
    set = i64_add_sat(set, pods->items[i].replicas);
  return (uint64_t)set;
}

static void answer_all(struct judge *j, struct what_if_pods *pods, uint64_t count,
                       struct what_if_result *ret) {
  struct what_if_answer *answers = arena_array(j->arena, pods->count, sizeof(*answers));
  for (size_t i = 0; i < pods->count; i++)
    answer(j, &pods->items[i], count * (uint64_t)pods->items[i].replicas, &answers[i]);
  ret->answers = answers;
  ret->answer_count = pods->count;
  sum_up(j, ret);
  uint64_t set = count_set(pods);
  if (set > 1) {
    ret->set_pods = set;
    answer_together(j, pods, count, ret);
  }
}

static bool check_count(const struct what_if_pods *pods, uint64_t count, FILE *err) {
  if (count == 0 || count_set(pods) <= WHAT_IF_FITS_MAX / count)
    return true;
  (void)fprintf(err, "slicegate: --count %llu of %llu pods are more than %d, which are the most\n",
                (unsigned long long)count, (unsigned long long)count_set(pods), WHAT_IF_FITS_MAX);
  return false;
}

bool what_if_judge(const struct cluster *recorded, struct gpu_products products,
                   struct what_if_pods *pods, uint64_t count, struct arena *arena,
                   struct what_if_result *ret, FILE *err) {
  struct err why = {0};
  if (!check_count(pods, count, err))
    return false;
  struct pack_catalog *catalog = pack_catalog_new();
  struct pack_intake *intake = pack_intake_new(catalog, products, recorded, &why);
  struct pack_scene *base = NULL;
  bool is_asked = intake && ask_all(intake, pods, err);
  if (is_asked)
    base = pack_scene_new(intake, &why);
  if (why.code != ERR_NONE)
    (void)fprintf(err, "slicegate: the recorded cluster: %s\n", why.text);
  *ret = (struct what_if_result){.recorded = recorded};
  if (base) {
    for (size_t i = 0; i < pods->count; i++)
      warn_of_unlisted(recorded, &pods->items[i], err);
    struct judge j = {
        .arena = arena,
        .recorded = recorded,
        .catalog = catalog,
        .scorer = pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), catalog, 0),
        .base = base,
        .next_uid = recorded->pod_count + 1,
    };
    answer_all(&j, pods, count, ret);
    pack_scorer_free(j.scorer);
  }
  bool is_done = base != NULL;
  for (size_t i = 0; i < pods->count; i++)
    pods->items[i].asked = NULL; /* it was the intake's */
  pack_scene_free(base);
  pack_intake_free(intake);
  pack_catalog_free(catalog);
  return is_done;
}
