/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of `slicegate scheduler-config`: policy and cluster -> the names of resources that
 * kube-scheduler asks us about -> a KubeSchedulerConfiguration as a tree, with a note here and
 * there -> YAML with the notes as comments, or JSON.
 */
#ifndef SLICEGATE_CLI_SCHEDULER_CONFIG_H
#define SLICEGATE_CLI_SCHEDULER_CONFIG_H

#include "slicegate/base.h"
#include "slicegate/doc.h"
#include "slicegate/model.h"
#include "slicegate/policy.h"

#include <jansson.h>
#include <stdio.h>

/* ---- names (scheduler_names.c) ------------------------------------------------------------- */

struct managed_name {
  struct str name;
  const char *group; /* what it and its neighbours are; the same pointer for all of a group */
  bool is_ignored;   /* kube-scheduler leaves the count to us */
};

struct managed_names {
  struct managed_name *items; /* groups in a fixed order, each sorted */
  size_t count;
  struct strings products; /* whose MIG profiles are in: ids */
  bool has_every_product;  /* because not all of the cluster's are known */
};

/*
 * Every name by which a pod may ask for a GPU: those of the policy, those on nodes, and what
 * the policy's patterns stand for: MIG profiles of the products that are on nodes or in
 * nodePools, each also as ".shared", and AMD's partitions. Of all products compiled in when those
 * on nodes are not known. Names of cards that slicegate chooses only where it binds. `cluster` may
 * be NULL. Borrows from all three.
 */
void scheduler_names(const struct policy_view *view, const struct cluster *cluster, bool binds,
                     struct arena *arena, struct managed_names *ret);

/* HAMi's memory of a card, where slicegate gives it: kube-scheduler does not count it. */
void scheduler_names_add_hami(struct arena *arena, struct managed_names *names);

/* ---- the configuration (scheduler_tree.c) -------------------------------------------------- */

struct scheduler_options {
  struct str command;                         /* that makes the file again */
  const char *url;                            /* "/scheduler" is added */
  const char *server_name;                    /* NULL: that of the URL */
  const char *ca_file, *cert_file, *key_file; /* as kube-scheduler sees them; NULL: none */
  const char *scheduler_name;
  const char *kubeconfig; /* NULL: not in the file */
  int64_t weight;
  int64_t max_backoff_seconds;
  bool leads; /* leader election */
  bool binds, preempts, is_ignorable, is_for_all_pods, gives_hami;
};

/* Why a line is as it is: a comment above the next line, from the last one on, that begins
 * with `line`. */
struct note {
  struct str line; /* "weight:" */
  struct str text;
};
struct notes {
  struct arena *arena;
  struct note *items;
  size_t count;
};

/* The tree; json_decref it. Notes come in the order of the lines. */
json_t *scheduler_tree(const struct scheduler_options *options, const struct managed_names *names,
                       struct notes *notes);

/* ---- its extenders (scheduler_extender.c) -------------------------------------------------- */

/* The list alone, as the tree has it: one extender, or two where only some pods may go on without
 * slicegate. Both have the same urlPrefix. */
json_t *scheduler_extenders(const struct scheduler_options *options,
                            const struct managed_names *names, struct notes *notes);

/* ---- a configuration that is there (scheduler_extend.c) ------------------------------------ */

/*
 * Puts the extenders last into a KubeSchedulerConfiguration of the user's, in place of older
 * ones with the same urlPrefix, and sets what they need outside of them; everything else stays.
 * What is changed is said on `err`. NULL after printing why not.
 */
json_t *scheduler_extend(const char *path, json_t *extenders,
                         const struct scheduler_options *options, FILE *err);

/* ---- its types (scheduler_types.c) --------------------------------------------------------- */

/* False after printing the place of a value that kube-scheduler would refuse for its kind: a list
 * that is none, a number that is text. */
bool scheduler_types_check(const char *path, const struct doc_node *root, FILE *err);

/* ---- its address (scheduler_url.c) --------------------------------------------------------- */

/* False after printing what is wrong with it; the rest is about one that passed. */
bool scheduler_url_check(const char *url, FILE *err);
bool scheduler_url_is_loopback(const char *url);
bool scheduler_url_uses_tls(const char *url);

/* ---- comments (yaml_notes.c) --------------------------------------------------------------- */

/* `notes` may be NULL: then nothing is noted. */
void notes_add(struct notes *notes, const char *line, struct str text);
/* Sets a key of `object`; `why` (NULL: it speaks for itself) goes above its line. */
void notes_put(json_t *object, const char *key, json_t *value, struct notes *notes,
               const char *why);

/* The lines of a YAML text, with the notes above theirs, wrapped and indented. Lines before
 * the one that begins with `from` (as a note's line) have none; NULL: from the first. */
void yaml_annotate(struct str yaml, const struct notes *notes, const char *from, struct buf *out);

#endif
