/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: the GPUPolicy as a value, its reader, and the matching of exemptions and
 * overrides. What a rule *does* with its parameters is `admission`'s business; what
 * parameters there are, their types, defaults and reasons is the one table here
 * (policy_params), which the reader, `slicegate policy explain` and the docs share.
 *
 * A policy is immutable once read; any number of threads may use it. It owns its
 * memory: one arena, freed by policy_unref when the last reference goes.
 */
#ifndef SLICEGATE_POLICY_H
#define SLICEGATE_POLICY_H

#include "slicegate/base.h"
#include "slicegate/doc.h"
#include "slicegate/model.h"

/* ---- parameters ---------------------------------------------------------------- */

enum param_type {
  PARAM_BOOL,
  PARAM_INT,          /* within [minimum, maximum] of its row */
  PARAM_STRINGS,      /* list of strings (globs where its help says so) */
  PARAM_ENVIRONMENTS, /* mapping environment -> duration: {dev: 72h, "*": 720h} */
  PARAM_DURATION,     /* "72h", "30m", "7d"; in seconds */
  PARAM_LABELS,       /* mapping label -> {required, values, fromNamespace} */
  PARAM_PRODUCTS,     /* mapping team glob -> list of product globs */
  PARAM_CAPACITY,     /* list of {label, values, taint} that mark spot nodes */
  PARAM_CPU,          /* Kubernetes quantity ("2", "500m"); number is in milli-CPUs */
  PARAM_MEMORY,       /* Kubernetes quantity ("16Gi"); number is in MiB, rounded up */
};

enum param_id {
  /* gpu-limits */
  P_LIMITS_KNOWN_NAMES,       /* strings: further resource names that are not typos (globs) */
  P_LIMITS_MAX_PER_CONTAINER, /* int, 0 = no maximum */
  /* mig-profile */
  P_MIG_MAX_PER_CONTAINER, /* int, 0 = no maximum: a CUDA process uses one MIG device */
  /* gpu-bypass */
  P_BYPASS_ENV,             /* strings: environment variables that expose devices (globs) */
  P_BYPASS_HOST_PATHS,      /* strings: host paths (globs) */
  P_BYPASS_RUNTIME_CLASSES, /* strings: (globs) */
  P_BYPASS_PRIVILEGED,      /* bool: privileged containers bound for GPU nodes */
  /* gpu-node-use */
  P_NODE_USE_WILDCARD, /* bool: name a wildcard toleration */
  /* gpu-toleration */
  P_TOLERATION_MUTATE, /* bool: /mutate adds the missing toleration to pods */
  /* gpu-node-affinity */
  P_AFFINITY_LABELS,   /* strings: node labels that name a product or class */
  P_AFFINITY_PRODUCTS, /* products: what each team may use; empty = everything */
  P_AFFINITY_REQUIRED, /* bool: a whole-GPU pod must name a product */
  /* right-size */
  P_RIGHT_SIZE_MUTATE, /* bool: /mutate rewrites pods */
  /* sharing */
  P_SHARING_ENVIRONMENTS, /* strings: where shared GPUs are allowed */
  P_SHARING_MAX_REQUEST,  /* int: of a shared resource by one container */
  P_SHARING_TRAINING,     /* strings: workload types that may not share (training) */
  /* budget-labels */
  P_LABELS, /* labels */
  /* lifetime */
  P_LIFETIME_MAXIMUM,  /* environments */
  P_LIFETIME_DEFAULT,  /* duration: /mutate gives it to pods without an owner; 0 = none */
  P_LIFETIME_SERVICES, /* bool: Deployments and the like must say expires-at too */
  /* spot */
  P_SPOT_CAPACITY,     /* capacity: further rows besides the built-in table */
  P_SPOT_ENVIRONMENTS, /* strings: where inference may not be on spot */
  /* host-balance */
  P_BALANCE_CPU_MIN_MILLI,  /* cpu, per whole GPU; 0 = no minimum */
  P_BALANCE_CPU_MAX_MILLI,  /* cpu, per whole GPU; 0 = no maximum */
  P_BALANCE_MEMORY_MIN_MIB, /* memory, per whole GPU; 0 = no minimum */
  P_BALANCE_MEMORY_MAX_MIB, /* memory, per whole GPU; 0 = no maximum */
  PARAM_COUNT,
};

struct env_duration {
  struct str environment; /* "*": every other */
  int64_t seconds;
};

struct label_requirement {
  struct str key;
  bool is_required;
  bool is_from_namespace; /* the namespace's label of the same key serves too */
  struct strings values;  /* allowed ones (globs); empty: any */
};

struct team_products {
  struct str team;         /* glob on the slicegate.dev/team label */
  struct strings products; /* globs on nvidia.com/gpu.product */
};

/* A node label (with the values that mean spot) or a taint key that marks spot capacity. */
struct capacity_mark {
  struct str provider; /* "gke", "eks", "aks", "karpenter", or the policy's own word */
  struct str key;
  struct strings spot_values;
  bool is_taint;
};

struct param_value {
  bool is_set; /* by the file; a default is not "set" */
  union {
    bool truth;
    int64_t number; /* PARAM_INT, PARAM_CPU, PARAM_MEMORY; PARAM_DURATION in seconds */
    struct strings strings;
    struct {
      const struct env_duration *items;
      size_t count;
    } environments;
    struct {
      const struct label_requirement *items;
      size_t count;
    } labels;
    struct {
      const struct team_products *items;
      size_t count;
    } products;
    struct {
      const struct capacity_mark *items;
      size_t count;
    } capacity;
  };
};

/* One row of the table of parameters. */
struct param_info {
  enum param_id id;
  enum rule_id rule;
  const char *key; /* as written in the policy */
  enum param_type type;
  int64_t minimum, maximum; /* PARAM_INT, PARAM_CPU, PARAM_MEMORY and durations */
  const char *default_text; /* in YAML; parsed by the reader itself */
  const char *help;         /* one sentence: meaning and reason */
  const char *offline;      /* what `check` cannot know of it, or NULL: evaluated fully */
};
const struct param_info *policy_param_info(enum param_id id);

struct rule_info {
  enum rule_id id;
  enum severity built_in; /* of the built-in policy */
  const char *holds;      /* what it holds, one sentence */
  const char *reason;     /* why that matters */
  const char *offline;    /* what `check` needs for it (e.g. --cluster), or NULL */
};
const struct rule_info *policy_rule_info(enum rule_id id);

/* ---- matching ------------------------------------------------------------------ */

/*
 * A list matches when one of its items does, a mapping of labels when all of them do. In
 * an override all lists and mappings that are given must match; in spec.exempt one of
 * them is enough.
 */
struct match {
  struct strings namespaces;                                /* globs */
  struct strings pod_service_accounts;                      /* "namespace/name" globs */
  struct strings users, groups;                             /* globs; of the requester */
  const struct key_value *namespace_labels, *object_labels; /* all of them; values are globs */
  size_t namespace_label_count, object_label_count;
};

/* What a match is asked about. Unknown is not the same as empty. */
struct match_subject {
  struct str ns;
  struct str service_account; /* the pod's, bare; empty means "default" */
  bool is_user_known;         /* false in `check` */
  struct str user;
  struct strings groups;
  const struct k8s_namespace *ns_object; /* NULL: labels not known */
  const struct key_value *object_labels;
  size_t object_label_count;
};

enum match_result { MATCH_NO, MATCH_YES, MATCH_UNKNOWN };
/* As an override reads it: everything that is given matches. Without anything given: yes. */
enum match_result match_evaluate(const struct match *match, const struct match_subject *subject);
/* As spec.exempt reads it: anything that is given matches. Without anything given: no. */
enum match_result match_evaluate_any(const struct match *match,
                                     const struct match_subject *subject);

/* ---- the policy ---------------------------------------------------------------- */

enum gpu_resource_form {
  GPU_WHOLE,  /* nvidia.com/gpu */
  GPU_MIG,    /* nvidia.com/mig-<profile> */
  GPU_SHARED, /* <name>.shared: replicas of a time-sliced or MPS device */
  GPU_OTHER,  /* a vendor's further countable device: amd.com/cpx_nps4, gpu.intel.com/i915 */
  GPU_AUX,    /* says how much of a device, not which: nvidia.com/gpumem, nvidia.com/gpucores */
};

/* spec.gpuResources: which extended resources are GPUs. First match counts. */
struct gpu_resource {
  struct str pattern; /* glob */
  enum gpu_resource_form form;
  bool is_excluded; /* form "none": a known name that is no GPU; `form` means nothing */
};

/* spec.gpuNodes: how GPU nodes are recognised. */
struct gpu_nodes {
  struct strings taint_keys; /* globs */
  struct strings labels;     /* globs on label keys */
};

struct node_pool {
  struct str name;
  struct strings products; /* values of nvidia.com/gpu.product */
  struct strings profiles; /* MIG profiles it may offer; empty: every one of its products */
  bool has_profiles;       /* profiles were given; an empty list of them then means: no MIG */
};

/* What an override says of one rule; is_set tells whether it says anything. */
struct rule_setting {
  bool is_set;
  enum severity severity;
};

struct override {
  struct str name;
  struct match match;
  struct rule_setting rules[RULE_COUNT];
  const struct param_value *params; /* PARAM_COUNT of them, or NULL when none is set */
};

struct policy;
struct policy_index; /* look-up tables */

struct policy_view { /* the parts of a policy, for reading */
  struct str name;
  struct str source;          /* file name, or "(built-in)" */
  bool denies_on_failure;     /* failureStance: deny */
  struct match exempt;        /* see match_evaluate_any */
  struct strings controllers; /* users (globs) that are controllers: their children only warn */
  const struct gpu_resource *gpu_resources;
  size_t gpu_resource_count;
  struct strings vendor_prefixes; /* "nvidia.com/": unknown names below are typos */
  struct gpu_nodes gpu_nodes;
  const struct node_pool *node_pools;
  size_t node_pool_count;
  /* Built-in rows first, then the policy's extraKinds; one that names a built-in row's
   * group and kind stands in its place. */
  const struct workload_kind *kinds;
  size_t kind_count;
  enum severity severities[RULE_COUNT];
  const struct param_value *params; /* PARAM_COUNT, defaults filled in */
  const struct override *overrides;
  size_t override_count;
  const struct policy_index *index; /* NULL in a view made by hand: look-ups are linear */
};

/* One error of a policy file: where, which field, what and what was expected. */
struct policy_error {
  uint32_t line, column;
  struct str field;   /* "spec.rules.lifetime.maximum.dev" */
  struct str message; /* "unknown key \"lifetme\", did you mean \"lifetime\"?" */
};

struct policy_errors {
  struct policy_error *items;
  size_t count;
};

/*
 * Reads a policy; on failure fills *ret_errors (allocated in `arena`, in the order
 * of the text, at least one) and returns NULL. Syntax errors, duplicate keys,
 * wrong types, unknown names, values out of range: all are gathered in one run.
 * The text is copied: it need not outlive the call.
 */
struct policy *policy_read(struct str source, struct str text, struct arena *arena,
                           struct policy_errors *ret_errors) SG_MUST_CHECK;
/* The same from a mapping that was read already: an inline policy. Its strings are copied. */
struct policy *policy_read_tree(struct str source, const struct doc_node *root, struct arena *arena,
                                struct policy_errors *ret_errors) SG_MUST_CHECK;
/* The policy that serves when no file is given. */
struct policy *policy_builtin(void) SG_MUST_CHECK;
/* The text of the built-in policy as YAML, so that a user can start from it. Static. */
struct str policy_builtin_text(void);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);
void policy_unref_ptr(struct policy **policy);
#define CLEANUP_POLICY SG_CLEANUP(policy_unref_ptr)
const struct policy_view *policy_get(const struct policy *policy);

/*
 * "source:line:column: field: message"; with `text` not empty the line of the file
 * and a caret below it follow.
 */
void policy_error_print(struct buf *out, struct str source, struct str text,
                        const struct policy_error *error);

/* ---- asking it ------------------------------------------------------------------ */

/* What holds for one subject: severities and parameters after all overrides. */
struct effective {
  const struct policy_view *view;
  enum severity severities[RULE_COUNT];
  const struct param_value *params[PARAM_COUNT];
  bool is_exempt;
  /* Overrides or exemptions that could not be evaluated (user unknown, namespace labels
   * unknown): they were not applied. Names, for `check` to say so. */
  struct str unknown[8];
  size_t unknown_count;
};
void policy_effective(const struct policy_view *view, const struct match_subject *subject,
                      struct effective *ret);

/* The form of a resource name, false when it is no GPU resource. */
bool policy_gpu_resource(const struct policy_view *view, struct str name,
                         enum gpu_resource_form *ret);
/* Some row of gpuResources names it, be it as `none`: it is no typo. */
bool policy_knows_resource(const struct policy_view *view, struct str name);
/* A taint key, a label key that marks GPU nodes. */
bool policy_is_gpu_taint(const struct policy_view *view, struct str key);
bool policy_is_gpu_label(const struct policy_view *view, struct str key);
/* The row for a group and kind, or NULL: not ours. */
const struct workload_kind *policy_find_kind(const struct policy_view *view, struct str group,
                                             struct str kind);
/* A label or annotation key that some rule reads (budget labels, slicegate.dev/...). */
bool policy_reads_key(const struct policy_view *view, struct str key);
bool strings_match(const struct strings *globs, struct str text);
/* "72h", "90m", "45s", "7d", "1h30m" to seconds. */
bool duration_parse(struct str text, int64_t *ret_seconds) SG_MUST_CHECK;
/* The shortest text that duration_parse reads back: "72h", "1h30m", "0s". */
struct str duration_text(struct arena *arena, int64_t seconds);

/* ---- telling what it means -------------------------------------------------------- */

/*
 * What `slicegate policy explain [TOPIC]` prints, 80 columns wide: one rule, "match" (the
 * keys of exempt and overrides[].match), "spec" (every other key), or everything when the
 * topic is empty. `view` says what holds now; NULL: only defaults. ERR_NOT_FOUND, naming
 * the nearest topic, when there is no such rule.
 */
bool policy_explain(struct str topic, const struct policy_view *view, struct buf *out,
                    struct err *reterr) SG_MUST_CHECK;

/* ---- rules-plus-cases files -------------------------------------------------------- */

/* A list item or key of a test file, with its place for messages. */
struct policy_case {
  struct str name;
  uint32_t line, column;             /* of the case */
  const struct doc_node *object;     /* inline; NULL: see object_file */
  struct str object_file;            /* relative to the test file */
  const struct doc_node *old_object; /* NULL: a CREATE */
  bool is_user_known;                /* `user` or `groups` is given */
  struct str user;
  struct strings groups;
  bool has_namespace_labels;
  const struct key_value *namespace_labels;
  size_t namespace_label_count;
  /* What is expected; what is not given is not looked at. */
  enum severity verdict; /* DENY: refused; WARN: allowed with warnings; OFF: allowed without */
  bool has_rules;
  enum rule_id rules[RULE_COUNT]; /* exactly these have findings of `warn` and above */
  size_t rule_count;
  struct str message; /* a part of the text that the user reads; empty: not given */
};

/* kind: GPUPolicyTest. Lives in the arena it was read with, and the text. */
struct policy_test {
  struct str policy_file;               /* relative to the test file, or empty */
  const struct doc_node *policy_inline; /* or NULL; neither: the built-in policy */
  struct str cluster_file;              /* or empty */
  struct str now;                       /* RFC 3339, not looked at here; or empty */
  uint32_t now_line, now_column;
  const struct policy_case *cases;
  size_t case_count;
};

/* Errors as in policy_read; false with at least one of them. */
bool policy_test_read(struct str text, struct arena *arena, struct policy_test *ret,
                      struct policy_errors *ret_errors) SG_MUST_CHECK;

#endif
