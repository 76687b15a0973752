/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner of ExtenderArgs against the reader of `doc` as its twin: on random requests, whole
 * and damaged, both accept or both refuse, and what they accept has the same pod and nodes.
 */
#include "slicegate/wire.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

enum { ROUNDS = 40000, TEXT_MAX = 64 << 10, NAMES = 40 };

static const char *pick(struct random *random, const char *const *list, size_t count) {
  return list[random_below(random, count)];
}
#define PICK(random, list) pick(random, list, SG_ARRAY_LEN(list))

static void add_space(struct random *random, struct buf *out) {
  static const char *const spaces[] = {" ", "\n", "\t", "\r\n"};
  if (random_one_in(random, 6))
    buf_append_cstr(out, PICK(random, spaces));
}

static void add_string(struct random *random, struct buf *out) {
  static const char *const parts[] = {
      "gpu-node-", "1", "0017", "eu-west-1.internal", "\\u006e", "\xc3\xa9", "\\ud83d\\ude00",
      "\\\\",      "a", "\\/",  "\xf0\x9f\x98\x80"};
  buf_append_char(out, '"');
  for (size_t i = 1 + random_below(random, 4); i > 0; i--)
    buf_append_cstr(out, PICK(random, parts));
  buf_append_char(out, '"');
}

static void add_any(struct random *random, struct buf *out, unsigned depth) {
  static const char *const scalars[] = {"null", "true", "0",   "-1.5e3", "\"\"",
                                        "[]",   "{}",   "1e9", "false",  "\"x\""};
  add_space(random, out);
  if (depth > 3 || random_one_in(random, 2)) {
    buf_append_cstr(out, PICK(random, scalars));
  } else {
    bool is_list = random_one_in(random, 2);
    buf_append_char(out, is_list ? '[' : '{');
    for (size_t i = 0, count = random_below(random, 3); i < count; i++) {
      buf_append_cstr(out, i ? "," : "");
      if (!is_list) {
        add_string(random, out);
        buf_append_char(out, ':');
      }
      add_any(random, out, depth + 1);
    }
    buf_append_char(out, is_list ? ']' : '}');
  }
  add_space(random, out);
}

static void add_names(struct random *random, struct buf *out) {
  if (random_one_in(random, 8)) {
    buf_append_cstr(out, "null");
    return;
  }
  buf_append_char(out, '[');
  for (size_t i = 0, count = random_below(random, NAMES); i < count; i++) {
    buf_append_cstr(out, i ? "," : "");
    add_space(random, out);
    add_string(random, out);
    add_space(random, out);
  }
  buf_append_char(out, ']');
}

static void add_metadata(struct random *random, struct buf *out) {
  buf_append_cstr(out, "{\"labels\":");
  add_any(random, out, 2);
  for (size_t i = random_below(random, 8) ? 1 : random_below(random, 3); i > 0; i--) {
    buf_append_cstr(out, ",\"name\":");
    if (random_one_in(random, 20))
      buf_append_cstr(out, "null");
    else
      add_string(random, out);
  }
  buf_append_char(out, '}');
}

static void add_nodes(struct random *random, struct buf *out) {
  if (random_one_in(random, 3)) {
    buf_append_cstr(out, "null");
    return;
  }
  buf_append_cstr(out, "{\"metadata\":{},\"items\":[");
  for (size_t i = 0, count = random_below(random, 5); i < count; i++) {
    buf_append_cstr(out, i ? ",{\"spec\":" : "{\"spec\":");
    add_any(random, out, 1);
    buf_append_cstr(out, ",\"metadata\":");
    add_metadata(random, out);
    buf_append_char(out, '}');
  }
  buf_append_cstr(out, "]}");
}

static void add_pod(struct random *random, struct buf *out) {
  static const char *const specs[] = {
      "{\"name\":\"p\"},\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"a.b/c\":\"1\"}}}]}",
      "{\"name\":\"\\u0070\"},\"spec\":{\"nodeName\":\"n\",\"hostNetwork\":true}",
      "{\"name\":\"p\"}"};
  buf_printf(out, "{\"metadata\":%s}", PICK(random, specs));
}

/* Mostly the three fields of a request, in any order, some twice or unknown. */
static void add_args(struct random *random, struct buf *out) {
  bool is_whole = random_one_in(random, 3);
  bool is_pod_first = random_one_in(random, 2);
  add_space(random, out);
  buf_append_char(out, '{');
  if (is_pod_first) {
    buf_append_cstr(out, "\"Pod\":");
    add_pod(random, out);
    buf_append_char(out, ',');
  }
  for (size_t i = random_below(random, 4); i > 0; i--) {
    size_t kind = random_below(random, 4);
    buf_append_cstr(out, kind == 0 ? "\"other\":" : is_whole ? "\"Nodes\":" : "\"NodeNames\":");
    if (kind == 0)
      add_any(random, out, 0);
    else if (is_whole)
      add_nodes(random, out);
    else
      add_names(random, out);
    buf_append_char(out, ',');
  }
  buf_append_cstr(out, is_pod_first ? "\"x\":" : "\"Pod\":");
  add_pod(random, out);
  buf_append_char(out, '}');
  add_space(random, out);
}

/* A byte changed, dropped, put twice, or the end cut off. */
static void damage(struct random *random, struct buf *text) {
  static const char bytes[] = "{}[]\",:\\0-e.tnu \x01\x80\xff";
  size_t at = random_below(random, text->len);
  switch (random_below(random, 4)) {
  case 0:
    text->ptr[at] = bytes[random_below(random, sizeof(bytes) - 1)];
    break;
  case 1:
    memmove(text->ptr + at, text->ptr + at + 1, text->len - at - 1);
    text->len--;
    break;
  case 2:
    text->len = at + 1;
    break;
  default:
    buf_append_char(text, text->ptr[at]);
  }
}

/* ---- the twin ---------------------------------------------------------------------------- */

struct twin {
  struct str names[NAMES];
  size_t count;
  bool has_nodes, is_whole;
  struct str pod_name;
};

static bool is_null(const struct doc_node *node) {
  return !node || node->kind == DOC_NULL;
}

static bool take_name(struct twin *twin, const struct doc_node *node) {
  struct str name = doc_text(node);
  twin->names[twin->count++] = name;
  return doc_is(node, DOC_STRING) && name.len > 0;
}

static bool take_nodes(struct twin *twin, const struct doc_node *nodes) {
  const struct doc_node *items = doc_get_lit(nodes, "items");
  twin->is_whole = true;
  if (nodes->kind != DOC_MAPPING || (!is_null(items) && items->kind != DOC_SEQUENCE))
    return false;
  for (uint32_t i = 0; !is_null(items) && i < items->count; i++)
    if (!take_name(twin, doc_get_lit(doc_get_lit(&items->items[i], "metadata"), "name")))
      return false;
  return true;
}

static bool take_names(struct twin *twin, const struct doc_node *names) {
  if (names->kind != DOC_SEQUENCE)
    return false;
  for (uint32_t i = 0; i < names->count; i++)
    if (!take_name(twin, &names->items[i]))
      return false;
  return true;
}

static bool read_twin(struct arena *arena, struct str text, struct twin *ret) {
  const struct doc_node *root;
  struct err err;
  *ret = (struct twin){0};
  if (!doc_parse_json(arena, text, &doc_limits_review, &root, &err) || root->kind != DOC_MAPPING)
    return false;
  const struct doc_node *pod = doc_get_lit(root, "Pod");
  const struct doc_node *nodes = doc_get_lit(root, "Nodes"),
                        *names = doc_get_lit(root, "NodeNames");
  ret->pod_name = doc_text(doc_follow(pod, STR_LIT("metadata.name")));
  if (is_null(pod) || ret->pod_name.len == 0 || (!is_null(nodes) && !is_null(names)))
    return false;
  ret->has_nodes = !is_null(nodes) || !is_null(names);
  return is_null(nodes) ? is_null(names) || take_names(ret, names) : take_nodes(ret, nodes);
}

static void compare(const struct wire_extender_args *mine, const struct twin *twin,
                    const struct buf *text) {
  ck_assert_msg(mine->has_nodes == twin->has_nodes && mine->node_count == twin->count &&
                    str_eq(mine->pod.name, twin->pod_name),
                "%zu nodes, the tree has %zu: %.*s", mine->node_count, twin->count, STR_FMT(*text));
  for (size_t i = 0; i < twin->count; i++)
    ck_assert_msg(str_eq(mine->node_names[i], twin->names[i]), "%zu: %.*s", i, STR_FMT(*text));
}

/* What the scanner refuses and the twin, which looks at less, does not: a wrong pod, or a list
 * that another one of its name replaced. */
static bool is_of_another_mind(const struct err *err) {
  return str_starts_with(str_of(err->text), STR_LIT("Pod: ")) ||
         str_starts_with(str_of(err->text), STR_LIT("Node"));
}

START_TEST(agrees_with_the_tree) {
  struct random random;
  random_init(&random, random_seed());
  size_t accepted = 0, whole = 0, refused = 0, of_another_mind = 0;
  for (int round = 0; round < ROUNDS; round++) {
    CLEANUP_ARENA struct arena *arena = arena_new(0);
    CLEANUP_BUF struct buf text;
    buf_init(&text, TEXT_MAX);
    add_args(&random, &text);
    ck_assert(!text.truncated);
    for (size_t i = random_one_in(&random, 2) ? 0 : random_below(&random, 3); i > 0; i--)
      damage(&random, &text);
    struct wire_extender_args mine;
    struct twin twin;
    struct err err = {0};
    bool ok = wire_extender_args_read(arena, buf_str(&text), &mine, &err);
    bool is_twin_ok = read_twin(arena, buf_str(&text), &twin);
    if (!ok && is_twin_ok && is_of_another_mind(&err)) {
      of_another_mind++;
      continue;
    }
    ck_assert_msg(ok == is_twin_ok, "round %d: we %s, the tree %s: %.*s", round,
                  ok ? "accept" : err.text, is_twin_ok ? "accepts" : "refuses", STR_FMT(text));
    if (ok)
      compare(&mine, &twin, &text);
    accepted += ok;
    whole += ok && mine.nodes;
    refused += !ok;
  }
  ck_assert_msg(accepted > ROUNDS / 3 && whole > ROUNDS / 20 && refused > ROUNDS / 10 &&
                    of_another_mind < ROUNDS / 10,
                "%zu accepted, %zu with whole nodes, %zu refused, %zu of another mind", accepted,
                whole, refused, of_another_mind);
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("ExtenderArgs against a tree");
  TCase *tc = tcase_create("twin");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, agrees_with_the_tree);
  suite_add_tcase(suite, tc);
  return suite;
}
