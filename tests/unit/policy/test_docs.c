/* SPDX-License-Identifier: Apache-2.0 */
/* Every YAML example of docs/policy.md is read: whole documents, or a spec. */
#include "policy_suite.h"

#include <stdlib.h>

static void read_example(struct str yaml) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  if (str_starts_with(yaml, STR_LIT("spec:")))
    buf_append_cstr(&text, "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\n"
                           "metadata: {name: example}\n");
  buf_append_str(&text, yaml);
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  struct policy_errors errors = {NULL, 0};
  if (strstr(text.ptr, "kind: GPUPolicyTest")) {
    struct policy_test test;
    ck_assert_msg(policy_test_read(buf_str(&text), arena, &test, &errors), "%s", text.ptr);
    return;
  }
  policy_unref(must_read(text.ptr));
}

START_TEST(examples_are_right) {
  char *page = read_text("docs/policy.md");
  size_t count = 0;
  for (char *at = page; (at = strstr(at, "```yaml\n")); count++) {
    at += strlen("```yaml\n");
    char *end = strstr(at, "```\n");
    ck_assert_ptr_nonnull(end);
    read_example((struct str){at, (size_t)(end - at)});
    at = end + 4;
  }
  ck_assert_uint_ge(count, 6);
  free(page);
}
END_TEST

TCase *case_docs(void) {
  TCase *tcase = tcase_create("docs");
  tcase_add_test(tcase, examples_are_right);
  return tcase;
}
