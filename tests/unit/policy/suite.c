/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_suite.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

Suite *make_suite(void) {
  Suite *suite = suite_create("policy");
  suite_add_tcase(suite, case_duration());
  suite_add_tcase(suite, case_read());
  suite_add_tcase(suite, case_errors());
  suite_add_tcase(suite, case_match());
  suite_add_tcase(suite, case_overrides());
  suite_add_tcase(suite, case_lookup());
  suite_add_tcase(suite, case_references());
  suite_add_tcase(suite, case_explain());
  suite_add_tcase(suite, case_test_file());
  suite_add_tcase(suite, case_docs());
  suite_add_tcase(suite, case_command());
  return suite;
}

struct policy *must_read(const char *text) {
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  struct policy_errors errors;
  struct policy *policy = policy_read(STR_LIT("test.yaml"), str_of(text), arena, &errors);
  if (policy)
    return policy;
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1 << 20);
  for (size_t i = 0; i < errors.count; i++)
    policy_error_print(&out, STR_LIT("test.yaml"), str_of(text), &errors.items[i]);
  ck_abort_msg("the policy has errors:\n%s", out.ptr);
  return NULL;
}

struct policy *must_read_spec(const char *spec) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  buf_printf(&text,
             "apiVersion: slicegate.dev/v1alpha1\n"
             "kind: GPUPolicy\n"
             "metadata: {name: test}\n"
             "spec:\n%s",
             spec);
  return must_read(text.ptr);
}

static int is_visible(const struct dirent *entry) {
  return entry->d_name[0] != '.';
}

struct folders folders_list(const char *path) {
  struct dirent **entries;
  int count = scandir(path, &entries, is_visible, alphasort);
  ck_assert_msg(count > 0, "%s: no cases", path);
  struct folders folders = {mem_zalloc((size_t)count * sizeof(char *)), (size_t)count};
  for (int i = 0; i < count; i++) {
    folders.names[i] = mem_strndup(entries[i]->d_name, strlen(entries[i]->d_name));
    free(entries[i]);
  }
  free(entries);
  return folders;
}

void folders_done(struct folders *folders) {
  for (size_t i = 0; i < folders->count; i++)
    free(folders->names[i]);
  free(folders->names);
}

char *read_text(const char *path) {
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "%s: cannot be opened", path);
  struct buf text;
  buf_init(&text, 1 << 24);
  char chunk[4096];
  for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
    buf_append(&text, chunk, n);
  fclose(file);
  return buf_take(&text);
}

bool golden_equal(const char *path, const char *text) {
  if (getenv("UPDATE")) {
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s: cannot be written", path);
    fputs(text, file);
    fclose(file);
    return true;
  }
  char *expected = read_text(path);
  bool is_equal = strcmp(expected, text) == 0;
  if (!is_equal)
    fprintf(stderr, "--- %s, expected\n%s--- what came\n%s---\n", path, expected, text);
  free(expected);
  return is_equal;
}
