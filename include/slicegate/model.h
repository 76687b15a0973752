/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model: the plain values that decisions are made of, in Kubernetes' own words:
 * quantity, resource amounts, container, pod template, workload, node, namespace,
 * GPU product and MIG profile, finding. Values only: no I/O, no policy.
 *
 * Values that are decoded from a text are views into that text and its arena and
 * die with them. Everything is immutable once built and may be read by many threads.
 */
#ifndef SLICEGATE_MODEL_H
#define SLICEGATE_MODEL_H

#include "slicegate/base.h"

struct strings {
  const struct str *items;
  size_t count;
};

/* ---- quantity ---------------------------------------------------------------- */

/*
 * A Kubernetes quantity, exact down to 1e-9: value = units + nano / 1e9, both of
 * one sign. Finer fractions are rounded away from zero, larger magnitudes saturate,
 * both as k8s.io/apimachinery/pkg/api/resource does.
 */
struct quantity {
  int64_t units;
  int32_t nano; /* |nano| < 1,000,000,000 */
};

/* The grammar of Kubernetes: "1", "1000m", "0.5", "64Gi", "1e3", "12E". False when it is none. */
bool qty_parse(struct str text, struct quantity *ret) SG_MUST_CHECK;
int qty_cmp(struct quantity a, struct quantity b);
bool qty_is_whole(struct quantity q);
bool qty_is_zero(struct quantity q);
bool qty_is_negative(struct quantity q);
/* Saturating. */
struct quantity qty_add(struct quantity a, struct quantity b);
struct quantity qty_max(struct quantity a, struct quantity b);
/* Rounded up, saturating. 1500m -> 2; for bytes and counts. */
int64_t qty_units_ceil(struct quantity q);
/* Rounded up, saturating. 1.5 -> 1500; for CPU. */
int64_t qty_milli_ceil(struct quantity q);
/* Shortest plain text for messages: "2", "0.5", "68719476736". */
struct str qty_text(struct arena *arena, struct quantity q);

/* ---- pods -------------------------------------------------------------------- */

struct key_value {
  struct str key, value;
};

/* The value of key, or NULL. */
const struct str *kv_find(const struct key_value *pairs, size_t count, struct str key);

struct resource_amount {
  struct str name;
  struct str text; /* as written, for messages */
  struct quantity amount;
  bool is_valid; /* text is a quantity */
};

/* "hugepages-2Mi": bytes, in pages of that size. */
static inline bool resource_is_huge_pages(struct str name) {
  return str_starts_with(name, STR_LIT("hugepages-"));
}

const struct resource_amount *amount_find(const struct resource_amount *list, size_t count,
                                          struct str name);

struct env_var {
  struct str name, value;
  bool is_from_source; /* valueFrom: the value is not known here */
};

enum container_role {
  CONTAINER_APP,
  CONTAINER_INIT,    /* runs to its end before the app containers */
  CONTAINER_SIDECAR, /* an init container with restartPolicy Always */
  CONTAINER_EPHEMERAL,
};

struct container {
  struct str name, image;
  enum container_role role;
  uint32_t index; /* in its own list: containers, initContainers or ephemeralContainers */
  const struct resource_amount *limits, *requests;
  size_t limit_count, request_count;
  const struct env_var *env;
  size_t env_count;
  bool is_privileged;
  bool has_resources_key; /* `resources` is there and not empty */
};

enum taint_effect { EFFECT_ANY, EFFECT_NO_SCHEDULE, EFFECT_PREFER_NO_SCHEDULE, EFFECT_NO_EXECUTE };

struct toleration {
  struct str key; /* empty with Exists: every key */
  struct str value;
  bool is_exists;           /* operator Exists; otherwise Equal */
  enum taint_effect effect; /* EFFECT_ANY: not given */
};

struct taint {
  struct str key, value;
  enum taint_effect effect;
};

/* The rule of kube-scheduler (k8s.io/api core/v1 Toleration.ToleratesTaint). */
bool toleration_tolerates(const struct toleration *toleration, const struct taint *taint);

enum selector_operator {
  SELECT_IN,
  SELECT_NOT_IN,
  SELECT_EXISTS,
  SELECT_NOT_EXISTS,
  SELECT_GT,
  SELECT_LT
};

struct node_requirement {
  struct str key;
  enum selector_operator op;
  const struct str *values;
  size_t value_count;
};

/* All of its requirements must hold; of several terms one must. */
struct node_selector_term {
  const struct node_requirement *requirements;
  size_t requirement_count;
  const struct node_requirement *fields; /* matchFields: metadata.name is the only one there is */
  size_t field_count;
};

struct host_path {
  struct str volume; /* its name */
  struct str path;
  uint32_t index; /* in spec.volumes */
};

/* What a pod template says, as far as some rule reads it. */
struct pod_spec {
  const struct container *containers; /* init containers first, then app, then ephemeral */
  size_t container_count;
  const struct toleration *tolerations;
  size_t toleration_count;
  const struct key_value *node_selector;
  size_t node_selector_count;
  /* affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms */
  const struct node_selector_term *affinity_terms;
  size_t affinity_term_count;
  const struct host_path *host_paths;
  size_t host_path_count;
  const struct resource_amount *overhead, *pod_limits, *pod_requests;
  size_t overhead_count, pod_limit_count, pod_request_count;
  struct str runtime_class, service_account, node_name, scheduler_name, priority_class;
  int64_t active_deadline_seconds; /* -1: not given */
  bool has_claims;                 /* spec.resourceClaims: devices by DRA */
};

/* How much of a pod a template path holds. */
enum template_form {
  FORM_TEMPLATE,  /* a PodTemplateSpec: metadata and spec */
  FORM_POD_SPEC,  /* a PodSpec */
  FORM_RESOURCES, /* only container resources: limits and requests */
  FORM_GPU_COUNT, /* Spark's {name, quantity} */
  FORM_OBJECT,    /* a whole object of another kind, judged by that kind's own row */
};

struct pod_template {
  enum template_form form;
  struct str path;      /* field path of the template in the object; empty for a Pod */
  struct str spec_path; /* field path of the PodSpec: "spec", "spec.template.spec" */
  bool is_partial;      /* of its row: what it lacks may be said elsewhere */
  const struct key_value *labels, *annotations; /* the template's own metadata */
  size_t label_count, annotation_count;
  struct pod_spec spec;
  int64_t replicas;     /* pods made from it (products of the kind's count paths); -1: unknown */
  int64_t replicas_max; /* where the kind scales by itself; otherwise as replicas */
  /* Field path of a count that is no whole number from 0, and was read as 1; empty: none. */
  struct str wrong_count;
};

struct owner {
  struct str api_version, kind, name;
  bool is_controller;
};

/* Seconds after which the workload is ended by its own controller. */
struct deadline {
  struct str path; /* field that says so */
  int64_t seconds;
};

struct workload_kind;

/* An object of a kind that makes pods, reduced to what rules read. */
struct workload {
  struct str group, version, kind; /* group empty for core */
  struct str ns, name;             /* name empty when generateName is used */
  struct str generate_name;
  const struct key_value *labels, *annotations;
  size_t label_count, annotation_count;
  const struct owner *owners;
  size_t owner_count;
  const struct pod_template *templates;
  size_t template_count;
  const struct deadline *deadlines; /* those that are given */
  size_t deadline_count;
  struct str ttl_path; /* a ttlSecondsAfterFinished, which ends nothing that runs; empty: none */
  const struct workload_kind *row; /* the kinds table's row it was read by */
};

/* Kubernetes' effective request of one resource for the whole pod: max of the app
 * and sidecar sum and of the init peak, plus overhead (k8s.io/component-helpers
 * resource/helpers.go). A name that is only in limits counts with its limit.
 * Example: init 4, app 1 + 1, sidecar 1 -> max(1+1+1, 4) = 4. */
struct quantity pod_effective_request(const struct pod_spec *spec, struct str resource);
/* Request of one container: requests, else limits. NULL when neither names it. */
const struct resource_amount *container_request(const struct container *container,
                                                struct str resource);
/*
 * All resources of the pod as kube-scheduler counts them: the effective request of every name
 * that a container or the overhead names. Requests of the pod itself (spec.resources) replace
 * those of its containers for CPU, memory and huge pages.
 */
struct resource_request {
  struct str name;
  struct quantity amount;
};
const struct resource_request *pod_resources(struct arena *arena, const struct pod_spec *spec,
                                             size_t *ret_count);
/* The amount as people write it: "4", "0.5", bytes in the largest binary unit that says them
 * exactly ("64Gi"). */
struct str request_text(struct arena *arena, const struct resource_request *request);
/* "spec.template.spec.containers[1]" */
struct str container_path(struct arena *arena, const struct pod_template *tmpl,
                          const struct container *container);

/* ---- the kinds table ---------------------------------------------------------- */

/*
 * One place in an object where pods are described. Paths are dotted; "[]" stands
 * for every item of a list and "*" for every value of a mapping:
 * "spec.pytorchReplicaSpecs.*.template", "spec.workerGroupSpecs[].template".
 * In count paths a wildcard takes the item that the template's path took.
 */
struct kind_template {
  struct str path; /* empty: the object itself */
  enum template_form form;
  /* Laid over a pod that is described elsewhere (TrainJob's overrides, Spark's templates):
   * what it says counts, what it does not say proves nothing. */
  bool is_partial;
  struct str counts[3];     /* multiplied; unused ones empty; an absent field counts as 1 */
  struct str counts_max[3]; /* the same for the upper end, when the kind scales by itself */
  /* Bounds the last of counts: of a Job no more pods run at once than are to be completed.
   * Empty, or an absent field: nothing does. */
  struct str counts_most;
  /* Bounds it from below, before counts_most; where it is set an absent count is 0. */
  struct str counts_least;
  /* A template that makes one pod of each group instead: where it is there, the last of counts is
   * one less. */
  struct str counts_leader;
};

struct workload_kind {
  struct str group, kind;
  struct str resource;        /* plural, for webhook rules */
  const struct str *versions; /* those of the built-in row; any version is judged */
  size_t version_count;
  const struct kind_template *templates;
  size_t template_count;
  /* Fields whose seconds end a running workload. Empty: nothing in the object can. */
  const struct str *deadline_paths;
  size_t deadline_path_count;
  bool is_builtin_validated; /* kube-apiserver itself validates the template's resources */
  bool is_service;           /* runs until deleted: only slicegate.dev/expires-at ends it */
};

/* The built-in rows. Static storage. */
const struct workload_kind *kinds_builtin(size_t *ret_count);

/* ---- GPU products -------------------------------------------------------------- */

/* Thousandths of a GPU, of which slicegate chooses the card. A pod asks for a part of one, or for
 * whole ones up to GPU_MILLI_MAX, where counts of GPUs end (uint16_t). */
#define GPU_MILLI_NAME "slicegate.dev/gpu-milli"
enum { GPU_MILLI = 1000, GPU_MILLI_MAX = UINT16_MAX / GPU_MILLI * GPU_MILLI };

/* Of every product, compiled in or read from a file. */
enum { MIG_AXIS_MAX = 32, MIG_STARTS_MAX = 16 };

struct mig_profile {
  struct str name;     /* "3g.40gb", "1g.10gb+me" */
  struct str resource; /* "nvidia.com/mig-1g.10gb.me" */
  /* What the same instance is called under drivers that report another total of memory
   * ("1g.24gb" for GB200's 1g.23gb); empty: nothing else is known. */
  struct str alternate;
  uint8_t compute_slices;
  uint8_t memory_slices; /* on the product's placement axis; 0: not known */
  uint16_t memory_gib;   /* the number in the name */
  uint8_t max_instances; /* of this profile alone on an empty GPU */
  /* Memory slices at which an instance may begin, ascending. NULL, 0: not known. */
  const uint8_t *starts;
  uint8_t start_count;
};

struct gpu_product {
  struct str id;            /* "h100-80gb" */
  const struct str *labels; /* values of nvidia.com/gpu.product */
  size_t label_count;
  uint16_t memory_gib;
  const struct mig_profile *profiles;
  size_t profile_count;
  uint8_t memory_slices; /* length of the axis that placements are on; 0: not known */
  uint8_t compute_slices;
  /* The placements were seen on this product, not inferred from one that is built alike. */
  bool is_placement_verified;
};

/* Products that somebody looks things up in; borrowed. */
struct gpu_products {
  const struct gpu_product *items;
  size_t count;
};
/* Every product with MIG that is compiled in (from mig-profiles.json). Static storage. */
const struct gpu_product *products_all(size_t *ret_count);
static inline struct gpu_products products_builtin(void) {
  struct gpu_products all;
  all.items = products_all(&all.count);
  return all;
}
/* By a value of nvidia.com/gpu.product, with or without "-SHARED", "-MIG-..." suffix and
 * with or without the "NVIDIA-" prefix; NULL when no product has it. */
const struct gpu_product *product_by_label(struct str label);
/* The same among any products; of several the first. */
const struct gpu_product *products_find_label(const struct gpu_product *products, size_t count,
                                              struct str label);
/* NULL: none has this id. */
const struct gpu_product *products_find_id(const struct gpu_product *products, size_t count,
                                           struct str id);
/* `own` products, then those of `base` that none of them replaces (has the id of). A copy in
 * the arena; what the rows point to is shared. */
const struct gpu_product *products_merge(struct arena *arena, const struct gpu_product *own,
                                         size_t own_count, const struct gpu_product *base,
                                         size_t base_count, size_t *ret_count);
/* By name, by alternate name or as resource names write it ("1g.10gb.me"); NULL: it has none such.
 */
const struct mig_profile *product_find_profile(const struct gpu_product *product, struct str name);

/* Instances of this profile alone that an empty GPU has places for; 0: places are not known.
 * max_instances may be lower. */
unsigned mig_profile_places(const struct mig_profile *profile);

/* A profile name in parts: [<c>c.]<g>g.<gb>gb[(+|-|.)attr...]. */
struct mig_name {
  struct str text;       /* the whole, as in a resource name: "1g.10gb.me" */
  unsigned compute;      /* g */
  unsigned memory_gib;   /* gb */
  struct str attributes; /* "me", "me.all", "gfx" or empty */
};
/* `text` is what stands behind "nvidia.com/mig-", without ".shared". */
bool mig_name_parse(struct str text, struct mig_name *ret) SG_MUST_CHECK;
/*
 * Whether a program that needs so much can count on an instance of so many GiB by its name. The
 * number in the name is rounded from eighths of the GPU and the driver keeps a part: seven eighths
 * of it is below all that is known (1g.10gb counts as 8.75 GiB).
 */
bool mig_memory_holds(unsigned memory_gib, int64_t need_bytes);
/* What slicegate.dev/gpu-memory (annotation or label) declares, bytes for each GPU; 0: nothing that
 * can be used. Nobody means 8 bytes by "8", and no program needs less than a megabyte. */
int64_t gpu_memory_need(struct str text);
/* Asked for the same extras: "me" with '+' or '.' is another than "me" with '-'. */
bool mig_same_attributes(const struct mig_name *a, const struct mig_name *b);

/* ---- a recorded cluster ---------------------------------------------------------- */

struct hami_card;
struct node {
  struct str name;
  const struct key_value *labels;
  size_t label_count;
  const struct taint *taints;
  size_t taint_count;
  const struct resource_amount *allocatable;
  size_t allocatable_count;
  bool is_unschedulable;
  /* HAMi's plugin is there. It lists every card many times as nvidia.com/gpu, and gives out the
   * card that HAMi's scheduler wrote into the pod that holds the node's lock. */
  bool has_hami;
  /* A DRA driver lists devices of it (ResourceSlices): kube-scheduler may hand them out also by
   * names that allocatable does not list. */
  bool has_dra;
  const struct hami_card *cards; /* has_hami: what it has registered, in order of ids */
  size_t card_count;
};
/* A card of HAMi's plugin: parts of its memory are given out. */
struct hami_card {
  struct str id;      /* "GPU-..." */
  int64_t memory_mib; /* to give out: scaled by the plugin's settings */
  int64_t sharers;    /* pods at a time */
  int64_t cores;      /* percent; 0: not counted */
  bool is_given;      /* healthy, not cordoned, and not cut up by MIG */
};
/* What the node lists by this name says how many there are. */
bool node_counts(const struct node *node, struct str resource);

enum pod_phase { PHASE_PENDING, PHASE_RUNNING, PHASE_SUCCEEDED, PHASE_FAILED, PHASE_UNKNOWN };

/* What a pod asks of a node beside resources. */
struct pod_constraints {
  struct str node_name;
  const struct key_value *node_selector;
  size_t node_selector_count;
  const struct node_selector_term *affinity_terms;
  size_t affinity_term_count;
  const struct toleration *tolerations;
  size_t toleration_count;
};
struct pod_constraints pod_constraints_of(const struct pod_spec *spec);
/* By spec.nodeName, nodeSelector and required node affinity, as kube-scheduler reads them. */
bool pod_selects_node(const struct pod_constraints *constraints, const struct node *node);
/* The first taint that keeps the pod away (a cordon is one), or NULL. */
const struct taint *pod_find_barrier(const struct pod_constraints *constraints,
                                     const struct node *node);
/* One requirement on labels, as nodes meet it. */
bool node_meets(const struct node *node, const struct node_requirement *requirement);

/* What else keeps kube-scheduler from placing a pod anywhere, or is not ours to judge. */
enum pod_trait {
  POD_IS_DELETING = 1 << 0,      /* metadata.deletionTimestamp: it still holds what it holds */
  POD_IS_GATED = 1 << 1,         /* spec.schedulingGates */
  POD_HAS_POD_AFFINITY = 1 << 2, /* required affinity or anti-affinity to other pods */
  POD_HAS_HARD_SPREAD = 1 << 3,  /* topologySpreadConstraints with DoNotSchedule */
  POD_HAS_VOLUME_CLAIMS = 1 << 4,
  POD_HAS_HOST_PORTS = 1 << 5,
  POD_HAS_PREFERENCES = 1 << 6, /* preferred affinity, of nodes or to pods; spread ScheduleAnyway */
  POD_WAS_REJECTED =
      1 << 7, /* kube-scheduler has tried it: PodScheduled is False, not for a gate */
};

/* A device that a pod is known to hold: from the annotation that its plugin obeys, or from
 * status.containerStatuses[].allocatedResourcesStatus. */
struct pod_device {
  struct str resource; /* empty: not said, the GPU that the pod asks for */
  struct str id;  /* as the plugin calls it: "GPU-...", "MIG-...", "GPU-...::3"; may be empty */
  int32_t index;  /* of the card on its node; -1: not said */
  int64_t amount; /* of the resource, on this card; 0: not said */
  int64_t cores;  /* HAMi: percent of the card's cores; 0: not said */
};

/* What its RuntimeClass asks for beside its containers. */
struct pod_overhead {
  int64_t cpu_milli, mem_bytes;
};
struct pod_overhead pod_overhead_of(const struct pod_spec *spec);

/* A pod of a cluster, as far as placing pods reads it. */
struct pod {
  struct str ns, name, uid;
  struct str resource_version; /* read only from a live cluster */
  struct str scheduler_name, nominated_node;
  int64_t created; /* seconds since 1970; 0: not said */
  uint32_t traits; /* of enum pod_trait, or'ed */
  enum pod_phase phase;
  struct str controller; /* kind of its controlling owner ("Node": a static pod); empty: none */
  int32_t priority;
  bool has_claims;
  int64_t gpu_memory; /* gpu_memory_need of what it declares; 0: nothing */
  /* The first amount in it that kube-apiserver lets no pod have: field path, and what to write
   * instead; empty: none. Such amounts count nothing in requests. No state keeps it. */
  struct str absurd;
  const struct pod_device *devices;
  size_t device_count;
  const struct resource_request *requests;
  size_t request_count;
  struct pod_overhead overhead;       /* is in requests */
  struct pod_constraints constraints; /* node_name: where it is; empty: it waits */
};
/* What it asks for of this resource, in whole units; 0: nothing. */
int64_t pod_units(const struct pod *pod, const char *resource);
/* A pod holds its devices until its phase is terminal; being deleted alone frees nothing. */
bool pod_is_over(const struct pod *pod);
/* Whose pod it is: who names none means kube-scheduler's own name. */
#define K8S_DEFAULT_SCHEDULER "default-scheduler"
struct str pod_scheduler_of(const struct pod *pod);

struct k8s_namespace {
  struct str name;
  const struct key_value *labels;
  size_t label_count;
};

/* What `kubectl get nodes,namespaces,pods -A -o json` told. */
struct cluster {
  const struct node *nodes; /* sorted by name */
  size_t node_count;
  const struct pod *pods; /* sorted by node, namespace and name: those of a node are neighbours */
  size_t pod_count;
  const struct k8s_namespace *namespaces; /* sorted by name */
  size_t namespace_count;
  bool has_nodes; /* nodes were in the recording (even if there were none) */
  bool has_namespaces;
  bool has_pods; /* read only where somebody asks for them */
};

/* Into the order that a cluster has them in. */
void nodes_sort(struct node *nodes, size_t count);
void namespaces_sort(struct k8s_namespace *namespaces, size_t count);
void pods_sort(struct pod *pods, size_t count);

const struct k8s_namespace *cluster_find_namespace(const struct cluster *cluster, struct str name);

/* ---- what admission is asked, and what it changes -------------------------------- */

enum adm_operation { ADM_CREATE, ADM_UPDATE, ADM_OTHER };

struct adm_request {
  enum adm_operation operation;
  const struct workload *object;
  const struct workload *old; /* UPDATE: the object before; NULL otherwise */
  /* UPDATE: a template, or a label or annotation that some rule reads, differs. */
  bool is_changed;
  bool is_user_known; /* false in `check` */
  struct str user;
  struct strings groups;
  const struct k8s_namespace *ns_object; /* NULL: labels not known */
  int64_t now_seconds;                   /* Unix time, for slicegate.dev/expires-at */
  /* How long ago the cluster was last heard of, when that is too long to refuse anything for what
   * it showed then; 0: what is known of it holds now, or it is a recording. */
  int64_t cluster_stale_seconds;
};

enum patch_kind { PATCH_ADD_TOLERATION, PATCH_SET_DEADLINE, PATCH_ADD_LABEL, PATCH_RESOURCE };

/* A change to a Pod, in its own terms; `wire` turns it into JSONPatch. */
struct patch {
  enum patch_kind kind;
  struct toleration toleration; /* PATCH_ADD_TOLERATION */
  int64_t deadline_seconds;     /* PATCH_SET_DEADLINE */
  struct key_value label;       /* PATCH_ADD_LABEL */
  /* PATCH_RESOURCE: in this container `from` is replaced by `count` of `to`, in limits
   * and (where it is there) requests. */
  const struct container *container;
  struct str from, to;
  int64_t count;
};

/* ---- findings ---------------------------------------------------------------- */

enum severity { SEVERITY_OFF, SEVERITY_AUDIT, SEVERITY_WARN, SEVERITY_DENY };
const char *severity_name(enum severity severity); /* "off" ... "deny" */
bool severity_parse(struct str text, enum severity *ret) SG_MUST_CHECK;

/* Order is the order in which findings are listed. */
enum rule_id {
  RULE_GPU_LIMITS,
  RULE_MIG_PROFILE,
  RULE_GPU_BYPASS,
  RULE_GPU_NODE_USE,
  RULE_GPU_TOLERATION,
  RULE_GPU_NODE_AFFINITY,
  RULE_RIGHT_SIZE,
  RULE_SHARING,
  RULE_BUDGET_LABELS,
  RULE_BUDGET, /* has its place; money is not counted yet */
  RULE_LIFETIME,
  RULE_SPOT,
  RULE_HOST_BALANCE,
  RULE_COUNT,
};
const char *rule_name(enum rule_id rule); /* "gpu-limits" */
bool rule_parse(struct str name, enum rule_id *ret) SG_MUST_CHECK;

struct finding {
  enum rule_id rule;
  enum severity severity;
  struct str field;   /* field path in the object */
  struct str message; /* what is wrong: one sentence, no full stop, no control characters */
  struct str remedy;  /* what to write instead: one imperative sentence, no full stop */
};

#endif
