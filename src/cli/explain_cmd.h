/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate explain`, in parts: the cluster that is asked about, the answers, how they are shown.
 */
#ifndef SLICEGATE_CLI_EXPLAIN_CMD_H
#define SLICEGATE_CLI_EXPLAIN_CMD_H

#include "slicegate/explain.h"
#include "src/cli/cli_internal.h"

/* ---- the cluster (explain_cluster.c) ----------------------------------------------------- */

enum {
  EXPLAIN_LIVE_MAX_BYTES = 2000000000, /* of all objects of a live cluster, as JSON */
  EXPLAIN_LIVE_MAX_PODS = 1000000,
};

struct explain_source {
  const char *recorded;             /* a file; NULL: the live cluster */
  const char *kubeconfig, *context; /* of the live one; NULL: as the environment says */
  bool wants_namespaces;
};
/* A cluster and all that it views. */
struct explain_cluster;
/* NULL after printing why not. */
struct explain_cluster *explain_cluster_read(const struct explain_source *source,
                                             FILE *err) SG_MUST_CHECK;
void explain_cluster_free(struct explain_cluster *cluster);
void explain_cluster_free_ptr(struct explain_cluster **cluster);
#define CLEANUP_EXPLAIN_CLUSTER SG_CLEANUP(explain_cluster_free_ptr)
const struct cluster *explain_cluster_get(const struct explain_cluster *cluster);
/* Of a live cluster's context; "default" of a recording. */
struct str explain_cluster_namespace(const struct explain_cluster *cluster);
/* The pod of this name, also one that is over; NULL after printing that there is none, and which is
 * nearest. */
const struct pod *explain_cluster_find(struct explain_cluster *cluster, struct str ns,
                                       struct str name, FILE *err) SG_MUST_CHECK;

/* "no pod a/b, did you mean a/c?" */
void explain_say_missing(const struct cluster *cluster, struct str ns, struct str name,
                         struct buf *out);

/* ---- answers ------------------------------------------------------------------------------ */

struct explain_item {
  struct str kind, template_path; /* path empty: the only one of its object */
  int64_t replicas;               /* that the manifest makes of it; of a pod of the cluster 1 */
  struct explain_answer answer;
};
struct explain_report {
  const struct cluster *cluster;
  const struct explain_item *items;
  size_t count;
};

/* ---- how it is shown (explain_text.c, explain_json.c) ------------------------------------- */

void explain_print_text(const struct explain_report *report, FILE *out);
void explain_print_json(const struct explain_report *report, FILE *out);
/* The same bytes. */
void explain_write_json(const struct explain_report *report, struct buf *out);
/* "Deployment ml/train", with the template's path where there are several. */
struct str explain_item_name(struct arena *arena, const struct explain_item *item);

#endif
