/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pointers of a cluster to its nodes, in pages that copies of it share until one of them
 * changes: a copy costs a page, not a node, and so does giving it up. A page holds a reference to
 * each of its nodes. Different copies may be used by different threads.
 */
#ifndef SLICEGATE_PACKING_PAGES_H
#define SLICEGATE_PACKING_PAGES_H

#include "src/packing/node.h"

#include <stdatomic.h>

enum { PAGE_NODES = 64 };

struct page {
  _Atomic uint32_t refs;
  const struct pack_node *nodes[PAGE_NODES];
};

/* All zero: empty. */
struct pages {
  struct page **pages;
  size_t count, cap; /* of nodes; of pages */
};

static inline const struct pack_node *pages_get(const struct pages *pages, size_t index) {
  return pages->pages[index / PAGE_NODES]->nodes[index % PAGE_NODES];
}

struct pages pages_share(const struct pages *pages) SG_MUST_CHECK;
void pages_done(struct pages *pages);
/* Takes the caller's reference to `owned`, and gives it that to the value of before. */
const struct pack_node *pages_swap(struct pages *pages, size_t index,
                                   const struct pack_node *owned) SG_MUST_CHECK;
/* Those from `at` on move by one. */
void pages_insert(struct pages *pages, size_t at, const struct pack_node *owned);
const struct pack_node *pages_remove(struct pages *pages, size_t at) SG_MUST_CHECK;

#endif
