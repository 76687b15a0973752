/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain: why a pod is refused, waits or is where it is; which nodes are closed to it and for
 * what reason; and the smallest change with which it would fit.
 *
 * Pure: no I/O, no clock, no logging, no floating point; equal input gives equal output. A change
 * is named only after it was made to the recording (or to the pod) and judged again.
 *
 * Judged is what kube-scheduler counts: requests against allocatable, node selector, required node
 * affinity, taints, cordons. What else a pod is subject to is named, never judged.
 */
#ifndef SLICEGATE_EXPLAIN_H
#define SLICEGATE_EXPLAIN_H

#include "slicegate/admission.h"
#include "slicegate/base.h"
#include "slicegate/model.h"
#include "slicegate/packing.h"

/* ---- reasons (reasons.c): one way of naming them, for what-if as well --------------------- */

/* What it would take to change it; closed for good comes last. */
enum explain_rank {
  EXPLAIN_SHORT,     /* something that others hold */
  EXPLAIN_TOO_SMALL, /* the node never had so many devices */
  EXPLAIN_TAINT,
  EXPLAIN_SELECTOR,
  EXPLAIN_UNREADABLE, /* nothing can be said: neither counted nor refused */
  EXPLAIN_NO_DEVICE,
};

enum { EXPLAIN_EXAMPLES = 3 };

/* Nodes that are closed for the same reason. */
struct explain_group {
  struct str reason; /* short, without figures that change: fit to be grouped and compared */
  enum explain_rank rank;
  size_t node_count;
  int64_t devices_left;                  /* free on them in sum */
  struct str examples[EXPLAIN_EXAMPLES]; /* the first nodes */
};

/*
 * The one reason that a closed node is counted under: the first of no such device, selector, taint,
 * unreadable, too few devices in all, short now. In kube-scheduler's words where it has some.
 * verdict->blocks is not 0.
 */
struct str explain_reason(struct arena *arena, const struct pack_node *node,
                          const struct pack_asked *asked, const struct pack_verdict *verdict,
                          enum explain_rank *ret_rank);

/* All nodes that are closed to the pod, in the order of ranks, then the most nodes first. */
const struct explain_group *explain_groups(struct arena *arena, const struct pack_scene *scene,
                                           const struct pack_asked *asked, size_t *ret_count);

/* ---- changes ------------------------------------------------------------------------------- */

/* Cheapest first: what loses nothing, then what costs the pod something, then other people. */
enum explain_change_kind {
  EXPLAIN_WAIT_DELETING, /* for pods that are being deleted already */
  EXPLAIN_TOLERATE,      /* tolerations added */
  EXPLAIN_PROFILE,       /* another MIG profile that is enough, or a slice instead of a GPU */
  EXPLAIN_UNSELECT,      /* one selector or affinity requirement dropped */
  EXPLAIN_LESS_HOST,     /* less CPU, memory or both */
  EXPLAIN_SMALLER,       /* a smaller MIG profile; only where no need is declared */
  EXPLAIN_FEWER,         /* fewer devices */
  EXPLAIN_UNCORDON,
  EXPLAIN_WAIT,      /* for pods that end by themselves: Jobs and the like */
  EXPLAIN_MOVE,      /* pods moved elsewhere */
  EXPLAIN_WAIT_LONG, /* for pods that nothing is known to end */
  EXPLAIN_CHANGE_KINDS
};
/* "tolerate": stable, for programs. */
const char *explain_change_name(enum explain_change_kind kind);

enum { EXPLAIN_CHANGES = 3, EXPLAIN_TOLERATIONS = 3, EXPLAIN_PODS = 16 };

struct explain_change {
  enum explain_change_kind kind;
  struct str text;   /* imperative, one line: "ask for ... instead of ..." */
  struct str stable; /* the same without figures that change with the load */
  size_t node;       /* of the cluster: the first on which the pod would fit then */
  size_t node_count; /* on how many it would */
  /* EXPLAIN_TOLERATE */
  struct toleration tolerations[EXPLAIN_TOLERATIONS];
  size_t toleration_count;
  /* EXPLAIN_PROFILE, SMALLER, FEWER: ask for so many of this; LESS_HOST: for so much at most */
  struct str resource;
  int64_t count;
  int64_t cpu_milli, mem_bytes; /* EXPLAIN_LESS_HOST; 0: as it is */
  struct str dropped;           /* EXPLAIN_UNSELECT: field path */
  /* EXPLAIN_WAIT*, MOVE: pods of the cluster, all of `node`; EXPLAIN_MOVE: where they go */
  size_t pods[EXPLAIN_PODS], to[EXPLAIN_PODS];
  size_t pod_count;
};

/* ---- questions ------------------------------------------------------------------------------- */

/* A cluster made ready for questions: about as dear as a look at every pod. One thread at a time.
 */
struct explain_scene;
/* `cluster` and `products` are borrowed. ERR_INVALID, ERR_LIMIT: as pack_intake_new. */
struct explain_scene *explain_scene_new(const struct cluster *cluster, struct gpu_products products,
                                        struct err *reterr) SG_MUST_CHECK;
void explain_scene_free(struct explain_scene *scene);
void explain_scene_free_ptr(struct explain_scene **scene);
#define CLEANUP_EXPLAIN_SCENE SG_CLEANUP(explain_scene_free_ptr)

struct explain_question {
  const struct pod *pod;             /* of the cluster, or of a manifest */
  bool is_new;                       /* of a manifest: as if it were created now */
  const struct adm_verdict *verdict; /* of its object; NULL: not judged */
  /* Changes wanted: moves and pods to wait for, which are dear to find, are looked for only while
   * there are fewer. 0: EXPLAIN_CHANGES; 1 is enough for a reason line. */
  size_t change_max;
  /* Moves are not looked for: what pods select that are placed is not known. */
  bool no_moves;
  /* What else it is subject to, where more is known than its traits say. */
  struct strings also;
};

enum explain_state {
  EXPLAIN_REFUSED,   /* by the policy: it would not come into being */
  EXPLAIN_UNKNOWN,   /* it asks for what cannot be judged by counting: see why */
  EXPLAIN_WAITS,     /* it is there and has no node */
  EXPLAIN_NO_ROOM,   /* of a manifest: it would wait */
  EXPLAIN_WOULD_FIT, /* of a manifest */
  EXPLAIN_PLACED,
  EXPLAIN_OVER,
};
/* "refused", "unknown", "waits", "no-room", "would-fit", "placed", "over" */
const char *explain_state_name(enum explain_state state);

/* By the id that the kubelet or a plugin gives it, or by its number on the node. */
struct explain_device {
  struct str id; /* empty: not said */
  int32_t index; /* -1: not said */
};

struct explain_answer {
  const struct pod *pod;
  enum explain_state state;
  struct str why;  /* one sentence, no full stop */
  struct str node; /* PLACED: where; fit_count > 0: the best */
  /* PLACED: what it has there. Predicted: its device plugin has chosen, and nobody says which. */
  const struct explain_device *devices;
  size_t device_count;
  bool are_devices_predicted;
  /* Of nodes, unless it is placed, over or unknown: */
  bool is_judged;
  size_t node_count, fit_count, unreadable_count;
  const struct explain_group *groups; /* the most nodes first */
  size_t group_count;
  struct explain_change changes[EXPLAIN_CHANGES]; /* the cheapest first; each of another kind */
  size_t change_count;
  /* No node takes it even when it is empty; `missing` says what would have to be there. */
  bool is_never;
  struct str missing;
  const struct finding *findings; /* of the verdict: deny and warn */
  size_t finding_count;
  struct strings also; /* "pod affinity", ...: looked at by kube-scheduler and not here */
};

/* Never fails: what cannot be judged is an answer. It lives in the arena and with the question. */
void explain_pod(struct explain_scene *scene, const struct explain_question *question,
                 struct arena *arena, struct explain_answer *ret);

/*
 * The answer in one line for an Event, at most `max` bytes (an Event takes 1,024), whole items
 * only: "0/12 nodes fit: 8 no slice 1g.10gb left on any GPU, ...; smallest change: ...". Empty for
 * pods that are placed or over.
 */
struct str explain_reason_line(const struct explain_answer *answer, struct arena *arena,
                               size_t max);
/* Equal for answers that differ in numbers of nodes only: whether there is something new to say. */
uint64_t explain_reason_key(const struct explain_answer *answer);

#endif
