/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate simulate what-if`, in parts: what is asked, what came out, how it is shown. */
#ifndef SLICEGATE_CLI_WHAT_IF_H
#define SLICEGATE_CLI_WHAT_IF_H

#include "slicegate/doc.h"
#include "slicegate/explain.h"
#include "slicegate/packing.h"
#include "slicegate/policy.h"
#include "src/cli/cli_internal.h"

enum {
  WHAT_IF_FITS_MAX = 100000,             /* more of one pod are not counted */
  WHAT_IF_PODS_MAX = PACK_SET_PARTS_MAX, /* templates in one question */
};

/* ---- what is asked (what_if_pods.c) ------------------------------------------------------ */

/* One pod template of a manifest. */
struct what_if_pod {
  struct str kind, template_path; /* path empty: the only one of its object */
  struct pod pod;
  int64_t replicas;                /* that the manifest makes of it, at least 1 */
  const struct pack_asked *asked;  /* while it is judged */
  const struct workload *workload; /* its object */
  struct str device;               /* resource name of the GPUs it asks for; empty: none */
  struct strings unread;           /* fields that kube-scheduler looks at and this does not */
};

struct what_if_pods {
  struct what_if_pod *items; /* in an arena */
  size_t count;
};
/* What a PodSpec says of requests and constraints. */
void what_if_set_spec(struct arena *arena, const struct pod_spec *spec, struct pod *ret);
/* Reads manifests ("-": standard input); false after printing why not. */
bool what_if_read(const struct flag_list *files, struct str default_ns,
                  const struct policy_view *view, struct arena *arena, struct what_if_pods *ret,
                  FILE *err) SG_MUST_CHECK;

/*
 * Whether the template can be counted: what the API server would refuse (amounts, counts) is an
 * error with a position and the field's path (what_if_check.c).
 */
bool what_if_check(struct arena *arena, const struct doc_node *object,
                   const struct pod_template *tmpl, struct err *reterr) SG_MUST_CHECK;

/* What somebody wrote, in one line of a terminal. */
struct str what_if_shown(struct arena *arena, struct str text);

/* ---- what came out (what_if_judge.c) ----------------------------------------------------- */

/* Pods that would get something else than the name says. */
struct what_if_stand_in {
  struct str what; /* "MIG instances 1g.10gb" */
  uint64_t pods;
};

struct what_if_answer {
  const struct what_if_pod *asked;
  uint64_t fits;
  struct what_if_stand_in stand_ins[PACK_FORMS_MAX]; /* with pods 0: none */
  bool is_at_least;                   /* stopped at the number asked about, or at the limit */
  const uint32_t *by_node;            /* [node]: how many went there */
  const struct explain_group *groups; /* why not one more; nearest to a fit first */
  size_t group_count;
  size_t unreadable_count; /* nodes of which nothing can be said: neither counted nor refused */
  bool has_moves;
  struct pack_scene_moves moves;
};

struct what_if_result {
  const struct cluster *recorded;
  size_t holding, waiting, strays, over; /* pods; over: nodes that hold more than they have */
  const struct what_if_answer *answers;
  size_t answer_count;
  /* All pods together, each as often as its manifest says; 0 pods in a set: not asked. */
  uint64_t set_pods, sets;
  bool is_sets_at_least;             /* stopped, as in answers */
  bool is_sets_exact;                /* no more for certain; else no way was found for more */
  const struct what_if_pod *lacking; /* the pod of the next set that has no room */
};
/* `count`: of each, 0: as many as fit. False after printing why not. */
bool what_if_judge(const struct cluster *recorded, struct gpu_products products,
                   struct what_if_pods *pods, uint64_t count, struct arena *arena,
                   struct what_if_result *ret, FILE *err) SG_MUST_CHECK;

/* ---- how it is shown (what_if_text.c, what_if_json.c) ------------------------------------ */

void what_if_print_text(const struct what_if_result *result, FILE *out);
void what_if_print_json(const struct what_if_result *result, FILE *out);
/* "nvidia.com/gpu 4, cpu 8, memory 64Gi": this resource first. */
void what_if_print_requests(struct arena *arena, const struct pod *pod, struct str first,
                            FILE *out);
struct json_t *what_if_requests_json(struct arena *arena, const struct pod *pod);
/* Of every suggestion, said once. */
#define WHAT_IF_MOVES_CAVEAT                                                                       \
  "A move deletes a pod and starts it elsewhere. PodDisruptionBudgets, node-local data and "       \
  "affinity between pods are not looked at."
/* "Deployment ml/train", with the template's path where there are several. */
struct str what_if_name(struct arena *arena, const struct what_if_pod *pod);

#endif
