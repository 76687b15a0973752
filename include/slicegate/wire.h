/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: Kubernetes objects as they travel <-> model. Reads `doc` trees (of JSON or
 * YAML, it cannot tell); writes JSON (jansson lives here and in cli's printers). No
 * decisions, no I/O. Every function may be called from many threads at once.
 *
 * Decoded values are views into the tree and the arena and live as long as both.
 */
#ifndef SLICEGATE_WIRE_H
#define SLICEGATE_WIRE_H

#include "slicegate/base.h"
#include "slicegate/doc.h"
#include "slicegate/model.h"
#include "slicegate/policy.h"

/* ---- AdmissionReview ------------------------------------------------------------- */

/* admission.k8s.io/v1 request, as far as we read it. */
struct wire_review {
  struct str uid;
  struct str operation; /* CREATE, UPDATE, ... as written */
  struct str group, version, kind;
  struct str resource, subresource;
  struct str ns, name;
  struct str user;
  struct strings groups;
  bool is_dry_run;
  const struct doc_node *object, *old_object; /* NULL when absent or null */
};

/*
 * ERR_INVALID with a position when the body is not JSON or not an AdmissionReview of
 * admission.k8s.io/v1 with a request and a uid: an answer cannot name what it answers.
 */
bool wire_review_decode(struct arena *arena, struct str body, struct wire_review *ret,
                        struct err *reterr) SG_MUST_CHECK;

struct wire_response {
  struct str uid;
  bool is_allowed;
  int code;           /* HTTP status of a refusal: 403, 400, 500 */
  struct str reason;  /* of a refusal: "Forbidden", ... */
  struct str message; /* of a refusal */
  struct strings warnings;
  const struct key_value *audit_annotations;
  size_t audit_annotation_count;
  struct str patch; /* JSONPatch text; empty: none (always empty on /validate) */
};
/* The AdmissionReview that answers, as JSON, appended to `out`. */
void wire_response_encode(const struct wire_response *response, struct buf *out);

/*
 * JSONPatch (RFC 6902) for a Pod, in `arena`; empty when there is nothing to do. `pod`
 * tells which parents exist already.
 */
struct str wire_patch_encode(struct arena *arena, const struct doc_node *pod,
                             const struct patch *patches, size_t count);

/* ---- objects ------------------------------------------------------------------------ */

/* apiVersion, kind and metadata of any object; empty views where they are absent. */
struct wire_identity {
  struct str group, version, kind, ns, name, generate_name;
};
void wire_identify(const struct doc_node *object, struct wire_identity *ret);

/*
 * Reads an object by its row of the kinds table. *ret_row is NULL, and *ret untouched,
 * when the kind is not in the table (success: it passes untouched). ERR_INVALID with the
 * field path in the text, and its position, when a field that rules read has a type that
 * the kind does not allow (`containers` that is no list).
 */
bool wire_workload_decode(struct arena *arena, const struct doc_node *object,
                          const struct policy_view *view, struct workload *ret,
                          const struct workload_kind **ret_row, struct err *reterr) SG_MUST_CHECK;

/*
 * Whether an UPDATE changed what rules read: a template, a deadline, or a label or
 * annotation that policy_reads_key names. Both are of the row's kind.
 */
bool wire_is_changed(struct arena *arena, const struct doc_node *object,
                     const struct doc_node *old_object, const struct workload_kind *row,
                     const struct policy_view *view);

/* ---- a recorded cluster ----------------------------------------------------------- */

/*
 * The output of `kubectl get nodes,namespaces,... -A -o json` (a List; or NodeList,
 * NamespaceList; JSON or YAML, also several documents). Other kinds in it are skipped.
 * ERR_INVALID with position when it is not that, or holds neither nodes nor namespaces.
 */
bool wire_cluster_decode(struct arena *arena, struct str text, struct cluster *ret,
                         struct err *reterr) SG_MUST_CHECK;
/* The same with the pods in it, which admission has no use for. */
bool wire_cluster_decode_pods(struct arena *arena, struct str text, struct cluster *ret,
                              struct err *reterr) SG_MUST_CHECK;

/* ---- single objects, as a watch brings them ------------------------------------------- */

/*
 * One object as JSON. Everything in *ret lives in `arena` and the text. ERR_INVALID with field
 * path and position when a field that we read has a type that its kind does not allow.
 */
bool wire_node_read(struct arena *arena, struct str json, struct node *ret,
                    struct err *reterr) SG_MUST_CHECK;
bool wire_pod_read(struct arena *arena, struct str json, struct pod *ret,
                   struct err *reterr) SG_MUST_CHECK;
bool wire_namespace_read(struct arena *arena, struct str json, struct k8s_namespace *ret,
                         struct err *reterr) SG_MUST_CHECK;
/* ResourceSlices and ResourceClaims are counted, not understood. */
struct wire_dra {
  struct str ns, name, driver, node; /* a slice's driver and node; empty where there is none */
  size_t devices;                    /* listed by the slice, or allocated to the claim */
};
bool wire_dra_read(struct arena *arena, struct str json, struct wire_dra *ret,
                   struct err *reterr) SG_MUST_CHECK;

/* ---- HAMi's protocol at bind (hami.c) ---------------------------------------------------- */

#define WIRE_HAMI_LOCK "hami.io/mutex.lock"
/* A node as the API server has it, for its lock. */
struct wire_hami_node {
  struct str resource_version;
  bool is_locked;
  struct str lock; /* the annotation's value */
};
bool wire_hami_node_read(struct arena *arena, struct str json, struct wire_hami_node *ret,
                         struct err *reterr) SG_MUST_CHECK;
/* "2026-01-02T03:04:05Z,namespace,pod"; of old versions only the time. Views into the text. */
struct wire_hami_lock {
  int64_t seconds;     /* since 1970: when it was taken */
  struct str ns, name; /* of the pod that it is taken for; empty: not said */
};
bool wire_hami_lock_read(struct str text, struct wire_hami_lock *ret) SG_MUST_CHECK;
/* What the annotation says of a pod's containers: init containers first, then the others. */
struct wire_hami_pod {
  struct str uid;
  uint32_t part_count; /* containers in all */
  uint32_t asking;     /* of them, those that ask for a card or a part of one */
  uint32_t part;       /* the last such */
  const char *wish;    /* an annotation that asks for particular cards; NULL: none. Static text. */
};
bool wire_hami_pod_read(struct arena *arena, struct str json, struct wire_hami_pod *ret,
                        struct err *reterr) SG_MUST_CHECK;

/* ---- the scheduler extender (kube-scheduler extender/v1) -------------------------------- */

/*
 * ExtenderArgs of filter and prioritize. Names are views where they need no unescaping. With
 * nodeCacheCapable false whole nodes come: nodes[i] is the JSON of node_names[i], to be sent back
 * as it is. Both lists null: has_nodes false. The list is scanned, no tree is made of it.
 */
struct wire_extender_args {
  struct pod pod;
  const struct str *node_names;
  const struct str *nodes; /* NULL: names only */
  size_t node_count;
  bool has_nodes;
};
bool wire_extender_args_read(struct arena *arena, struct str body, struct wire_extender_args *ret,
                             struct err *reterr) SG_MUST_CHECK;

struct wire_node_reason {
  struct str node;
  struct str reason;
};
struct wire_filter_result {
  const struct str *node_names; /* that pass; best first */
  const struct str *nodes;      /* JSON of each, in the form with whole nodes; NULL: names only */
  size_t node_count;
  const struct wire_node_reason *failed, *unresolvable;
  size_t failed_count, unresolvable_count;
  struct str error; /* empty: none */
};
void wire_filter_result_write(const struct wire_filter_result *result, struct buf *out);

struct wire_host_score {
  struct str host;
  int64_t score;
};
void wire_host_scores_write(const struct wire_host_score *scores, size_t count, struct buf *out);

struct wire_binding {
  struct str pod_ns, pod_name, pod_uid, node;
};
bool wire_binding_read(struct arena *arena, struct str body, struct wire_binding *ret,
                       struct err *reterr) SG_MUST_CHECK;
/* {"Error": "..."}; empty: it went well. */
void wire_binding_result_write(struct str error, struct buf *out);

/* ExtenderPreemptionArgs, of either form: victims by uid (full victims have theirs too). */
struct wire_victims {
  struct str node;
  const struct str *uids;
  size_t uid_count;
  int64_t pdb_violations;
};
struct wire_preemption_args {
  struct pod pod;
  const struct wire_victims *nodes;
  size_t node_count;
};
bool wire_preemption_args_read(struct arena *arena, struct str body,
                               struct wire_preemption_args *ret, struct err *reterr) SG_MUST_CHECK;
/* {"NodeNameToMetaVictims": ...} */
void wire_preemption_result_write(const struct wire_victims *nodes, size_t count, struct buf *out);

/* ---- GPU products ------------------------------------------------------------------- */

/*
 * Products in the form of src/model/mig-profiles.json, JSON or YAML; fields there that only
 * inform are allowed and not read. Placements may be null: not known. Rows live as long as
 * the arena, the text need not. ERR_INVALID and ERR_LIMIT with position and field path; what
 * contradicts itself (windows beyond the axis, more instances than there are places) is wrong.
 */
bool wire_products_decode(struct arena *arena, struct str text, const struct gpu_product **ret,
                          size_t *ret_count, struct err *reterr) SG_MUST_CHECK;

/* ---- the request for admission -------------------------------------------------------- */

/*
 * review + policy -> adm_request, decoding object and oldObject. *ret_row is NULL when the
 * kind is not ours. ns_object is looked up in `cluster` (NULL: not known). now_seconds is
 * left 0. Subresources other than "" and "ephemeralcontainers" are not ours.
 */
bool wire_request(struct arena *arena, const struct wire_review *review,
                  const struct policy_view *view, const struct cluster *cluster,
                  struct adm_request *ret, const struct workload_kind **ret_row,
                  struct err *reterr) SG_MUST_CHECK;

#endif
