/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the doors: which of the offered nodes can be judged. */
#ifndef SLICEGATE_EXTENDER_INTERNAL_H
#define SLICEGATE_EXTENDER_INTERNAL_H

#include "slicegate/extender.h"

enum { WORD_BITS = 64 };

static inline bool bit_get(const uint64_t *bits, size_t i) {
  return bits[i / WORD_BITS] >> i % WORD_BITS & 1;
}
static inline void bit_set(uint64_t *bits, size_t i) {
  bits[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
}

/* The names of a question, sorted out. */
struct offer {
  uint64_t *among;   /* nodes to choose from, a bit each */
  uint32_t *name_of; /* [node]: index of its name, plus one; 0: not offered */
  uint32_t *neutral; /* names that we cannot judge */
  size_t neutral_count;
  uint32_t *without; /* nodes that do not list what is asked for, or have too little */
  size_t without_count;
};
void offer_read(const struct ext_view *view, const struct ext_question *question,
                struct arena *arena, struct offer *ret);

/*
 * HAMi's cards are counted in steps, by which one may seem to have what it has not. What filter
 * and bind say of the node then; PACK_FITS: what the core says of it stands, whatever that is.
 */
enum pack_reason ext_hami_shortage(const struct ext_view *view, const struct pack_asked *asked,
                                   size_t node);
/* One of the node's cards has it, by the MiB: for `value`, which may be without some pods. */
bool ext_hami_has(const struct ext_view *view, const struct pack_asked *asked, size_t node,
                  const struct pack_node *value);
/* This card of the node has so many MiB in all, if that is what is asked for. */
bool ext_hami_is_enough(const struct ext_view *view, const struct pack_asked *asked, size_t node,
                        size_t card);
/* Fills ret->hami, for the card that was chosen or, where that has less than is asked for, for
 * another one. False: there is none. */
bool ext_hami_take(const struct ext_view *view, const struct pack_asked *asked, size_t node,
                   struct arena *arena, struct ext_binding *ret);

/* Of this reason kube-scheduler keeps its own count, and has found enough before it asked. */
bool offer_is_counted(const struct pack_asked *asked, enum pack_reason reason);
/* Whether the node can take it; where kube-scheduler counts for itself, once others' tentative
 * holds have come to nothing. */
enum pack_reason offer_fit(const struct ext_view *view, const struct pack_asked *asked,
                           size_t node);

#endif
