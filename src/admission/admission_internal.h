/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules share: the context one rule is called with, and how it reports.
 * One rule a file (rule_<id>.c), each a function of the context; a rule never looks
 * at another rule's findings and never asks for its own severity: the context drops
 * what is off.
 */
#ifndef SLICEGATE_ADMISSION_INTERNAL_H
#define SLICEGATE_ADMISSION_INTERNAL_H

#include "slicegate/admission.h"

/* How one container's resource names are read under the policy. */
struct gpu_request {
  const struct container *container;
  const struct resource_amount *amount; /* the request (or the limit, when only that is given) */
  const char *list;                     /* "limits" or "requests": where `amount` stands */
  enum gpu_resource_form form;
  bool is_mig;          /* also true for a shared MIG resource (nvidia.com/mig-1g.5gb.shared) */
  struct str base_name; /* without ".shared" */
};

/* Findings, and for each the template that was in hand (NULL: the workload as a whole). */
struct found {
  struct finding *findings;
  const struct pod_template **origins;
  size_t count, capacity;
};

struct rule_context {
  const struct policy_view *view;
  const struct effective *effective;
  const struct adm_cluster *cluster; /* NULL: not known */
  const struct adm_request *request;
  const struct workload *workload;
  struct arena *arena;

  /* The template in hand. Rules about the whole workload are called once with tmpl NULL. */
  const struct pod_template *tmpl;
  const struct gpu_request *gpus; /* its GPU requests that are not zero, in container order */
  size_t gpu_count;
  struct str
      environment; /* slicegate.dev/environment: template, then object; empty when not given */
  struct str
      workload_type; /* slicegate.dev/workload-type, likewise: "training", "inference", ... */
  struct str team;   /* slicegate.dev/team, likewise */

  struct found found; /* so far; rules add with rule_report */
};

/*
 * Puts a template (NULL: the workload as a whole) in hand: collects its GPU requests and
 * reads environment, workload type and team. Findings stay.
 */
void context_enter(struct rule_context *ctx, const struct effective *effective,
                   const struct pod_template *tmpl);
/* Fills ctx->gpus from ctx->tmpl (gpu_requests.c). */
void collect_gpu_requests(struct rule_context *ctx);

/*
 * Adds a finding with the rule's effective severity, unless that is off or `severity_cap`
 * is lower (a rule that only has a suspicion says SEVERITY_WARN). `field` is relative to
 * the object. All texts are copied nowhere: make them in ctx->arena.
 */
void rule_report(struct rule_context *ctx, enum rule_id rule, enum severity severity_cap,
                 struct str field, struct str message, struct str remedy);

/* Field paths in the template in hand, in ctx->arena: "spec.template.spec.tolerations". */
struct str spec_field(const struct rule_context *ctx, const char *fmt, ...) SG_PRINTF(2, 3);
/* "spec.template.spec.containers[0].resources.limits[nvidia.com/gpu]" */
struct str amount_field(const struct rule_context *ctx, const struct container *container,
                        const char *list, struct str resource);
/* "metadata.labels[key]" of the object, or of its template when `in_template`. */
struct str label_field(const struct rule_context *ctx, bool in_template, struct str key);
struct str annotation_field(const struct rule_context *ctx, bool in_template, struct str key);
/* The template holds a whole PodSpec, so that a missing toleration, selector or deadline is
 * really missing: false where it is only resources or a GPU count (InferenceService's model,
 * Spark's gpu), whose pod is described elsewhere. */
bool has_pod_spec(const struct pod_template *tmpl);

/* Label or annotation of the template, else of the object; NULL when neither has it. */
const struct str *find_label(const struct rule_context *ctx, struct str key);
const struct str *find_annotation(const struct rule_context *ctx, struct str key);
/* Either of them: what a user declares (slicegate.dev/gpu-memory, .../expires-at) may stand
 * in an annotation or a label. NULL when nothing says so; its field path, or the path of
 * the template's annotation when it is missing. */
const struct str *find_declared(const struct rule_context *ctx, struct str key);
struct str declared_field(const struct rule_context *ctx, struct str key);

/*
 * Text of a user inside our sentences: every name, value and image that a message quotes
 * goes through here. The text itself when it is harmless; otherwise a copy without control
 * characters, cut with "..." when long.
 */
struct str shown(const struct rule_context *ctx, struct str text);
/* "a, b and c" (with last_word "and"); after eight "... and 3 more". */
struct str shown_list(const struct rule_context *ctx, const struct str *items, size_t count,
                      const char *last_word);
/* What `shown` does, with a limit of one's own. */
struct str text_clean(struct arena *arena, struct str text, size_t max);

/* Does this pod go to GPU nodes: asks for a GPU, tolerates a GPU taint by name, or selects
 * GPU nodes by label or affinity. (A wildcard toleration alone does not make it.) */
bool tolerates_gpu_taint_by_name(const struct rule_context *ctx, const struct toleration **ret);
bool selects_gpu_nodes(const struct rule_context *ctx, struct str *ret_field);

#define REQUIRED_AFFINITY_PATH                                                                     \
  "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"

/* "nvidia.com/gpu" of "nvidia.com/gpu.shared", and of itself. */
struct str gpu_base_name(struct str resource);
/* How many devices, 0 when the amount is no whole number that is not negative (gpu-limits
 * says so; other rules then have nothing to count). */
int64_t gpu_count_asked(const struct gpu_request *gpu);

/* Called for every template of a workload, in the order of enum rule_id. */
void rule_gpu_limits(struct rule_context *ctx);
void rule_mig_profile(struct rule_context *ctx);
void rule_gpu_bypass(struct rule_context *ctx);
void rule_gpu_node_use(struct rule_context *ctx);
void rule_gpu_toleration(struct rule_context *ctx);
void rule_gpu_node_affinity(struct rule_context *ctx);
void rule_right_size(struct rule_context *ctx);
void rule_sharing(struct rule_context *ctx);
void rule_spot(struct rule_context *ctx);
void rule_host_balance(struct rule_context *ctx);
/* Called once for the whole workload (tmpl NULL) when any template asks for a GPU. */
void rule_budget_labels(struct rule_context *ctx);
void rule_lifetime(struct rule_context *ctx);

/* The toleration that this pod lacks for its GPU requests, if any: shared by the rule and
 * by /mutate so that they can never disagree. False: nothing is missing. */
bool missing_gpu_toleration(const struct rule_context *ctx, struct toleration *ret);
/* The MIG profile that satisfies the declared need of a whole-GPU container; likewise shared. */
bool right_size_replacement(const struct rule_context *ctx, const struct gpu_request *gpu,
                            struct str *ret_resource);

/* Lowers to `warn` what `before`, the findings of the object before an UPDATE, had already
 * (update.c). */
void update_lower_known(struct arena *arena, struct found *now, const struct found *before);

/* ---- what is known of the cluster (cluster.c) ------------------------------------ */

struct adm_cluster {
  const struct policy_view *view;
  const struct cluster *cluster;
  struct arena *arena;
  /* Products on nodes now (offered) and declared in node pools. */
  struct cluster_product {
    struct str label;                  /* as the node or pool says it */
    const struct gpu_product *product; /* NULL: not in the table */
    bool is_present, is_declared;
    struct strings declared_profiles; /* of its pools; empty: all of the product's */
  } * products;
  size_t product_count;
  /* Extended resources that some node offers now (allocatable > 0). */
  struct cluster_resource {
    struct str name;
    bool is_shared_everywhere; /* every node offering it says replicas > 1 */
    bool is_shared_somewhere;
    int64_t max_on_a_node;
  } * resources;
  size_t resource_count;
};

const struct cluster_resource *cluster_find_resource(const struct adm_cluster *cluster,
                                                     struct str name);

/* "NVIDIA-A100-SXM4-40GB" of "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED". */
struct str product_base_label(struct str label);

#endif
