/* SPDX-License-Identifier: Apache-2.0 */
/* The policy as an object: reading it from a text, and its counted references. */
#include "policy_internal.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct policy {
  atomic_uint references;
  struct arena *arena; /* holds everything that `view` points to */
  struct policy_view view;
};

enum { POLICY_CHUNK = 16 * 1024 };

static struct policy *policy_new(void) {
  struct policy *policy = mem_zalloc(sizeof(*policy));
  atomic_init(&policy->references, 1);
  policy->arena = arena_new(POLICY_CHUNK);
  return policy;
}

struct policy *policy_ref(struct policy *policy) {
  /* Who takes a reference holds one already: nothing needs to be ordered before it. */
  unsigned before = atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
  assert(before > 0);
  (void)before;
  return policy;
}

void policy_unref(struct policy *policy) {
  if (!policy)
    return;
  /* Release: what this thread read is read. Acquire, for the last: what all others did. */
  if (atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1)
    return;
  arena_free(policy->arena);
  free(policy);
}

void policy_unref_ptr(struct policy **policy) {
  policy_unref(*policy);
  *policy = NULL;
}

const struct policy_view *policy_get(const struct policy *policy) {
  return &policy->view;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* What holds before a file says anything: rules by their table, and no spec at all. */
static void start_view(struct reader *r, struct policy_view *view) {
  for (int rule = 0; rule < RULE_COUNT; rule++)
    view->severities[rule] = policy_rule_info((enum rule_id)rule)->built_in;
  view->params = params_read_defaults(r);
  view->kinds = kinds_builtin(&view->kind_count);
}

/* What is not in a user's file is as in the built-in policy: that one is read first. */
static void read_builtin_into(struct reader *r, struct policy_view *view) {
  CLEANUP_ARENA struct arena *arena = arena_new(POLICY_CHUNK);
  struct doc_stream stream;
  struct err err;
  bool is_yaml = doc_parse_yaml(arena, policy_builtin_text(), &doc_limits_policy, &stream, &err) &&
                 stream.count == 1 && stream.problem_count == 0;
  assert(is_yaml && "the built-in policy is no YAML");
  (void)is_yaml;
  start_view(r, view);
  read_document(r, stream.documents[0], view);
  assert(r->count == 0 && "the built-in policy has an error");
}

/* Values that the built-in text names are defaults all the same. */
static void mark_as_defaults(struct reader *r, struct policy_view *view) {
  struct param_value *params = arena_array(r->arena, PARAM_COUNT, sizeof(*params));
  memcpy(params, view->params, PARAM_COUNT * sizeof(*params));
  for (int id = 0; id < PARAM_COUNT; id++)
    params[id].is_set = false;
  view->params = params;
}

static struct policy *finish(struct policy *owned_policy, struct reader *r,
                             struct policy_errors *ret_errors) {
  reader_take_errors(r, ret_errors);
  if (ret_errors->count) {
    policy_unref(owned_policy);
    return NULL;
  }
  owned_policy->view.index = policy_index_new(owned_policy->arena, &owned_policy->view);
  return owned_policy;
}

static struct policy *start(struct str source, struct arena *errors_arena, struct reader *r) {
  struct policy *policy = policy_new();
  *r = (struct reader){.arena = policy->arena, .scratch = errors_arena};
  read_builtin_into(r, &policy->view);
  mark_as_defaults(r, &policy->view);
  policy->view.source = str_copy(policy->arena, source);
  policy->view.name = (struct str){NULL, 0};
  return policy;
}

struct policy *policy_read_tree(struct str source, const struct doc_node *root, struct arena *arena,
                                struct policy_errors *ret_errors) {
  struct reader r;
  struct policy *policy = start(source, arena, &r);
  read_document(&r, root, &policy->view);
  return finish(policy, &r, ret_errors);
}

static void check_one_document(struct reader *r, const struct doc_stream *stream) {
  if (stream->count == 0)
    reader_error(r, NULL, 1, 1, "the file is empty, expected a GPUPolicy");
  for (size_t i = 1; i < stream->count; i++)
    reader_error_value(r, NULL, stream->documents[i],
                       "is a further document, expected one GPUPolicy in a file");
}

struct policy *policy_read(struct str source, struct str text, struct arena *arena,
                           struct policy_errors *ret_errors) {
  CLEANUP_ARENA struct arena *tree = arena_new(POLICY_CHUNK);
  struct reader r;
  struct policy *policy = start(source, arena, &r);
  struct doc_stream stream;
  struct err err;
  if (!doc_parse_yaml(tree, text, &doc_limits_policy, &stream, &err)) {
    reader_error(&r, NULL, err.line ? err.line : 1, err.column ? err.column : 1, "%s", err.text);
    return finish(policy, &r, ret_errors);
  }
  reader_note_problems(&r, stream.count ? stream.documents[0] : NULL, &stream);
  check_one_document(&r, &stream);
  if (stream.count)
    read_document(&r, stream.documents[0], &policy->view);
  return finish(policy, &r, ret_errors);
}

struct policy *policy_builtin(void) {
  struct policy *policy = policy_new();
  struct reader r = {.arena = policy->arena, .scratch = policy->arena};
  read_builtin_into(&r, &policy->view);
  mark_as_defaults(&r, &policy->view);
  policy->view.source = STR_LIT("(built-in)");
  policy->view.index = policy_index_new(policy->arena, &policy->view);
  return policy;
}
