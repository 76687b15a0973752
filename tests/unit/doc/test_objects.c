/* SPDX-License-Identifier: Apache-2.0 */
/* Objects one at a time are the objects of the tree, in the same places. */
#include "slicegate/doc.h"

#include <check.h>

TCase *tcase_objects(void);

/* What was told, as one line: "List[0]Node@2:3 ...", lists themselves as "List.". */
struct told {
  struct buf line;
  size_t stop_at; /* refuse this one; SIZE_MAX: none */
  size_t count;
};

static bool on_object(void *context, const struct doc_object *object, struct err *reterr) {
  struct told *told = context;
  if (told->count++ == told->stop_at)
    return err_set_at(reterr, ERR_INVALID, object->node->line, object->node->column, "stopped");
  if (told->line.len)
    buf_append_char(&told->line, ' ');
  buf_append_str(&told->line, object->list_kind);
  if (!object->node) {
    buf_append_char(&told->line, '.');
    return true;
  }
  if (object->is_item)
    buf_printf(&told->line, "[%zu]", object->index);
  buf_append_str(&told->line, doc_text_at(object->node, "kind"));
  buf_printf(&told->line, "@%u:%u", object->node->line, object->node->column);
  return true;
}

static bool walk(const char *text, struct told *told, struct err *err) {
  buf_init(&told->line, 4096);
  told->stop_at = told->stop_at ? told->stop_at : SIZE_MAX;
  return doc_each_object(str_of(text), &doc_limits_manifest, on_object, told, err);
}

static const struct {
  const char *name, *text, *told;
} texts[] = {
    {"kubectl's order: the kind behind the items",
     "{\"apiVersion\":\"v1\",\n\"items\":[{\"kind\":\"Node\"},\n {\"kind\":\"Pod\"}],\n"
     "\"kind\":\"List\"}",
     "[0]Node@2:10 [1]Pod@3:2 List."},
    {"the API's order", "{\"kind\":\"PodList\",\"items\":[{},{\"kind\":\"Odd\"}]}",
     "PodList[0]@1:28 PodList[1]Odd@1:31 PodList."},
    {"sorted, and the items name no kind", "{\"items\":[{},\n{}],\"kind\":\"PodList\"}",
     "PodList[0]@1:11 PodList[1]@2:1 PodList."},
    {"no items", "{\"kind\":\"PodList\",\"items\":[]}", "PodList."},
    {"an object of its own", "{\"kind\":\"Pod\",\n\"spec\":{\"items\":[1]}}", "Pod@1:1"},
    {"items that are no list", "{\"items\":{},\"kind\":\"X\"}", "X@1:1"},
    {"several documents", "{\"kind\":\"Pod\"}\n {\"kind\":\"NodeList\",\"items\":[{}]} {}",
     "Pod@1:1 NodeList[0]@2:30 NodeList. @2:35"},
    {"a list in a list is an item",
     "{\"kind\":\"List\",\"items\":[{\"kind\":\"L\",\"items\":[1]}]}", "List[0]L@1:25 List."},
    {"an escaped kind", "{\"kind\":\"Pod\\u004cist\",\"items\":[{}]}", "PodList[0]@1:33 PodList."},
    {"YAML", "kind: PodList\nitems:\n- {kind: Pod}\n- {}\n---\nkind: Node\n",
     "PodList[0]Pod@3:3 PodList[1]@4:3 PodList. Node@6:1"},
    {"flow YAML", "{\"kind\": List, items: [{kind: Pod}]}", "List[0]Pod@1:24 List."},
};

START_TEST(objects_are_told_in_order) {
  struct told told = {.count = 0};
  struct err err = {0};
  ck_assert_msg(walk(texts[_i].text, &told, &err), "%s: %s", texts[_i].name, err.text);
  const char *line = told.line.ptr ? told.line.ptr : "";
  ck_assert_msg(strcmp(line, texts[_i].told) == 0, "%s: %s", texts[_i].name, line);
  buf_done(&told.line);
}
END_TEST

static const struct {
  const char *name, *text, *says;
  unsigned line, column;
} wrong[] = {
    {"the text ends in an item",
     "{\"kind\":\"List\",\"items\":[{\"a\":1},\n{\"b\":", "the text ends", 2, 6},
    {"no comma between items", "{\"kind\":\"List\",\"items\":[{}\n {}]}", "',' or ']'", 2, 2},
    {"a comma too many", "{\"items\":[{\"kind\":\"Pod\"},]}", "where a value was expected", 1, 26},
    {"behind the items", "{\"items\":[{\"kind\":\"Pod\"}],\n\"kind\":tru}", "where a value", 2, 8},
    {"behind the document", "{\"items\":[{\"kind\":\"Pod\"}]} ]", "where a value", 1, 28},
    {"two lists of items", "{\"items\":[{\"kind\":\"Pod\"}],\"items\":[]}", "a second list", 1, 27},
};

START_TEST(what_is_no_json_is_said_where) {
  struct told told = {.count = 0};
  struct err err = {0};
  ck_assert_msg(!walk(wrong[_i].text, &told, &err), "%s", wrong[_i].name);
  ck_assert_msg(strstr(err.text, wrong[_i].says), "%s: %s", wrong[_i].name, err.text);
  ck_assert_msg(err.line == wrong[_i].line && err.column == wrong[_i].column, "%s: %u:%u",
                wrong[_i].name, err.line, err.column);
  buf_done(&told.line);
}
END_TEST

START_TEST(a_refusal_stops_the_walk) {
  struct told told = {.stop_at = 1};
  struct err err = {0};
  ck_assert(!walk("{\"kind\":\"PodList\",\"items\":[{},\n{},{}]}", &told, &err));
  ck_assert_str_eq(err.text, "stopped");
  ck_assert_uint_eq(err.line, 2);
  ck_assert_uint_eq(told.count, 2);
  buf_done(&told.line);
}
END_TEST

START_TEST(limits_count_one_item) {
  const struct doc_limits limits = {.max_bytes = 100, .max_depth = 10, .max_nodes = 4};
  struct told told = {.stop_at = SIZE_MAX};
  struct err err = {0};
  buf_init(&told.line, 4096);
  ck_assert(doc_each_object(STR_LIT("{\"items\":[[1,2],[3,4],[5,6]],\"kind\":\"L\"}"), &limits,
                            on_object, &told, &err));
  ck_assert(!doc_each_object(STR_LIT("{\"items\":[[1,2,3,4]],\"kind\":\"L\"}"), &limits, on_object,
                             &told, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  buf_done(&told.line);
}
END_TEST

TCase *tcase_objects(void) {
  TCase *tc = tcase_create("objects");
  tcase_add_loop_test(tc, objects_are_told_in_order, 0, SG_ARRAY_LEN(texts));
  tcase_add_loop_test(tc, what_is_no_json_is_said_where, 0, SG_ARRAY_LEN(wrong));
  tcase_add_test(tc, a_refusal_stops_the_walk);
  tcase_add_test(tc, limits_count_one_item);
  return tc;
}
