/* SPDX-License-Identifier: Apache-2.0 */
#include "src/kube/kube_internal.h"
#include "tests/unit/kube/fixture.h"

TCase *tcase_list_reader(void);

static bool join(void *ctx, struct str item, bool is_cut, struct err *reterr) {
  (void)reterr;
  buf_printf(ctx, "<%.*s%s>", STR_FMT(item), is_cut ? "~" : "");
  return true;
}

static const struct {
  const char *text;
  const char *items; /* NULL: it is no list */
  const char *token;
} lists[] = {
    {"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}", "", ""},
    {"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":null}", "", ""},
    {"{\"metadata\":{\"resourceVersion\":\"7\"}}", "", ""},
    {"{\"items\":[{}, "
     "{\"a\":[1,{\"b\":\"]}\"}]}\n,{\"c\":\"\\\"}\\\\\"}],\"metadata\":{\"continue\":"
     "\"t\",\"resourceVersion\":\"7\"}}\n",
     "<{}><{\"a\":[1,{\"b\":\"]}\"}]}><{\"c\":\"\\\"}\\\\\"}>", "t"},
    {" { \"kind\" : \"L\" , \"n\" : 12 , \"t\":true,\"metadata\" : {\"resourceVersion\":\"7\"} , "
     "\"items\" "
     ": [ {\"a\":1} ] , \"x\" : [ [ ] ] } ",
     "<{\"a\":1}>", ""},
    {"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"too\":\"long for a maximum of forty "
     "bytes\"},{}]}",
     "<{\"too\":\"long for a maximum of forty byte~><{}>", ""},
    {"{\"metadata\":{\"resourceVersion\":\"7\",\"x\":\"longer than it may be\"}}", NULL, NULL},
    {"", NULL, NULL},
    {"[]", NULL, NULL},
    {"{\"items\":[]}", NULL, NULL},
    {"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{}", NULL, NULL},
    {"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{},]}", NULL, NULL},
    {"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{}{}]}", NULL, NULL},
    {"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[\"a\"]}", NULL, NULL},
    {"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":{}}", NULL, NULL},
    {"{\"metadata\":{\"resourceVersion\":\"7\"}} {}", NULL, NULL},
    {"{\"metadata\":{\"resourceVersion\":\"7\"}\"a\":1}", NULL, NULL},
    {"{\"metadata\":,\"a\":1}", NULL, NULL},
    {"{metadata:{\"resourceVersion\":\"7\"}}", NULL, NULL},
    {"{\"metadata\":{\"resourceVersion\":7}}", NULL, NULL},
    {"{\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"a\\nb\"}}", NULL, NULL},
};

static void read_in_two(const char *text, size_t at, const char *items, const char *token) {
  struct list_reader reader;
  struct err err;
  CLEANUP_BUF struct buf out;
  buf_init(&out, 4096);
  buf_append_cstr(&out, "");
  list_reader_init(&reader, 40, join, &out);
  bool ok = list_reader_feed(&reader, (struct str){text, at}, &err) &&
            list_reader_feed(&reader, str_of(text + at), &err) && list_reader_end(&reader, &err);
  ck_assert_msg(ok == (items != NULL), "at %zu of %s", at, text);
  if (ok) {
    ck_assert_msg(str_is(buf_str(&out), items), "at %zu: %.*s", at, STR_FMT(buf_str(&out)));
    ck_assert_str_eq(reader.continue_token, token);
    ck_assert_str_eq(reader.resource_version, "7");
  }
  list_reader_done(&reader);
}

START_TEST(reads_lists_however_cut) {
  const char *text = lists[_i].text;
  for (size_t at = 0; at <= strlen(text); at++)
    read_in_two(text, at, lists[_i].items, lists[_i].token);
}
END_TEST

START_TEST(begins_anew_after_a_reset) {
  struct list_reader reader;
  struct err err;
  CLEANUP_BUF struct buf out;
  buf_init(&out, 4096);
  list_reader_init(&reader, 1000, join, &out);
  ck_assert(list_reader_feed(
      &reader,
      STR_LIT("{\"metadata\":{\"continue\":\"t\",\"resourceVersion\":\"7\"},\"items\":[{\"a"),
      &err));
  list_reader_reset(&reader);
  ck_assert_str_eq(reader.continue_token, "");
  ck_assert(list_reader_feed(
      &reader, STR_LIT("{\"metadata\":{\"resourceVersion\":\"8\"},\"items\":[{}]}"), &err));
  ck_assert(list_reader_end(&reader, &err));
  ck_assert_str_eq(out.ptr, "<{}>");
  ck_assert_str_eq(reader.resource_version, "8");
  list_reader_done(&reader);
}
END_TEST

START_TEST(tokens_have_a_largest_length) {
  struct list_reader reader;
  struct err err = {0};
  char text[8192];
  (void)snprintf(text, sizeof(text), "{\"metadata\":{\"continue\":\"%05000d\"}}", 0);
  list_reader_init(&reader, 1 << 20, join, NULL);
  ck_assert(!list_reader_feed(&reader, str_of(text), &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  list_reader_done(&reader);
}
END_TEST

TCase *tcase_list_reader(void) {
  TCase *tc = tcase_create("list_reader");
  tcase_add_loop_test(tc, reads_lists_however_cut, 0, (int)SG_ARRAY_LEN(lists));
  tcase_add_test(tc, begins_anew_after_a_reset);
  tcase_add_test(tc, tokens_have_a_largest_length);
  return tc;
}
