/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, strings of bodies, waits. */
#include "src/kube/kube_internal.h"
#include "tests/unit/kube/fixture.h"

TCase *tcase_path(void);

static const struct kube_kind budgets = {"GPUBudget", "slicegate.dev", "v1alpha1", "gpubudgets",
                                         true};

static const struct {
  const struct kube_kind *kind;
  const char *namespace, *name, *subresource, *path; /* NULL: refused */
} rows[] = {
    {&kube_pods, "", "", NULL, "/api/v1/pods"},
    {&kube_pods, "ns", "", NULL, "/api/v1/namespaces/ns/pods"},
    {&kube_pods, "ns", "p-0", "binding", "/api/v1/namespaces/ns/pods/p-0/binding"},
    {&kube_nodes, "", "gpu-1.example.com", "status", "/api/v1/nodes/gpu-1.example.com/status"},
    {&kube_leases, "a", "b", NULL, "/apis/coordination.k8s.io/v1/namespaces/a/leases/b"},
    {&budgets, "a", "b", NULL, "/apis/slicegate.dev/v1alpha1/namespaces/a/gpubudgets/b"},
    {&kube_nodes, "", "system:a b?x#y", NULL, "/api/v1/nodes/system%3Aa%20b%3Fx%23y"},
    {&kube_nodes, "", "\xc3\xa9", NULL, "/api/v1/nodes/%C3%A9"},
    {&kube_nodes, "ns", "n", NULL, NULL},
    {&kube_pods, "", "p", NULL, NULL},
    {&kube_pods, "ns", "..", NULL, NULL},
    {&kube_pods, ".", "p", NULL, NULL},
    {&kube_pods, "ns", "a/b", NULL, NULL},
    {&kube_pods, "ns/x", "", NULL, NULL},
    {&kube_pods, "ns", "a%2fb", NULL, NULL},
    {&kube_pods, "ns", "a\r\nHost: x", NULL, NULL},
    {&kube_pods, "ns", "", "status", NULL},
};

START_TEST(paths_are_escaped_or_refused) {
  struct err err = {0};
  CLEANUP_BUF struct buf out;
  buf_init(&out, 4096);
  bool ok = kube_path(rows[_i].kind, str_of(rows[_i].namespace), str_of(rows[_i].name),
                      rows[_i].subresource, &out, &err);
  ck_assert_int_eq(ok, rows[_i].path != NULL);
  if (ok)
    ck_assert_str_eq(out.ptr, rows[_i].path);
  else
    ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(names_have_a_largest_length) {
  struct err err;
  char name[255];
  memset(name, 'a', sizeof(name));
  for (size_t length = 253; length <= 254; length++) {
    CLEANUP_BUF struct buf out;
    buf_init(&out, 4096);
    ck_assert_int_eq(
        kube_path(&kube_pods, STR_LIT("ns"), (struct str){name, length}, NULL, &out, &err),
        length == 253);
  }
}
END_TEST

START_TEST(queries_are_escaped) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 4096);
  buf_append_cstr(&out, "/x");
  kube_path_query(&out, "a", STR_LIT("1&b=2"));
  kube_path_query(&out, "c", STR_LIT("\xff +"));
  path_query_int(&out, "d", -5);
  ck_assert_str_eq(out.ptr, "/x?a=1%26b%3D2&c=%FF%20%2B&d=-5");
}
END_TEST

static const struct {
  struct str text;
  const char *json;
} strings[] = {
    {STR_LIT(""), "\"\""},
    {STR_LIT("a\"b\\c\n"), "\"a\\\"b\\\\c\\n\""},
    {STR_LIT("\0\x1f\x7f"), "\"\\u0000\\u001f\\u007f\""},
    {STR_LIT("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
     "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
    {STR_LIT("a\xff"), "\"a\xef\xbf\xbd\""},
    {STR_LIT("\xc3"), "\"\xef\xbf\xbd\""},
    {STR_LIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {STR_LIT("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {STR_LIT("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

START_TEST(strings_are_json) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 4096);
  kube_json_string(&out, strings[_i].text);
  ck_assert_str_eq(out.ptr, strings[_i].json);
}
END_TEST

START_TEST(waits_double_up_to_a_maximum) {
  struct backoff backoff;
  backoff_init(&backoff, 100, 1000, 42);
  static const int64_t base[] = {100, 200, 400, 800, 1000, 1000};
  bool is_random = false;
  for (size_t i = 0; i < SG_ARRAY_LEN(base); i++) {
    int64_t wait = backoff_next(&backoff);
    ck_assert_int_ge(wait, base[i]);
    ck_assert_int_le(wait, 2 * base[i]);
    is_random = is_random || wait != base[i];
  }
  ck_assert(is_random);
  backoff_reset(&backoff);
  ck_assert_int_le(backoff_next(&backoff), 200);
}
END_TEST

TCase *tcase_path(void) {
  TCase *tc = tcase_create("path");
  tcase_add_loop_test(tc, paths_are_escaped_or_refused, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tc, names_have_a_largest_length);
  tcase_add_test(tc, queries_are_escaped);
  tcase_add_loop_test(tc, strings_are_json, 0, (int)SG_ARRAY_LEN(strings));
  tcase_add_test(tc, waits_double_up_to_a_maximum);
  return tc;
}
