/* SPDX-License-Identifier: Apache-2.0 */
/* What the other files of this module may do with a cluster's table. */
#ifndef SLICEGATE_PACKING_CLUSTER_H
#define SLICEGATE_PACKING_CLUSTER_H

#include "src/packing/node.h"

/* What scorers look at before they look at a node: most of them need no more. */
struct cluster_head {
  uint32_t id;
  uint16_t idle, most_left; /* as in the node; with counters UINT16_MAX: the counters tell */
};
struct cluster_head cluster_head_of(const struct pack_node *node);
/* Whether what is left of whole GPUs may suffice. */
static inline bool cluster_has_room(struct cluster_head head, const struct pack_request *request) {
  for (uint32_t f = 0; f < request->form_count; f++) {
    const struct pack_form *form = &request->forms[f];
    if (form->kind == PACK_WHOLE      ? form->count <= head.idle
        : form->kind == PACK_FRACTION ? form->amount <= head.most_left
                                      : true)
      return true;
  }
  return false;
}
/* In the order of the table. */
const struct cluster_head *cluster_heads(const struct pack_cluster *cluster);
/*
 * [i]: a number that is another one after any change to the nodes i * CLUSTER_RUN and behind,
 * unique among all copies as ids are: who has seen it need not look at those nodes again.
 */
enum { CLUSTER_RUN = 16 };
const uint32_t *cluster_runs(const struct pack_cluster *cluster);
/* Makes a value that scores can look at, without putting it anywhere. */
void cluster_prepare(const struct pack_cluster *cluster, struct pack_node *node);
/* Gives `owned` an id and puts it in place; returns the value of before, now the caller's. */
const struct pack_node *cluster_publish(struct pack_cluster *cluster, size_t index,
                                        struct pack_node *owned) SG_MUST_CHECK;
/* Puts a value of before back, id and all, and drops the present one. */
void cluster_restore(struct pack_cluster *cluster, size_t index, const struct pack_node *owned);

#endif
