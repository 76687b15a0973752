/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FGD's measure of fragmentation (Weng et al., USENIX ATC 2023): how much of a node's free GPU
 * a pod of the mix cannot use, in the mean over the mix.
 *
 *   F_n = sum over classes m of p_m * F_n(m);  F_n(m) = all free GPU, when m does not fit n or
 *   asks for none; else what lies on GPUs that are too small for m.
 *
 * Written out for speed. Free GPU that class m can use is a sum over GPUs, so that
 *
 *   F_n = sum over GPUs g of r_g * (1 - P(r_g)) - sum over classes of k > 1 GPUs that fit of
 *         p_m * (milli of idle GPUs)
 *
 * where P(r) is the weight of the one-GPU classes whose CPU, memory and product suit the node
 * and whose size is at most r. P depends on the node only through how many classes its CPU and
 * memory admit, so that P(r), for all r, is a *row*, made when a node first needs it.
 */
#ifndef SLICEGATE_PACKING_FRAGMENT_H
#define SLICEGATE_PACKING_FRAGMENT_H

#include "src/packing/packing_internal.h"

struct fragment; /* of one mix */

/* The weights add up to FRAGMENT_ONE, whatever the classes' sum is. */
enum { FRAGMENT_ONE = 1 << 20 };

struct fragment *fragment_new(void) SG_MUST_CHECK;
void fragment_free(struct fragment *fragment);
/* Takes another mix. */
void fragment_set_mix(struct fragment *fragment, const struct pack_class *classes, size_t count);

/* Where a node stands with this much CPU and memory left: the rows of its products. */
struct fragment_rank {
  uint32_t cpu, memory;
};
struct fragment_rank fragment_rank(const struct fragment *fragment, int64_t cpu_left,
                                   int64_t mem_left);

/*
 * P for one rank and product: weights, cumulative from below, FRAGMENT_ONE in sum. Rows stay
 * until fragment_trim, which drops them when they have become too many.
 */
struct fragment_row {
  const uint16_t *size_rank; /* [milli left]: how many of the classes' sizes it holds */
  const uint32_t *milli;     /* [size rank] of one-GPU classes, [0] == 0 */
  const uint32_t *several;   /* [gpus] of classes with 2..gpus whole GPUs */
  const uint32_t *replicas;  /* [replicas] of shared GPUs */
  uint16_t several_max;      /* the last of `several` */
};
const struct fragment_row *fragment_row(struct fragment *fragment, struct fragment_rank rank,
                                        uint8_t product);
/* True: rows were dropped, and who has kept one must forget it. */
bool fragment_trim(struct fragment *fragment);

/* What one-GPU classes cannot use of a device in whole mode, in milli * FRAGMENT_ONE. */
static inline int64_t fragment_whole(const struct fragment_row *row, uint16_t left) {
  return (int64_t)left * (FRAGMENT_ONE - row->milli[row->size_rank[left]]);
}
/* The same of a shared device. */
int64_t fragment_shared(const struct fragment *fragment, const struct fragment_row *row,
                        uint16_t left, uint16_t size);
/* What classes with several GPUs can use of `idle` idle ones: to be subtracted. */
int64_t fragment_several(const struct fragment_row *row, unsigned idle);
/* F_n of a whole node in milli * FRAGMENT_ONE. */
int64_t fragment_node(struct fragment *fragment, const struct pack_node *node);

#endif
