/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that take recorded nodes and pods in: intake*.c, scene*.c. */
#ifndef SLICEGATE_PACKING_INTAKE_H
#define SLICEGATE_PACKING_INTAKE_H

#include "src/packing/packing_internal.h"

/* ---- resource names (intake_names.c) ----------------------------------------------------- */

enum name_class {
  NAME_HOST,   /* cpu, memory, pods */
  NAME_WHOLE,  /* nvidia.com/gpu */
  NAME_SLICE,  /* nvidia.com/mig-<profile> */
  NAME_VENDOR, /* a countable device of another vendor */
  NAME_OTHER,  /* anything else that kube-scheduler counts: storage, huge pages, NICs */
  /* from here on: what counting nodes does not tell */
  NAME_CARD,   /* an amount of one card, which whoever binds chooses: see pack_is_card_name */
  NAME_OPAQUE, /* an amount of a device, handed out by an extender of its own: HAMi */
};
struct resource_name {
  enum name_class class;
  bool is_shared;     /* renamed by time-slicing or MPS: "....shared" */
  struct str profile; /* NAME_SLICE: "1g.10gb" */
};
struct resource_name resource_name_parse(struct str name);

/* ---- the intake -------------------------------------------------------------------------- */

enum {
  DEVICE_NAMES_MAX = UINT8_MAX, /* numbers of names are bytes, 0 is none; more count as others */
  OTHERS_ASKED_MAX = 64,        /* other resources of one pod */
  CONSTRAINTS_MAX = 64,         /* bits of a trait mask */
  NODE_PODS_MAX = 4096,         /* pods on one node; kubelets take 110 unless told otherwise */
};

/* CPU and memory of one pod beyond this (1 PiB) are not told apart: sums over a node stay in
 * range. */
#define AMOUNT_MAX (INT64_C(1) << 50)

/* What a device name counts on some node: one way in which a request for it can be met. */
struct device_name {
  struct str text;
  struct {
    uint8_t kind;
    uint16_t profile;
  } forms[PACK_FORMS_MAX];
  uint8_t form_count;
};

enum constraint_type {
  CONSTRAINT_SELECTOR,
  CONSTRAINT_TAINTS,
  CONSTRAINT_OTHERS,
  CONSTRAINT_LISTED, /* the device is listed and counted: cards go by names of their own */
};

/* What one trait bit says: this node meets it. */
struct constraint {
  enum constraint_type type;
  const struct pod_constraints *of; /* selector, taints */
  const struct pack_asked *asked;   /* others, listed */
};

struct pack_intake {
  struct arena *arena;
  struct pack_catalog *catalog;
  struct gpu_products products;
  const struct cluster *recorded;
  struct device_name *names; /* [number - 1] */
  size_t name_count;
  struct str *others;
  size_t other_count, other_cap;
  struct constraint constraints[CONSTRAINTS_MAX];
  size_t constraint_count;
  bool has_cards;               /* some node of the recording does not count its devices */
  bool is_sealed;               /* a scene was made: names and constraints are fixed */
  size_t *pod_first, *pod_last; /* [node]: its pods are [first, last) of the recording */
};

/* False: the name counts too many kinds already for one request to list them. */
bool intake_admit_form(struct device_name *name, uint8_t kind, uint16_t profile);
/* 0: no number. */
uint8_t intake_find_name(const struct pack_intake *intake, struct str name);
uint8_t intake_add_name(struct pack_intake *intake, struct str name);
/* SIZE_MAX: nobody lists it or asks for it. */
size_t intake_find_other(const struct pack_intake *intake, struct str name);
size_t intake_add_other(struct pack_intake *intake, struct str name);

/* ---- nodes (intake_nodes.c) -------------------------------------------------------------- */

int64_t intake_allocatable(const struct node *node, struct str name);

/* ---- constraints (intake_traits.c) ------------------------------------------------------- */

/* The bits of what the pod demands, made when new. */
bool intake_intern(struct pack_intake *intake, const struct pack_asked *asked, uint64_t *ret_needs,
                   struct err *reterr) SG_MUST_CHECK;
bool intake_takes_no_pods(const struct node *node);
/* `left`: of the other resources of the node. */
uint64_t intake_traits(const struct pack_intake *intake, const struct node *node,
                       const int64_t *left);

/* ---- scenes (scene.c) -------------------------------------------------------------------- */

struct pack_scene {
  struct pack_intake *intake;
  struct pack_cluster *cluster;
  size_t other_count;                  /* of the intake when the scene was made */
  int64_t *left;                       /* [node * other_count + other]; below 0: observed excess */
  bool *is_unreadable, *takes_no_pods; /* [node] */
};
/* Of the other resources of a node. */
static inline int64_t *scene_others(const struct pack_scene *scene, size_t node) {
  return scene->left + node * scene->intake->other_count;
}

#endif
