/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of `slicegate check`: inputs (files, folders, standard input) -> objects ->
 * judged by the webhook's engine -> a report -> one of the outputs. A report owns copies
 * of everything it names: inputs are read, judged and dropped one after another.
 */
#ifndef SLICEGATE_CLI_CHECK_H
#define SLICEGATE_CLI_CHECK_H

#include "slicegate/admission.h"
#include "slicegate/base.h"
#include "slicegate/doc.h"
#include "slicegate/model.h"
#include "slicegate/policy.h"

#include <stdio.h>

enum {
  CHECK_FILES_MAX = 100000,   /* files that folders may hold */
  CHECK_FOLDERS_MAX = 10000,  /* folders, all levels together */
  CHECK_OBJECTS_MAX = 100000, /* objects in all inputs */
  CHECK_PROBLEMS_MAX = 1000,  /* errors that are named; the last one says that there are more */
};

/* ---- the report (check_report.c) ------------------------------------------------------ */

struct check_finding {
  struct finding finding;
  uint32_t line, column; /* of the field, or of its nearest parent that is there */
};

enum check_state {
  CHECK_JUDGED,
  CHECK_EXEMPT,  /* by the policy's spec.exempt */
  CHECK_SKIPPED, /* a kind that makes no pods: passes untouched */
  CHECK_FOREIGN, /* no Kubernetes object, but found in a folder: skipped, too */
};

struct check_object {
  struct str file;
  uint32_t line, column;
  struct str api_version, kind, ns, name;
  enum check_state state;
  enum severity worst; /* SEVERITY_OFF: nothing found */
  const struct check_finding *findings;
  size_t finding_count;
};

/* An input, or a part of one, that could not be judged. */
struct check_problem {
  struct str file;
  uint32_t line, column; /* 0: the file as a whole */
  struct str message;
};

struct check_report {
  struct arena *arena;
  struct check_object *objects; /* in the order of the inputs */
  size_t object_count, object_cap;
  struct check_problem *problems;
  size_t problem_count, problem_cap;
  struct check_problem *templates; /* files of folders that only a template engine can read */
  size_t template_count, template_cap;
  struct str *notes; /* each once: what could not be evaluated offline */
  size_t note_count, note_cap;
  /* Objects: denied have a deny finding; warned have none, but a warning. */
  size_t denied, warned, skipped;
  bool is_full; /* there were more objects than are judged */
};

void check_report_init(struct check_report *report);
void check_report_done(struct check_report *report);
#define CLEANUP_CHECK_REPORT SG_CLEANUP(check_report_done)

/* These copy. Texts become UTF-8 without control characters: they go to terminals. */
struct check_object *check_report_add(struct check_report *report, struct str file);
void check_report_problem(struct check_report *report, struct str file, uint32_t line,
                          uint32_t column, struct str message);
/* Counts the file as skipped and remembers why. */
void check_report_template(struct check_report *report, struct str file, uint32_t line,
                           uint32_t column, struct str message);
void check_report_note(struct check_report *report, struct str note);
struct str check_report_text(struct check_report *report, struct str text);

/* ---- inputs (check_inputs.c) ----------------------------------------------------------- */

struct check_input {
  const char *path; /* NULL: standard input */
  struct str shown; /* the name in outputs */
  bool is_named;    /* on the command line itself, not found in a folder */
};

struct check_inputs {
  struct check_input *items; /* in `arena` of the report */
  size_t count, cap;
};

/*
 * Names of files, folders and "-" to the list of files to read: folders are walked, their
 * .yaml, .yml and .json files sorted by name, hidden ones left out, links to folders
 * followed once. What cannot be used becomes a problem of the report.
 */
void check_inputs_find(const char *const *names, size_t count, struct check_report *report,
                       struct check_inputs *ret);
void check_inputs_done(struct check_inputs *inputs);
#define CLEANUP_CHECK_INPUTS SG_CLEANUP(check_inputs_done)

/* ---- judging (check_judge.c, check_objects.c) ------------------------------------------- */

struct check_judge {
  const struct policy_view *view;
  const struct cluster *cluster;   /* NULL: none was recorded */
  const struct adm_cluster *known; /* of that cluster; NULL likewise */
  struct str default_ns;           /* of objects that name none */
  int64_t now_seconds;
  bool is_verbose; /* audit findings count too */
};

/* One workload as the webhooks would judge it: findings of both, and what /mutate makes of it. */
void check_judge_workload(const struct check_judge *judge, const struct workload *workload,
                          struct arena *arena, struct adm_verdict *ret,
                          struct workload *ret_patched);
/*
 * Judges one object as the webhooks would: what /mutate refuses, then what /validate says
 * of the object with the patches of /mutate in it. Adds it to the report; `arena` is for
 * what is in between.
 */
void check_judge_object(const struct check_judge *judge, const struct doc_node *node,
                        struct str file, struct arena *arena, struct check_report *report);

/*
 * Reads one input and judges every object in it, lists flattened; of a text with an error, what
 * stands before it. What a folder holds beside manifests (values of charts, patches, workflows,
 * templates) is skipped; in an input that was named it is an error.
 */
void check_judge_input(const struct check_judge *judge, const struct check_input *input,
                       struct arena *arena, struct check_report *report);

/* ---- outputs (output_*.c) ---------------------------------------------------------------- */

struct output_options {
  bool is_strict; /* warnings count as failures */
  bool is_verbose;
  bool has_colour;
};

typedef void output_fn(const struct check_report *report, const struct output_options *options,
                       FILE *out);
output_fn output_text, output_json, output_junit, output_sarif, output_github;

/* "Pod default/train", "Deployment.apps ...": how an object is named in outputs. */
struct str output_object_name(struct arena *arena, const struct check_object *object);
/* "7 objects: 2 denied, 1 with warnings, 1 skipped; 1 input unusable" */
void output_summary(const struct check_report *report, FILE *out);

#endif
