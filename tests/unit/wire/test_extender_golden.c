/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests in the shape that kube-scheduler sends them in: tests/golden/extender, each with what
 * is read of it; UPDATE=1 in the environment writes that.
 */
#include "slicegate/sys.h"
#include "slicegate/wire.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

TCase *tcase_extender_golden(void);

static const char *const cases[] = {
    "filter-names", "filter-whole-nodes", "filter-nominated", "filter-no-list",
    "bind",         "preempt-names",      "preempt-pods"};

static void print_pod(struct arena *arena, const struct pod *pod, struct buf *out) {
  static const char *const traits[] = {"deleting",    "gated",         "pod-affinity",
                                       "hard-spread", "volume-claims", "host-ports"};
  buf_printf(out, "pod %.*s/%.*s %.*s\n", STR_FMT(pod->ns), STR_FMT(pod->name), STR_FMT(pod->uid));
  buf_printf(out, "version %.*s scheduler %.*s nominated '%.*s' created %lld priority %d by %.*s\n",
             STR_FMT(pod->resource_version), STR_FMT(pod->scheduler_name),
             STR_FMT(pod->nominated_node), (long long)pod->created, pod->priority,
             STR_FMT(pod->controller));
  for (size_t i = 0; i < SG_ARRAY_LEN(traits); i++)
    if (pod->traits & 1U << i)
      buf_printf(out, "trait %s\n", traits[i]);
  for (size_t i = 0; i < pod->request_count; i++)
    buf_printf(out, "asks %.*s %.*s\n", STR_FMT(pod->requests[i].name),
               STR_FMT(qty_text(arena, pod->requests[i].amount)));
  buf_printf(out, "selects %zu labels, %zu terms; tolerates %zu\n",
             pod->constraints.node_selector_count, pod->constraints.affinity_term_count,
             pod->constraints.toleration_count);
}

static void print_filter(struct arena *arena, struct str body, struct buf *out) {
  struct wire_extender_args args;
  struct err err = {0};
  ck_assert_msg(wire_extender_args_read(arena, body, &args, &err), "%s", err.text);
  print_pod(arena, &args.pod, out);
  buf_printf(out, "%s\n", !args.has_nodes ? "no list" : args.nodes ? "whole nodes" : "names");
  for (size_t i = 0; i < args.node_count; i++)
    buf_printf(out, "node %.*s%s%.*s\n", STR_FMT(args.node_names[i]), args.nodes ? " " : "",
               args.nodes ? (int)args.nodes[i].len : 0, args.nodes ? args.nodes[i].ptr : "");
}

static void print_bind(struct arena *arena, struct str body, struct buf *out) {
  struct wire_binding binding;
  struct err err = {0};
  ck_assert_msg(wire_binding_read(arena, body, &binding, &err), "%s", err.text);
  buf_printf(out, "pod %.*s/%.*s %.*s to %.*s\n", STR_FMT(binding.pod_ns),
             STR_FMT(binding.pod_name), STR_FMT(binding.pod_uid), STR_FMT(binding.node));
}

static void print_preempt(struct arena *arena, struct str body, struct buf *out) {
  struct wire_preemption_args args;
  struct err err = {0};
  ck_assert_msg(wire_preemption_args_read(arena, body, &args, &err), "%s", err.text);
  print_pod(arena, &args.pod, out);
  for (size_t i = 0; i < args.node_count; i++) {
    const struct wire_victims *node = &args.nodes[i];
    buf_printf(out, "node %.*s violates %lld\n", STR_FMT(node->node),
               (long long)node->pdb_violations);
    for (size_t v = 0; v < node->uid_count; v++)
      buf_printf(out, "victim %.*s\n", STR_FMT(node->uids[v]));
  }
}

START_TEST(requests_are_read_as_written) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  CLEANUP_BUF struct buf request = {0}, expected = {0}, found;
  struct err err = {0};
  char path[128];
  struct str name = str_of(cases[_i]);
  buf_init(&found, 1 << 20);
  (void)snprintf(path, sizeof(path), "tests/golden/extender/%s/request.json", cases[_i]);
  ck_assert_msg(sys_file_read(path, 1 << 20, &request, &err), "%s", err.text);
  if (str_starts_with(name, STR_LIT("filter")))
    print_filter(arena, buf_str(&request), &found);
  else if (str_starts_with(name, STR_LIT("preempt")))
    print_preempt(arena, buf_str(&request), &found);
  else
    print_bind(arena, buf_str(&request), &found);
  (void)snprintf(path, sizeof(path), "tests/golden/extender/%s/expected.txt", cases[_i]);
  if (getenv("UPDATE")) {
    ck_assert_msg(sys_file_write(path, buf_str(&found), 0644, &err), "%s", err.text);
    return;
  }
  ck_assert_msg(sys_file_read(path, 1 << 20, &expected, &err), "%s; UPDATE=1 makes it", err.text);
  ck_assert_str_eq(found.ptr, expected.ptr);
}
END_TEST

TCase *tcase_extender_golden(void) {
  TCase *tc = tcase_create("extender_golden");
  tcase_add_loop_test(tc, requests_are_read_as_written, 0, SG_ARRAY_LEN(cases));
  return tc;
}
