/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our policy, in parts. One idea: every remainder of a device has a price, set by what could
 * still use it; a pod goes where the node's worth falls least.
 *
 *   z = Phi(before) - Phi(after) - charges,   Phi(n) = b * F_n - V(n)
 *
 *   V   what the remainders are worth: bid prices of whole and shared GPUs, market values of
 *       MIG layouts, as far as the node's CPU and memory can accompany them (smooth.h)
 *   F_n fragmentation against the mix (fragment.h), with a small weight b: it orders what the
 *       prices hold equal
 *   charges  what the pod takes away from pods with several GPUs, and of scarce products; they
 *       move with how full the cluster is (reserve.h)
 */
#ifndef SLICEGATE_PACKING_SLICEGATE_H
#define SLICEGATE_PACKING_SLICEGATE_H

#include "src/packing/fragment.h"
#include "src/packing/smooth.h"
#include "src/packing/steps.h"

enum {
  LEVELS_MAX = 40,
  KNOWN_NODES = 4096, /* node values that are kept; a power of two */
  /* b in 2^-10: 0.07, and 1 when the cluster is nearly full */
  WEIGHT_ONE = 1024,
  WEIGHT_USUAL = 72,
  WORTH_OF_SWITCHING = 200000, /* micro-GPU: of a GPU in MIG mode that may become a whole one */
};

/* Numbers of charges and of rows of hosts: below NUMBERS_MAX. Who comes when all are taken is
 * unknown: such a charge costs the most that one can cost. */
enum { NUMBERS_MAX = 32768, NUMBER_UNKNOWN = NUMBERS_MAX };
/* One request makes at most one number a node; half is room for that on nearly every cluster. */
static inline enum pack_room numbers_room(size_t count, bool is_exceeded) {
  return is_exceeded                ? PACK_ROOM_EXCEEDED
         : count >= NUMBERS_MAX / 2 ? PACK_ROOM_LITTLE
                                    : PACK_ROOM_ENOUGH;
}

/* ---- hosts (hosts.c) --------------------------------------------------------------------------
 */

/* What nodes can host of each level: a row of counts, by number; 0 is the row of none. */
struct hosts;
struct hosts *hosts_new(void) SG_MUST_CHECK;
void hosts_free(struct hosts *hosts);
/* Takes the levels of these tables, which must stay. Numbers and prices are void. */
void hosts_set_levels(struct hosts *hosts, const struct pack_tables *tables);
void hosts_clear(struct hosts *hosts);
enum pack_room hosts_room(const struct hosts *hosts);
/* The number of what reserve_hosts says. */
uint16_t hosts_number(struct hosts *hosts, unsigned idle, int64_t cpu_left, int64_t mem_left,
                      uint64_t products);
/* micro-GPU a host of each level; and what a row is worth by that. */
void hosts_set_prices(struct hosts *hosts, const int32_t prices[LEVELS_MAX]);
int64_t hosts_price(const struct hosts *hosts, uint16_t number);

/* ---- charges (charges.c) ------------------------------------------------------------------------
 */

/*
 * What one placement takes that has a price of its own. Equal ones share a number, so that a
 * cached score need not be made anew when only prices move.
 */
struct charge {
  uint8_t product;        /* whose scarcity counts, with `milli`; 0 and 0: none */
  uint8_t mode;           /* whose pool counts, with `pool_milli` */
  uint16_t before, after; /* hosts: those that are no more are lost */
  uint32_t milli, pool_milli;
};

struct charges; /* numbers from 1 on; 0 is the charge that is nothing */
struct charges *charges_new(void) SG_MUST_CHECK;
void charges_free(struct charges *charges);
void charges_clear(struct charges *charges);
enum pack_room charges_room(const struct charges *charges);
/* Its number, made when it is new; `level_prices` and `scarcity` (in 2^-20) price it. */
struct price_list {
  int32_t levels[LEVELS_MAX];           /* micro-GPU a host */
  uint32_t scarcity[PACK_PRODUCTS_MAX]; /* sigma, in 2^-20 */
  uint32_t pools[PACK_MODES];           /* of what is taken of a mode, in 2^-20 */
};
uint16_t charges_number(struct charges *charges, const struct charge *charge,
                        const struct price_list *list, const struct hosts *hosts);
void charges_set_prices(struct charges *charges, const struct price_list *list,
                        const struct hosts *hosts);
const int32_t *charges_prices(const struct charges *charges);

/* ---- reserve (reserve.c)
 * ----------------------------------------------------------------------------- */

/* GPUs of the node that a pod with several can have: idle ones; also empty ones in MIG mode where
 * those are switched. */
unsigned reserve_idle(const struct pack_node *node, bool is_switching);
/* Adds the hosts of each level that a node with this much left has; false: it has none. */
bool reserve_hosts(const struct pack_tables *tables, unsigned idle, int64_t cpu_left,
                   int64_t mem_left, uint64_t products, uint8_t hosts[LEVELS_MAX]);

/* What is supplied and used, kept by looking at the nodes that have changed. */
struct reserve;
struct reserve *reserve_new(void) SG_MUST_CHECK;
void reserve_free(struct reserve *reserve);
/* Forgets what it knows of nodes: tables have changed, or `is_switching` has. */
void reserve_clear(struct reserve *reserve);
/* The prices of levels and the scarcity of products, for the cluster as it is. */
void reserve_prices(struct reserve *reserve, const struct pack_tables *tables,
                    const struct pack_cluster *cluster, bool is_switching, struct price_list *ret);

/* ---- the potential of a node (potential.c)
 * ------------------------------------------------------------ */

/* What the policy holds of tables and conditions. */
struct slicegate {
  struct smooth smooth;
  struct fragment *fragment;
  struct hosts *hosts;
  struct charges *charges;
  struct reserve *reserve;
  struct price_list list;
  const struct pack_catalog *catalog;
  const struct pack_tables *tables;
  int32_t prices[PACK_MILLI + 1]; /* [milli left] of a whole GPU, micro-GPU, in the present mode */
  const int32_t *mig_values[PACK_PRODUCTS_MAX]; /* [layout] at the load that is seen, or NULL */
  uint8_t load;
  bool is_nearly_full, is_switching;
  int64_t cpu_per_gpu, mem_per_gpu; /* milli-cores; MiB; 0: do not matter */
  struct known *known;              /* [node id % KNOWN_NODES] */
};

/* A node with some CPU and memory left: sums over its devices, of which a candidate then changes
 * some, and what CPU and memory can accompany. */
struct sums {
  struct fragment_rank rank;
  const struct fragment_row *row; /* of the first device's product; NULL: no devices */
  uint8_t product;
  int64_t cpu, memory; /* micro-GPU that they could accompany; INT64_MAX: do not matter */
  int64_t worth;       /* of all remainders, micro-GPU */
  int64_t fragments;   /* b * milli * FRAGMENT_ONE, classes of one GPU */
  unsigned idle;
};

/* A node value before anything is placed on it. */
struct known {
  uint32_t id;
  int32_t potential; /* micro-GPU */
  struct sums sums;
  uint16_t hosts; /* number of its row */
};

int32_t layout_worth(const struct slicegate *ours, const struct pack_mig *mig, uint8_t product,
                     uint16_t layout);
/* Of devices that are divided. */
int32_t device_worth_of_parts(const struct slicegate *ours, const struct pack_device *device);
static inline int32_t device_worth(const struct slicegate *ours, const struct pack_device *device) {
  return device->mode == PACK_MODE_WHOLE ? ours->prices[device->left]
                                         : device_worth_of_parts(ours, device);
}

/* milli * FRAGMENT_ONE -> milli * FRAGMENT_ONE, times b */
static inline int64_t weigh(int64_t fragments, int64_t weight) {
  return fragments * weight / WEIGHT_ONE;
}
/* b: the nearly-full mode is one of whole GPUs. */
static inline int64_t weight_of(const struct slicegate *ours) {
  return ours->is_nearly_full ? WEIGHT_ONE : WEIGHT_USUAL;
}
/* Of devices that are divided, or of another product than the node's first. */
int64_t device_fragments_apart(const struct slicegate *ours, const struct sums *sums,
                               const struct pack_device *device);
/* b times what classes of one GPU cannot use of it, in milli * FRAGMENT_ONE. */
static inline int64_t device_fragments(const struct slicegate *ours, const struct sums *sums,
                                       const struct pack_device *device) {
  if (device->mode != PACK_MODE_WHOLE || device->product != sums->product)
    return device_fragments_apart(ours, sums, device);
  return weigh(fragment_whole(sums->row, device->left), weight_of(ours));
}
/* Phi = b * F_n - V in micro-GPU, with these sums in place of those of `sums`. */
int32_t potential_of(const struct slicegate *ours, const struct sums *sums, int64_t worth,
                     int64_t fragments, unsigned idle);

/* What is known of a node value; kept until another value takes its place. */
const struct known *potential_know(struct slicegate *ours, const struct pack_node *node);
void potential_forget(struct slicegate *ours);
/* The sums once a request has taken its CPU and memory, and no device yet. */
void potential_after(struct slicegate *ours, const struct known *known,
                     const struct pack_node *node, const struct pack_request *request,
                     struct sums *ret);

#endif
