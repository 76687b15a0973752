/* SPDX-License-Identifier: Apache-2.0 */
/* From a question to its answer: what is known of the pod first, then the nodes, then what would
 * change it. */
#include "src/explain/explain_internal.h"

#include <stdlib.h>

/* ---- the scene --------------------------------------------------------------------------- */

enum { SLICES_MAX = 64 };

static void find_pods(struct explain_scene *scene) {
  const struct cluster *cluster = scene->cluster;
  size_t at = 0;
  scene->pod_first = mem_zalloc((cluster->node_count + 1) * sizeof(*scene->pod_first));
  scene->pod_last = mem_zalloc((cluster->node_count + 1) * sizeof(*scene->pod_last));
  for (size_t n = 0; n < cluster->node_count; n++) {
    struct str name = cluster->nodes[n].name;
    while (at < cluster->pod_count && str_cmp(cluster->pods[at].constraints.node_name, name) < 0)
      at++;
    scene->pod_first[n] = at;
    while (at < cluster->pod_count && str_eq(cluster->pods[at].constraints.node_name, name))
      at++;
    scene->pod_last[n] = at;
  }
}

static void find_classes(struct explain_scene *scene) {
  scene->pod_classes = mem_zalloc(scene->cluster->pod_count * sizeof(*scene->pod_classes));
  for (size_t p = 0; p < scene->cluster->pod_count; p++)
    scene->pod_classes[p] = (uint8_t)explain_class_of(&scene->cluster->pods[p]);
}

static void add_slice(struct explain_scene *scene, struct str name) {
  for (size_t i = 0; i < scene->slice_count; i++)
    if (str_eq(scene->slices[i], name))
      return;
  if (scene->slice_count < SLICES_MAX)
    scene->slices[scene->slice_count++] = name;
}

/* What somebody could ask for instead: slices that are there, and are not shared. */
static void find_slices(struct explain_scene *scene) {
  scene->slices = mem_zalloc(SLICES_MAX * sizeof(*scene->slices));
  for (size_t n = 0; n < scene->cluster->node_count; n++) {
    const struct node *node = &scene->cluster->nodes[n];
    for (size_t i = 0; i < node->allocatable_count; i++) {
      const struct resource_amount *amount = &node->allocatable[i];
      struct mig_name name;
      struct str profile = explain_profile_of(amount->name);
      if (profile.len && !str_ends_with(profile, STR_LIT(".shared")) && amount->is_valid &&
          !qty_is_zero(amount->amount) && mig_name_parse(profile, &name))
        add_slice(scene, amount->name);
    }
  }
}

struct explain_scene *explain_scene_new(const struct cluster *cluster, struct gpu_products products,
                                        struct err *reterr) {
  struct explain_scene *scene = mem_zalloc(sizeof(*scene));
  scene->cluster = cluster;
  scene->products = products;
  scene->catalog = pack_catalog_new();
  scene->intake = pack_intake_new(scene->catalog, products, cluster, reterr);
  if (scene->intake)
    scene->scene = pack_scene_new(scene->intake, reterr);
  if (!scene->scene) {
    explain_scene_free(scene);
    return NULL;
  }
  scene->scorer = pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), scene->catalog, 0);
  find_pods(scene);
  find_classes(scene);
  find_slices(scene);
  return scene;
}

void explain_scene_free(struct explain_scene *scene) {
  if (!scene)
    return;
  pack_scorer_free(scene->scorer);
  pack_scene_free(scene->scene);
  pack_intake_free(scene->intake);
  pack_catalog_free(scene->catalog);
  free(scene->pod_first);
  free(scene->pod_last);
  free(scene->pod_classes);
  free(scene->slices);
  free(scene);
}

void explain_scene_free_ptr(struct explain_scene **scene) {
  explain_scene_free(*scene);
}

/* ---- what is known of the pod ------------------------------------------------------------ */

const char *explain_state_name(enum explain_state state) {
  static const char *const names[] = {"refused",   "unknown", "waits", "no-room",
                                      "would-fit", "placed",  "over"};
  return names[state];
}

static struct strings list_traits(struct arena *arena, const struct pod *pod) {
  static const struct {
    uint32_t trait;
    const char *name;
  } known[] = {
      {POD_IS_GATED, "scheduling gates"},
      {POD_HAS_POD_AFFINITY, "affinity or anti-affinity to other pods"},
      {POD_HAS_HARD_SPREAD, "topology spread constraints"},
      {POD_HAS_VOLUME_CLAIMS, "volumes of PersistentVolumeClaims"},
      {POD_HAS_HOST_PORTS, "host ports"},
  };
  struct str *items = arena_array(arena, SG_ARRAY_LEN(known) + 1, sizeof(*items));
  struct strings made = {items, 0};
  for (size_t i = 0; i < SG_ARRAY_LEN(known); i++)
    if (pod->traits & known[i].trait)
      items[made.count++] = str_of(known[i].name);
  if (!str_is(pod_scheduler_of(pod), K8S_DEFAULT_SCHEDULER))
    items[made.count++] =
        str_printf(arena, "scheduler %.*s, which places it", STR_FMT(pod->scheduler_name));
  return made;
}

static void take_findings(const struct adm_verdict *verdict, struct arena *arena,
                          struct explain_answer *ret) {
  size_t count = verdict ? verdict->finding_count : 0;
  struct finding *kept = arena_array(arena, count, sizeof(*kept));
  for (size_t i = 0; i < count; i++)
    if (verdict->findings[i].severity >= SEVERITY_WARN)
      kept[ret->finding_count++] = verdict->findings[i];
  ret->findings = kept;
}

static const char *phase_text(enum pod_phase phase) {
  static const char *const texts[] = {"Pending", "Running", "Succeeded", "Failed", "Unknown"};
  return texts[phase];
}

/* True: there is nothing to ask of nodes. */
static bool is_settled(const struct explain_question *question, struct arena *arena,
                       struct explain_answer *ret) {
  const struct pod *pod = question->pod;
  if (question->is_new)
    return false;
  if (pod_is_over(pod)) {
    ret->state = EXPLAIN_OVER;
    ret->why = str_printf(arena, "it is over (%s) and holds nothing", phase_text(pod->phase));
    return true;
  }
  if (pod->constraints.node_name.len == 0)
    return false;
  ret->state = EXPLAIN_PLACED;
  ret->node = pod->constraints.node_name;
  ret->why = str_printf(arena, "it is on %.*s (%s%s)", STR_FMT(ret->node), phase_text(pod->phase),
                        (pod->traits & POD_IS_DELETING) ? ", being deleted" : "");
  return true;
}

/* ---- the nodes --------------------------------------------------------------------------- */

static int by_count(const void *a, const void *b) {
  const struct explain_group *x = a, *y = b;
  if (x->node_count != y->node_count)
    return x->node_count > y->node_count ? -1 : 1;
  if (x->rank != y->rank)
    return x->rank < y->rank ? -1 : 1;
  return str_cmp(x->reason, y->reason);
}

static void group_nodes(struct inquiry *q) {
  struct explain_answer *answer = q->answer;
  const struct explain_group *found =
      explain_groups(q->arena, q->scene->scene, &q->asked, &answer->group_count);
  struct explain_group *sorted = arena_array(q->arena, answer->group_count, sizeof(*sorted));
  for (size_t i = 0; i < answer->group_count; i++) {
    sorted[i] = found[i];
    if (found[i].rank == EXPLAIN_UNREADABLE)
      answer->unreadable_count += found[i].node_count;
  }
  if (answer->group_count)
    qsort(sorted, answer->group_count, sizeof(*sorted), by_count);
  answer->groups = sorted;
}

static void judge_nodes(struct inquiry *q) {
  enum { BITS = 64 };
  struct explain_answer *answer = q->answer;
  const struct pack_cluster *cluster = pack_scene_cluster(q->scene->scene);
  size_t count = pack_cluster_count(cluster), first = SIZE_MAX;
  uint64_t *open = arena_array(q->scratch, count / BITS + 1, sizeof(*open));
  q->verdicts = arena_array(q->scratch, count, sizeof(*q->verdicts));
  answer->node_count = count;
  for (size_t n = 0; n < count; n++) {
    q->verdicts[n] = pack_scene_judge(q->scene->scene, n, &q->asked);
    if (q->verdicts[n].blocks)
      continue;
    first = answer->fit_count++ ? first : n;
    open[n / BITS] |= UINT64_C(1) << n % BITS;
  }
  struct pack_choice choice;
  if (answer->fit_count == 0)
    return;
  if (pack_choose_among(q->scene->scorer, cluster, &q->asked.request, open, &choice, 1))
    first = choice.placement.node;
  answer->node = q->scene->cluster->nodes[first].name;
}

/* The dear ones last, and only while they would be listed. */
static void find_changes(struct inquiry *q) {
  explain_find_tolerations(q);
  explain_find_selectors(q);
  if (q->asked.device.len) {
    explain_find_profiles(q);
    explain_find_fewer(q);
  }
  explain_find_less(q);
  if (explain_is_wanted(q, EXPLAIN_WAIT_DELETING))
    explain_find_waits(q);
  if (!q->question->no_moves && explain_is_wanted(q, EXPLAIN_MOVE))
    explain_find_moves(q);
}

/* ---- the sentence ------------------------------------------------------------------------ */

static void conclude(struct inquiry *q) {
  struct explain_answer *answer = q->answer;
  const struct pod *pod = q->question->pod;
  bool fits = answer->fit_count > 0;
  answer->state = !q->question->is_new ? EXPLAIN_WAITS : fits ? EXPLAIN_WOULD_FIT : EXPLAIN_NO_ROOM;
  if (!fits) {
    answer->why = answer->is_never ? STR_LIT("no node takes it as it is, not even an empty one")
                                   : STR_LIT("no node can take it now");
    if (answer->is_never && answer->missing.len == 0 && answer->change_count == 0)
      answer->missing = STR_LIT("no node has all of it at once and is open to the pod");
    return;
  }
  if (q->question->is_new)
    answer->why = str_printf(q->arena, "it would fit on %.*s", STR_FMT(answer->node));
  else if (pod->traits & POD_IS_GATED)
    answer->why = STR_LIT("it has scheduling gates, which somebody has to take away");
  else if (pod->nominated_node.len)
    answer->why = str_printf(q->arena, "it is nominated to %.*s", STR_FMT(pod->nominated_node));
  else
    answer->why =
        str_printf(q->arena, "it fits on %.*s and is not placed yet", STR_FMT(answer->node));
}

static bool is_denied(const struct explain_answer *answer) {
  return answer->finding_count > 0 && answer->findings[0].severity == SEVERITY_DENY;
}

void explain_pod(struct explain_scene *scene, const struct explain_question *question,
                 struct arena *arena, struct explain_answer *ret) {
  CLEANUP_ARENA struct arena *scratch = arena_new(256 * 1024);
  struct err err = {0};
  struct inquiry q = {.scene = scene,
                      .question = question,
                      .pod = *question->pod,
                      .arena = arena,
                      .scratch = scratch,
                      .answer = ret};
  *ret = (struct explain_answer){.pod = question->pod, .also = question->also};
  take_findings(question->verdict, arena, ret);
  if (is_settled(question, arena, ret)) {
    if (ret->state == EXPLAIN_PLACED)
      explain_find_devices(scene, question->pod, arena, ret);
    return;
  }
  if (ret->also.count == 0)
    ret->also = list_traits(arena, question->pod);
  if (!pack_scene_ask(scene->scene, arena, &q.pod, &q.asked, &err)) {
    ret->state = EXPLAIN_UNKNOWN;
    ret->why = str_copy(arena, str_of(err.text));
  } else {
    ret->is_judged = true;
    judge_nodes(&q);
    group_nodes(&q);
    if (ret->fit_count == 0) {
      explain_find_never(&q);
      find_changes(&q);
    }
    conclude(&q);
  }
  if (is_denied(ret)) {
    ret->state = EXPLAIN_REFUSED;
    ret->why = str_printf(arena, "apart from that, %.*s", STR_FMT(ret->why));
  }
}
