/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extender: one placement decision behind several doors: filter, prioritize, bind, preempt and
 * the nominator of kube-scheduler's extender protocol (v1).
 *
 * Pure: a decision is a function of (snapshot, scorer, pod, names). No I/O, no clock, no logging,
 * no floating point. What is decided is held in the state's ledger by the caller, who also makes
 * the answer out of it.
 *
 * An extender chooses the node. Where a device plugin counts its devices and picks one itself,
 * the count decides whether a pod fits and the predicted placement only ranks. Where the plugin
 * takes the card that an annotation names (pack_is_card_name), the card is ours to choose.
 *
 * Threads: a scorer belongs to one thread at a time, so decisions that share one come one after
 * another; results live in the arena given.
 */
#ifndef SLICEGATE_EXTENDER_H
#define SLICEGATE_EXTENDER_H

#include "slicegate/base.h"
#include "slicegate/model.h"
#include "slicegate/packing.h"
#include "slicegate/state.h"

enum {
  EXT_BEST_DEFAULT = 16, /* nodes that filter answers with */
  EXT_BEST_MAX = 256,
  EXT_SCORE_MAX = 10,    /* MaxExtenderPriority */
  EXT_SCORE_NEUTRAL = 5, /* of a node that we cannot judge */
};

/* What a decision looks at. */
struct ext_view {
  const struct state_snapshot *snapshot;
  struct pack_scorer *scorer;
  size_t best; /* 1..EXT_BEST_MAX */
};

/* ---- filter (filter.c) ----------------------------------------------------------------------- */

struct ext_question {
  const struct pod *pod;
  /* NULL: what the pod asks for cannot be said in terms of nodes (devices by DRA, GPUs of two
   * names): all nodes pass. */
  const struct pack_asked *asked;
  const struct str *names; /* of nodes, as offered; one name at most once */
  size_t count;
};

struct ext_refusal {
  uint32_t name;     /* index in the question's names */
  bool is_final;     /* deleting other pods of the node cannot help */
  struct str reason; /* short, without names or figures that differ by node: they are grouped */
};

struct ext_filter {
  /* Indices in the question's names, best first: the best few of those that fit, then those we
   * cannot judge. Names that fit and are not among the best are in neither list. */
  const uint32_t *passed;
  size_t passed_count;
  const struct ext_refusal *refusals;
  size_t refusal_count;
  /* Where the pod would go: what to hold. A node that fits only while tentative holds of others
   * come to nothing is passed, last, and is not held. */
  bool has_choice;
  struct pack_placement choice;
  /* Nothing passes, and some node is refused only for a count that kube-scheduler keeps itself: it
   * must have seen something end that we have not. Ask again with a newer snapshot. */
  bool is_behind;
};
void ext_filter(const struct ext_view *view, const struct ext_question *question,
                struct arena *arena, struct ext_filter *ret);

/* ---- prioritize (rank.c) --------------------------------------------------------------------- */

/*
 * scores[i] for question->names[i]: the best node 10, the next 9 ... 1, all others that fit 0:
 * kube-scheduler multiplies by the extender's weight, so that neighbours differ by 10 * weight.
 * Nodes that cannot be judged get EXT_SCORE_NEUTRAL. *ret_choice: where the pod would go, if
 * anywhere (as in ext_filter).
 */
bool ext_prioritize(const struct ext_view *view, const struct ext_question *question,
                    struct arena *arena, int64_t *scores, struct pack_placement *ret_choice);

/* ---- bind (bind.c) --------------------------------------------------------------------------- */

/* The best placement on this node, and what the plugin there must be told. */
struct ext_binding {
  struct pack_placement placement;
  const struct key_value *annotations; /* for the Binding; none where the plugin picks itself */
  size_t annotation_count;
  struct str hami_card; /* by its id; empty: none of HAMi's. ext_hami_annotate is to follow */
  int64_t hami_mib;
};
/* False: it does not fit; *ret_reason says why. `unix_ns` goes into annotations that tell when. */
bool ext_bind(const struct ext_view *view, const struct pack_asked *asked, struct str node,
              int64_t unix_ns, struct arena *arena, struct ext_binding *ret,
              struct str *ret_reason);

/* ---- HAMi's cards (hami.c) ------------------------------------------------------------------- */

/*
 * Pods that are not ours to bind to the node, and why; NULL: not such a pod. Where HAMi's cards are
 * HAMi's scheduler's to give, a pod that is bound by anybody else fails there, or is given the card
 * that was chosen for the pod that holds the node's lock. Where they are ours (the snapshot's nodes
 * have cards), a part of the memory of one card is all that we give. Static text.
 */
const char *ext_not_bound(const struct state_snapshot *snapshot, const struct pod *pod,
                          struct str node);
/* A part of one of HAMi's cards, on a node where we give them. */
bool ext_is_hami_part(const struct state_snapshot *snapshot, const struct pod *pod,
                      struct str node);
/* What HAMi's plugin reads of the pod that holds the node's lock: of `parts` containers (the init
 * containers first) the one at `part` is given the card. */
void ext_hami_annotate(struct ext_binding *binding, struct str node, uint32_t part, uint32_t parts,
                       int64_t unix_s, struct arena *arena);

/* ---- preempt (preempt.c) --------------------------------------------------------------------- */

/* A pod that might be evicted. */
struct ext_victim {
  struct str uid;
  uint64_t number; /* in the snapshot's cluster */
  int32_t priority;
  bool is_named;      /* by kube-scheduler */
  int64_t cost_milli; /* GPU that is lost with it */
};
/*
 * Which of the pods of one node must go so that the pod fits there: all that kube-scheduler names
 * (it knows reasons that we do not), and of the others with lower priority what it takes beside
 * those: the fewest, and of the sets of so few the one whose greatest harm is least, then the
 * second greatest ... Less harm is a lower priority, then cheaper to lose. Marks them in is_out[].
 * False: not even all of them would do, and the node is to be left out.
 *
 * The search ends after 20,000 steps (a tenth of a millisecond or two; with one thing lacking, or a
 * few victims, it takes far fewer) and does not look for sets of more than 32. Beyond that the
 * answer is enough, without anybody who need not go, and the best of three: what was found until
 * then, who gives most of what is lacking, and the least harmful one after the other.
 */
bool ext_preempt_node(const struct ext_view *view, const struct pack_asked *asked, int32_t priority,
                      size_t node, const struct ext_victim *victims, size_t count, bool *is_out);

/* ---- nominate (nominate.c) ------------------------------------------------------------------- */

/* Pods that the nominator leaves alone, and why: NULL when it may advise on it. Static text. */
const char *ext_not_nominated(const struct pod *pod, struct str scheduler_name);

struct ext_candidate {
  const struct pod *pod;
  const struct pack_asked *asked;
};
struct ext_advice {
  uint32_t candidate;
  size_t node; /* of the snapshot */
  struct pack_placement placement;
};
/* Higher priority first; within one priority large pods first, then older ones. */
void ext_put_in_order(const struct pack_catalog *catalog, struct ext_candidate *candidates,
                      size_t count, struct arena *arena);
/*
 * Places a queue as a whole, in the order given. Node selectors, affinity, taints, CPU, memory, the
 * count of pods and devices are looked at. Those that fit nowhere are left out. ret has room for
 * `count`; the number made.
 */
size_t ext_nominate(const struct ext_view *view, const struct ext_candidate *candidates,
                    size_t count, struct arena *arena, struct ext_advice *ret);

/* ---- reasons (reason.c) ---------------------------------------------------------------------- */

/* "no slice 1g.10gb left on any GPU": in the words of kube-scheduler where it has some. */
struct str ext_reason(const struct pack_catalog *catalog, enum pack_reason reason,
                      const struct pack_asked *asked, struct arena *arena);

#endif
