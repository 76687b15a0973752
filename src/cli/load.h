/* SPDX-License-Identifier: Apache-2.0 */
/* What commands read before they start. cli_load_policy is in cli_internal.h. */
#ifndef SLICEGATE_CLI_LOAD_H
#define SLICEGATE_CLI_LOAD_H

#include "slicegate/model.h"
#include "src/cli/cli_internal.h"

/* A recorded cluster together with the text that it views. */
struct loaded_cluster;
/* NULL after printing why not. */
struct loaded_cluster *cli_load_cluster(const char *path, FILE *err) SG_MUST_CHECK;
/* The same with its pods; a recording without nodes or without pods is an error here. */
struct loaded_cluster *cli_load_cluster_pods(const char *path, FILE *err) SG_MUST_CHECK;
void loaded_cluster_free(struct loaded_cluster *loaded);
void loaded_cluster_free_ptr(struct loaded_cluster **loaded);
#define CLEANUP_LOADED_CLUSTER SG_CLEANUP(loaded_cluster_free_ptr)
/* Borrowed; NULL for NULL. */
const struct cluster *loaded_cluster_get(const struct loaded_cluster *loaded);

/*
 * The products of a file (its form is wire_products_decode's), with those compiled in that it
 * does not replace; rows live as long as the arena. Without a path those compiled in. False after
 * printing why not.
 */
bool cli_load_products(const char *path, struct arena *arena, struct gpu_products *ret,
                       FILE *err) SG_MUST_CHECK;

/* RFC 3339, "2026-11-21T05:28:00Z", to Unix time. */
bool cli_parse_time(struct str text, int64_t *ret_seconds) SG_MUST_CHECK;
int64_t cli_now_seconds(void);

#endif
