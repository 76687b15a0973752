/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of `slicegate webhook-config`: policy -> CEL texts -> the two configurations as
 * a tree -> YAML or JSON.
 *
 * The conditions decide which objects kube-apiserver sends at all. They may send too much
 * (the webhook answers that); they must never send too little, and must never fail: an
 * expression that ends in an error is settled by the failurePolicy, and a bystander's pod
 * would be refused. So every step into an object is guarded, also against null and wrong
 * types.
 *
 * Nor may they cost much. kube-apiserver stops an expression at 1,000,000 units (an error,
 * see above), and its accounting takes time that grows with the square of a list's length:
 * half a minute for 70,000 environment variables. Lists longer than CEL_LIST_MAX are
 * therefore not looked through but sent. A native object then stays below half of the
 * limit, whatever is in it.
 */
#ifndef SLICEGATE_CLI_WEBHOOK_CONFIG_H
#define SLICEGATE_CLI_WEBHOOK_CONFIG_H

#include "slicegate/base.h"
#include "slicegate/policy.h"

#include <jansson.h>
#include <stdio.h>

enum {
  CEL_LIST_MAX = 100,          /* containers of a pod, variables of a container, ... */
  CEL_NAMES_MAX = 30,          /* resource names of a container: two maps, and the longest test */
  CEL_EXPRESSION_MAX = 100000, /* kube-apiserver reads no expression that is longer */
};

/* ---- pieces of CEL (webhook_cel.c) -------------------------------------------------------- */

/* A quoted CEL string. */
void cel_append_string(struct buf *out, struct str text);
/* ['a', 'b'] */
void cel_append_strings(struct buf *out, const struct strings *list);
/* "has(path) && type(path) == map &&" and a new line. */
void cel_append_guard(struct buf *out, const char *path, const char *type);
/* "(size(list) > 100 || list.exists(v," and a new line: an item that passes what follows up
 * to cel_close_some, or too many of them. */
void cel_open_some(struct buf *out, const char *list, const char *variable, int longest);
void cel_close_some(struct buf *out);

/* Parts with "||" between them. */
struct cel_parts {
  struct buf *out;
  size_t count;
};
struct buf *cel_next_part(struct cel_parts *parts);

/* The lines of the text, each indented by the brackets that are open; in `arena`. */
struct str cel_layout(struct arena *arena, struct str text);

/* ---- globs in CEL (webhook_glob.c) ----------------------------------------------------- */

enum glob_precision {
  GLOB_SUPERSET, /* cheap string functions; may match more */
  GLOB_EXACT,    /* for what is negated; a regular expression where nothing else will do */
};

bool glob_is_literal(struct str glob);
/* Whether some text matches both. */
bool globs_overlap(struct str a, struct str b);

/*
 * "var in ['a', 'b'] || var.startsWith('c')": a test of the string `var`, with || between
 * its parts; "false" without globs. The number of parts.
 */
size_t cel_append_globs(struct buf *out, const char *var, const struct strings *globs,
                        enum glob_precision precision);

/* ---- where pods are described (webhook_paths.c) ------------------------------------------ */

/* A test of one PodSpec, the variable `p`. It is not asked about pods in lists that are too
 * long: those pass. */
struct pod_test {
  struct str text;
  bool needs_pod_spec; /* reads more than containers' resources */
};
/*
 * "Some pod described by `object` passes the test", for every kind of the policy. Kinds
 * are not asked for: a path that an object does not have describes no pod.
 */
void cel_append_any_pod(struct buf *out, const struct policy_view *view,
                        const struct pod_test *test);
/* A list of what rules read of the mapping `o`: its templates and deadlines, and not how many
 * pods it makes. False when a path begins with a wildcard: then anything may be read. */
bool cel_append_read_fields(struct buf *out, const struct policy_view *view) SG_MUST_CHECK;

/* ---- what is on (webhook_policy.c) --------------------------------------------------------- */

/* A rule that is on in the policy or in one of its overrides. */
bool rule_is_on(const struct policy_view *view, enum rule_id rule);
/* A boolean parameter that is true in the policy or in one of its overrides. */
bool param_is_on(const struct policy_view *view, enum param_id id);
/* All items of a list parameter, of the policy and its overrides, each once. */
struct strings param_union(const struct policy_view *view, enum param_id id, struct arena *arena);

/* What an override says of a parameter, or NULL. */
const struct param_value *override_param(const struct override *override, enum param_id id);
/* Adds a name that is not in the list yet; `items` is the list's own, with room for it. */
void names_add(struct strings *list, struct str *items, struct str item);

/* ---- conditions (webhook_conditions.c, webhook_requests.c) ---------------------------------- */

/* Texts of matchConditions, in `arena`; an empty one: no condition is needed. */
struct str condition_asks_for_gpu(const struct policy_view *view, struct arena *arena);
struct str condition_asks_for_no_gpu(const struct policy_view *view, struct arena *arena);
/* Empty when the policy looks at none of it: the entry has no use. */
struct str condition_is_suspect(const struct policy_view *view, struct arena *arena);
struct str condition_is_changed(const struct policy_view *view, struct arena *arena);
struct str condition_is_not_exempt(const struct policy_view *view, struct arena *arena);

/* ---- the configurations (webhook_entries.c) --------------------------------------------- */

struct webhook_options {
  const char *name;     /* metadata.name of both */
  const char *url;      /* or NULL: the service */
  struct str ns;        /* of the service */
  struct str service;   /* its name */
  int64_t port;         /* of the service */
  struct str ca_bundle; /* PEM */
  const char *failure_policy;
  int64_t timeout_seconds;
  const struct strings *excluded; /* further namespaces */
};

/* ValidatingWebhookConfiguration and MutatingWebhookConfiguration; json_decref them. */
json_t *webhook_validating(const struct policy_view *view, const struct webhook_options *options);
json_t *webhook_mutating(const struct policy_view *view, const struct webhook_options *options);

/* ---- YAML (yaml_emit.c) -------------------------------------------------------------------- */

/*
 * One document, "---" in front of it. Keys in the order they were set, texts of several
 * lines as blocks, whatever would not be read as a string again in quotes.
 */
bool yaml_emit(const json_t *root, struct buf *out, struct err *reterr) SG_MUST_CHECK;

#endif
