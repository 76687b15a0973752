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
  const struct resource_amount *amount; /* the limit (or the request, when only that asks) */
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

  bool is_child; /* made by a controller, and the requester is one: see engine.c */

  /* The template in hand; NULL in rules about the whole workload. */
  const struct pod_template *tmpl;
  const struct gpu_request *gpus; /* its GPU requests that are not zero, in container order */
  size_t gpu_count;
  struct str
      environment; /* slicegate.dev/environment: template, then object; empty when not given */
  struct str
      workload_type; /* slicegate.dev/workload-type, likewise: "training", "inference", ... */
  struct str team;   /* slicegate.dev/team, likewise */
  struct destinations *destinations; /* of the template in hand: see find_offer */

  struct found found;            /* so far; rules add with rule_report */
  bool has_judged_object_labels; /* budget-labels: once, for all templates without metadata */
};

/* A context with nothing in hand; everything it is given must outlive it. */
void context_init(struct rule_context *ctx, const struct policy_view *view,
                  const struct adm_cluster *cluster, const struct adm_request *request,
                  const struct workload *workload, struct arena *arena);
/*
 * Puts a template in hand: collects its GPU requests and reads environment, workload type
 * and team. Findings stay.
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

/*
 * The same for what rests on nodes or namespaces as they were seen: would a cluster that has
 * changed meanwhile have no such finding? Where the cluster has not been heard of for too long
 * the finding says so, and what would be refused is warned of.
 */
void rule_report_seen(struct rule_context *ctx, enum rule_id rule, enum severity severity_cap,
                      struct str field, struct str message, struct str remedy);
/* Either of the two. */
void rule_report_if_seen(struct rule_context *ctx, bool is_seen, enum rule_id rule,
                         enum severity severity_cap, struct str field, struct str message,
                         struct str remedy);

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

/*
 * A resource name by which somebody means a GPU, but which no device plugin offers: below a
 * vendor's prefix and not in the policy ("nvidia.com/gpus"), without a domain ("gpu"), or
 * with a mistaken one ("nvidia/gpu"). *ret_nearest is the name that was surely meant,
 * empty when it may be a device's that is not known here. (gpu_names.c)
 */
bool is_mistaken_gpu_name(const struct rule_context *ctx, struct str name, struct str *ret_nearest);
/* Finding the nearest name takes a while: a hostile object with more findings than anybody
 * reads gets no more of them. */
bool may_look_for_nearest(const struct rule_context *ctx);
/* Some container names a GPU in that way: the pod means to ask for one. */
bool asks_by_mistaken_name(const struct rule_context *ctx);
/* The pod gets devices by DRA, by claims or by the name of a DeviceClass among a container's
 * resources. They may be GPUs; which they are stands in another object. */
bool claims_devices(const struct rule_context *ctx);
/* The GPUs of this pod may be described in another template of the workload: the resources
 * of its model server, Spark's gpu beside its template. */
bool gpus_are_described_elsewhere(const struct rule_context *ctx);

/* The workload is a DaemonSet or one of its pods. */
bool is_daemon(const struct rule_context *ctx);

/* Does this pod go to GPU nodes: asks for a GPU, tolerates a GPU taint by name, or selects
 * GPU nodes by label or affinity. (A wildcard toleration alone does not make it.) */
bool tolerates_gpu_taint_by_name(const struct rule_context *ctx, const struct toleration **ret);
bool selects_gpu_nodes(const struct rule_context *ctx, struct str *ret_field);

/* One of the ways in which required node affinity may be met: a node whose `key` is `value`. */
struct alternative {
  struct str key, value;
  struct str field;
};
/*
 * The alternatives that required node affinity leaves for the labels in `keys` (globs): one
 * for each value of an In requirement on them. None when some term has no such requirement:
 * the pod is not bound by these labels then.
 */
size_t affinity_alternatives(const struct rule_context *ctx, const struct strings *keys,
                             const struct alternative **ret);

/* Values of nvidia.com/gpu.product that the pod is bound to by nodeSelector or, without one,
 * by required affinity. Empty: any. */
struct strings wanted_products(const struct rule_context *ctx);

struct cluster_resource;

/* What the recorded nodes that the pod in hand may go to offer of one resource. */
struct offer {
  bool is_open;                /* one of them has no GPU taint that the pod does not tolerate */
  const struct taint *missing; /* of the first of them that has one */
  /* Their nvidia.com/gpu.product, each once, empty where a node has none; without nodes whose
   * other taints keep the pod away. */
  struct offer_product {
    struct str label;
    const struct offer_product *next;
  } * products;
};

struct destinations {
  bool is_known;
  const struct offer *offers; /* one for each of the cluster's resources, in their order */
};

/* Computed when it is first asked for; ctx->cluster must be known. (destinations.c) */
const struct offer *find_offer(const struct rule_context *ctx,
                               const struct cluster_resource *resource);
/* Selectors speak of more than products: of a node that is not there yet nobody can tell
 * whether the pod may go to it. */
bool selects_beyond_product(const struct rule_context *ctx);
/* Where the pod may go is told in the template in hand, not elsewhere or in matchFields. */
bool destinations_are_described(const struct rule_context *ctx);

/* The container asks for a part of its device beside it: HAMi's gpumem, gpucores. */
bool is_virtual_gpu(const struct rule_context *ctx, const struct gpu_request *gpu);
/* The label and value by which the pod is bound to nodes that share their GPUs: a product
 * "...-SHARED", a sharing strategy. False: it is not, or not to these alone. */
bool selects_shared_gpus(const struct rule_context *ctx, struct alternative *ret);

#define REQUIRED_AFFINITY_PATH                                                                     \
  "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"

/* "nvidia.com/gpu" of "nvidia.com/gpu.shared", and of itself. */
struct str gpu_base_name(struct str resource);
/* How many devices, 0 when the amount is no whole number that is not negative (gpu-limits
 * says so; other rules then have nothing to count). */
int64_t gpu_count_asked(const struct gpu_request *gpu);

/*
 * Called for every template that is not exempt, in the order of enum rule_id, unless the
 * rule is off; those from gpu-toleration on only where the template asks for a GPU, and
 * gpu-node-use, gpu-toleration, gpu-node-affinity and spot only where has_pod_spec.
 */
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
void rule_budget_labels(struct rule_context *ctx);
/* Called once for the whole workload when any template asks for a GPU: tmpl is NULL; GPUs,
 * environment, type and team are those of the first template that does. */
void rule_lifetime(struct rule_context *ctx);

/* The toleration that this pod lacks for its GPU requests, if any: shared by the rule and
 * by /mutate so that they can never disagree. False: nothing is missing. */
bool missing_gpu_toleration(const struct rule_context *ctx, struct toleration *ret);
/* The MIG profile that satisfies the declared need of a whole-GPU container; likewise shared. */
bool right_size_replacement(const struct rule_context *ctx, const struct gpu_request *gpu,
                            struct str *ret_resource);
/* Whether /mutate rewrites pods to it, so that nothing need be held against their template:
 * the policy asks for it and some node offers it now. */
bool right_size_will_mutate(const struct rule_context *ctx, struct str resource);

/* The value is one that budget-labels accepts for this label. */
bool budget_label_allows(const struct label_requirement *wanted, struct str value);
/* Longest life for the context's environment in seconds, -1 when there is no maximum. */
int64_t lifetime_maximum(const struct rule_context *ctx);
/* slicegate.dev/expires-at of the object or of one of its templates; its field path, or that
 * of the object's annotation when nothing says it. */
const struct str *find_expiry(const struct rule_context *ctx, struct str *ret_field);

/* ---- judging (judge.c, engine.c) --------------------------------------------------- */

/* The settings of one service account; a workload rarely has a second. */
struct settings {
  struct str service_account;
  struct effective effective;
  struct settings *next;
};
/* From the list, or put into it: policy_effective is asked once an account. */
const struct effective *settings_for(const struct rule_context *ctx, struct settings **list,
                                     struct str service_account);

/* What judging one object gave. */
struct judgement {
  struct found found;
  bool is_exempt; /* every one of its templates */
  struct settings *settings;
};

#define ALL_RULES (~0u) /* sets of rules: bit 1 << rule */
/* What the rules say of ctx->workload, as they say it. */
void judge_workload(struct rule_context *ctx, unsigned rules, struct judgement *ret);
/* The same of request->object with what a child or an UPDATE lowers, sorted as a verdict is. */
void judge_settled(const struct policy_view *view, const struct adm_cluster *cluster,
                   const struct adm_request *request, struct arena *arena, unsigned rules,
                   struct judgement *ret);
/* Its controller owner's kind is in the table and the requester is a controller. */
bool request_is_of_child(const struct policy_view *view, const struct adm_request *request);

/* Lowers to `warn` what `before`, the findings of the object before an UPDATE, had already
 * (update.c). */
void update_lower_known(struct arena *arena, struct found *now, const struct found *before);

/* ---- what is known of the cluster (cluster.c) ------------------------------------ */

struct adm_cluster {
  const struct policy_view *view;
  const struct cluster *cluster;
  struct arena *arena;
  /* Products on nodes now and declared in node pools, by label. */
  struct cluster_product {
    struct str label;                  /* without "-SHARED" and "-MIG-..." */
    const struct gpu_product *product; /* NULL: not in the table */
    bool is_present, is_declared;
    /* Of its pools, when is_declared. Empty: all of the product's, unless declares_no_mig. */
    struct strings declared_profiles;
    bool declares_no_mig;  /* every pool of it has `profiles: []` */
    bool is_mig_incapable; /* present, and every node of it says nvidia.com/mig.capable=false */
    int64_t memory_mib;    /* of one GPU, as nodes label it or the table says; 0: not known */
  } * products;
  size_t product_count;
  /* Values of nvidia.com/gpu.product exactly as nodes carry them, sorted. */
  struct strings node_products;
  /* Extended resources that some node offers now (allocatable > 0), by name. */
  struct cluster_resource {
    struct str name;
    bool is_shared_everywhere; /* every node offering it says replicas > 1 */
    bool is_shared_somewhere;
    int64_t max_on_a_node;
    struct strings node_products; /* of the nodes that offer it, as they carry them */
    /* The GPU taints of those nodes that keep pods away, each combination once; one without
     * any item: some node is open to every pod. */
    const struct taint_list {
      const struct taint *items;
      size_t count;
    } * taint_lists;
    size_t taint_list_count;
  } * resources;
  size_t resource_count;
  /* Extended resources that nodes list but have none of, for as long as a plugin restarts or a
   * GPU is cut anew: there is such a device. */
  struct strings at_rest;
  /* Some node has NVIDIA GPUs, by a resource or label of theirs, but does not say which. */
  bool has_unnamed_products;
};

const struct cluster_resource *cluster_find_resource(const struct adm_cluster *cluster,
                                                     struct str name);

/* Some node has it, be it 0 of it now. */
bool cluster_lists_resource(const struct adm_cluster *cluster, struct str name);

/* Is among the strings, exactly. */
bool strings_have(const struct strings *strings, struct str item);
/* "NVIDIA-A100-SXM4-40GB" of "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED". */
struct str product_base_label(struct str label);

#endif
