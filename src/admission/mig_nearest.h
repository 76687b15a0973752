/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which MIG profile comes nearest to one that is not to be had: for the remedies of
 * mig-profile. All of them give an empty view when there is none, or when the object has
 * more findings already than anybody reads.
 */
#ifndef SLICEGATE_ADMISSION_MIG_NEAREST_H
#define SLICEGATE_ADMISSION_MIG_NEAREST_H

#include "src/admission/admission_internal.h"

/* By size, of what nodes offer now; of what the products of the cluster and of the node
 * pools could be cut into when that is too small or nothing. */
struct str nearest_in_cluster(const struct rule_context *ctx, const struct mig_name *wanted);
/* By size, of all profiles that there are. */
struct str nearest_in_table(const struct rule_context *ctx, const struct mig_name *wanted);
/* "1g.5gb" for "1g.5g": by spelling, of all profiles that there are. */
struct str nearest_spelling(const struct rule_context *ctx, struct str profile);

/* "1g.10gb.me" of nvidia.com/mig-1g.10gb.me. */
struct str mig_tail(struct str resource);
/* "1g.10gb.me" of "1g.10gb+me", which nvidia-smi writes and no resource name can hold. */
struct str mig_as_resource_writes(struct arena *arena, struct str profile);
/* A resource that is a slice and no share of one. */
bool is_mig_slice(struct str resource);

#endif
