/* SPDX-License-Identifier: Apache-2.0 */
/* ExtenderArgs: the list of nodes in every form it comes in. */
#include "slicegate/wire.h"

#include <check.h>

TCase *tcase_extender_args(void);

static struct arena *arena;

static void set_up(void) {
  arena = arena_new(0);
}

static void tear_down(void) {
  arena_free(arena);
}

#define POD "\"Pod\":{\"metadata\":{\"name\":\"p\"}}"

/* The names, in their order; "=" and the text of the whole node behind each where they came. */
static struct str shown(const struct wire_extender_args *args) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  if (!args->has_nodes)
    return STR_LIT("none");
  buf_append_cstr(&text, args->nodes ? "whole:" : "names:");
  for (size_t i = 0; i < args->node_count; i++) {
    buf_printf(&text, " %.*s", STR_FMT(args->node_names[i]));
    if (args->nodes)
      buf_printf(&text, "=%.*s", STR_FMT(args->nodes[i]));
  }
  return str_copy(arena, buf_str(&text));
}

static const struct {
  const char *body, *nodes;
} accepted[] = {
    {"{" POD ",\"Nodes\":null,\"NodeNames\":[\"a\",\"b\"]}", "names: a b"},
    {"{\"NodeNames\":[\"b\",\"a\"],\"Nodes\":null," POD "}", "names: b a"},
    {"{" POD ",\"Nodes\":null,\"NodeNames\":null}", "none"},
    {"{" POD "}", "none"},
    {"{" POD ",\"NodeNames\":[]}", "names:"},
    {" {\n" POD " ,\r\n\t\"NodeNames\" : [ \"a\" , \"b\" ] } \n", "names: a b"},
    {"{" POD ",\"NodeNames\":[\"n\\u0031\",\"a\\/b\",\"\xc3\xa9\"]}", "names: n1 a/b \xc3\xa9"},
    {"{" POD ",\"Node\\u004eames\":[\"a\"]}", "names: a"},
    /* Of equal keys the last one counts. */
    {"{" POD ",\"NodeNames\":[\"a\",\"b\",\"c\"],\"NodeNames\":[\"d\"]}", "names: d"},
    {"{" POD ",\"NodeNames\":[\"a\"],\"NodeNames\":null}", "none"},
    {"{" POD ",\"Nodes\":{\"items\":[]},\"NodeNames\":[\"a\"],\"Nodes\":null}", "names: a"},
    {"{\"Pod\":1," POD ",\"NodeNames\":[\"a\"]}", "names: a"},
    /* What is not known is left behind. */
    {"{\"x\":[[{\"y\":-0.5e+3}],true,false,null,\"\\ud83d\\ude00\"]," POD ",\"NodeNames\":[\"a\"],"
     "\"nodenames\":1}",
     "names: a"},
    {"{" POD ",\"Nodes\":{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"a\"}}, "
     "{\"spec\":{\"x\":[1]},\"metadata\":{\"labels\":{\"name\":\"z\"},\"name\":\"b\"}}]},"
     "\"NodeNames\":null}",
     "whole: a={\"metadata\":{\"name\":\"a\"}} "
     "b={\"spec\":{\"x\":[1]},\"metadata\":{\"labels\":{\"name\":\"z\"},\"name\":\"b\"}}"},
    {"{" POD ",\"Nodes\":{\"items\":[{\"metadata\":{\"name\":\"a\"},\"metadata\":{\"name\":null,"
     "\"name\":\"c\"}}]}}",
     "whole: c={\"metadata\":{\"name\":\"a\"},\"metadata\":{\"name\":null,\"name\":\"c\"}}"},
    {"{" POD ",\"Nodes\":{\"items\":null}}", "names:"},
    {"{" POD ",\"Nodes\":{}}", "names:"},
};

START_TEST(every_form_is_read) {
  struct wire_extender_args args;
  struct err err = {0};
  ck_assert_msg(wire_extender_args_read(arena, str_of(accepted[_i].body), &args, &err), "%s: %s",
                accepted[_i].body, err.text);
  struct str found = shown(&args);
  ck_assert_msg(str_is(found, accepted[_i].nodes), "%s: %.*s", accepted[_i].body, STR_FMT(found));
  ck_assert(str_is(args.pod.name, "p"));
}
END_TEST

static const struct {
  const char *body, *says;
  unsigned line, column;
} refused[] = {
    {"", "the text ends where a value was expected", 1, 1},
    {"[]", "ExtenderArgs: a mapping was expected, found a list", 1, 1},
    {"{" POD ",\"NodeNames\":[\"a\"]} x", "'x' where the end of the text was expected", 1, 53},
    {"{" POD ",\"NodeNames\":[\"a\",]}", "']' where a value was expected", 1, 51},
    {"{" POD ",\"NodeNames\":[\"a\" \"b\"]}", "'\"' where ',' or ']' was expected", 1, 51},
    {"{" POD ",\"NodeNames\":[\"a\"", "the text ends where ',' or ']' was expected", 1, 50},
    {"{" POD ",\"NodeNames\":[\"a", "the text ends where the closing '\"' of a string was expected",
     1, 49},
    {"{" POD ",\n\"NodeNames\":[\"a\",\n 7]}",
     "NodeNames[1]: a string was expected, found a number", 3, 2},
    {"{" POD ",\"NodeNames\":[null]}", "NodeNames[0]: a string was expected, found nothing", 1, 47},
    {"{" POD ",\"NodeNames\":{}}", "NodeNames: a list was expected, found a mapping", 1, 46},
    {"{" POD ",\"NodeNames\":nul}", "'n' where a value was expected", 1, 46},
    {"{" POD ",\"NodeNames\":[\"\"]}", "NodeNames[0]: a node without a name", 1, 47},
    {"{" POD ",\"NodeNames\":[\"a\tb\"]}", "a control character in a string (it must be escaped)",
     1, 49},
    {"{" POD ",\"NodeNames\":[\"a\\x\"]}", "an escape that JSON does not have", 1, 49},
    {"{" POD ",\"NodeNames\":[\"a\\u12\"]}", "'\"' where four hexadecimal digits was expected", 1,
     53},
    {"{" POD ",\"NodeNames\":[\"\\udc00\"]}", "a low surrogate without a high one before it", 1,
     48},
    {"{" POD ",\"NodeNames\":[\"\\ud800x\"]}", "a high surrogate without a low one behind it", 1,
     48},
    {"{" POD ",\"NodeNames\":[\"\xff\"]}", "bytes that are not UTF-8", 1, 48},
    {"{" POD ",\"NodeNames\":[\"abcdefgh\xc0\x80\"]}", "bytes that are not UTF-8", 1, 56},
    {"{" POD ",\"Nodes\":[]}", "Nodes: a mapping was expected, found a list", 1, 42},
    {"{" POD ",\"Nodes\":{\"items\":{}}}", "Nodes.items: a list was expected, found a mapping", 1,
     51},
    {"{" POD ",\"Nodes\":{\"items\":[\"a\"]}}",
     "Nodes.items[0]: a mapping was expected, found a string", 1, 52},
    {"{" POD ",\"Nodes\":{\"items\":[{\"metadata\":[]}]}}",
     "Nodes.items[0].metadata: a mapping was expected, found a list", 1, 64},
    {"{" POD ",\"Nodes\":{\"items\":[{\"metadata\":{\"name\":1}}]}}",
     "Nodes.items[0].metadata.name: a string was expected, found a number", 1, 72},
    {"{" POD ",\"Nodes\":{\"items\":[{\"metadata\":{\"name\":\"a\"},\"metadata\":null}]}}",
     "Nodes.items[0].metadata.name: a node without a name", 1, 52},
    {"{" POD ",\"Nodes\":{\"items\":[]},\"NodeNames\":[]}",
     "both Nodes and NodeNames, one was expected", 1, 1},
    {"{\"NodeNames\":[\"a\"]}", "Pod: is missing", 1, 1},
    {"{\"Pod\":null,\"NodeNames\":[\"a\"]}", "Pod: is missing", 1, 1},
    {"{\"Pod\":{\"metadata\":{\"name\":\"p\",\"uid\":7}}}",
     "Pod: metadata.uid: a string was expected, found a number", 1, 38},
    {"{\"Pod\":{\"metadata\":{\"name\":true}}}",
     "Pod: metadata.name: a string was expected, found a boolean", 1, 28},
    {"{\"Pod\":{\"metadata\":{\"name\":\"p\",\"namespace\":\"\\u0000\"}}}",
     "Pod: metadata.namespace: a control character, which no name has", 1, 44},
    {"{\"Pod\":{\"metadata\":{\"name\":\"p\",\"uid\":\"\\u007f\"}}}",
     "Pod: metadata.uid: a control character, which no name has", 1, 38},
    {"{\"Pod\":[]}", "Pod: the object: a mapping was expected, found a list", 1, 8},
    {"{\"NodeNames\":[],\n \"Pod\":{}}", "Pod: metadata.name: is missing", 2, 8},
    {"{\n\"Pod\":{\"metadata\":{\"name\":\"p\"},\n\"spec\":{\"containers\":1}},\"NodeNames\":[]}",
     "Pod: spec.containers: a list was expected, found a number", 3, 22},
    {"{\"a\" 1}", "'1' where ':' was expected", 1, 6},
    {"{a:1}", "'a' where a key in double quotes was expected", 1, 2},
    {"{\"a\":01}", "'1' where ',' or '}' was expected", 1, 7},
    {"{\"a\":1.}", "'}' where a digit was expected", 1, 8},
    {"{\"a\":{\"b\":tru}}", "'t' where a value was expected", 1, 11},
};

START_TEST(what_is_wrong_is_said) {
  struct wire_extender_args args = {.node_count = 77};
  struct err err = {0};
  ck_assert_msg(!wire_extender_args_read(arena, str_of(refused[_i].body), &args, &err), "%s",
                refused[_i].body);
  ck_assert_str_eq(err.text, refused[_i].says);
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_msg(err.line == refused[_i].line && err.column == refused[_i].column, "%s: %u:%u",
                refused[_i].body, err.line, err.column);
  ck_assert_uint_eq(args.node_count, 77);
}
END_TEST

/* `count` names of `len` bytes. */
static struct str make_body(struct buf *out, size_t count, size_t len) {
  buf_init(out, 64 << 20);
  buf_append_cstr(out, "{" POD ",\"NodeNames\":[");
  for (size_t i = 0; i < count; i++)
    buf_printf(out, "%s\"%0*zu\"", i ? "," : "", (int)len, i);
  buf_append_cstr(out, "]}");
  return buf_str(out);
}

static const struct {
  size_t count, len;
  const char *says; /* NULL: that is allowed */
} sizes[] = {
    {1, 253, NULL},
    {1, 254, "NodeNames[0]: 254 bytes, a name has 253 at most"},
    {15000, 20, NULL},
    {50000, 6, NULL},
    {50001, 6, "NodeNames: more than 50000 nodes"},
    {50000, 240,
     "ExtenderArgs: 12150047 bytes are more than the limit of 10485760; if whole "
     "Nodes come, set nodeCacheCapable: true, so that their names do"},
};

static const struct {
  const char *spec, *says;
} absurd[] = {
    {"\"containers\":[{},{\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"-1\"}}}]",
     "spec.containers[1].resources.limits[nvidia.com/gpu]: \"-1\" is less than nothing; write 0 or "
     "more, or leave the resource out"},
    {"\"initContainers\":[{\"resources\":{\"requests\":{\"nvidia.com/gpu\":\"abc\"}}}]",
     "spec.initContainers[0].resources.requests[nvidia.com/gpu]: \"abc\" is no quantity; write a "
     "whole number, as in \"1\""},
    {"\"containers\":[{\"resources\":{\"requests\":{\"nvidia.com/gpu\":\"1e30\"}}}]",
     "spec.containers[0].resources.requests[nvidia.com/gpu]: \"1e30\" is more than there can be; "
     "write how many there are to be, as in \"1\""},
    {"\"containers\":[{\"resources\":{\"requests\":{\"a/b\":9223372036854775808}}}]",
     "spec.containers[0].resources.requests[a/b]: \"9223372036854775808\" is more than there can "
     "be; write how many there are to be, as in \"1\""},
    {"\"containers\":[{\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"0.5\"}}}]",
     "spec.containers[0].resources.limits[nvidia.com/gpu]: \"0.5\" is not whole; write a whole "
     "number, as in \"1\", for such a resource is not divided"},
    {"\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"\"}}}]",
     "spec.containers[0].resources.limits[cpu]: \"\" is no quantity; write a number with a unit or "
     "none, as in \"2\" or \"1Gi\""},
    {"\"containers\":[{\"resources\":{\"limits\":{\"nvidia.com/gpu\":[]}}}]",
     "spec.containers[0].resources.limits[nvidia.com/gpu]: \"a list\" is no quantity; write a "
     "whole number, as in \"1\""},
    {"\"overhead\":{\"memory\":\"-1Gi\"}",
     "spec.overhead[memory]: \"-1Gi\" is less than nothing; write 0 or more, or leave the resource "
     "out"},
    {"\"resources\":{\"requests\":{\"cpu\":\"-2\"}}",
     "spec.resources.requests[cpu]: \"-2\" is less than nothing; write 0 or more, or leave the "
     "resource out"},
    {"\"containers\":[{\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"0\",\"cpu\":\"0.5\","
     "\"memory\":\"1e30\",\"hugepages-2Mi\":\"4Mi\",\"nvidia.com/mig-1g.10gb\":\"1k\","
     "\"a/b\":null}}}]",
     ""},
};

/* The call itself is well formed: the pod's own amount is to blame, and the caller is told. */
START_TEST(absurd_amounts_are_named) {
  CLEANUP_BUF struct buf body;
  struct wire_extender_args args;
  struct err err = {0};
  buf_init(&body, 4096);
  buf_printf(&body, "{\"Pod\":{\"metadata\":{\"name\":\"p\"},\"spec\":{%s}},\"NodeNames\":[]}",
             absurd[_i].spec);
  ck_assert_msg(wire_extender_args_read(arena, buf_str(&body), &args, &err), "%s", err.text);
  ck_assert_msg(str_is(args.pod.absurd, absurd[_i].says), "%.*s", STR_FMT(args.pod.absurd));
}
END_TEST

START_TEST(limits_hold) {
  CLEANUP_BUF struct buf body;
  struct wire_extender_args args;
  struct err err = {0};
  bool ok =
      wire_extender_args_read(arena, make_body(&body, sizes[_i].count, sizes[_i].len), &args, &err);
  if (sizes[_i].says) {
    ck_assert_msg(!ok, "%s", sizes[_i].says);
    ck_assert_str_eq(err.text, sizes[_i].says);
    ck_assert_int_eq(err.code, ERR_LIMIT);
    return;
  }
  ck_assert_msg(ok, "%s", err.text);
  ck_assert_uint_eq(args.node_count, sizes[_i].count);
  for (size_t i = 0; i < args.node_count; i++) {
    struct str expected = str_printf(arena, "%0*zu", (int)sizes[_i].len, i);
    ck_assert(str_eq(args.node_names[i], expected));
  }
}
END_TEST

static const struct {
  const char *field;
  int longest;
} ids[] = {{"name", 253}, {"namespace", 63}, {"uid", 253}};

/* What a pod is known by is kept for as long as the pod is held. */
START_TEST(no_name_is_longer_than_names_are) {
  for (int len = ids[_i].longest; len <= ids[_i].longest + 1; len++) {
    struct wire_extender_args args;
    struct err err = {0};
    struct str body =
        str_printf(arena, "{\"Pod\":{\"metadata\":{%s\"%s\":\"%0*d\"}},\"NodeNames\":[]}",
                   _i ? "\"name\":\"p\"," : "", ids[_i].field, len, 7);
    bool ok = wire_extender_args_read(arena, body, &args, &err);
    ck_assert_msg(ok == (len == ids[_i].longest), "%s of %d: %s", ids[_i].field, len, err.text);
    if (!ok)
      ck_assert_str_eq(err.text,
                       str_printf(arena, "Pod: metadata.%s: %d bytes, at most %d were expected",
                                  ids[_i].field, len, ids[_i].longest)
                           .ptr);
  }
}
END_TEST

/* The room for a list is guessed by its first name: that may be the only one of its length. */
START_TEST(lists_of_uneven_names_grow) {
  CLEANUP_BUF struct buf body;
  struct wire_extender_args args;
  struct err err = {0};
  buf_init(&body, 1 << 20);
  buf_append_cstr(&body, "{" POD ",\"NodeNames\":[");
  buf_printf(&body, "\"%0250d\"", 0);
  for (int i = 1; i < 20000; i++)
    buf_printf(&body, ",\"%d\"", i);
  buf_append_cstr(&body, "]}");
  ck_assert_msg(wire_extender_args_read(arena, buf_str(&body), &args, &err), "%s", err.text);
  ck_assert_uint_eq(args.node_count, 20000);
  ck_assert_uint_eq(args.node_names[0].len, 250);
  ck_assert(str_is(args.node_names[19999], "19999"));
}
END_TEST

/* A key that comes again and again takes no new room each time. */
START_TEST(repeated_lists_cost_no_memory) {
  CLEANUP_BUF struct buf body;
  struct wire_extender_args args;
  struct err err = {0};
  buf_init(&body, 2 << 20);
  buf_append_cstr(&body, "{" POD);
  for (int i = 0; i < 50000; i++)
    buf_append_cstr(&body, ",\"NodeNames\":[\"a\"]");
  buf_append_cstr(&body, "}");
  ck_assert_msg(wire_extender_args_read(arena, buf_str(&body), &args, &err), "%s", err.text);
  ck_assert_uint_eq(args.node_count, 1);
  ck_assert_msg(arena_used(arena) < 2 << 20, "%zu bytes", arena_used(arena));
}
END_TEST

START_TEST(nesting_has_a_limit) {
  CLEANUP_BUF struct buf body;
  struct wire_extender_args args;
  struct err err = {0};
  int depth = _i ? 200 : 199; /* below the mapping around it */
  buf_init(&body, 4096);
  buf_append_cstr(&body, "{" POD ",\"x\":");
  for (int i = 0; i < depth; i++)
    buf_append_char(&body, '[');
  for (int i = 0; i < depth; i++)
    buf_append_char(&body, ']');
  buf_append_cstr(&body, ",\"NodeNames\":[]}");
  ck_assert(wire_extender_args_read(arena, buf_str(&body), &args, &err) == (_i == 0));
  if (_i) {
    ck_assert_str_eq(err.text, "nested deeper than 200 levels");
    ck_assert_int_eq(err.code, ERR_LIMIT);
  }
}
END_TEST

/* Names are views into the text; what had to be unescaped lives in the arena. */
START_TEST(names_are_views) {
  static const char body[] = "{" POD ",\"NodeNames\":[\"plain\",\"\xc3\xa9\",\"n\\u0031\"]}";
  struct wire_extender_args args;
  struct err err = {0};
  ck_assert(wire_extender_args_read(arena, STR_LIT(body), &args, &err));
  for (size_t i = 0; i < args.node_count; i++) {
    bool is_view = args.node_names[i].ptr > body && args.node_names[i].ptr < body + sizeof(body);
    ck_assert_msg(is_view == (i < 2), "%zu", i);
  }
}
END_TEST

TCase *tcase_extender_args(void) {
  TCase *tc = tcase_create("extender_args");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_loop_test(tc, every_form_is_read, 0, SG_ARRAY_LEN(accepted));
  tcase_add_loop_test(tc, what_is_wrong_is_said, 0, SG_ARRAY_LEN(refused));
  tcase_add_loop_test(tc, limits_hold, 0, SG_ARRAY_LEN(sizes));
  tcase_add_loop_test(tc, absurd_amounts_are_named, 0, (int)SG_ARRAY_LEN(absurd));
  tcase_add_loop_test(tc, no_name_is_longer_than_names_are, 0, 3);
  tcase_add_test(tc, lists_of_uneven_names_grow);
  tcase_add_test(tc, repeated_lists_cost_no_memory);
  tcase_add_loop_test(tc, nesting_has_a_limit, 0, 2);
  tcase_add_test(tc, names_are_views);
  return tc;
}
