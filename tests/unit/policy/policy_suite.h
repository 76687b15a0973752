/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this suite share. */
#ifndef SLICEGATE_TESTS_POLICY_SUITE_H
#define SLICEGATE_TESTS_POLICY_SUITE_H

#include "slicegate/policy.h"
#include "tests/support/check_main.h"

TCase *case_command(void);
TCase *case_docs(void);
TCase *case_duration(void);
TCase *case_errors(void);
TCase *case_explain(void);
TCase *case_lookup(void);
TCase *case_match(void);
TCase *case_overrides(void);
TCase *case_read(void);
TCase *case_references(void);
TCase *case_test_file(void);

/* The policy of a text that must be right; prints the errors and fails otherwise. */
struct policy *must_read(const char *text);
/* "apiVersion..., metadata, spec:\n" and then `spec`. */
struct policy *must_read_spec(const char *spec);

/* Folders below `path`, sorted; at least one. Ends the test when there is none. */
struct folders {
  char **names;
  size_t count;
};
struct folders folders_list(const char *path);
void folders_done(struct folders *folders);
/* The file's bytes, NUL-terminated; free() it. Ends the test when it cannot be read. */
char *read_text(const char *path);
/*
 * Compares with the file; with UPDATE=1 in the environment writes it instead.
 * True when they are equal; otherwise prints both.
 */
bool golden_equal(const char *path, const char *text);

#define ck_str_is(view, expected)                                                                  \
  do {                                                                                             \
    struct str view_ = (view);                                                                     \
    ck_assert_msg(str_is(view_, (expected)), "is \"%.*s\", expected \"%s\"", STR_FMT(view_),       \
                  (expected));                                                                     \
  } while (0)

#endif
