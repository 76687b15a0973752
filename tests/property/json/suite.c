/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader against jansson as its twin: on random texts, whole and damaged, both
 * accept or both refuse, and what they accept means the same.
 */
#include "slicegate/doc.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

enum { ROUNDS = 30000, TEXT_MAX = 4096 };

static void add_space(struct random *random, struct buf *out) {
  static const char *const spaces[] = {" ", "\n", "\t", "\r\n"};
  if (random_one_in(random, 4))
    buf_append_cstr(out, spaces[random_below(random, SG_ARRAY_LEN(spaces))]);
}

static void add_string(struct random *random, struct buf *out) {
  static const char *const parts[] = {"a",
                                      "nvidia.com/gpu",
                                      "\\n",
                                      "\\u00e9",
                                      "\\\"",
                                      "\xc3\xa9",
                                      "\\ud83d\\ude00",
                                      "\xe2\x82\xac",
                                      "\\\\",
                                      "\\/",
                                      "\xf0\x9f\x98\x80",
                                      " ",
                                      "\\u20AC",
                                      "x",
                                      "0"};
  buf_append_char(out, '"');
  for (size_t i = random_below(random, 6); i > 0; i--)
    buf_append_cstr(out, parts[random_below(random, SG_ARRAY_LEN(parts))]);
  buf_append_char(out, '"');
}

static void add_number(struct random *random, struct buf *out) {
  static const char *const numbers[] = {
      "0",    "-0",   "1",       "-17",  "123456789", "1.5",   "-0.0",
      "2e10", "3E-2", "1.25e+3", "1000", "0.5",       "12345", "9007199254740993"};
  buf_append_cstr(out, numbers[random_below(random, SG_ARRAY_LEN(numbers))]);
}

static void add_value(struct random *random, struct buf *out, unsigned depth) {
  static const char *const words[] = {"true", "false", "null"};
  add_space(random, out);
  size_t kind = random_below(random, depth > 5 ? 3 : 5);
  if (kind == 0) {
    add_string(random, out);
  } else if (kind == 1) {
    add_number(random, out);
  } else if (kind == 2) {
    buf_append_cstr(out, words[random_below(random, 3)]);
  } else {
    bool is_list = kind == 3;
    buf_append_char(out, is_list ? '[' : '{');
    size_t count = random_below(random, 5);
    for (size_t i = 0; i < count; i++) {
      if (i)
        buf_append_char(out, ',');
      if (!is_list) {
        add_space(random, out);
        add_string(random, out);
        add_space(random, out);
        buf_append_char(out, ':');
      }
      add_value(random, out, depth + 1);
    }
    add_space(random, out);
    buf_append_char(out, is_list ? ']' : '}');
  }
  add_space(random, out);
}

/* A byte changed, dropped, doubled, or the end cut off. */
static void damage(struct random *random, struct buf *text) {
  static const char bytes[] = "{}[]\",:\\0-e.tnu \x01\x80\xff";
  if (text->len == 0)
    return;
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
    text->len = at;
    break;
  default:
    buf_append_char(text, text->ptr[at]);
  }
}

static bool same_value(const struct doc_node *mine, const json_t *theirs) {
  switch (json_typeof(theirs)) {
  case JSON_NULL:
    return mine->kind == DOC_NULL;
  case JSON_TRUE:
    return doc_is_true(mine);
  case JSON_FALSE:
    return mine->kind == DOC_BOOL && !mine->truth;
  case JSON_STRING:
    return mine->kind == DOC_STRING && mine->text.len == json_string_length(theirs) &&
           memcmp(mine->text.ptr, json_string_value(theirs), mine->text.len) == 0;
  case JSON_INTEGER: {
    int64_t number;
    return doc_int(mine, &number) && number == json_integer_value(theirs);
  }
  case JSON_REAL: {
    char *number = mem_strndup(mine->text.ptr, mine->text.len);
    bool same = mine->kind == DOC_NUMBER && strtod(number, NULL) == json_real_value(theirs);
    free(number);
    return same;
  }
  case JSON_ARRAY:
    if (mine->kind != DOC_SEQUENCE || mine->count != json_array_size(theirs))
      return false;
    for (uint32_t i = 0; i < mine->count; i++) {
      if (!same_value(&mine->items[i], json_array_get(theirs, i)))
        return false;
    }
    return true;
  case JSON_OBJECT: {
    const char *key;
    size_t key_len;
    json_t *value;
    if (mine->kind != DOC_MAPPING || mine->count < json_object_size(theirs))
      return false;
    void *iter = json_object_iter((json_t *)(uintptr_t)theirs);
    for (; iter; iter = json_object_iter_next((json_t *)(uintptr_t)theirs, iter)) {
      key = json_object_iter_key(iter);
      key_len = json_object_iter_key_len(iter);
      value = json_object_iter_value(iter);
      const struct doc_node *own = doc_get(mine, (struct str){key, key_len});
      if (!own || !same_value(own, value))
        return false;
    }
    return true;
  }
  }
  return false;
}

START_TEST(agrees_with_jansson) {
  struct random random;
  random_init(&random, random_seed());
  size_t accepted = 0;
  for (int round = 0; round < ROUNDS; round++) {
    CLEANUP_ARENA struct arena *arena = arena_new(0);
    CLEANUP_BUF struct buf text;
    buf_init(&text, TEXT_MAX);
    add_value(&random, &text, 0);
    if (text.truncated)
      continue;
    for (size_t i = random_below(&random, 3); i > 0; i--)
      damage(&random, &text);
    json_error_t error;
    json_t *theirs =
        json_loadb(text.ptr ? text.ptr : "", text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!theirs && (json_error_code(&error) == json_error_numeric_overflow))
      continue; /* jansson stores numbers, we keep their text */
    const struct doc_node *mine = NULL;
    struct err err;
    bool ok = doc_parse_json(arena, buf_str(&text), &doc_limits_review, &mine, &err);
    ck_assert_msg(ok == (theirs != NULL), "round %d: we %s, jansson %s: %.*s", round,
                  ok ? "accept" : err.text, theirs ? "accepts" : error.text, STR_FMT(text));
    if (ok)
      ck_assert_msg(same_value(mine, theirs), "round %d: %.*s", round, STR_FMT(text));
    accepted += ok;
    json_decref(theirs);
  }
  ck_assert_msg(accepted > ROUNDS / 10 && accepted < ROUNDS, "%zu accepted", accepted);
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("JSON against jansson");
  TCase *tc = tcase_create("twin");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, agrees_with_jansson);
  suite_add_tcase(suite, tc);
  return suite;
}
