/* SPDX-License-Identifier: Apache-2.0 */
/* A state, a scorer, and questions about both. */
#ifndef SLICEGATE_TESTS_DOORS_H
#define SLICEGATE_TESTS_DOORS_H

#include "slicegate/extender.h"
#include "tests/support/check_main.h"
#include "tests/support/state_lab.h"

enum { LAB_NAMES_MAX = 64 };

struct doors {
  struct state_lab s;
  struct ext_view view;
  struct pack_asked asked;
  struct str names[LAB_NAMES_MAX];
  struct ext_question question;
  struct ext_filter found;
};
void doors_init(struct doors *lab);
void doors_done(struct doors *lab);
#define CLEANUP_DOORS SG_CLEANUP(doors_done)

/* A node that lists so much of one resource. */
void doors_add(struct doors *lab, const char *name, const char *resource, const char *amount);
/* A node whose GPUs a DRA driver lists: kube-scheduler counts them. */
void doors_add_dra(struct doors *lab, const char *name);
/* The names are separated by blanks: fills names, question and asked. */
void doors_ask(struct doors *lab, const struct pod *pod, const char *names);
void doors_filter(struct doors *lab, const struct pod *pod, const char *names);
/* Holds, tentatively, what filter chooses on this node. */
void doors_hold(struct doors *lab, const struct pod *pod, const char *name);
/* Names that passed, in order, blanks between. */
const char *doors_passed(struct doors *lab);
/* "node: reason" or "node! reason" (final), in order of names, "; " between. */
const char *doors_refused(struct doors *lab);
/* A snapshot as of now. */
void doors_look(struct doors *lab);

#endif
