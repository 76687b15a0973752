/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of this module. One mutex guards everything that hangs from struct state;
 * functions below expect it to be held. What a snapshot points to is immutable and counted, and
 * read without it.
 */
#ifndef SLICEGATE_STATE_INTERNAL_H
#define SLICEGATE_STATE_INTERNAL_H

#include "slicegate/state.h"
#include "src/state/map.h"

#include <pthread.h>

/* Pods of one node that are counted; kubelets take 110 unless told otherwise. A node that has more
 * is full for everybody, whatever the rest of them asks for. */
enum { NODE_PODS_MAX = 4096 };

/* ---- counted texts and lists (intern.c) -------------------------------------------------- */

/* Namespaces, resource names: few, said often. */
struct atom {
  struct map_link link;
  uint32_t refs;
  uint64_t copied; /* the number of the call that `copy` was made for */
  struct str copy;
  size_t len;
  char bytes[];
};
/* NULL: the text is empty. */
struct atom *atom_ref(struct state *state, struct str text);
void atom_unref(struct state *state, struct atom *atom);
static inline struct str atom_text(const struct atom *atom) {
  return atom ? (struct str){atom->bytes, atom->len} : (struct str){NULL, 0};
}

/* What a pod asks for: thousands of pods ask for the same. Amounts below 1 are left out. */
struct requests {
  struct map_link link;
  uint32_t refs;
  uint32_t device_names; /* of its resources; what several of them hold is withheld (nodes.c) */
  bool asks_gpu;
  uint64_t copied; /* as of an atom */
  const struct resource_request *copy;
  size_t count;
  struct resource_request items[]; /* names are atoms */
};
/* Copies for a reader: of what is said often one is enough. */
struct copying {
  struct arena *arena;
  uint64_t call;
};
struct copying copying_begin(struct state *state, struct arena *arena);
struct str atom_copy(const struct copying *copying, struct atom *atom);
const struct resource_request *requests_copy(const struct copying *copying,
                                             struct requests *requests);
struct requests *requests_ref(struct state *state, const struct resource_request *list,
                              size_t count);
void requests_unref(struct state *state, struct requests *requests);

/* ---- nodes ------------------------------------------------------------------------------- */

/* What readers see of a node, with the count of those who hold it. One allocation. */
struct node_value {
  struct state_node public; /* first: readers are given its address */
  _Atomic uint32_t refs;
  size_t bytes;
};
struct node_value *node_value_new(const struct node *node) SG_MUST_CHECK;
const struct node_value *node_value_ref(const struct node_value *value);
void node_value_unref(const struct node_value *value);
/* Labels, taints, allocatable, HAMi's cards, cordon: what a heartbeat leaves as it was. */
bool node_is_same(const struct node *a, const struct node *b);
/* Of HAMi's plugin. */
bool node_has_same_cards(const struct node *a, const struct node *b);
/* The same resources, whatever the amounts. */
bool node_lists_same(const struct node *a, const struct node *b);
/* Why labels and allocatable cannot both be right; NULL: they can (contradictions.c). */
const char *node_contradiction(const struct gpu_products *products, const struct node *node);

struct record;
struct hold;

/* A node by its name, made when a node, a pod, a hold or a slice first mentions it. */
struct slot {
  struct map_link link;
  struct atom *name;
  const struct node_value *value; /* NULL: not known */
  size_t index;                   /* with a value: in the cluster */
  struct record **pods;           /* what holds something here, in order of arrival */
  size_t pod_count, pod_cap;
  struct hold **holds;
  size_t hold_count, hold_cap;
  size_t mentions;    /* records with this node, and slices: while there are some the slot stays */
  size_t dra_devices; /* in the node's ResourceSlices */
  uint32_t epoch;
  bool is_excess, is_unreadable, is_contradiction; /* as counted in struct state */
  bool is_short; /* pods hold more of a card than it has: see squeeze in node_build.c */
};
struct slot *slot_find(const struct state *state, struct str name);
struct slot *slot_get(struct state *state, struct str name);
void slot_mention(struct slot *slot);
void slot_forget(struct state *state, struct slot *slot);
/* Frees it when nothing mentions it any more. */
void slot_sweep(struct state *state, struct slot *slot);
void slot_drop_node(struct state *state, struct slot *slot);
void slot_count_dra(struct state *state, struct slot *slot, int64_t devices);

/* A pod on a node. `kept`: what its hold had there, NULL: none. */
void slot_add_pod(struct state *state, struct slot *slot, struct record *record,
                  const struct pack_placement *kept);
void slot_remove_pod(struct state *state, struct slot *slot, struct record *record);
/* Makes the node's value anew from all that is known (node_build.c). */
void slot_rebuild(struct state *state, struct slot *slot);
/* The same into another cluster, to compare; the index there, SIZE_MAX: cannot be. */
size_t slot_build_copy(struct state *state, const struct slot *slot, struct pack_cluster *ret);
/* After a change: what was observed may have left no room for holds. */
void slot_settle(struct state *state, struct slot *slot);
/* Holds anew what still fits, the strongest first; the others are dropped. */
void slot_place_holds(struct state *state, struct slot *slot);
bool slot_is_excess(const struct slot *slot, const struct pack_node *node);
/* What this hold takes is there. */
bool hold_has_room(const struct hold *hold, const struct pack_node *node);
/* The node lists GPUs by other names too, be it 0 of them. */
bool node_mixes_hami(const struct node *node);
/* The id of the card of HAMi's that it takes a part of; empty: of none. */
struct str node_card_of(const struct node *node, const struct pack_placement *placement);
/* The number of the card with this id; false: the node has none. */
bool slot_find_card(const struct slot *slot, struct str id, uint8_t *ret);
/* Cards are numbered anew by each registration: the hold's placement as they are now. False: the
 * card that it is on is not there. */
bool hold_place(const struct hold *hold, struct pack_placement *ret);
/* HAMi's cards, where parts of them are ours to give; what they are is in the node's value. */
static inline size_t slot_card_count(const struct slot *slot) {
  return slot->value ? slot->value->public.node.card_count : 0;
}
/* What pods and holds leave of these cards, as the plugin's own rules have it (hami.c): after every
 * change of theirs. */
void slot_close_cards(const struct slot *slot, struct pack_cluster *cluster, size_t index);
/* A pod on cards that it names. False: they have less than it holds. */
bool slot_observe_shares(struct state *state, struct pack_cluster *cluster, size_t index,
                         const struct record *record);
static inline size_t slot_counted(const struct slot *slot) {
  return slot->pod_count < NODE_PODS_MAX ? slot->pod_count : NODE_PODS_MAX;
}
/* Numbers of what holds something of a node and is no pod; those of pods count up from 1. */
#define STAND_INS (UINT64_C(1) << 62)
/* So much of this card, or all that is left of it, for a pod or what is none: true when that is
 * enough. `host`: what it takes beside. */
bool slot_take_card(struct pack_cluster *cluster, size_t index, uint64_t number,
                    const struct pack_request *host, size_t card, int64_t amount);
void slot_observe(struct state *state, struct pack_cluster *cluster, size_t index,
                  const struct record *record, const struct pack_placement *kept);

/* ---- pods -------------------------------------------------------------------------------- */

/* Kept while a pod waits for a node. `bytes`: constraints, scheduler, nomination (constraints.c),
 * then its resource version. */
struct waiting {
  size_t len, version_len;
  unsigned char bytes[];
};
struct waiting *waiting_new(struct state *state, const struct pod *pod);
void waiting_free(struct state *state, struct waiting *waiting);
/* But for the resource version. */
bool waiting_is_same(const struct waiting *a, const struct waiting *b);
void waiting_copy(const struct waiting *waiting, struct arena *arena, struct pod *ret);

/* Devices that a pod names. One allocation. */
struct named {
  size_t count, bytes;
  struct pod_device items[];
};
struct named *named_new(struct state *state, const struct pod *pod); /* NULL: it names none */
/* Which of HAMi's cards it has is said, in the words of the plugin, and the node has such a card
 * (hami.c). */
bool named_says_card(const struct slot *slot, const struct named *named);
void named_free(struct state *state, struct named *named);
bool named_is_same(const struct named *named, const struct pod *pod);

struct record {
  struct map_link by_name, by_uid; /* by_uid: with a uid */
  uint64_t number;                 /* the uid of packing: never used again */
  struct slot *slot;               /* bound to it; stays once it is there */
  struct hold *hold;
  struct waiting *waiting;        /* neither bound nor over */
  struct record *before, *behind; /* waiting pods that ask for a GPU, as they have arrived */
  uint64_t arrival;               /* from 1, once it has no scheduling gates any more */
  struct atom *ns, *controller;
  struct requests *requests;
  struct named *named;
  int64_t created;
  uint32_t traits;
  int32_t priority;
  uint32_t epoch;
  uint32_t name_len, uid_len;
  uint8_t phase;
  bool has_claims;
  bool is_placed; /* among the slot's pods */
  bool is_listed; /* in the list of waiting pods */
  char text[];    /* name, uid */
};
/* By kube-scheduler. */
static inline bool record_can_be_taken(const struct record *record) {
  return record->is_listed && !(record->traits & POD_IS_GATED);
}
static inline struct str record_name(const struct record *record) {
  return (struct str){record->text, record->name_len};
}
static inline struct str record_uid(const struct record *record) {
  return (struct str){record->text + record->name_len, record->uid_len};
}
struct record *record_find(const struct state *state, struct str ns, struct str name);
struct record *record_find_uid(const struct state *state, struct str uid);
/* What packing reads of a pod; borrowed. */
struct pod record_asks(const struct record *record);
void record_copy(const struct copying *copying, const struct record *record, struct pod *ret);
void record_drop(struct state *state, struct record *record);
void record_free(struct state *state, struct record *record);
bool record_asks_gpu(const struct record *record);

/* ---- the ledger -------------------------------------------------------------------------- */

struct hold {
  struct map_link link; /* by the pod's uid */
  uint64_t number;      /* of the pod */
  uint64_t order;       /* a later one has a higher one */
  struct slot *slot;
  struct record *record; /* NULL: the pod is not known yet */
  enum state_hold_kind kind;
  bool takes_cards; /* of a node that has cards, not counters */
  size_t at;        /* in the heap */
  int64_t until_ms;
  struct pack_request request;
  struct pack_placement placement;
  size_t uid_len, card_len; /* card_len 0: on none of HAMi's cards */
  char uid[];               /* then the id of the card */
};
/* All holds, the first to end in front. */
struct hold_heap {
  struct hold **items;
  size_t count, cap;
};
void heap_add(struct hold_heap *heap, struct hold *hold);
void heap_remove(struct hold_heap *heap, struct hold *hold);

struct hold *hold_find(const struct state *state, struct str uid);
void hold_drop(struct state *state, struct hold *hold);
/* kube-scheduler has asked about the pod. NULL: nothing is held for it. */
static inline bool hold_is_under_way(const struct hold *hold) {
  return hold && hold->kind != STATE_NOMINATED;
}
/* The weaker one goes first: tentative before firm, late before early. */
bool hold_is_weaker(const struct hold *a, const struct hold *b);

/* ---- the rest ---------------------------------------------------------------------------- */

struct space { /* a namespace. One allocation. */
  struct map_link link;
  struct k8s_namespace public;
  size_t bytes;
  uint32_t epoch;
};
void space_drop(struct state *state, struct space *space);
void space_copy(const struct space *space, struct arena *arena, struct k8s_namespace *ret);

struct dra { /* a ResourceSlice or ResourceClaim */
  struct map_link link;
  struct slot *slot; /* of a slice that is a node's */
  size_t devices;
  uint32_t epoch;
  uint8_t kind;
  size_t ns_len, name_len;
  char text[]; /* namespace, name */
};
void dra_drop(struct state *state, struct dra *dra);

/* What snapshots share while it does not change. */
struct node_table {
  _Atomic uint32_t refs;
  size_t count;
  const struct node_value *nodes[]; /* in the cluster's order */
};
struct listing {
  struct str resource;
  uint64_t *bits; /* a bit a node */
};
struct node_index {
  _Atomic uint32_t refs;
  uint64_t seed;
  struct index_cell {
    uint32_t hash, node; /* node + 1; 0: empty */
  } * cells;
  size_t cap;        /* a power of two */
  struct str *names; /* [node], in name_bytes */
  size_t count;
  char *name_bytes;
  struct listing *listings;
  size_t listing_count;
};
struct node_table *node_table_new(const struct state *state) SG_MUST_CHECK;
void node_table_unref(struct node_table *table);
struct node_index *node_index_new(const struct state *state) SG_MUST_CHECK;
void node_index_unref(struct node_index *index);
size_t node_index_find(const struct node_index *index, struct str name, size_t guess);

struct news_ring {
  struct state_news *items;
  size_t first, count, cap;
};
/* Told of pods that ask for a GPU; others are passed over. */
void news_add(struct state *state, enum state_story story, const struct record *record);

/* A copy in one allocation: sizes are summed first, then everything is put behind the object. */
size_t block_pairs_size(const struct key_value *pairs, size_t count);
struct key_value *block_pairs(char **at, struct key_value *into, const struct key_value *pairs,
                              size_t count);

struct kind_state {
  uint32_t epoch; /* of the listing that is told, or was told last */
  bool is_listing;
  _Atomic bool is_synced;
};

struct state {
  pthread_mutex_t mutex;
  pthread_cond_t changed; /* the generation */
  bool gives_hami;
  uint64_t seed; /* of hashes */
  struct gpu_products products;
  struct pack_catalog *catalog;
  struct pack_intake *intake;
  struct pack_cluster *cluster; /* what is true now */
  struct slot **order;          /* [index in the cluster] */
  size_t order_cap;
  struct map atoms, request_lists, slots, by_name, by_uid, holds, namespaces, dras;
  size_t dra_counts[STATE_KINDS];
  struct kind_state kinds[STATE_KINDS];
  uint64_t generation, surroundings, last_number, last_order, last_copying;
  struct record *first_waiting, *last_waiting;
  size_t waiting_count;
  uint64_t arrivals; /* to what kube-scheduler may take up: the last one's number */
  struct hold_heap heap;
  size_t hold_counts[STATE_FIRM + 1];
  size_t homeless_pods, excess_nodes, unreadable_nodes, contradictions;
  uint64_t expired_holds, drift;
  size_t verify_next;
  struct news_ring news;
  struct arena *scratch; /* for one call */
  size_t bytes;
  struct state_snapshot *snapshot; /* the last one made */
  struct node_table *table;        /* NULL: to be made */
  struct node_index *index;        /* NULL: to be made */
};

/* Counted in state_stats.bytes. */
void *state_take(struct state *state, size_t size) SG_MUST_CHECK;
void state_give(struct state *state, void *ptr, size_t size);
/* Sets a flag of a slot, and the number of slots that have it. */
static inline void flag_set(bool *flag, size_t *count, bool is_set) {
  *count += (size_t)is_set - (size_t)*flag;
  *flag = is_set;
}
/* The generation moves. */
void state_changed(struct state *state);
static inline void state_lock(struct state *state) {
  (void)pthread_mutex_lock(&state->mutex);
}
static inline void state_unlock(struct state *state) {
  (void)pthread_mutex_unlock(&state->mutex);
}
/* Room for one more in a list of pointers. */
void *list_grow(void *list, size_t count, size_t *cap, size_t size) SG_MUST_CHECK;

#endif
