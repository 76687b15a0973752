/* SPDX-License-Identifier: Apache-2.0 */
#include "src/packing/pages.h"

#include <stdlib.h>

static size_t pages_of(size_t nodes) {
  return (nodes + PAGE_NODES - 1) / PAGE_NODES;
}

/* How many of a page's places are taken. */
static size_t taken_of(const struct pages *pages, size_t page) {
  size_t behind = pages->count - page * PAGE_NODES;
  return behind < PAGE_NODES ? behind : PAGE_NODES;
}

static void unref(struct page *page, size_t taken) {
  if (atomic_fetch_sub_explicit(&page->refs, 1, memory_order_acq_rel) != 1)
    return;
  for (size_t i = 0; i < taken; i++)
    pack_node_unref(page->nodes[i]);
  free(page);
}

static struct page *new_page(void) {
  struct page *made = mem_zalloc(sizeof(*made));
  atomic_init(&made->refs, 1);
  return made;
}

/* The page, to be changed: nobody else looks at it. */
static struct page *own(struct pages *pages, size_t index) {
  struct page *page = pages->pages[index];
  size_t taken = taken_of(pages, index);
  /* Only who holds a reference can give another one out, and the only one is ours. */
  if (atomic_load_explicit(&page->refs, memory_order_acquire) == 1)
    return page;
  struct page *made = new_page();
  for (size_t i = 0; i < taken; i++)
    made->nodes[i] = pack_node_ref(page->nodes[i]);
  unref(page, taken);
  return pages->pages[index] = made;
}

struct pages pages_share(const struct pages *pages) {
  struct pages shared = {.count = pages->count, .cap = pages_of(pages->count)};
  if (shared.count == 0)
    return shared;
  shared.pages = mem_zalloc(shared.cap * sizeof(struct page *));
  for (size_t i = 0; i < shared.cap; i++) {
    shared.pages[i] = pages->pages[i];
    atomic_fetch_add_explicit(&shared.pages[i]->refs, 1, memory_order_relaxed);
  }
  return shared;
}

void pages_done(struct pages *pages) {
  for (size_t i = 0; i < pages_of(pages->count); i++)
    unref(pages->pages[i], taken_of(pages, i));
  free(pages->pages);
  *pages = (struct pages){0};
}

const struct pack_node *pages_swap(struct pages *pages, size_t index,
                                   const struct pack_node *owned) {
  struct page *page = own(pages, index / PAGE_NODES);
  const struct pack_node *before = page->nodes[index % PAGE_NODES];
  page->nodes[index % PAGE_NODES] = owned;
  return before;
}

static void add_page(struct pages *pages) {
  size_t count = pages_of(pages->count);
  if (count == pages->cap) {
    pages->cap = pages->cap ? pages->cap * 2 : 4;
    pages->pages = mem_realloc(pages->pages, pages->cap * sizeof(struct page *));
  }
  pages->pages[count] = new_page();
}

void pages_insert(struct pages *pages, size_t at, const struct pack_node *owned) {
  if (pages->count % PAGE_NODES == 0)
    add_page(pages);
  size_t last = pages->count / PAGE_NODES, first = at / PAGE_NODES, place = at % PAGE_NODES;
  for (size_t p = first; p <= last; p++) {
    struct page *page = own(pages, p);
    const struct pack_node *pushed = page->nodes[PAGE_NODES - 1];
    memmove(page->nodes + place + 1, page->nodes + place,
            (PAGE_NODES - 1 - place) * sizeof(struct pack_node *));
    page->nodes[place] = owned;
    owned = pushed;
    place = 0;
  }
  pages->count++;
}

const struct pack_node *pages_remove(struct pages *pages, size_t at) {
  const struct pack_node *pulled = NULL;
  size_t first = at / PAGE_NODES, last = (pages->count - 1) / PAGE_NODES;
  for (size_t p = last + 1; p-- > first;) {
    struct page *page = own(pages, p);
    size_t place = p == first ? at % PAGE_NODES : 0;
    const struct pack_node *gone = page->nodes[place];
    memmove(page->nodes + place, page->nodes + place + 1,
            (PAGE_NODES - 1 - place) * sizeof(struct pack_node *));
    page->nodes[PAGE_NODES - 1] = pulled;
    pulled = gone;
  }
  pages->count--;
  if (pages->count % PAGE_NODES == 0) {
    free(pages->pages[last]); /* owned, and empty now */
    pages->pages[last] = NULL;
  }
  return pulled;
}
