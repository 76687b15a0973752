/* SPDX-License-Identifier: Apache-2.0 */
/* Every folder of tests/golden/policy-errors is a mistake and what is said about it. */
#include "policy_suite.h"

#include <stdio.h>
#include <stdlib.h>

#define CASES "tests/golden/policy-errors"

static void print_errors(const char *text, struct buf *out) {
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  struct policy_errors errors = {NULL, 0};
  struct policy *policy = policy_read(STR_LIT("policy.yaml"), str_of(text), arena, &errors);
  if (policy) {
    buf_append_cstr(out, "(no error)\n");
    policy_unref(policy);
    return;
  }
  ck_assert_uint_ge(errors.count, 1);
  for (size_t i = 0; i < errors.count; i++) {
    ck_assert_uint_ge(errors.items[i].line, 1);
    ck_assert_uint_ge(errors.items[i].column, 1);
    if (i > 0)
      ck_assert_uint_ge(errors.items[i].line, errors.items[i - 1].line);
    policy_error_print(out, STR_LIT("policy.yaml"), str_of(text), &errors.items[i]);
  }
}

START_TEST(mistakes_are_explained) {
  struct folders folders = folders_list(CASES);
  size_t wrong = 0;
  for (size_t i = 0; i < folders.count; i++) {
    char path[512];
    snprintf(path, sizeof(path), CASES "/%s/policy.yaml", folders.names[i]);
    char *text = read_text(path);
    CLEANUP_BUF struct buf out;
    buf_init(&out, 1 << 20);
    print_errors(text, &out);
    ck_assert_msg(strcmp(out.ptr, "(no error)\n") != 0, "%s: no error", path);
    snprintf(path, sizeof(path), CASES "/%s/error", folders.names[i]);
    wrong += !golden_equal(path, out.ptr);
    free(text);
  }
  ck_assert_uint_ge(folders.count, 30);
  folders_done(&folders);
  ck_assert_msg(wrong == 0, "%zu cases differ", wrong);
}
END_TEST

START_TEST(many_errors_are_bounded) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  buf_append_cstr(&text, "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\n"
                         "metadata: {name: many}\nspec:\n");
  for (int i = 0; i < 1000; i++)
    buf_printf(&text, "  unknown%d: 1\n", i);
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  struct policy_errors errors;
  ck_assert_ptr_null(policy_read(STR_LIT("x"), buf_str(&text), arena, &errors));
  ck_assert_uint_eq(errors.count, 201);
  ck_str_is(errors.items[200].message, "further errors are not shown");
}
END_TEST

START_TEST(long_lists_are_refused) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  buf_append_cstr(&text, "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\n"
                         "metadata: {name: long}\nspec:\n  controllers:\n");
  for (int i = 0; i < 1001; i++)
    buf_printf(&text, "  - user%d\n", i);
  buf_append_cstr(&text, "  nodePools:\n  - name: a\n    products:\n");
  for (int i = 0; i < 65; i++)
    buf_append_cstr(&text, "    - NVIDIA-H100-80GB-HBM3\n");
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  struct policy_errors errors;
  ck_assert_ptr_null(policy_read(STR_LIT("x"), buf_str(&text), arena, &errors));
  ck_assert_uint_eq(errors.count, 2);
  ck_str_is(errors.items[0].field, "spec.controllers");
  ck_str_is(errors.items[0].message, "has 1001 items, expected at most 1000");
  ck_str_is(errors.items[1].field, "spec.nodePools[0].products");
  ck_str_is(errors.items[1].message, "has 65 items, expected at most 64");
}
END_TEST

/* However a text is cut short, it is read or refused with a place. */
START_TEST(truncated_files_are_refused_or_read) {
  char *text = read_text("deploy/examples/policy.yaml");
  size_t length = strlen(text);
  for (size_t cut = 0; cut < length; cut += 7) {
    CLEANUP_ARENA struct arena *arena = arena_new(1024);
    struct policy_errors errors = {NULL, 0};
    struct policy *policy = policy_read(STR_LIT("x"), (struct str){text, cut}, arena, &errors);
    ck_assert((policy == NULL) == (errors.count > 0));
    policy_unref(policy);
  }
  free(text);
}
END_TEST

TCase *case_errors(void) {
  TCase *tcase = tcase_create("errors");
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, mistakes_are_explained);
  tcase_add_test(tcase, many_errors_are_bounded);
  tcase_add_test(tcase, long_lists_are_refused);
  tcase_add_test(tcase, truncated_files_are_refused_or_read);
  return tcase;
}
