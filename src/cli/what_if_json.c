/* SPDX-License-Identifier: Apache-2.0 */
/* The answer for programs. The keys are a contract; they may grow, never change. */
#include "src/cli/output_json.h"
#include "src/cli/what_if.h"

json_t *what_if_requests_json(struct arena *arena, const struct pod *pod) {
  json_t *object = json_object();
  for (size_t i = 0; i < pod->request_count; i++) {
    struct str name = str_copy(arena, pod->requests[i].name);
    json_object_set_new(object, name.ptr,
                        output_json_text(qty_text(arena, pod->requests[i].amount)));
  }
  return object;
}

static json_t *placed_json(const struct what_if_result *result,
                           const struct what_if_answer *answer) {
  json_t *list = json_array();
  for (size_t n = 0; n < result->recorded->node_count; n++) {
    if (answer->by_node[n] == 0)
      continue;
    json_t *row = json_object();
    json_object_set_new(row, "node", output_json_text(result->recorded->nodes[n].name));
    output_json_set_count(row, "pods", answer->by_node[n]);
    json_array_append_new(list, row);
  }
  return list;
}

static json_t *stand_ins_json(const struct what_if_answer *answer) {
  json_t *list = json_array();
  for (size_t f = 0; f < PACK_FORMS_MAX; f++) {
    if (answer->stand_ins[f].pods == 0)
      continue;
    json_t *row = json_object();
    json_object_set_new(row, "gets", output_json_text(answer->stand_ins[f].what));
    json_object_set_new(row, "resource", output_json_text(answer->asked->device));
    output_json_set_count(row, "pods", answer->stand_ins[f].pods);
    json_array_append_new(list, row);
  }
  return list;
}

static json_t *moves_json(struct arena *arena, const struct what_if_result *result,
                          const struct what_if_answer *answer) {
  const struct node *nodes = result->recorded->nodes;
  json_t *object = json_object(), *list = json_array();
  for (size_t m = 0; m < answer->moves.move_count; m++) {
    const struct pod *pod = &result->recorded->pods[answer->moves.moves[m].pod];
    json_t *row = json_object();
    json_object_set_new(row, "namespace", output_json_text(pod->ns));
    json_object_set_new(row, "name", output_json_text(pod->name));
    json_object_set_new(row, "from", output_json_text(pod->constraints.node_name));
    json_object_set_new(row, "to", output_json_text(nodes[answer->moves.moves[m].to].name));
    json_object_set_new(row, "requests", what_if_requests_json(arena, pod));
    json_array_append_new(list, row);
  }
  json_object_set_new(object, "node", output_json_text(nodes[answer->moves.node].name));
  json_object_set_new(object, "pods", list);
  json_object_set_new(object, "caveat", json_string(WHAT_IF_MOVES_CAVEAT));
  return object;
}

static json_t *strings_json(struct strings strings) {
  json_t *list = json_array();
  for (size_t i = 0; i < strings.count; i++)
    json_array_append_new(list, output_json_text(strings.items[i]));
  return list;
}

/* Which of the pods that were asked about. */
static json_t *name_json(const struct what_if_pod *asked) {
  json_t *row = json_object();
  json_object_set_new(row, "kind", output_json_text(asked->kind));
  json_object_set_new(row, "namespace", output_json_text(asked->pod.ns));
  json_object_set_new(row, "name", output_json_text(asked->pod.name));
  json_object_set_new(row, "template", output_json_text(asked->template_path));
  return row;
}

static json_t *answer_json(struct arena *arena, const struct what_if_result *result,
                           const struct what_if_answer *answer) {
  const struct what_if_pod *asked = answer->asked;
  json_t *row = name_json(asked);
  output_json_set_count(row, "replicas", (uint64_t)asked->replicas);
  json_object_set_new(row, "requests", what_if_requests_json(arena, &asked->pod));
  output_json_set_count(row, "fits", answer->fits);
  json_object_set_new(row, "is_at_least", json_boolean(answer->is_at_least));
  json_object_set_new(row, "placed", placed_json(result, answer));
  json_object_set_new(row, "stand_ins", stand_ins_json(answer));
  json_object_set_new(row, "blocked", output_json_groups(answer->groups, answer->group_count));
  output_json_set_count(row, "unreadable_nodes", answer->unreadable_count);
  json_object_set_new(row, "moves",
                      answer->has_moves ? moves_json(arena, result, answer) : json_null());
  json_object_set_new(row, "not_looked_at", strings_json(asked->unread));
  return row;
}

void what_if_print_json(const struct what_if_result *result, FILE *out) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  json_t *root = json_object(), *cluster = json_object(), *pods = json_array();
  output_json_set_count(cluster, "nodes", result->recorded->node_count);
  output_json_set_count(cluster, "pods", result->holding);
  output_json_set_count(cluster, "waiting_pods", result->waiting);
  output_json_set_count(cluster, "pods_on_other_nodes", result->strays);
  output_json_set_count(cluster, "overfull_nodes", result->over);
  json_object_set_new(root, "cluster", cluster);
  for (size_t i = 0; i < result->answer_count; i++)
    json_array_append_new(pods, answer_json(arena, result, &result->answers[i]));
  json_object_set_new(root, "pods", pods);
  if (result->set_pods) {
    json_t *together = json_object();
    output_json_set_count(together, "pods", result->set_pods);
    output_json_set_count(together, "fits", result->sets);
    json_object_set_new(together, "is_at_least", json_boolean(result->is_sets_at_least));
    json_object_set_new(together, "is_exact", json_boolean(result->is_sets_exact));
    json_object_set_new(together, "no_room_for",
                        result->lacking ? name_json(result->lacking) : json_null());
    json_object_set_new(root, "together", together);
  }
  output_json_write(root, out);
  json_decref(root);
}
