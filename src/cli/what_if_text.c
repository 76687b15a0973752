/* SPDX-License-Identifier: Apache-2.0 */
/* The answer for people: a number first, then the reasons, then what would change it. */
#include "src/cli/what_if.h"

#include <stdlib.h>

enum { NODES_SHOWN = 6, GROUPS_SHOWN = 20 };

struct str what_if_name(struct arena *arena, const struct what_if_pod *pod) {
  struct str made = str_printf(arena, "%.*s %.*s/%.*s", STR_FMT(pod->kind), STR_FMT(pod->pod.ns),
                               STR_FMT(pod->pod.name));
  if (pod->template_path.len)
    made = str_printf(arena, "%.*s %.*s", STR_FMT(made), STR_FMT(pod->template_path));
  return made;
}

void what_if_print_requests(struct arena *arena, const struct pod *pod, struct str first,
                            FILE *out) {
  bool is_next = false;
  for (int pass = 0; pass < 2; pass++) {
    for (size_t i = 0; i < pod->request_count; i++) {
      if (str_eq(pod->requests[i].name, first) != (pass == 0))
        continue;
      (void)fprintf(out, "%s%.*s %.*s", is_next ? ", " : "", STR_FMT(pod->requests[i].name),
                    STR_FMT(request_text(arena, &pod->requests[i])));
      is_next = true;
    }
  }
  if (!is_next)
    (void)fputs("no requests", out);
}

static const char *plural(uint64_t count) {
  return count == 1 ? "" : "s";
}

static void print_nodes(const struct what_if_result *result, const struct what_if_answer *answer,
                        FILE *out) {
  size_t shown = 0, more = 0;
  for (size_t n = 0; n < result->recorded->node_count; n++) {
    if (answer->by_node[n] == 0)
      continue;
    if (shown == NODES_SHOWN) {
      more++;
      continue;
    }
    (void)fprintf(out, "%s%.*s (%u)", shown ? ", " : ": ", STR_FMT(result->recorded->nodes[n].name),
                  answer->by_node[n]);
    shown++;
  }
  if (more)
    (void)fprintf(out, " and %zu more node%s", more, plural(more));
}

static void print_groups(const struct what_if_answer *answer, FILE *out) {
  bool has_device = answer->asked->device.len > 0;
  (void)fprintf(out, "  What keeps the next one out:\n    NODES  %sREASON\n",
                has_device ? "FREE  " : "");
  for (size_t g = 0; g < answer->group_count && g < GROUPS_SHOWN; g++) {
    const struct explain_group *group = &answer->groups[g];
    (void)fprintf(out, "    %5zu  ", group->node_count);
    if (has_device)
      (void)fprintf(out, "%4lld  ", (long long)group->devices_left);
    (void)fprintf(out, "%.*s: ", STR_FMT(group->reason));
    for (size_t e = 0; e < group->node_count && e < EXPLAIN_EXAMPLES; e++)
      (void)fprintf(out, "%s%.*s", e ? ", " : "", STR_FMT(group->examples[e]));
    (void)fputs(group->node_count > EXPLAIN_EXAMPLES ? ", ...\n" : "\n", out);
  }
  if (answer->group_count > GROUPS_SHOWN)
    (void)fprintf(out, "    and %zu more reasons (-o json lists all)\n",
                  answer->group_count - GROUPS_SHOWN);
}

static void print_moves(struct arena *arena, const struct what_if_result *result,
                        const struct what_if_answer *answer, FILE *out) {
  const struct node *nodes = result->recorded->nodes;
  (void)fprintf(out, "  With %zu move%s one more fits on %.*s:\n", answer->moves.move_count,
                plural(answer->moves.move_count), STR_FMT(nodes[answer->moves.node].name));
  for (size_t m = 0; m < answer->moves.move_count; m++) {
    const struct pod *pod = &result->recorded->pods[answer->moves.moves[m].pod];
    (void)fprintf(out, "    %.*s/%.*s to %.*s (", STR_FMT(pod->ns), STR_FMT(pod->name),
                  STR_FMT(nodes[answer->moves.moves[m].to].name));
    what_if_print_requests(arena, pod, answer->asked->device, out);
    (void)fputs(")\n", out);
  }
}

static void print_answer(struct arena *arena, const struct what_if_result *result,
                         const struct what_if_answer *answer, FILE *out) {
  (void)fprintf(out, "\n%.*s: ", STR_FMT(what_if_name(arena, answer->asked)));
  what_if_print_requests(arena, &answer->asked->pod, answer->asked->device, out);
  (void)fprintf(out, "\n  %s%llu more fit%s now", answer->is_at_least ? "at least " : "",
                (unsigned long long)answer->fits, answer->fits == 1 ? "s" : "");
  print_nodes(result, answer, out);
  (void)fputc('\n', out);
  for (size_t f = 0; f < PACK_FORMS_MAX; f++)
    if (answer->stand_ins[f].pods)
      (void)fprintf(out, "  %llu of them would get %.*s: that is what %.*s counts there\n",
                    (unsigned long long)answer->stand_ins[f].pods,
                    STR_FMT(answer->stand_ins[f].what), STR_FMT(answer->asked->device));
  if (answer->group_count)
    print_groups(answer, out);
  if (answer->has_moves)
    print_moves(arena, result, answer, out);
  if (answer->unreadable_count)
    (void)fprintf(out, "  %zu node%s cannot be judged from a recording and may take more\n",
                  answer->unreadable_count, plural(answer->unreadable_count));
  for (size_t i = 0; i < answer->asked->unread.count; i++)
    (void)fprintf(out, "  not looked at: %.*s\n", STR_FMT(answer->asked->unread.items[i]));
}

static void print_result(const struct what_if_result *result, FILE *out) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  (void)fprintf(out, "%zu node%s with %zu pod%s", result->recorded->node_count,
                plural(result->recorded->node_count), result->holding, plural(result->holding));
  if (result->waiting)
    (void)fprintf(out, "; %zu wait%s and hold%s nothing", result->waiting,
                  result->waiting == 1 ? "s" : "", result->waiting == 1 ? "s" : "");
  if (result->over)
    (void)fprintf(out, "; %zu node%s hold%s more than there is", result->over, plural(result->over),
                  result->over == 1 ? "s" : "");
  if (result->strays)
    (void)fprintf(out, "; %zu pod%s on nodes that are not recorded", result->strays,
                  plural(result->strays));
  (void)fputs(".\n", out);
  for (size_t i = 0; i < result->answer_count; i++)
    print_answer(arena, result, &result->answers[i], out);
  bool has_moves = false;
  for (size_t i = 0; i < result->answer_count; i++)
    has_moves = has_moves || result->answers[i].has_moves;
  if (has_moves)
    (void)fputs("\n" WHAT_IF_MOVES_CAVEAT "\n", out);
  if (result->set_pods == 0)
    return;
  bool is_exact = result->is_sets_exact;
  (void)fprintf(out, "\nAll %llu pods together fit %s%llu time%s",
                (unsigned long long)result->set_pods, is_exact ? "" : "at least ",
                (unsigned long long)result->sets, plural(result->sets));
  if (result->lacking)
    (void)fprintf(out, "; then there is no room for %.*s%s",
                  STR_FMT(what_if_name(arena, result->lacking)),
                  is_exact ? "" : " in any way that was tried, which were not all");
  (void)fputs(".\n", out);
}

void what_if_print_text(const struct what_if_result *result, FILE *out) {
  char *text = NULL;
  size_t len = 0;
  FILE *all = open_memstream(&text, &len);
  if (!all) /* no memory: as everywhere */
    abort();
  print_result(result, all);
  (void)fclose(all);
  cli_print_lines((struct str){text, len}, out);
  free(text);
}
