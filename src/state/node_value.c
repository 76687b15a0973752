/* SPDX-License-Identifier: Apache-2.0 */
/* A node as it is labelled and tainted, copied into one allocation that snapshots share. */
#include "src/state/state_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

/* ---- copies in one block ----------------------------------------------------------------- */

size_t block_pairs_size(const struct key_value *pairs, size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++)
    size += sizeof(*pairs) + pairs[i].key.len + pairs[i].value.len;
  return size;
}

struct key_value *block_pairs(char **at, struct key_value *into, const struct key_value *pairs,
                              size_t count) {
  for (size_t i = 0; i < count; i++)
    into[i] = (struct key_value){str_put(at, pairs[i].key), str_put(at, pairs[i].value)};
  return into;
}

static size_t size_of(const struct node *node) {
  size_t size = sizeof(struct node_value) + node->name.len;
  size += block_pairs_size(node->labels, node->label_count);
  for (size_t i = 0; i < node->taint_count; i++)
    size += sizeof(*node->taints) + node->taints[i].key.len + node->taints[i].value.len;
  for (size_t i = 0; i < node->allocatable_count; i++)
    size +=
        sizeof(*node->allocatable) + node->allocatable[i].name.len + node->allocatable[i].text.len;
  for (size_t i = 0; i < node->card_count; i++)
    size += sizeof(*node->cards) + node->cards[i].id.len;
  return size;
}

struct node_value *node_value_new(const struct node *node) {
  size_t size = size_of(node);
  struct node_value *made = mem_zalloc(size);
  /* Lists first, all of one alignment; then the texts. */
  struct key_value *labels = (struct key_value *)(void *)(made + 1);
  struct resource_amount *amounts = (struct resource_amount *)(void *)(labels + node->label_count);
  struct taint *taints = (struct taint *)(void *)(amounts + node->allocatable_count);
  struct hami_card *cards = (struct hami_card *)(void *)(taints + node->taint_count);
  char *at = (char *)(cards + node->card_count);
  struct node *copy = &made->public.node;
  *copy = *node;
  copy->name = str_put(&at, node->name);
  copy->labels = block_pairs(&at, labels, node->labels, node->label_count);
  for (size_t i = 0; i < node->taint_count; i++) {
    taints[i] = node->taints[i];
    taints[i].key = str_put(&at, node->taints[i].key);
    taints[i].value = str_put(&at, node->taints[i].value);
  }
  copy->taints = taints;
  for (size_t i = 0; i < node->allocatable_count; i++) {
    amounts[i] = node->allocatable[i];
    amounts[i].name = str_put(&at, node->allocatable[i].name);
    amounts[i].text = str_put(&at, node->allocatable[i].text);
  }
  copy->allocatable = amounts;
  for (size_t i = 0; i < node->card_count; i++) {
    cards[i] = node->cards[i];
    cards[i].id = str_put(&at, node->cards[i].id);
  }
  copy->cards = cards;
  made->bytes = size;
  atomic_init(&made->refs, 1);
  return made;
}

const struct node_value *node_value_ref(const struct node_value *value) {
  atomic_fetch_add_explicit(&((struct node_value *)(uintptr_t)value)->refs, 1,
                            memory_order_relaxed);
  return value;
}

void node_value_unref(const struct node_value *value) {
  struct node_value *mine = (struct node_value *)(uintptr_t)value;
  if (mine && atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) == 1)
    free(mine);
}

/* ---- comparing --------------------------------------------------------------------------- */

static bool is_same_labels(const struct node *a, const struct node *b) {
  if (a->label_count != b->label_count)
    return false;
  for (size_t i = 0; i < a->label_count; i++)
    if (!str_eq(a->labels[i].key, b->labels[i].key) ||
        !str_eq(a->labels[i].value, b->labels[i].value))
      return false;
  return true;
}

static bool is_same_taints(const struct node *a, const struct node *b) {
  if (a->taint_count != b->taint_count)
    return false;
  for (size_t i = 0; i < a->taint_count; i++)
    if (!str_eq(a->taints[i].key, b->taints[i].key) ||
        !str_eq(a->taints[i].value, b->taints[i].value) ||
        a->taints[i].effect != b->taints[i].effect)
      return false;
  return true;
}

bool node_has_same_cards(const struct node *a, const struct node *b) {
  if (a->card_count != b->card_count)
    return false;
  for (size_t i = 0; i < a->card_count; i++) {
    const struct hami_card *x = &a->cards[i], *y = &b->cards[i];
    if (!str_eq(x->id, y->id) || x->memory_mib != y->memory_mib || x->sharers != y->sharers ||
        x->cores != y->cores || x->is_given != y->is_given)
      return false;
  }
  return true;
}

bool node_lists_same(const struct node *a, const struct node *b) {
  if (a->allocatable_count != b->allocatable_count || a->has_hami != b->has_hami ||
      (a->card_count == 0) != (b->card_count == 0))
    return false;
  for (size_t i = 0; i < a->allocatable_count; i++)
    if (!str_eq(a->allocatable[i].name, b->allocatable[i].name))
      return false;
  return true;
}

bool node_is_same(const struct node *a, const struct node *b) {
  if (a->is_unschedulable != b->is_unschedulable || !is_same_labels(a, b) ||
      !is_same_taints(a, b) || !node_lists_same(a, b) || !node_has_same_cards(a, b))
    return false;
  for (size_t i = 0; i < a->allocatable_count; i++)
    if (!str_eq(a->allocatable[i].text, b->allocatable[i].text) ||
        qty_cmp(a->allocatable[i].amount, b->allocatable[i].amount) != 0 ||
        a->allocatable[i].is_valid != b->allocatable[i].is_valid)
      return false;
  return true;
}
