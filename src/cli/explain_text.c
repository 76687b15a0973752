/* SPDX-License-Identifier: Apache-2.0 */
/* The answer for people: one line that says it, the nodes by reason, then what would change it. */
#include "src/cli/explain_cmd.h"
#include "src/cli/what_if.h"

#include <stdlib.h>

enum { GROUPS_SHOWN = 12 };

static const char *plural(uint64_t count) {
  return count == 1 ? "" : "s";
}

struct str explain_item_name(struct arena *arena, const struct explain_item *item) {
  const struct pod *pod = item->answer.pod;
  return str_printf(arena, "%.*s %.*s/%.*s%s%.*s", STR_FMT(item->kind), STR_FMT(pod->ns),
                    STR_FMT(pod->name), item->template_path.len ? " " : "",
                    STR_FMT(item->template_path));
}

static struct str device_of(const struct pod *pod) {
  for (size_t i = 0; i < pod->request_count; i++)
    if (pack_is_device_name(pod->requests[i].name))
      return pod->requests[i].name;
  return (struct str){NULL, 0};
}

static const char *verdict_text(const struct explain_answer *answer) {
  switch (answer->state) {
  case EXPLAIN_REFUSED:
    return "refused by the policy";
  case EXPLAIN_UNKNOWN:
    return "cannot be judged";
  case EXPLAIN_WAITS:
    return "waits";
  case EXPLAIN_NO_ROOM:
    return "would wait";
  case EXPLAIN_WOULD_FIT:
    return "would be placed";
  case EXPLAIN_PLACED:
    return "placed";
  case EXPLAIN_OVER:
    return "over";
  }
  return "";
}

static void print_findings(const struct explain_answer *answer, FILE *out) {
  for (size_t i = 0; i < answer->finding_count; i++) {
    const struct finding *finding = &answer->findings[i];
    (void)fprintf(out, "  %s [%s] %.*s: %.*s; %.*s\n", severity_name(finding->severity),
                  rule_name(finding->rule), STR_FMT(finding->field), STR_FMT(finding->message),
                  STR_FMT(finding->remedy));
  }
}

static void print_groups(const struct explain_answer *answer, FILE *out) {
  (void)fputs("    NODES  REASON\n", out);
  for (size_t g = 0; g < answer->group_count && g < GROUPS_SHOWN; g++) {
    const struct explain_group *group = &answer->groups[g];
    (void)fprintf(out, "    %5zu  %.*s: ", group->node_count, STR_FMT(group->reason));
    for (size_t e = 0; e < group->node_count && e < EXPLAIN_EXAMPLES; e++)
      (void)fprintf(out, "%s%.*s", e ? ", " : "", STR_FMT(group->examples[e]));
    (void)fputs(group->node_count > EXPLAIN_EXAMPLES ? ", ...\n" : "\n", out);
  }
  if (answer->group_count > GROUPS_SHOWN)
    (void)fprintf(out, "    and %zu more reasons (-o json lists all)\n",
                  answer->group_count - GROUPS_SHOWN);
}

/* Where the pod would be then, unless the change says it itself. */
static void print_place(const struct explain_report *report, const struct explain_change *change,
                        FILE *out) {
  struct str node = report->cluster->nodes[change->node].name;
  bool says_node = change->kind == EXPLAIN_UNCORDON || change->kind == EXPLAIN_WAIT_DELETING ||
                   change->kind == EXPLAIN_WAIT || change->kind == EXPLAIN_WAIT_LONG;
  if (says_node)
    return;
  (void)fprintf(out, " (fits %.*s then", STR_FMT(node));
  if (change->node_count > 1)
    (void)fprintf(out, ", and %zu more node%s", change->node_count - 1,
                  plural(change->node_count - 1));
  (void)fputc(')', out);
}

static void print_changes(const struct explain_report *report, const struct explain_answer *answer,
                          FILE *out) {
  bool has_move = false;
  if (answer->missing.len)
    (void)fprintf(out, "  What is missing: %.*s.\n", STR_FMT(answer->missing));
  if (answer->change_count == 0) {
    (void)fputs("  No single change was found with which it would fit.\n", out);
    return;
  }
  (void)fputs("  It would fit with one of these, the smallest change first:\n", out);
  for (size_t i = 0; i < answer->change_count; i++) {
    const struct explain_change *change = &answer->changes[i];
    (void)fprintf(out, "    %zu. %.*s", i + 1, STR_FMT(change->text));
    print_place(report, change, out);
    (void)fputc('\n', out);
    has_move |= change->kind == EXPLAIN_MOVE;
  }
  if (has_move)
    (void)fputs("  " WHAT_IF_MOVES_CAVEAT "\n", out);
}

static void print_devices(struct arena *arena, const struct explain_answer *answer, FILE *out) {
  (void)fprintf(out, "  has device%s ", plural(answer->device_count));
  for (size_t i = 0; i < answer->device_count; i++) {
    const struct explain_device *device = &answer->devices[i];
    (void)fputs(i ? ", " : "", out);
    if (device->id.len)
      (void)fprintf(out, "%.*s", STR_FMT(str_printable(arena, device->id, SIZE_MAX)));
    else
      (void)fprintf(out, "%d", device->index);
  }
  (void)fputs(
      answer->are_devices_predicted
          ? " of the node (predicted: its device plugin has chosen, and nobody says which)\n"
          : " of the node\n",
      out);
}

static void print_nodes(const struct explain_report *report, const struct explain_answer *answer,
                        FILE *out) {
  (void)fprintf(out, "  %zu of %zu node%s can take it now%s", answer->fit_count, answer->node_count,
                plural(answer->node_count), answer->group_count ? ":\n" : ".\n");
  if (answer->group_count)
    print_groups(answer, out);
  if (answer->fit_count == 0)
    print_changes(report, answer, out);
}

static void print_item(struct arena *arena, const struct explain_report *report,
                       const struct explain_item *item, FILE *out) {
  const struct explain_answer *answer = &item->answer;
  (void)fprintf(out, "%.*s: %s: %.*s\n", STR_FMT(explain_item_name(arena, item)),
                verdict_text(answer), STR_FMT(answer->why));
  (void)fputs("  asks for ", out);
  what_if_print_requests(arena, answer->pod, device_of(answer->pod), out);
  if (item->replicas > 1)
    (void)fprintf(out, ", each of %lld replicas", (long long)item->replicas);
  (void)fputc('\n', out);
  if (answer->device_count)
    print_devices(arena, answer, out);
  print_findings(answer, out);
  if (answer->is_judged)
    print_nodes(report, answer, out);
  for (size_t i = 0; i < answer->also.count; i++)
    (void)fprintf(out, "%s%.*s%s", i ? ", " : "  Also subject to, and not looked at here: ",
                  STR_FMT(answer->also.items[i]), i + 1 < answer->also.count ? "" : "\n");
}

void explain_print_text(const struct explain_report *report, FILE *out) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  char *text = NULL;
  size_t len = 0;
  FILE *all = open_memstream(&text, &len);
  if (!all) /* no memory: as everywhere */
    abort();
  for (size_t i = 0; i < report->count; i++) {
    if (i)
      (void)fputc('\n', all);
    print_item(arena, report, &report->items[i], all);
  }
  (void)fclose(all);
  cli_print_lines((struct str){text, len}, out);
  free(text);
}
