/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state: what is true of the cluster now. Writers tell it what the API server said; readers get
 * immutable snapshots; decisions put reservations into its ledger. It reads no clock (time is an
 * argument: milliseconds on any monotonic clock; state_wait alone sleeps by one) and does no I/O.
 *
 * A pod holds what it asks for on its node from the moment it is bound until its phase is terminal
 * or it is gone: a deletionTimestamp alone frees nothing. Before that a *hold* may stand for it:
 *
 *   tentative   filter has ranked this node first; kube-scheduler may take another
 *   nominated   the nominator has advised this node
 *   firm        bind is writing the Binding
 *
 * Invariants, asserted in the tests and by state_verify:
 *   1. What holds take never exceeds what a node has left: nothing is *decided* above capacity.
 *      What is observed above it (allocatable that drops under running pods, or under firm holds,
 *      which stay as they are) is recorded, blocks new pods, and throws nobody out.
 *   2. A pod has at most one hold, and none once it is bound, over or gone. Every hold ends: by
 *      the watch, by its caller or by its deadline.
 *   3. The same events in any order that the API server may send them, duplicates included, give
 *      the same state as a fresh list, but for what is predicted: which device a plugin chose.
 *
 * Threads: everything may be called from any thread. The lock inside covers one object or one
 * hold, and the copy of a table of pointers, never a decision: writers do not wait for those.
 */
#ifndef SLICEGATE_STATE_H
#define SLICEGATE_STATE_H

#include "slicegate/base.h"
#include "slicegate/model.h"
#include "slicegate/packing.h"

struct state;

struct state_options {
  struct gpu_products products; /* by whose labels GPUs are known; outlives the state */
  /* Parts of HAMi's cards are ours to give: no other scheduler hands out cards of those nodes. */
  bool gives_hami;
};
struct state *state_new(const struct state_options *options) SG_MUST_CHECK;
/* After the last snapshot: they read its catalog. */
void state_free(struct state *state);
/* Of the products and profiles met so far: grows, see pack_catalog. */
const struct pack_catalog *state_catalog(const struct state *state);

/* ---- writers: what the API server said ------------------------------------------------------- */

enum state_kind {
  STATE_NODES,
  STATE_PODS,
  STATE_NAMESPACES,
  STATE_SLICES, /* ResourceSlices and ResourceClaims: counted */
  STATE_CLAIMS,
  STATE_KINDS
};
/*
 * begin ... synced frame a full listing: what was not told since the last begin is gone at synced.
 * A begin that follows a begin starts over; it costs nothing. Readers see changes as they come.
 */
void state_begin(struct state *state, enum state_kind kind);
void state_synced(struct state *state, enum state_kind kind);
/* Every kind has been listed once. */
bool state_is_synced(const struct state *state);

/* Adds or replaces; everything is copied. A pod whose node is not known yet counts as soon as that
 * is. */
void state_put_node(struct state *state, const struct node *node);
void state_drop_node(struct state *state, struct str name);
/* A pod of the same name and another uid replaces the one before, which is gone then. */
void state_put_pod(struct state *state, const struct pod *pod);
/* Nothing when the name belongs to another uid by now; an empty uid is any. */
void state_drop_pod(struct state *state, struct str ns, struct str name, struct str uid);
void state_put_namespace(struct state *state, const struct k8s_namespace *ns);
void state_drop_namespace(struct state *state, struct str name);
/* A ResourceSlice or ResourceClaim; `node` and `devices` are what the slice lists. */
void state_put_dra(struct state *state, enum state_kind kind, struct str ns, struct str name,
                   struct str node, size_t devices);
void state_drop_dra(struct state *state, enum state_kind kind, struct str ns, struct str name);

/* ---- readers: snapshots ---------------------------------------------------------------------- */

/* A node as it is labelled and tainted: immutable, shared by snapshots. */
struct state_node {
  struct node node;
  bool is_unreadable; /* GPUs that allocatable does not list: DRA, a plugin that does not run */
  /* Of those, devices that kube-scheduler (DRA) or HAMi's scheduler counts and hands out: pods that
   * ask for NVIDIA's names are let through unjudged. Where a plugin does not run, there is nothing
   * to bind to until it does. */
  bool is_counted_elsewhere;
  bool takes_no_pods;
};

struct state_snapshot;
/* As of now; the same one again while nothing changes. state_snapshot_unref it. */
const struct state_snapshot *state_snapshot(struct state *state) SG_MUST_CHECK;
void state_snapshot_unref(const struct state_snapshot *snapshot);
void state_snapshot_unref_ptr(const struct state_snapshot **snapshot);
#define CLEANUP_SNAPSHOT SG_CLEANUP(state_snapshot_unref_ptr)

/* Counts changes: equal numbers, equal content. */
uint64_t state_snapshot_generation(const struct state_snapshot *snapshot);
/* Nodes with the pods bound to them and all holds. Numbers of pods are the state's own. */
const struct pack_cluster *state_snapshot_cluster(const struct state_snapshot *snapshot);
/* Index in that cluster; SIZE_MAX: no such node. `guess` is tried first: who looks up many names in
 * order gives the last index plus one; SIZE_MAX: no guess. */
size_t state_snapshot_find(const struct state_snapshot *snapshot, struct str name, size_t guess);
const struct state_node *state_snapshot_node(const struct state_snapshot *snapshot, size_t node);
/* A bit a node (see pack_choose_among): allocatable lists this resource, be it 0 of it, unless
 * others count it. NULL: none does. */
const uint64_t *state_snapshot_listing(const struct state_snapshot *snapshot, struct str resource);
/* The numbers of the pods that have a tentative hold or a nomination on this node. */
size_t state_snapshot_holds(const struct state_snapshot *snapshot, size_t node,
                            const uint64_t **ret_pods);
/* The id of HAMi's card that a placement on this cluster takes a part of; empty: of none. */
struct str state_snapshot_card(const struct state_snapshot *snapshot,
                               const struct pack_placement *placement);

/* ---- readers: pods, the whole cluster -------------------------------------------------------- */

/*
 * What a pod asks for, in the terms that nodes are in now (pack_intake_read_pod). `asked` and what
 * it points to live in the arena and with `pod`.
 */
bool state_ask(struct state *state, struct arena *arena, const struct pod *pod,
               struct pack_asked *ret, struct err *reterr) SG_MUST_CHECK;
/* A copy; false: not known. By uid, or by name with an empty uid. */
bool state_find_pod(struct state *state, struct arena *arena, struct str ns, struct str name,
                    struct str uid, struct pod *ret) SG_MUST_CHECK;
/* Copies of the pods bound to a node, with the numbers that clusters of snapshots know them by. */
struct state_resident {
  struct pod pod;
  uint64_t number;
};
const struct state_resident *state_residents(struct state *state, struct arena *arena,
                                             struct str node, size_t *ret_count);
/* Copies of the pods that wait for a node and ask for a GPU, oldest first, then as they came. */
const struct pod *state_waiting(struct state *state, struct arena *arena, size_t *ret_count);
/* Of them, those that hold nothing, and those that were rejected in spite of a nomination
 * (POD_WAS_REJECTED), as kube-scheduler will come to them: the more important first. */
const struct pod *state_waiting_unplanned(struct state *state, struct arena *arena,
                                          size_t *ret_count);
/* Whether another pod than this one, which waits as well, has come after so many arrivals (struct
 * state_stats), and kube-scheduler has not asked about it yet. */
bool state_is_in_company(struct state *state, struct str uid, uint64_t arrivals);
/* Copies of all nodes, namespaces and pods, sorted as a recording is. Constraints are those of
 * waiting pods; what a bound pod selects is forgotten. */
void state_record(struct state *state, struct arena *arena, struct cluster *ret);
/* The same without pods: what admission looks at. */
void state_record_surroundings(struct state *state, struct arena *arena, struct cluster *ret);
/* The labels of a namespace, copied; false: not known. */
bool state_find_namespace(struct state *state, struct arena *arena, struct str name,
                          struct k8s_namespace *ret) SG_MUST_CHECK;
/* Returns when the generation is another one than this, or after that time: the generation now. */
uint64_t state_wait(struct state *state, uint64_t generation, int64_t timeout_ms);

/* ---- the ledger ------------------------------------------------------------------------------ */

enum state_hold_kind { STATE_TENTATIVE, STATE_NOMINATED, STATE_FIRM };
enum { STATE_HOLD_MS = 30000 }; /* how long a hold of filter or bind stands */

struct state_hold {
  enum state_hold_kind kind;
  struct str ns, name, uid; /* of the pod, which need not be known yet */
  const struct pack_asked *asked;
  struct str node;
  const struct pack_placement *placement; /* its node index is not looked at */
  /* HAMi's, that it is on (state_snapshot_card): which number that card has may change with the
   * next registration. Empty on such a node: whichever has the number now. */
  struct str card;
  int64_t until_ms;
};
enum state_held {
  STATE_HELD,
  STATE_NO_ROOM, /* not (any more) as placed: nothing is held; look at a new snapshot */
  STATE_NO_NODE,
  STATE_IS_BOUND,   /* the watch has seen the pod on a node, or over */
  STATE_IS_BINDING, /* the pod has a firm hold, which stays as it is */
};
/*
 * Replaces whatever hold the pod had, also when it fails; but not a firm one: the Binding that it
 * stands for may be written yet, by whatever devices it names, even if nobody waits for the answer
 * any more. Who knows that it will not be drops the hold first.
 */
enum state_held state_hold(struct state *state, const struct state_hold *hold) SG_MUST_CHECK;
/* Drops the pod's hold; false: it had none. Firm ones only when is_firm_too. */
bool state_unhold(struct state *state, struct str uid, bool is_firm_too);
/* Drops the pod's nomination, and no other hold; false: it had none. */
bool state_unplan(struct state *state, struct str uid);
/* Whether kube-scheduler has asked about the pod and it may be bound at any moment: it has a
 * tentative or firm hold. */
bool state_is_under_way(struct state *state, struct str uid);
/* A firm hold stands at least until then; false: the pod has none. */
bool state_prolong(struct state *state, struct str uid, int64_t until_ms);
/*
 * Before a firm hold: drops as many tentative holds and nominations of other pods on the node as
 * keep this one out, weakest first, and none unless that helps. Only of what kube-scheduler counts,
 * which has found room by its own count, so that they affect rank only; holds that take cards
 * stand. The number dropped.
 */
size_t state_make_way(struct state *state, struct str node, const struct pack_asked *asked,
                      struct str uid);
/* Drops all nominations and tentative holds: this replica no longer decides. */
void state_unhold_all(struct state *state);
/* Drops what is past its deadline; the number dropped. */
size_t state_expire(struct state *state, int64_t now_ms);

/* ---- what happened, for those who learn ------------------------------------------------------ */

enum state_story {
  STATE_FOUND,    /* ran when it was first seen */
  STATE_ARRIVED,  /* a waiting pod is new */
  STATE_PLACED,   /* one that had arrived was bound */
  STATE_DEPARTED, /* one that had been bound is over or gone */
};
struct state_news {
  enum state_story story;
  struct pack_request request; /* without CPU pods: only those that ask for a GPU are told */
};
/* Taken out, oldest first; the number. Of more than STATE_NEWS_MAX the oldest are dropped. */
enum { STATE_NEWS_MAX = 16384 };
size_t state_take_news(struct state *state, struct state_news *ret, size_t max);

/* ---- figures --------------------------------------------------------------------------------- */

struct state_stats {
  uint64_t generation;
  uint64_t surroundings; /* counts changes of nodes' labels, taints, allocatable; of namespaces */
  size_t objects[STATE_KINDS];
  size_t waiting_pods;  /* GPU pods without a node */
  uint64_t arrivals;    /* of such, each when it had no scheduling gates (any more); never falls */
  size_t homeless_pods; /* bound to a node that is not known */
  size_t excess_nodes;  /* pods and firm holds take more there than it has */
  size_t unreadable_nodes;
  size_t contradictions; /* nodes whose labels and allocatable cannot both be right */
  size_t holds[STATE_FIRM + 1];
  uint64_t expired_holds; /* since the start */
  uint64_t drift;         /* nodes that state_verify had to mend, since the start */
  struct pack_totals totals;
  size_t bytes; /* that objects take, about */
};
void state_get_stats(struct state *state, struct state_stats *ret);
/* The nodes of stats' contradictions, in order of names: the first `max` of them. */
struct state_contradiction {
  struct str node;
  const char *what; /* a sentence, static */
};
size_t state_contradictions(struct state *state, struct arena *arena,
                            struct state_contradiction *ret, size_t max);
/*
 * Makes `count` nodes anew, beginning where the last call ended, from what is known of them and
 * their pods, and compares: what differs (a defect of ours) is mended and counted as drift. The
 * number that differed.
 */
size_t state_verify(struct state *state, size_t count);

#endif
