/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admission: request + policy + what is known of the cluster -> verdict. The one
 * engine behind /validate, /mutate, `slicegate check` and `slicegate policy test`.
 *
 * Pure: no I/O, no clock (time is an argument), no logging, no floating point; equal
 * input gives equal output. Functions may be called from many threads at once.
 */
#ifndef SLICEGATE_ADMISSION_H
#define SLICEGATE_ADMISSION_H

#include "slicegate/base.h"
#include "slicegate/model.h"
#include "slicegate/policy.h"

/*
 * What rules need to know of a cluster, derived once per (cluster, policy):
 * products and profiles that are there, may come by a node pool, what is shared.
 * NULL wherever it is taken means "no cluster known": such checks are silent.
 */
struct adm_cluster;
/* `cluster` and `view` must outlive the result. */
struct adm_cluster *adm_cluster_new(const struct cluster *cluster,
                                    const struct policy_view *view) SG_MUST_CHECK;
void adm_cluster_free(struct adm_cluster *cluster);

struct adm_verdict {
  bool is_allowed;
  bool is_exempt;  /* by spec.exempt: nothing was judged */
  bool is_skipped; /* an UPDATE that changed nothing that rules read; no CREATE or UPDATE */
  /* Sorted: severity falling, then rule, then field. `deny` findings that were lowered
   * (child of a controller, wrong before this UPDATE) stand here as `warn`. */
  const struct finding *findings;
  size_t finding_count;
  /* Overrides and exemptions that could not be evaluated: see struct effective. */
  struct strings unknown;
};

/*
 * Judges one workload. The result lives in `arena`. An object of a kind that is not in
 * the kinds table never gets here: it passes untouched.
 */
void adm_validate(const struct policy_view *view, const struct adm_cluster *cluster,
                  const struct adm_request *request, struct arena *arena, struct adm_verdict *ret);

struct adm_mutation {
  /* What built-in validation would refuse with a worse message; refused here. Only
   * `deny` findings of gpu-limits. Empty: allowed. */
  const struct finding *refusals;
  size_t refusal_count;
  const struct patch *patches; /* only for Pods on CREATE; empty when there is nothing to add */
  size_t patch_count;
};

/* Idempotent: on its own result it finds nothing more to do. */
void adm_mutate(const struct policy_view *view, const struct adm_cluster *cluster,
                const struct adm_request *request, struct arena *arena, struct adm_mutation *ret);

/* The Pod as it is after the patches. *ret shares with `pod` whatever did not change. */
void adm_apply_patches(struct arena *arena, const struct workload *pod, const struct patch *patches,
                       size_t count, struct workload *ret);

/*
 * All findings of at least `least` severity, one line each: "[rule] field: message; remedy".
 * Appends at most `max` bytes, whole lines only, then "and N more"; where not even one line
 * fits, a remark of some 40 bytes that says so. No header.
 */
void adm_message(const struct finding *findings, size_t count, enum severity least, size_t max,
                 struct buf *out);

/*
 * The text of a refusal, by /validate and /mutate alike: "2 findings for Pod default/train:"
 * and, below it, the `deny` findings as adm_message prints them; at most `max` bytes.
 */
void adm_refusal(const struct workload *object, const struct finding *findings, size_t count,
                 size_t max, struct buf *out);

/*
 * Warnings for an AdmissionReview: one a finding of severity warn, without control
 * characters, together at most 4,096 bytes, then "and N more"; none is cut in the
 * middle of its remedy. In `arena`.
 */
struct strings adm_warnings(const struct finding *findings, size_t count, struct arena *arena);

#endif
