/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, and what they share. */
#ifndef SLICEGATE_CLI_INTERNAL_H
#define SLICEGATE_CLI_INTERNAL_H

#include "slicegate/base.h"
#include "slicegate/policy.h"

#include <stdio.h>

/* Exit codes of every command. */
enum { EXIT_OK = 0, EXIT_FINDINGS = 1, EXIT_UNUSABLE = 2 };

/* The whole program but for its streams; argv[1] names the command. */
int cli_run(int argc, char **argv, FILE *out, FILE *err);

/* argv[0] is the command's own name. All return an exit code. */
int cli_check(int argc, char **argv, FILE *out, FILE *err);
int cli_serve(int argc, char **argv, FILE *out, FILE *err);
int cli_certs(int argc, char **argv, FILE *out, FILE *err);
int cli_webhook_config(int argc, char **argv, FILE *out, FILE *err);
int cli_scheduler_config(int argc, char **argv, FILE *out, FILE *err);
int cli_simulate(int argc, char **argv, FILE *out, FILE *err);
int cli_explain(int argc, char **argv, FILE *out, FILE *err);
int cli_policy(int argc, char **argv, FILE *out, FILE *err);
int cli_what_if(int argc, char **argv, FILE *out, FILE *err); /* of `simulate` */

/* ---- flags (flags.c) ----------------------------------------------------------- */

enum flag_type {
  FLAG_BOOL,   /* --name */
  FLAG_STRING, /* --name VALUE or --name=VALUE; the last one counts */
  FLAG_LIST,   /* may be given several times */
  FLAG_INT,    /* a whole number within [minimum, maximum] */
};

struct flag_list {
  const char **items;
  size_t count;
};

/* One row of a command's table of flags; the same table makes --help. */
struct flag {
  const char *name; /* "policy" for --policy */
  char letter;      /* 'f' for -f, or 0 */
  enum flag_type type;
  const char *argument;     /* "FILE" in the help; NULL for FLAG_BOOL */
  const char *help;         /* one sentence; wrapped by --help */
  void *value;              /* bool *, const char **, struct flag_list *, int64_t * */
  int64_t minimum, maximum; /* FLAG_INT */
};

struct command_help {
  const char *usage;    /* "slicegate check [-f FILE|DIR|-]... [flags]" */
  const char *summary;  /* one or more paragraphs */
  const char *examples; /* one a line, or NULL */
};

enum flags_result { FLAGS_OK, FLAGS_HELP_SHOWN, FLAGS_WRONG };

/*
 * Reads argv[1..]; what is no flag goes to *ret_rest when that is not NULL, and is an
 * error otherwise. Unknown flags name the nearest one. --help prints to `out`.
 * Lists are heap memory: flag_list_done.
 */
enum flags_result flags_parse(int argc, char **argv, const struct flag *flags, size_t flag_count,
                              const struct command_help *help, struct flag_list *ret_rest,
                              FILE *out, FILE *err);
void flag_list_done(struct flag_list *list);
#define CLEANUP_FLAG_LIST SG_CLEANUP(flag_list_done)

/* ---- values of flags (words.c) --------------------------------------------------- */

/* "slicegate: ..." and a new line; returns false. */
bool cli_complain(FILE *err, const char *fmt, ...) SG_PRINTF(2, 3);
/* RFC 1123: what names of namespaces and services look like, and several with dots between. */
bool cli_is_dns_label(struct str text);
bool cli_is_dns_name(struct str text);

/* ---- terminals (lines.c) ------------------------------------------------------- */

/* Text with names of others in it: what could steer a terminal becomes a question mark. */
void cli_print_lines(struct str text, FILE *out);

/* ---- loading (load.c): these print their errors to `err` --------------------------- */

/* The policy of a file, or the built-in one when `path` is NULL; NULL after printing why not. */
struct policy *cli_load_policy(const char *path, FILE *err) SG_MUST_CHECK;

#endif
