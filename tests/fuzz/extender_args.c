/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ExtenderArgs as the extender reads them. What is accepted must be what the reader of `doc`
 * finds too; every name lies in the input or in the arena (or a sanitizer says so); and the
 * answer that names all of the nodes again is JSON.
 */
#include "slicegate/wire.h"
#include "tests/support/fuzz_main.h"

static bool is_equal(struct str text, const struct doc_node *node) {
  return doc_is(node, DOC_STRING) && str_eq(text, node->text);
}

static bool is_within(struct str part, struct str text) {
  return part.ptr >= text.ptr && part.len <= text.len &&
         (size_t)(part.ptr - text.ptr) <= text.len - part.len;
}

static void check_whole(const struct wire_extender_args *args, struct str body,
                        const struct doc_node *items) {
  for (uint32_t i = 0; i < args->node_count; i++) {
    CLEANUP_ARENA struct arena *arena = arena_new(4096);
    const struct doc_node *alone;
    struct err err;
    const struct doc_node *name = doc_follow(&items->items[i], STR_LIT("metadata.name"));
    if (!is_equal(args->node_names[i], name) || !is_within(args->nodes[i], body) ||
        !doc_parse_json(arena, args->nodes[i], &doc_limits_review, &alone, &err) ||
        !doc_equal(alone, &items->items[i]))
      __builtin_trap();
  }
}

static void check_names(const struct wire_extender_args *args, const struct doc_node *names) {
  for (uint32_t i = 0; i < args->node_count; i++)
    if (!is_equal(args->node_names[i], &names->items[i]))
      __builtin_trap();
}

static void check_against_tree(const struct wire_extender_args *args, struct str body) {
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  const struct doc_node *root;
  struct err err;
  if (!doc_parse_json(arena, body, &doc_limits_review, &root, &err)) {
    if (err.code == ERR_LIMIT) /* the scanner counts no values but names */
      return;
    __builtin_trap();
  }
  const struct doc_node *list =
      args->nodes ? doc_follow(root, STR_LIT("Nodes.items")) : doc_get_lit(root, "NodeNames");
  size_t count = doc_is(list, DOC_SEQUENCE) ? list->count : 0;
  const struct doc_node *name = doc_follow(root, STR_LIT("Pod.metadata.name"));
  if (count != args->node_count || !name || !str_eq(args->pod.name, name->text))
    __builtin_trap();
  if (args->nodes)
    check_whole(args, body, list);
  else
    check_names(args, list);
}

static void check_answer(const struct wire_extender_args *args) {
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  CLEANUP_BUF struct buf out;
  const struct doc_node *root;
  struct err err;
  const struct wire_filter_result result = {
      .node_names = args->node_names, .nodes = args->nodes, .node_count = args->node_count};
  buf_init(&out, 64 << 20);
  wire_filter_result_write(&result, &out);
  if (!doc_parse_json(arena, buf_str(&out), &doc_limits_cluster, &root, &err))
    __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct str body = {(const char *)data, size};
  struct wire_extender_args args;
  struct wire_preemption_args preemption;
  struct wire_binding binding;
  struct err err = {0};
  if (wire_extender_args_read(arena, body, &args, &err)) {
    check_against_tree(&args, body);
    check_answer(&args);
  } else if (err.code == ERR_NONE || err.text[0] == '\0') {
    __builtin_trap();
  }
  if (wire_preemption_args_read(arena, body, &preemption, &err)) {
    CLEANUP_BUF struct buf out;
    buf_init(&out, 64 << 20);
    wire_preemption_result_write(preemption.nodes, preemption.node_count, &out);
  }
  (void)!wire_binding_read(arena, body, &binding, &err);
  return 0;
}
