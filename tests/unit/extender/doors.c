/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/extender/doors.h"

void doors_init(struct doors *lab) {
  *lab = (struct doors){0};
  state_lab_init(&lab->s);
  lab->view.best = EXT_BEST_DEFAULT;
  lab->view.scorer =
      pack_scorer_new(pack_policy_find(STR_LIT("mostallocated")), state_catalog(lab->s.state), 0);
}

void doors_done(struct doors *lab) {
  state_snapshot_unref(lab->view.snapshot);
  pack_scorer_free(lab->view.scorer);
  state_lab_done(&lab->s);
}

void doors_add(struct doors *lab, const char *name, const char *resource, const char *amount) {
  struct node node = lab_node(&lab->s, name, resource, amount, NULL);
  state_put_node(lab->s.state, &node);
}

void doors_add_dra(struct doors *lab, const char *name) {
  struct node node = lab_node(&lab->s, name, "cpu", "8", NULL);
  state_put_node(lab->s.state, &node);
  state_put_dra(lab->s.state, STATE_SLICES, (struct str){0}, str_of(name), str_of(name), 8);
}

void doors_look(struct doors *lab) {
  state_snapshot_unref(lab->view.snapshot);
  lab->view.snapshot = state_snapshot(lab->s.state);
}

void doors_ask(struct doors *lab, const struct pod *pod, const char *names) {
  struct err err;
  size_t count = 0;
  for (const char *at = names; *at; at += *at == ' ') {
    size_t len = strcspn(at, " ");
    ck_assert_uint_lt(count, LAB_NAMES_MAX);
    lab->names[count++] = str_copy(lab->s.arena, (struct str){at, len});
    at += len;
  }
  bool can_say = state_ask(lab->s.state, lab->s.arena, pod, &lab->asked, &err);
  lab->question = (struct ext_question){
      .pod = pod, .asked = can_say ? &lab->asked : NULL, .names = lab->names, .count = count};
  doors_look(lab);
}

void doors_filter(struct doors *lab, const struct pod *pod, const char *names) {
  doors_ask(lab, pod, names);
  ext_filter(&lab->view, &lab->question, lab->s.arena, &lab->found);
}

void doors_hold(struct doors *lab, const struct pod *pod, const char *name) {
  doors_filter(lab, pod, name);
  ck_assert(lab->found.has_choice);
  ck_assert_int_eq(state_hold(lab->s.state, &(struct state_hold){.kind = STATE_TENTATIVE,
                                                                 .ns = pod->ns,
                                                                 .name = pod->name,
                                                                 .uid = pod->uid,
                                                                 .asked = &lab->asked,
                                                                 .node = str_of(name),
                                                                 .placement = &lab->found.choice,
                                                                 .until_ms = 100}),
                   STATE_HELD);
}

const char *doors_passed(struct doors *lab) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 8192);
  for (size_t i = 0; i < lab->found.passed_count; i++)
    buf_printf(&text, "%s%.*s", i ? " " : "", STR_FMT(lab->names[lab->found.passed[i]]));
  return str_copy(lab->s.arena, buf_str(&text)).ptr;
}

const char *doors_refused(struct doors *lab) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 8192);
  for (size_t n = 0; n < lab->question.count; n++)
    for (size_t i = 0; i < lab->found.refusal_count; i++) {
      const struct ext_refusal *refusal = &lab->found.refusals[i];
      if (refusal->name == n)
        buf_printf(&text, "%s%.*s%s %.*s", text.len ? "; " : "", STR_FMT(lab->names[n]),
                   refusal->is_final ? "!" : ":", STR_FMT(refusal->reason));
    }
  return str_copy(lab->s.arena, buf_str(&text)).ptr;
}
