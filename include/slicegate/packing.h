/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packing: which node, which device and which place inside the device a pod should take, so
 * that the least is stranded. The one decision behind the scheduler extender, `simulate` and
 * `explain`.
 *
 * Pure: no I/O, no clock, no logging, no global state, no floating point. A decision is a
 * function of (nodes, tables, conditions, request). It does not depend on the order in which
 * nodes were added: the cluster is kept sorted by node name, and every tie goes to the first
 * node, the lowest device, the lowest start, the first form.
 *
 * Node values are immutable and counted: a change makes one new value and swaps one pointer,
 * so that a copy of a cluster is a copy of pointers and undo restores the very same value.
 *
 * Threads: a const object may be read by many threads. A cluster or a scorer belongs to one
 * thread at a time. Reference counts are atomic, so copies may be dropped anywhere.
 *
 * Units: CPU in thousandths of a core, memory in bytes, a GPU in thousandths ("milli"),
 * values and prices in millionths of a GPU ("micro").
 */
#ifndef SLICEGATE_PACKING_H
#define SLICEGATE_PACKING_H

#include "slicegate/base.h"
#include "slicegate/model.h"

enum {
  PACK_PRODUCTS_MAX = 64,  /* of a catalog: products are bits of a mask */
  PACK_PROFILES_MAX = 256, /* profile names of a catalog */
  PACK_DEVICES_MAX = 64,   /* of a node */
  PACK_UNITS_MAX = 64,     /* devices or instances of one pod */
  PACK_FORMS_MAX = 8,      /* alternatives of one request */
  PACK_AXIS_MAX = 32,      /* memory slices of a GPU */
  PACK_STARTS_MAX = 16,    /* legal starts of a profile */
  PACK_LAYOUTS_MAX = 4096, /* of a product */
  PACK_MILLI = 1000,       /* one GPU */
  PACK_MICRO = 1000000,    /* one GPU, as a value */
};
#define PACK_NONE UINT16_MAX /* no such product, profile, layout */

/* ---- MIG geometry (mig.c) -------------------------------------------------------------- */

/*
 * The whole placement space of one product, tabulated. A *layout* is the set of windows
 * (start, size) that are occupied, whichever profiles they belong to: what may be placed
 * depends on nothing else (profiles with a limit of their own apart). Layout 0 is empty.
 * An H100 has 417 layouts.
 */
struct pack_mig_profile {
  uint16_t profile; /* of the catalog */
  uint8_t size;     /* memory slices */
  uint8_t start_count;
  uint8_t starts[PACK_STARTS_MAX]; /* ascending */
  /* Instances at once when that is fewer than the windows allow (media extensions: 1); 0: no
   * limit of its own. */
  uint8_t limit;
};

struct pack_mig {
  uint8_t axis; /* memory slices of the GPU */
  uint16_t profile_count;
  const struct pack_mig_profile *profiles; /* in the product's order */
  uint16_t layout_count;
  const uint32_t *occupied; /* [layout]: bit per slice */
  const uint32_t *begins;   /* [layout]: bit per slice where a window begins */
  const uint8_t *free;      /* [layout]: free slices */
  /* [(layout * profile_count + p) * PACK_STARTS_MAX + i]: after placing profiles[p] at
   * starts[i], or PACK_NONE */
  const uint16_t *next;
  /* [layout * axis + start]: without the window that begins there, or PACK_NONE */
  const uint16_t *without;
};

/* Tables for one product; NULL when placements are not known for any of its profiles, or
 * there would be more than PACK_LAYOUTS_MAX layouts. `profile_ids[i]` is the catalog's number
 * of product->profiles[i]. Own it: pack_mig_free. */
struct pack_mig *pack_mig_new(const struct gpu_product *product,
                              const uint16_t *profile_ids) SG_MUST_CHECK;
void pack_mig_free(struct pack_mig *mig);
static inline uint16_t pack_mig_next(const struct pack_mig *mig, uint16_t layout, uint16_t p,
                                     uint8_t start_index) {
  return mig->next[((size_t)layout * mig->profile_count + p) * PACK_STARTS_MAX + start_index];
}
/* The index of a catalog's profile in mig->profiles, or PACK_NONE. */
uint16_t pack_mig_find(const struct pack_mig *mig, uint16_t profile);

/*
 * Whether `gpus` empty GPUs can hold counts[p] instances of each profile p, moves being free:
 * exact. For H100-like products by the closed test (packing.md), else by search over multisets
 * of one GPU.
 */
bool pack_mig_can_hold(const struct pack_mig *mig, const uint32_t *counts, uint32_t gpus);

/* ---- catalog (catalog.c) ----------------------------------------------------------------- */

/*
 * Products and profile names as small numbers, never changed or taken back: one thread at a time
 * may add while others read, who see what was there when they learnt of a number, or more.
 */
struct pack_catalog;
struct pack_catalog *pack_catalog_new(void) SG_MUST_CHECK;
void pack_catalog_free(struct pack_catalog *catalog);
/* The number of the product with this id, made when it is new; PACK_NONE when the catalog is
 * full. `product` (profiles, geometry) is borrowed and must outlive the catalog. */
uint16_t pack_catalog_add(struct pack_catalog *catalog, const struct gpu_product *product);
/* A product that is only a name: whole or shared, never MIG. The name is copied. */
uint16_t pack_catalog_add_plain(struct pack_catalog *catalog, struct str name);
size_t pack_catalog_count(const struct pack_catalog *catalog);
uint16_t pack_catalog_find(const struct pack_catalog *catalog, struct str id);
struct str pack_catalog_name(const struct pack_catalog *catalog, uint16_t product);
/* NULL for plain products and those without known placements. */
const struct pack_mig *pack_catalog_mig(const struct pack_catalog *catalog, uint16_t product);
/* A profile by its name ("1g.10gb") or as resource names write it ("1g.10gb.me"). */
uint16_t pack_catalog_find_profile(const struct pack_catalog *catalog, struct str name);
struct str pack_catalog_profile_name(const struct pack_catalog *catalog, uint16_t profile);
size_t pack_catalog_profile_count(const struct pack_catalog *catalog);
/* Products that have this profile, as a mask. */
uint64_t pack_catalog_products_with(const struct pack_catalog *catalog, uint16_t profile);

/* ---- requests ------------------------------------------------------------------------------ */

enum pack_kind {
  PACK_CPU,      /* no device */
  PACK_WHOLE,    /* `count` whole GPUs */
  PACK_FRACTION, /* `amount` milli of one GPU that others may share */
  PACK_SLICES,   /* `count` MIG instances of profile `amount` */
  PACK_REPLICAS, /* `amount` replicas of one time-sliced GPU, never split over GPUs */
};

/* One way in which a request can be met. */
struct pack_form {
  uint8_t kind;    /* enum pack_kind */
  uint8_t name;    /* on nodes with counters: of the resource it is asked by; else 0 */
  uint16_t count;  /* devices or instances; 1 for fraction and replicas; 0 for CPU */
  uint16_t amount; /* milli; profile; replicas */
};

/* Equal requests are recognised by their bytes: there is no padding, and unused forms are 0. */
struct pack_request {
  int64_t cpu_milli, mem_bytes;
  uint64_t products;   /* mask of products that will do; 0: any */
  uint64_t needs;      /* traits that the node must have, all of them */
  uint64_t shuns;      /* traits that the node must not have */
  uint32_t form_count; /* >= 1; several: alternatives, any will do */
  uint32_t reserved;   /* 0 */
  struct pack_form forms[PACK_FORMS_MAX];
};

/* A request of one form. */
struct pack_request pack_request_of(int64_t cpu_milli, int64_t mem_bytes, enum pack_kind kind,
                                    uint16_t count, uint16_t amount);
/* Milli-GPU that the request takes of capacity: 1000 a whole GPU, its milli, 1000 * slices /
 * axis (of the first product that has the profile), 1000 * replicas / `replicas_per_gpu` of its
 * first form. */
int64_t pack_request_milli(const struct pack_catalog *catalog, const struct pack_request *request,
                           uint16_t replicas_per_gpu);

/* ---- nodes --------------------------------------------------------------------------------- */

enum pack_mode { PACK_MODE_WHOLE, PACK_MODE_MIG, PACK_MODE_SHARED };
enum { PACK_MODES = PACK_MODE_SHARED + 1 };

/* A GPU is in exactly one mode. */
struct pack_device {
  uint8_t mode;    /* enum pack_mode */
  uint8_t product; /* of the catalog */
  uint16_t size;   /* milli (1000); axis; replicas */
  uint16_t left;   /* milli; free slices; free replicas */
  uint16_t layout; /* MIG: of the product's tables */
};

/* What one pod holds of one device. */
struct pack_unit {
  uint8_t device;
  uint8_t start;   /* MIG: first slice */
  uint16_t amount; /* whole: 1000; fraction: milli; replicas; MIG: profile */
};

struct pack_pod {
  uint64_t uid;
  int64_t cpu_milli, mem_bytes;
  uint64_t products, needs, shuns; /* of its request: where else it might go */
  struct pack_form form;           /* the one that was met */
  uint16_t unit_first, unit_count; /* in the node's units */
};

/*
 * A count that a device plugin keeps and that is all we may rely on. On nodes with counters
 * fit is left >= asked, exactly; devices and placements there are a prediction: they rank and
 * never refuse.
 */
struct pack_counter {
  uint8_t kind;     /* enum pack_kind */
  uint8_t name;     /* forms with this name draw on it: two names may count devices of one kind */
  uint16_t profile; /* PACK_SLICES; else 0 */
  uint32_t total;
  int32_t left; /* below 0: observed excess */
};

/* An immutable node value. Everything it points to lives in its own allocation. */
struct pack_node {
  _Atomic uint32_t refs;
  uint16_t unit_count, counter_count;
  struct str name;
  int64_t cpu_milli, mem_bytes;
  const struct pack_counter *counters; /* none: the devices are ours to choose */
  const struct pack_pod *pods;         /* in order of arrival */
  const struct pack_unit *units;
  /* What scores look at stands together, next to the devices. */
  uint32_t id;   /* unique among all values of a cluster and its copies: a cache key; never 0 */
  uint16_t idle; /* devices in whole mode that nobody uses */
  uint16_t most_left;         /* the largest remainder of those devices, milli */
  int64_t cpu_left, mem_left; /* may be below 0: observed excess */
  uint64_t traits;   /* labels and taints that requests ask for, as bits the caller gives out */
  uint64_t products; /* mask of the devices' products */
  /* A hash of all that scores look at (capacity, what is left, devices, counters; not names and
   * pods): nodes that are alike score alike. */
  uint64_t likeness;
  uint32_t pods_max, pod_count;
  const struct pack_device *devices;
  uint16_t device_count;
};

/* ---- clusters (cluster.c) ---------------------------------------------------------------------
 */

struct pack_cluster;
struct pack_cluster *pack_cluster_new(const struct pack_catalog *catalog) SG_MUST_CHECK;
/* Shares all node values: one pointer a node. */
struct pack_cluster *pack_cluster_copy(const struct pack_cluster *cluster) SG_MUST_CHECK;
void pack_cluster_free(struct pack_cluster *cluster);
const struct pack_catalog *pack_cluster_catalog(const struct pack_cluster *cluster);

/* An empty node; devices come with left == size and layout 0. */
struct pack_node_spec {
  struct str name; /* copied */
  int64_t cpu_milli, mem_bytes;
  uint32_t pods_max; /* 0: no limit */
  uint64_t traits;
  const struct pack_device *devices;
  size_t device_count;
  const struct pack_counter *counters;
  size_t counter_count;
};
/* Adds a node, or gives the node of this name new capacity and keeps its pods. ERR_INVALID: a
 * limit of this header, a device without size, a MIG device of a product without placements,
 * or pods on devices that are gone. */
bool pack_cluster_set_node(struct pack_cluster *cluster, const struct pack_node_spec *spec,
                           struct err *reterr) SG_MUST_CHECK;
bool pack_cluster_remove_node(struct pack_cluster *cluster, struct str name);
/* A new value of the node with these traits. */
void pack_cluster_set_traits(struct pack_cluster *cluster, size_t node, uint64_t traits);
size_t pack_cluster_count(const struct pack_cluster *cluster);
/* In order of names. Borrowed until that node changes; pack_node_ref keeps it. */
const struct pack_node *pack_cluster_node(const struct pack_cluster *cluster, size_t index);
/* SIZE_MAX: no such node. */
size_t pack_cluster_find(const struct pack_cluster *cluster, struct str name);
const struct pack_node *pack_node_ref(const struct pack_node *node);
void pack_node_unref(const struct pack_node *node);

/* Sums over all nodes, kept as nodes change. Milli of devices in MIG mode are slices * 1000 /
 * axis, rounded down a device; of shared ones replicas likewise. */
struct pack_totals {
  int64_t milli, milli_left; /* of all devices */
  struct pack_mode_totals {
    int64_t milli, milli_left;
    uint32_t devices;
  } modes[PACK_MODES];
  uint64_t pods;
};
const struct pack_totals *pack_cluster_totals(const struct pack_cluster *cluster);

/* Switches an empty device between modes ("C-flex"). ERR_INVALID: it is not empty, or its
 * product has no placements; ERR_NOT_FOUND: no such node or device. */
bool pack_cluster_set_mode(struct pack_cluster *cluster, size_t node, uint8_t device,
                           enum pack_mode mode, uint16_t replicas,
                           struct err *reterr) SG_MUST_CHECK;

/* ---- fit (fit.c)
 * ---------------------------------------------------------------------------------- */

enum pack_reason {
  PACK_FITS,
  PACK_NO_TRAIT, /* a trait is missing or shunned: selector, affinity, taint */
  PACK_NO_PODS,  /* the node's limit of pods */
  PACK_NO_CPU,
  PACK_NO_MEMORY,
  PACK_NO_GPU,        /* the node has no device */
  PACK_WRONG_PRODUCT, /* no device of an allowed product */
  PACK_WRONG_MODE,    /* no device in the mode that the request needs */
  PACK_NO_PROFILE,    /* no device of the node has the profile */
  PACK_TOO_MANY,      /* more than the node has in all, even when empty */
  PACK_DEVICES_BUSY,  /* enough devices, not enough of them free now */
  PACK_FRAGMENTED,    /* free in sum, but in pieces that will not do */
  PACK_REASON_COUNT
};
/* "Insufficient cpu", ...: short, groupable, no figures. Static. */
const char *pack_reason_text(enum pack_reason reason);
/* Deleting other pods of the node cannot help. */
bool pack_reason_is_final(enum pack_reason reason);

/* Of several forms the reason that is nearest to a fit (the last in the enum). CPU, memory and
 * pods are looked at before devices. */
enum pack_reason pack_fit(const struct pack_catalog *catalog, const struct pack_node *node,
                          const struct pack_request *request);

/* ---- placements
 * ---------------------------------------------------------------------------------- */

struct pack_placement {
  uint32_t node; /* index in the cluster */
  uint8_t form;
  uint8_t unit_count; /* 0: CPU only, or counted and not predicted */
  struct pack_unit units[PACK_UNITS_MAX];
};

/*
 * Puts the pod there; uids are below UINT64_MAX. False: it does not fit there (any more), or the
 * uid is there already; nothing has changed then. On nodes with counters units that contradict the
 * prediction are dropped and the count decides.
 */
bool pack_commit(struct pack_cluster *cluster, uint64_t uid, const struct pack_request *request,
                 const struct pack_placement *placement) SG_MUST_CHECK;
/*
 * A pod that was seen running there: it is recorded whether we would have put it there or not,
 * and what is left may fall below 0 (CPU, memory, counters), which blocks new pods only. Units
 * that are free are taken, others dropped; without `placement` they are predicted by the plain
 * rule (lowest device, lowest start). False: the uid is there already.
 */
bool pack_observe(struct pack_cluster *cluster, size_t node, uint64_t uid,
                  const struct pack_request *request, const struct pack_placement *placement);
/*
 * The node's value as it would be without these pods (those that are not there do not matter): to
 * look at, not part of any cluster. pack_node_unref it.
 */
const struct pack_node *pack_node_without(const struct pack_cluster *cluster, size_t node,
                                          const uint64_t *uids, size_t uid_count) SG_MUST_CHECK;
/* Takes the pod from the node of this index; false: it is not there. */
bool pack_release(struct pack_cluster *cluster, size_t node, uint64_t uid);

/* A change that can be taken back exactly: the node's value of before. */
struct pack_undo {
  size_t node;
  const struct pack_node *before;
};
/* As pack_commit; on success *ret is to be given to pack_undo or pack_keep, last one first. */
bool pack_try(struct pack_cluster *cluster, uint64_t uid, const struct pack_request *request,
              const struct pack_placement *placement, struct pack_undo *ret) SG_MUST_CHECK;
bool pack_try_release(struct pack_cluster *cluster, size_t node, uint64_t uid,
                      struct pack_undo *ret) SG_MUST_CHECK;
void pack_undo(struct pack_cluster *cluster, struct pack_undo *undo);
void pack_keep(struct pack_undo *undo);

/* ---- tables: what a policy has learnt, as integers (tables.c)
 * -------------------------------------- */

/*
 * Computed apart (module `pricing`, where floating point is fine), rounded, versioned, swapped
 * whole. A decision reads them and nothing else of the past.
 */
struct pack_class { /* one kind of pod in the mix */
  struct pack_request request;
  uint32_t weight; /* popularity; the weights of a mix add up to about 2^20 */
};

/* Pods that need several whole GPUs of one node: room for them is kept by a price. */
struct pack_level {
  uint16_t gpus;
  int64_t cpu_milli, mem_bytes;
  uint64_t products; /* 0: any */
  /* Hosts of this level that an arriving pod takes in the mean, in 2^-20 (pods with more GPUs
   * count gpus_u / gpus). */
  uint32_t demand;
};

/* Pods bound to some products only: that capacity is dearer to others. */
struct pack_bound {
  uint64_t products;
  uint32_t milli_per_pod; /* in 2^-10 milli: what an arriving pod asks of them in the mean */
};

enum pack_load { PACK_LOAD_FILL, PACK_LOAD_LOW, PACK_LOAD_EVEN, PACK_LOAD_HIGH, PACK_LOADS };

struct pack_mig_values {
  uint16_t product;
  /* [load][layout]: what the layout is still worth, micro-GPU; the empty one PACK_MICRO */
  const int32_t *values[PACK_LOADS];
};

struct pack_replica_prices {
  uint16_t replicas;     /* of a shared device */
  const int32_t *prices; /* [left]: what `left` replicas are worth, micro-GPU */
};

struct pack_tables {
  uint32_t version;
  const struct pack_class *classes; /* F_n's target workload, most popular first */
  size_t class_count;
  int32_t prices[PACK_MILLI + 1]; /* [milli left]: W, what a remainder is worth, micro-GPU */
  int64_t cpu_per_gpu;            /* milli-cores that pods ask for beside one GPU, in the mean */
  int64_t mem_per_gpu;            /* bytes, likewise; 0: memory does not matter */
  uint32_t milli_per_pod;         /* e: milli-GPU of an arriving pod, in 2^-10 */
  uint32_t waste_ppm;             /* w*: what cannot be filled at saturation, of capacity */
  const struct pack_level *levels;
  size_t level_count;
  const struct pack_bound *bounds;
  size_t bound_count;
  uint32_t pools[PACK_MODES]; /* [mode]: what an arriving pod asks of devices in that mode in the
                               * mean, in 2^-10 milli; a pod with a choice counts for each */
  const struct pack_mig_values *migs;
  size_t mig_count;
  const struct pack_replica_prices *shared;
  size_t shared_count;
};
/* Tables live in one arena and are counted; `owned` is taken over, with everything in it. */
struct pack_tables_ref;
struct pack_tables_ref *pack_tables_new(struct arena *owned,
                                        const struct pack_tables *tables) SG_MUST_CHECK;
const struct pack_tables *pack_tables_get(const struct pack_tables_ref *ref);
struct pack_tables_ref *pack_tables_ref(struct pack_tables_ref *ref);
void pack_tables_unref(struct pack_tables_ref *ref);

/* ---- choosing (scorer.c, policy_*.c)
 * ----------------------------------------------------------------- */

struct pack_policy;
/* NULL: no policy has this name. "slicegate" is ours and the default. */
const struct pack_policy *pack_policy_find(struct str name);
/* All of them, ours first. Static. */
const struct pack_policy *const *pack_policies(size_t *ret_count);
const char *pack_policy_name(const struct pack_policy *policy);
const char *pack_policy_summary(const struct pack_policy *policy); /* one sentence */

/*
 * Scores of one policy on one cluster (and its copies), cached by (node value, request): a
 * decision costs a look at each node's id and what has changed since that request was last
 * scored. Answers are the same with a fresh scorer.
 */
struct pack_scorer;
/* `seed` is for policies that draw lots (random); others ignore it. */
struct pack_scorer *pack_scorer_new(const struct pack_policy *policy,
                                    const struct pack_catalog *catalog,
                                    uint64_t seed) SG_MUST_CHECK;
void pack_scorer_free(struct pack_scorer *scorer);
/* Takes a reference of its own. Policies without need of tables ignore them. Without tables
 * every remainder is worth what is left of it to ours: places of a kind cost the same, and it
 * works as first fit (roundings, a millionth of a GPU, may prefer a later node). */
void pack_scorer_set_tables(struct pack_scorer *scorer, struct pack_tables_ref *tables);
/*
 * Looks at how full the cluster is and sets prices accordingly (reserves for pods with several
 * GPUs, scarce products, near-full mode, which MIG table). A versioned input of decisions: call
 * it at stated arrival counts (PACK_CONDITIONS_EVERY), not in between. `departures_ppm`:
 * departures per arrival lately; `mig_load_ppm`: offered over accepted slices times used share;
 * `is_switching`: whoever runs the cluster switches empty GPUs between whole and MIG mode for pods
 * that fit nowhere, so that room in one mode is room in the other.
 */
enum { PACK_CONDITIONS_EVERY = 32 };
struct pack_traffic {
  uint32_t departures_ppm;
  uint32_t mig_load_ppm;
  bool is_switching;
};
void pack_scorer_set_conditions(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                                const struct pack_traffic *traffic);

/*
 * Work that a decision would else have to do, done ahead of it: scores this request on all nodes
 * (warm), or brings what is cached up to date with the nodes (upkeep: after commits, releases
 * and new conditions). Answers do not depend on it, only how long they take.
 */
void pack_scorer_warm(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                      const struct pack_request *request);
void pack_scorer_upkeep(struct pack_scorer *scorer, const struct pack_cluster *cluster);

struct pack_choice {
  struct pack_placement placement;
  int64_t score; /* higher is better; comparable within one answer only */
};
/* The best nodes, best first, each with its best placement; the number found (0: fits nowhere).
 */
size_t pack_choose(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                   const struct pack_request *request, struct pack_choice *ret, size_t max);
/* The same among some nodes: bit i % 64 of among[i / 64] stands for node i, bits behind the last
 * node are 0. NULL: all. */
size_t pack_choose_among(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                         const struct pack_request *request, const uint64_t *among,
                         struct pack_choice *ret, size_t max);
/* ret[i / 64], bit i % 64: node i can take the request; as many words as pack_choose_among reads.
 */
void pack_fitting(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                  const struct pack_request *request, uint64_t *ret);
/* The best placement on this node; false when it does not fit. */
bool pack_score(struct pack_scorer *scorer, const struct pack_cluster *cluster, size_t node,
                const struct pack_request *request, struct pack_choice *ret) SG_MUST_CHECK;

/* ---- moves (moves*.c)
 * -------------------------------------------------------------------------------------- */

enum { PACK_MOVES_MAX = 2 };
struct pack_move {
  uint64_t uid;
  uint32_t from; /* node index */
  struct pack_placement to;
  int64_t cost_milli; /* GPU that the moved pod holds */
};
struct pack_suggestion {
  size_t move_count;
  struct pack_move moves[PACK_MOVES_MAX];
  struct pack_placement placement; /* of the request, once the moves are made, in this order */
  int64_t score;
};
/*
 * The fewest pods to move (at most `max_moves`) so that a request that fits nowhere fits; among
 * those the one that leaves the devices worth most. Two pods leave one node, or the second one
 * takes the room that the first one leaves elsewhere. Nothing is changed. False: no such moves.
 * Nodes with counters are left out: where their pods' devices are is a prediction.
 */
bool pack_suggest(struct pack_scorer *scorer, struct pack_cluster *cluster,
                  const struct pack_request *request, size_t max_moves,
                  struct pack_suggestion *ret) SG_MUST_CHECK;

/* ---- intake: recorded nodes and pods in these terms (intake*.c, scene*.c) ---------------- */

/*
 * A device plugin names its devices, counts them, and picks one itself. So nodes become nodes
 * with counters, one for each resource name of a GPU, whatever stands behind the name there: a
 * whole GPU, a MIG instance (mixed or single strategy), a replica (time-slicing or MPS, renamed
 * or not). Selectors, affinity, taints, and resources that are no GPU become traits of nodes, one
 * bit for each distinct constraint that somebody asked with.
 *
 * Use: new (looks at all nodes), ask for every pod in question, then make scenes; from then on
 * names and constraints are fixed, and asking is an error.
 */
struct pack_intake;
/* Borrows `recorded`, and the products by whose labels GPUs are known; adds those that are there to
 * `catalog`. ERR_INVALID: two nodes of one name. */
struct pack_intake *pack_intake_new(struct pack_catalog *catalog, struct gpu_products products,
                                    const struct cluster *recorded,
                                    struct err *reterr) SG_MUST_CHECK;
void pack_intake_free(struct pack_intake *intake);

/* A resource beside CPU, memory and the device: counted as kube-scheduler counts it. */
struct pack_other {
  uint16_t index; /* of the intake's table of names; UINT16_MAX: no node lists it */
  struct str name;
  int64_t amount;
};
struct pack_asked {
  const struct pod *pod; /* borrowed */
  struct pack_request request;
  struct str device; /* resource name of the GPUs it asks for; empty: none */
  int64_t device_count;
  const struct pack_other *others;
  size_t other_count;
  bool is_absurd; /* it was not read, for an amount that no node will ever have */
};
/*
 * The request of a pod that is to be placed. ERR_INVALID when counting nodes cannot answer it,
 * and why: devices by DRA, GPUs of two names, amounts that an extender of its own hands out.
 * ERR_LIMIT: more than 64 distinct constraints. NULL then; else owned by the intake.
 */
const struct pack_asked *pack_intake_ask(struct pack_intake *intake, const struct pod *pod,
                                         struct err *reterr) SG_MUST_CHECK;

/*
 * For a cluster that changes there is no recording: nodes are read one by one as they come, names
 * get their numbers when a node first lists them (what pods ask for beside that fits nowhere), and
 * selectors and taints are the caller's business (no traits). What a name may stand for is known
 * from the nodes read so far: requests made before a name got a further meaning are to be made
 * anew. One thread at a time.
 */
struct pack_intake *pack_intake_new_live(struct pack_catalog *catalog,
                                         struct gpu_products products) SG_MUST_CHECK;
/* What a node is in the core's terms; the specification views devices and counters of here. */
enum { PACK_COUNTERS_MAX = 64 }; /* resource names of GPUs that one node lists */
struct pack_node_reading {
  struct pack_node_spec spec;
  struct pack_device devices[PACK_DEVICES_MAX];
  struct pack_counter counters[PACK_COUNTERS_MAX];
  bool is_unreadable; /* PACK_BLOCK_UNREADABLE, for NVIDIA's names */
  bool takes_no_pods; /* lists "pods: 0", which the core would read as no limit */
};
void pack_intake_read_node(struct pack_intake *intake, const struct node *node,
                           struct pack_node_reading *ret);
/* As pack_intake_ask, without bits for constraints; others are in `arena`. ret->is_absurd is filled
 * in also when it fails: whether the amount is to be blamed, or only that we cannot judge it. */
bool pack_intake_read_pod(struct pack_intake *intake, struct arena *arena, const struct pod *pod,
                          struct pack_asked *ret, struct err *reterr) SG_MUST_CHECK;
/* What a pod that runs on this node holds there: the one form that its name has there. */
struct pack_request pack_intake_request_on(const struct pack_intake *intake,
                                           const struct pack_node *node, const struct pod *pod);
/*
 * pack_observe of a pod that runs on this node: on the devices that it names (struct pod_device),
 * else as `kept` says, else predicted.
 */
void pack_intake_observe(const struct pack_intake *intake, struct pack_cluster *cluster,
                         size_t node, uint64_t uid, const struct pod *pod,
                         const struct pack_placement *kept);
/*
 * Whose replicas a node's pods hold, as the kubelet reports it: "GPU-...::2" is one of the GPU
 * "GPU-...". Which number that GPU has is not said and makes no difference; that two pods are on
 * the same one does. All zero at first; views the pods that have been observed.
 */
struct pack_ids {
  struct str gpus[PACK_DEVICES_MAX]; /* by number; empty: not met */
};
/* The same, for all pods of a node one after another: those that name their devices come first, for
 * the others it is guessed. Of a card that has less than the pod is bound to it gets all that is
 * left; false: that was so. */
bool pack_intake_observe_wholly(const struct pack_intake *intake, struct pack_cluster *cluster,
                                size_t node, uint64_t uid, const struct pod *pod,
                                struct pack_ids *ids);
/* The device says which GPU it is a replica of, and not the number of that. */
bool pack_names_replica(const struct pod_device *device);
/* The pod that came last has fewer devices in the node's value than it holds; and the same where
 * devices are all that is counted. */
bool pack_lacks_units(const struct pack_node *node);
bool pack_lacks_cards(const struct pack_node *node);
/* Such a pod, which asked for a part, gets all that is left of the card. */
void pack_squeeze(struct pack_cluster *cluster, size_t node, uint64_t uid,
                  const struct pack_request *asked, uint8_t card);
/* Number that forms and counters know the resource by; 0: not met. */
uint8_t pack_intake_name(const struct pack_intake *intake, struct str resource);
/* The resource is one that nodes list and pods ask for a GPU by: whole, MIG, shared, of a vendor.
 */
bool pack_is_device_name(struct str resource);
/* NVIDIA's devices of the node are counted and handed out by others: HAMi's scheduler, or by
 * kube-scheduler where a DRA driver lists them. A plugin that made way for a driver leaves its
 * names behind, with 0 of each. */
bool pack_is_counted_elsewhere(const struct node *node);
/*
 * An amount of one card that others may share, where the plugin takes the card that an annotation
 * names: aliyun.com/gpu-mem (beside aliyun.com/gpu-count, the cards of the node), and
 * slicegate.dev/gpu-milli (thousandths of a GPU; multiples of 1,000 are whole cards), and
 * nvidia.com/gpumem (MiB of one of HAMi's cards). Such nodes have devices that are ours to choose;
 * HAMi's cards in a live intake only.
 */
bool pack_is_card_name(struct str resource);
/*
 * nvidia.com/gpumem. Cards of HAMi's plugin (struct node's) are devices in the order of their ids,
 * counted in steps of so many MiB, for the core counts in 16 bits: a part rounded up, so that a
 * card is never given more than it has. Such a part comes with nvidia.com/gpu: 1 and nothing else
 * of HAMi's.
 */
bool pack_is_hami_memory(struct str resource);
bool pack_is_hami_part(const struct pod *pod);

enum { PACK_HAMI_STEP_MIB = 16 };
static inline int64_t pack_hami_steps(int64_t mib) {
  return (mib + PACK_HAMI_STEP_MIB - 1) / PACK_HAMI_STEP_MIB;
}

/* Selectors and tolerations alike; where the pods are now does not matter. */
bool pack_equal_constraints(const struct pod_constraints *a, const struct pod_constraints *b);

/* All nodes, with the pods that hold something there: pods[i] of the recording has uid i + 1.
 * What they hold beyond the node's capacity is recorded, not refused. */
struct pack_scene;
struct pack_scene *pack_scene_new(struct pack_intake *intake, struct err *reterr) SG_MUST_CHECK;
struct pack_scene *pack_scene_copy(const struct pack_scene *scene) SG_MUST_CHECK;
void pack_scene_free(struct pack_scene *scene);
/* Its nodes stand in the order of the recording's. Borrowed. */
const struct pack_cluster *pack_scene_cluster(const struct pack_scene *scene);
/* As pack_commit, with the other resources. */
bool pack_scene_place(struct pack_scene *scene, uint64_t uid, const struct pack_asked *asked,
                      const struct pack_placement *placement) SG_MUST_CHECK;

/*
 * A question that comes up when the scene is there: *ret has no bits for constraints, which
 * pack_scene_judge does not need; choose among the nodes that it finds open. Resources that no
 * node lists are had nowhere. *ret and what it points to live in the arena and with `pod`.
 */
bool pack_scene_ask(const struct pack_scene *scene, struct arena *arena, const struct pod *pod,
                    struct pack_asked *ret, struct err *reterr) SG_MUST_CHECK;

/*
 * Everything that keeps a pod from a node. UNREADABLE: labels or a DRA driver say that there are
 * GPUs and allocatable lists none, or HAMi's scheduler counts them. Nobody can tell from here, so
 * that the node is neither counted nor refused.
 */
enum pack_block {
  PACK_BLOCK_SELECTOR = 1,
  PACK_BLOCK_TAINT = 2,
  PACK_BLOCK_PODS = 4,
  PACK_BLOCK_CPU = 8,
  PACK_BLOCK_MEMORY = 16,
  PACK_BLOCK_OTHER = 32,
  PACK_BLOCK_DEVICES = 64,
  PACK_BLOCK_UNREADABLE = 128,
};
enum pack_unknown { PACK_UNLISTED, PACK_OF_DRIVER, PACK_OF_HAMI };
struct pack_verdict {
  uint32_t blocks;           /* 0: fits */
  enum pack_unknown unknown; /* PACK_BLOCK_UNREADABLE: why */
  const struct taint *taint; /* PACK_BLOCK_TAINT: the first */
  uint64_t others;           /* PACK_BLOCK_OTHER: bit i for asked->others[i] */
  enum pack_reason devices;  /* PACK_BLOCK_DEVICES: why */
  /* Devices of that name, whatever else is missing: in all, and free (>= 0). Of amounts of cards
   * the sum over all cards. */
  int64_t devices_total, devices_left;
  /* Amounts of cards: of one card, the largest and the one with the most left. 0: counted. */
  int64_t card_total, card_left;
};
struct pack_verdict pack_scene_judge(const struct pack_scene *scene, size_t node,
                                     const struct pack_asked *asked);

/*
 * The fewest pods of the recording to move (at most PACK_MOVES_MAX) so that a pod which fits
 * nowhere fits; among those the ones that hold the least GPU. By counts, so that it holds on
 * nodes whose plugin picks the device. Pods of DaemonSets and static pods stay. Nothing is
 * changed. Without a scorer all nodes are as good to go to. False: no such moves.
 */
struct pack_scene_moves {
  size_t move_count;
  struct {
    size_t pod;  /* of the recording */
    uint32_t to; /* node */
  } moves[PACK_MOVES_MAX];
  uint32_t node; /* where there is room then */
};
bool pack_scene_suggest(const struct pack_scene *scene, struct pack_scorer *scorer,
                        const struct pack_asked *asked, struct pack_scene_moves *ret) SG_MUST_CHECK;

/*
 * How often all parts together fit beside what the scene holds, at most `most` times. A way was
 * found for so many; that there is none for more is certain only when is_most says so.
 */
enum { PACK_SET_PARTS_MAX = 64 };
struct pack_set_part {
  const struct pack_asked *asked;
  uint64_t count; /* pods of it in one set, at least 1 */
};
struct pack_sets {
  uint64_t sets;
  bool is_most;   /* never when `most` ended the search */
  size_t lacking; /* the part of the next set that had no room; SIZE_MAX: `most` was reached */
};
struct pack_sets pack_scene_sets(const struct pack_scene *scene, const struct pack_set_part *parts,
                                 size_t part_count, uint64_t most) SG_MUST_CHECK;

#endif
