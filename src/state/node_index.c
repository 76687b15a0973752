/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What snapshots share: the table of nodes, and of their names and resources an index, made when
 * nodes come or go or list other resources, which is rare.
 */
#include "src/state/state_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

struct node_table *node_table_new(const struct state *state) {
  size_t count = pack_cluster_count(state->cluster);
  struct node_table *made = mem_zalloc(sizeof(*made) + count * sizeof(struct node_value *));
  atomic_init(&made->refs, 1);
  made->count = count;
  for (size_t i = 0; i < count; i++)
    made->nodes[i] = node_value_ref(state->order[i]->value);
  return made;
}

void node_table_unref(struct node_table *table) {
  if (!table || atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) != 1)
    return;
  for (size_t i = 0; i < table->count; i++)
    node_value_unref(table->nodes[i]);
  free(table);
}

/* ---- names ------------------------------------------------------------------------------- */

static uint32_t hash_name(uint64_t seed, struct str name) {
  return map_hash(seed, name, (struct str){NULL, 0});
}

/* One behind the other: thousands of them are compared in a row. */
static void copy_names(const struct state *state, size_t count, struct node_index *index) {
  size_t bytes = 0;
  for (size_t n = 0; n < count; n++)
    bytes += pack_cluster_node(state->cluster, n)->name.len;
  char *at = index->name_bytes = mem_zalloc(bytes + 1);
  for (size_t n = 0; n < count; n++)
    index->names[n] = str_put(&at, pack_cluster_node(state->cluster, n)->name);
  index->count = count;
}

static void index_names(const struct state *state, struct node_index *index) {
  size_t count = pack_cluster_count(state->cluster);
  index->cap = 16;
  while (index->cap < count * 2)
    index->cap *= 2;
  index->cells = mem_zalloc(index->cap * sizeof(*index->cells));
  index->names = mem_zalloc((count + 1) * sizeof(*index->names));
  copy_names(state, count, index);
  for (size_t n = 0; n < count; n++) {
    uint32_t hash = hash_name(index->seed, index->names[n]);
    size_t at = hash & (index->cap - 1);
    while (index->cells[at].node)
      at = (at + 1) & (index->cap - 1);
    index->cells[at] = (struct index_cell){hash, (uint32_t)n + 1};
  }
}

size_t node_index_find(const struct node_index *index, struct str name, size_t guess) {
  if (guess < index->count && str_eq(index->names[guess], name))
    return guess;
  uint32_t hash = hash_name(index->seed, name);
  for (size_t at = hash & (index->cap - 1); index->cells[at].node;
       at = (at + 1) & (index->cap - 1)) {
    size_t n = index->cells[at].node - 1;
    if (index->cells[at].hash == hash && str_eq(index->names[n], name))
      return n;
  }
  return SIZE_MAX;
}

/* ---- resources --------------------------------------------------------------------------- */

static size_t add_listing(struct node_index *index, struct str resource, size_t words) {
  size_t count = index->listing_count;
  if ((count & (count + 1)) == 0) /* full at 0, 1, 3, 7 ... */
    index->listings = mem_realloc(index->listings, (count * 2 + 1) * sizeof(*index->listings));
  index->listings[count].resource =
      (struct str){mem_strndup(resource.ptr, resource.len), resource.len};
  index->listings[count].bits = mem_zalloc(words * sizeof(uint64_t));
  return index->listing_count++;
}

/* Nodes list mostly the same in the same order: the one behind the last that was met is tried
 * first. */
static size_t find_listing(struct node_index *index, struct str resource, size_t guess,
                           size_t words) {
  if (guess < index->listing_count && str_eq(index->listings[guess].resource, resource))
    return guess;
  for (size_t i = 0; i < index->listing_count; i++)
    if (str_eq(index->listings[i].resource, resource))
      return i;
  return add_listing(index, resource, words);
}

static void list_node(struct node_index *index, size_t n, struct str resource, size_t *guess,
                      size_t words) {
  *guess = find_listing(index, resource, *guess, words);
  index->listings[(*guess)++].bits[n / 64] |= UINT64_C(1) << n % 64;
}

/* A plugin that made way for a DRA driver leaves its names behind, with 0 of each. */
static bool is_left_behind(const struct state_node *node, const struct resource_amount *amount) {
  return node->is_counted_elsewhere && str_starts_with(amount->name, STR_LIT("nvidia.com/")) &&
         amount->is_valid && qty_is_zero(amount->amount);
}

static void index_resources(const struct state *state, struct node_index *index) {
  size_t count = pack_cluster_count(state->cluster), words = count / 64 + 1;
  for (size_t n = 0; n < count; n++) {
    const struct state_node *there = &state->order[n]->value->public;
    const struct node *node = &there->node;
    size_t at = 0;
    for (size_t i = 0; i < node->allocatable_count; i++) {
      if (node->allocatable[i].name.len == 0 || !node_counts(node, node->allocatable[i].name) ||
          is_left_behind(there, &node->allocatable[i]))
        continue;
      list_node(index, n, node->allocatable[i].name, &at, words);
    }
    if (node->card_count) /* an annotation lists it */
      list_node(index, n, STR_LIT("nvidia.com/gpumem"), &at, words);
  }
}

struct node_index *node_index_new(const struct state *state) {
  struct node_index *made = mem_zalloc(sizeof(*made));
  atomic_init(&made->refs, 1);
  made->seed = state->seed;
  index_names(state, made);
  index_resources(state, made);
  return made;
}

void node_index_unref(struct node_index *index) {
  if (!index || atomic_fetch_sub_explicit(&index->refs, 1, memory_order_acq_rel) != 1)
    return;
  for (size_t i = 0; i < index->listing_count; i++) {
    free((char *)(uintptr_t)index->listings[i].resource.ptr);
    free(index->listings[i].bits);
  }
  free(index->listings);
  free(index->cells);
  free(index->names);
  free(index->name_bytes);
  free(index);
}
