/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is claimed that was not tried: changes of the pod on the scene, changes of the cluster on
 * a small recording of the nodes that they touch. */
#include "src/explain/explain_internal.h"

#include <stdlib.h>

/* ---- the pod changes --------------------------------------------------------------------- */

bool explain_try(struct inquiry *q, const struct pod *changed, uint32_t blocks, size_t *ret_node,
                 size_t *ret_count) {
  struct pack_asked asked;
  struct err err;
  *ret_count = 0;
  if (!pack_scene_ask(q->scene->scene, q->scratch, changed, &asked, &err))
    return false;
  for (size_t n = 0; n < q->answer->node_count; n++) {
    uint32_t here = q->verdicts[n].blocks;
    if (here == 0 || (here & ~blocks) || pack_scene_judge(q->scene->scene, n, &asked).blocks)
      continue;
    if ((*ret_count)++ == 0)
      *ret_node = n;
  }
  return *ret_count > 0;
}

struct resource_request *explain_own_request(struct inquiry *q, struct pod *ret,
                                             struct str resource) {
  struct resource_request *mine = arena_array(q->scratch, ret->request_count, sizeof(*mine));
  struct resource_request *found = NULL;
  for (size_t i = 0; i < ret->request_count; i++) {
    mine[i] = ret->requests[i];
    if (str_eq(mine[i].name, resource))
      found = &mine[i];
  }
  ret->requests = mine;
  return found;
}

/* ---- words on amounts -------------------------------------------------------------------- */

bool explain_is_part_of_card(const struct inquiry *q) {
  return pack_is_card_name(q->asked.device) && q->asked.request.forms[0].kind != PACK_WHOLE;
}

struct quantity explain_host_amount(const char *name, int64_t amount) {
  enum { MILLI = 1000, NANO_PER_MILLI = 1000000 };
  if (strcmp(name, "cpu") == 0)
    return (struct quantity){amount / MILLI, (int32_t)(amount % MILLI) * NANO_PER_MILLI};
  return (struct quantity){amount, 0};
}

struct str explain_host_text(struct arena *arena, const char *name, int64_t amount) {
  const struct resource_request request = {str_of(name), explain_host_amount(name, amount)};
  return request_text(arena, &request);
}

/* ---- the cluster changes ----------------------------------------------------------------- */

struct stage {
  struct inquiry *q;
  size_t nodes[EXPLAIN_PODS + 1]; /* of the cluster, ascending: in order of names */
  size_t node_count;
  struct node node_list[EXPLAIN_PODS + 1];
  struct pod *pods;
  struct cluster cluster;
};

static void add_node(struct stage *stage, size_t node) {
  size_t at = stage->node_count;
  for (size_t i = 0; i < stage->node_count; i++)
    if (stage->nodes[i] == node)
      return;
  for (; at && stage->nodes[at - 1] > node; at--)
    stage->nodes[at] = stage->nodes[at - 1];
  stage->nodes[at] = node;
  stage->node_count++;
}

/* Where a pod of the cluster is after the first `done` steps; SIZE_MAX: nowhere. The next one is
 * gone from its node and has arrived nowhere. */
static size_t whereabouts(const struct explain_step *steps, size_t done, size_t count, size_t pod,
                          size_t node) {
  for (size_t i = 0; i < count && i <= done; i++)
    if (steps[i].pod == pod)
      return i < done ? steps[i].to : SIZE_MAX;
  return node;
}

static void set_stage(struct stage *stage, const struct explain_step *steps, size_t done,
                      size_t count) {
  const struct explain_scene *scene = stage->q->scene;
  size_t pod_count = 0;
  for (size_t i = 0; i < stage->node_count; i++) {
    stage->node_list[i] = scene->cluster->nodes[stage->nodes[i]];
    for (size_t k = 0; k < stage->node_count; k++) {
      size_t home = stage->nodes[k];
      for (size_t p = scene->pod_first[home]; p < scene->pod_last[home]; p++) {
        if (whereabouts(steps, done, count, p, home) != stage->nodes[i])
          continue;
        struct pod *pod = &stage->pods[pod_count++];
        *pod = scene->cluster->pods[p];
        pod->constraints.node_name = stage->node_list[i].name;
      }
    }
  }
  stage->cluster = (struct cluster){.nodes = stage->node_list,
                                    .node_count = stage->node_count,
                                    .pods = stage->pods,
                                    .pod_count = pod_count,
                                    .has_nodes = true,
                                    .has_pods = true};
}

static bool fits_on_stage(struct stage *stage, const struct pod *pod, size_t node) {
  struct inquiry *q = stage->q;
  struct err err = {0};
  struct pack_asked asked;
  struct pack_intake *intake =
      pack_intake_new(q->scene->catalog, q->scene->products, &stage->cluster, &err);
  struct pack_scene *scene = intake ? pack_scene_new(intake, &err) : NULL;
  size_t at = 0;
  while (at < stage->node_count && stage->nodes[at] != node)
    at++;
  bool fits = scene && at < stage->node_count &&
              pack_scene_ask(scene, q->scratch, pod, &asked, &err) &&
              pack_scene_judge(scene, at, &asked).blocks == 0;
  pack_scene_free(scene);
  pack_intake_free(intake);
  return fits;
}

bool explain_try_steps(struct inquiry *q, size_t node, const struct explain_step *steps,
                       size_t count) {
  struct stage stage = {.q = q};
  const struct explain_scene *scene = q->scene;
  size_t pod_count = 0;
  add_node(&stage, node);
  for (size_t i = 0; i < count; i++)
    if (steps[i].to != SIZE_MAX)
      add_node(&stage, steps[i].to);
  for (size_t i = 0; i < stage.node_count; i++)
    pod_count += scene->pod_last[stage.nodes[i]] - scene->pod_first[stage.nodes[i]];
  stage.pods = mem_zalloc(pod_count * sizeof(*stage.pods));
  bool is_possible = true;
  for (size_t i = 0; is_possible && i < count; i++) {
    if (steps[i].to == SIZE_MAX)
      continue;
    struct pod moved = scene->cluster->pods[steps[i].pod];
    moved.constraints.node_name = (struct str){NULL, 0};
    set_stage(&stage, steps, i, count);
    is_possible = fits_on_stage(&stage, &moved, steps[i].to);
  }
  if (is_possible) {
    set_stage(&stage, steps, count, count);
    is_possible = fits_on_stage(&stage, &q->pod, node);
  }
  free(stage.pods);
  return is_possible;
}

/* ---- what is listed ---------------------------------------------------------------------- */

static size_t change_max(const struct inquiry *q) {
  size_t max = q->question->change_max;
  return max && max < EXPLAIN_CHANGES ? max : EXPLAIN_CHANGES;
}

bool explain_is_wanted(const struct inquiry *q, enum explain_change_kind kind) {
  const struct explain_answer *answer = q->answer;
  size_t max = change_max(q);
  return answer->change_count < max || answer->changes[max - 1].kind > kind;
}

void explain_add_change(struct inquiry *q, const struct explain_change *change) {
  struct explain_answer *answer = q->answer;
  size_t max = change_max(q);
  if (!explain_is_wanted(q, change->kind))
    return;
  size_t at = answer->change_count < max ? answer->change_count++ : max - 1;
  for (; at && answer->changes[at - 1].kind > change->kind; at--)
    answer->changes[at] = answer->changes[at - 1];
  answer->changes[at] = *change;
}
