/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of lists of pods in CEL: shared by webhook_tree.c and webhook_paths.c only. */
#ifndef SLICEGATE_CLI_WEBHOOK_TREE_H
#define SLICEGATE_CLI_WEBHOOK_TREE_H

#include "src/cli/webhook_config.h"

/* Where something stands that a test looks at, below some root. A PodTemplateSpec is the
 * PodSpec in it: the form here is never FORM_TEMPLATE. */
struct place {
  struct str path;
  enum template_form form;
  struct str value; /* not empty: what counts is this field of the mapping, of any type */
};

struct places {
  struct place *items;
  size_t count;
};

struct writer {
  struct arena *arena;
  struct buf *out;
  const struct pod_test *test;
  unsigned variables; /* v0, v1, ...: names that no other loop has */
  bool is_comparing;  /* lists are compared with others, not looked through */
};

/* The first segment of a path without its "[]"; *rest is what follows. */
struct str path_take_segment(struct str *rest, bool *ret_items);
size_t path_count_wildcards(struct str path);

/* "base.name", "base['na-me']"; in the writer's arena. */
struct str cel_field_of(struct writer *w, struct str base, struct str name);
/* "has(base.name) && type(base.name) == map" */
void cel_append_step(struct writer *w, struct str base, struct str name, const char *type);
struct str cel_new_variable(struct writer *w);

/*
 * Everything that stands at the places below `base`, a mapping, as lists with "+" between
 * them. Paths have at most one wildcard.
 */
void cel_append_tree(struct writer *w, struct str base, const struct places *places);

#endif
