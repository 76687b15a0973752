/* SPDX-License-Identifier: Apache-2.0 */
/* ExtenderBindingArgs and ExtenderPreemptionArgs. */
#include "slicegate/wire.h"

#include <check.h>

TCase *tcase_extender_calls(void);

static struct arena *arena;

static void set_up(void) {
  arena = arena_new(0);
}

static void tear_down(void) {
  arena_free(arena);
}

/* ---- bind -------------------------------------------------------------------------------- */

static const struct {
  const char *body, *says; /* "namespace name uid node", or the error */
  unsigned line, column;   /* 0: accepted */
} bindings[] = {
    {"{\"PodName\":\"p\",\"PodNamespace\":\"ml\",\"PodUID\":\"u\",\"Node\":\"n1\"}", "ml p u n1", 0,
     0},
    {"{\"Node\":\"n\\u0031\",\"x\":[],\"PodUID\":\"u\",\"PodNamespace\":\"ml\",\"PodName\":\"p\"}",
     "ml p u n1", 0, 0},
    {"[]", "ExtenderBindingArgs: a mapping was expected, found a list", 1, 1},
    {"{\"PodNamespace\":\"ml\",\"PodUID\":\"u\",\"Node\":\"n1\"}", "PodName: is missing", 1, 1},
    {"{\"PodName\":\"p\",\"PodNamespace\":\"ml\",\"PodUID\":\"u\",\"Node\":\"\"}",
     "Node: is missing", 1, 56},
    {"{\"PodName\":\"p\",\"PodNamespace\":\"ml\",\"PodUID\":7,\"Node\":\"n\"}",
     "PodUID: a string was expected, found a number", 1, 45},
    {"{\"PodName\":\"p\\n\"}", "PodName: a control character, which no name has", 1, 12},
    {"{\"PodName\":\"p\"}{", "'{' where the end of the text was expected", 1, 16},
};

START_TEST(a_binding_is_read) {
  struct wire_binding binding;
  struct err err = {0};
  bool ok = wire_binding_read(arena, str_of(bindings[_i].body), &binding, &err);
  struct str found =
      ok ? str_printf(arena, "%.*s %.*s %.*s %.*s", STR_FMT(binding.pod_ns),
                      STR_FMT(binding.pod_name), STR_FMT(binding.pod_uid), STR_FMT(binding.node))
         : str_of(err.text);
  ck_assert_str_eq(found.ptr, bindings[_i].says);
  ck_assert_uint_eq(err.line, bindings[_i].line);
  ck_assert_uint_eq(err.column, bindings[_i].column);
}
END_TEST

/* ---- preempt ----------------------------------------------------------------------------- */

#define POD "\"Pod\":{\"metadata\":{\"name\":\"p\"}}"
#define META "\"NodeNameToMetaVictims\":"
#define FULL "\"NodeNameToVictims\":"

static const struct {
  const char *body, *says; /* "node: uids (violations);", or the error */
} preemptions[] = {
    {"{" POD "," FULL "null," META
     "{\"b\":{\"Pods\":[{\"UID\":\"u1\"},{\"UID\":\"u2\"}],\"NumPDBViolations\":1},"
     "\"a\":{\"Pods\":[{\"UID\":\"u3\"}],\"NumPDBViolations\":0}}}",
     "a: u3 (0);b: u1 u2 (1);"},
    {"{" FULL "{\"n1\":{\"Pods\":[{\"metadata\":{\"name\":\"v\",\"uid\":\"u\\u0031\"},\"spec\":{}}]"
     ",\"NumPDBViolations\":2}}," META "null," POD "}",
     "n1: u1 (2);"},
    {"{" POD "," FULL "null," META "null}",
     "NodeNameToVictims and NodeNameToMetaVictims are both null: there is nothing to choose from"},
    {"{\"Pod\":{\"metadata\":{\"name\":\"p\",\"uid\":7}}," META "{}}",
     "Pod: metadata.uid: a string was expected, found a number"},
    {"{" POD "," META "{\"a\":{\"Pods\":[{\"UID\":\"u\\u0000\"}]}}}",
     "NodeNameToMetaVictims.a.Pods[0].UID: a control character, which no name has"},
    {"{" POD "," META "{}}", ""},
    /* Resources that only an extender knows of: the dry run found nobody who has to go. */
    {"{" POD "," META
     "{\"a\":{\"Pods\":[],\"NumPDBViolations\":0},\"b\":{\"Pods\":null},\"c\":null}"
     "}",
     "a: (0);b: (0);c: (0);"},
    {"{" POD "," META "{\"a\":{\"Pods\":[{\"UID\":\"u1\"}]},\"b\":null,\"a\":{\"Pods\":[{\"UID\":"
     "\"u2\"}]}}}",
     "a: u2 (0);b: (0);"},
    {"[]", "ExtenderPreemptionArgs: a mapping was expected, found a list"},
    {"{" META "{}}", "Pod: is missing"},
    {"{\"Pod\":{}," META "{}}", "Pod: metadata.name: is missing"},
    {"{" POD "," META "{}," FULL "{}}",
     "both NodeNameToVictims and NodeNameToMetaVictims, one was expected"},
    {"{" POD "," META "[]}", "NodeNameToMetaVictims: a mapping was expected, found a list"},
    {"{" POD "," META "{\"a\":[]}}",
     "NodeNameToMetaVictims.a: a mapping was expected, found a list"},
    {"{" POD "," META "{\"n.x.y\":{\"Pods\":{}}}}",
     "NodeNameToMetaVictims[n.x.y].Pods: a list was expected, found a mapping"},
    {"{" POD "," META "{\"a\":{\"Pods\":[null]}}}",
     "NodeNameToMetaVictims.a.Pods[0]: a mapping was expected, found nothing"},
    {"{" POD "," META "{\"a\":{\"Pods\":[{}]}}}",
     "NodeNameToMetaVictims.a.Pods[0].UID: is missing"},
    {"{" POD "," META "{\"a\":{\"Pods\":[{\"UID\":1}]}}}",
     "NodeNameToMetaVictims.a.Pods[0].UID: a string was expected, found a number"},
    {"{" POD "," FULL "{\"a\":{\"Pods\":[{\"UID\":\"u\",\"metadata\":{\"name\":\"v\"}}]}}}",
     "NodeNameToVictims.a.Pods[0].metadata.uid: is missing"},
    {"{" POD "," META "{\"a\":{\"NumPDBViolations\":-1}}}",
     "NodeNameToMetaVictims.a.NumPDBViolations: is -1, a whole number from 0 to "
     "9223372036854775807 was expected"},
};

static struct str shown(const struct wire_preemption_args *args) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  for (size_t i = 0; i < args->node_count; i++) {
    const struct wire_victims *node = &args->nodes[i];
    buf_printf(&text, "%.*s:", STR_FMT(node->node));
    for (size_t v = 0; v < node->uid_count; v++)
      buf_printf(&text, " %.*s", STR_FMT(node->uids[v]));
    buf_printf(&text, " (%lld);", (long long)node->pdb_violations);
  }
  return str_copy(arena, buf_str(&text));
}

START_TEST(victims_are_read) {
  struct wire_preemption_args args;
  struct err err = {0};
  bool ok = wire_preemption_args_read(arena, str_of(preemptions[_i].body), &args, &err);
  ck_assert_str_eq(ok ? shown(&args).ptr : err.text, preemptions[_i].says);
  if (ok)
    ck_assert(str_is(args.pod.name, "p"));
  else
    ck_assert_uint_gt(err.line, 0);
}
END_TEST

/* What a request for 20,000 nodes is, every one of them twice: no time that grows by its square. */
START_TEST(many_nodes_are_read) {
  enum { NODES = 20000 };
  CLEANUP_BUF struct buf body;
  struct wire_preemption_args args;
  struct err err = {0};
  buf_init(&body, 4 << 20);
  buf_append_cstr(&body, "{" POD "," META "{");
  for (int i = 0; i < 2 * NODES; i++)
    buf_printf(&body, "%s\"n%05d\":{\"Pods\":[{\"UID\":\"%d\"}]}", i ? "," : "", i % NODES, i);
  buf_append_cstr(&body, "}}");
  ck_assert_msg(wire_preemption_args_read(arena, buf_str(&body), &args, &err), "%s", err.text);
  ck_assert_uint_eq(args.node_count, NODES);
  ck_assert(str_is(args.nodes[1].node, "n00001") && str_is(args.nodes[1].uids[0], "20001"));
}
END_TEST

TCase *tcase_extender_calls(void) {
  TCase *tc = tcase_create("extender_calls");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_loop_test(tc, a_binding_is_read, 0, SG_ARRAY_LEN(bindings));
  tcase_add_loop_test(tc, victims_are_read, 0, SG_ARRAY_LEN(preemptions));
  tcase_add_test(tc, many_nodes_are_read);
  return tc;
}
