/* SPDX-License-Identifier: Apache-2.0 */
/*
 * There are several ways to make room: any form of the request, on any one card, or on so many of
 * the cards. In each way what is lacking is a few sums (pods, CPU, memory, a count or a card's
 * amount), and for whole cards all who are on them go in any case. The ways are compared.
 */
#include "room.h"

#include "fewest.h"

#include <stdlib.h>

/* Of all ways together, some nanoseconds each. Then the best so far has to do. */
enum { STEPS_MAX = 20000 };

enum { OF_PODS, OF_CPU, OF_MEMORY, OF_DEVICE };
_Static_assert((int)OF_DEVICE + 1 == (int)FEWEST_KINDS, "a sum each");

struct card {
  const bool *on; /* those who would go with it */
  size_t count;
};

struct making {
  const struct room *room;
  struct arena *arena;
  const struct pack_pod **pods; /* what each of them holds; NULL: nothing here */
  struct fewest_item *items, *scratch;
  int64_t needs[FEWEST_KINDS];
  size_t steps, size; /* size: of the best; SIZE_MAX: none yet */
  bool *best, *tried;
  bool is_hopeless;   /* in the last way tried */
  struct card *cards; /* the fewest on it in front */
  size_t card_count;
};

bool room_is_better(const bool *a, size_t a_size, const bool *b, size_t b_size, size_t count) {
  if (a_size != b_size)
    return a_size < b_size;
  while (count-- > 0)
    if (a[count] != b[count])
      return b[count];
  return false;
}

/* ---- one way ----------------------------------------------------------------------------- */

static void keep(struct making *m, const bool *gone, size_t size) {
  for (size_t i = 0; gone && i < m->room->count; i++)
    m->tried[i] |= gone[i];
  if (!room_is_better(m->tried, size, m->best, m->size, m->room->count))
    return;
  memcpy(m->best, m->tried, m->room->count * sizeof(*m->best));
  m->size = size;
}

static void spend(struct making *m, size_t steps) {
  m->steps -= m->steps < steps ? m->steps : steps;
}

/* What is still needed once `gone` are (NULL: nobody), who are `gone_count`. */
static void fill_up(struct making *m, const bool *gone, size_t gone_count) {
  struct fewest ask = {.items = m->items, .count = m->room->count};
  memcpy(ask.needs, m->needs, sizeof(ask.needs));
  if (gone) {
    memcpy(m->scratch, m->items, ask.count * sizeof(*m->scratch));
    ask.items = m->scratch;
    for (size_t i = 0; i < ask.count; i++)
      for (size_t k = 0; gone[i] && k < FEWEST_KINDS; k++) {
        ask.needs[k] -= m->items[i].gives[k];
        m->scratch[i].gives[k] = 0;
      }
  }
  size_t more = fewest_grab(&ask, m->tried);
  m->is_hopeless = more == SIZE_MAX;
  if (more == SIZE_MAX)
    return;
  keep(m, gone, gone_count + more);
  if (more == 0 || m->size < gone_count)
    return;
  spend(m, ask.count * more);
  more = fewest_find(&ask, m->size - gone_count, &m->steps, m->arena, m->tried);
  if (more != SIZE_MAX)
    keep(m, gone, gone_count + more);
}

static int64_t asks(const struct pack_form *form) {
  return form->kind == PACK_FRACTION || form->kind == PACK_REPLICAS ? form->amount : form->count;
}

static bool draws_on(const struct pack_form *form, const struct pack_counter *counter) {
  return form->kind == counter->kind && form->name == counter->name &&
         (form->kind != PACK_SLICES || form->amount == counter->profile);
}

static void by_count(struct making *m, const struct pack_form *form) {
  const struct pack_node *node = m->room->node;
  for (size_t c = 0; c < node->counter_count; c++) {
    const struct pack_counter *counter = &node->counters[c];
    if (!draws_on(form, counter))
      continue;
    m->needs[OF_DEVICE] = asks(form) - counter->left;
    for (size_t i = 0; i < m->room->count; i++) {
      const struct pack_pod *pod = m->pods[i];
      m->items[i].gives[OF_DEVICE] = pod && draws_on(&pod->form, counter) ? asks(&pod->form) : 0;
    }
    fill_up(m, NULL, 0);
    return;
  }
}

/* ---- cards ------------------------------------------------------------------------------- */

static bool suits(const struct making *m, const struct pack_form *form, size_t card) {
  const struct pack_device *device = &m->room->node->devices[card];
  const struct pack_request *request = &m->room->asked->request;
  enum pack_mode mode = form->kind == PACK_REPLICAS ? PACK_MODE_SHARED : PACK_MODE_WHOLE;
  return device->mode == mode && (!request->products || request->products >> device->product & 1) &&
         ext_hami_is_enough(m->room->view, m->room->asked, m->room->index, card);
}

/* What the pod's end leaves free of the card. */
static int64_t amount_on(const struct pack_node *node, const struct pack_pod *pod, size_t card) {
  int64_t sum = 0;
  for (size_t i = 0; pod && i < pod->unit_count; i++) {
    const struct pack_unit *unit = &node->units[pod->unit_first + i];
    if (unit->device == card)
      sum += pod->form.kind == PACK_WHOLE ? node->devices[card].size : unit->amount;
  }
  return sum;
}

static void by_part(struct making *m, const struct pack_form *form) {
  const struct pack_node *node = m->room->node;
  for (size_t d = 0; d < node->device_count; d++) {
    if (!suits(m, form, d))
      continue;
    m->needs[OF_DEVICE] = form->amount - node->devices[d].left;
    for (size_t i = 0; i < m->room->count; i++)
      m->items[i].gives[OF_DEVICE] = amount_on(node, m->pods[i], d);
    fill_up(m, NULL, 0);
  }
}

/* The card is idle once all of those go. False: somebody else is on it too. */
static bool read_card(const struct making *m, size_t d, struct card *ret) {
  const struct pack_node *node = m->room->node;
  bool *on = arena_array(m->arena, m->room->count + 1, sizeof(*on));
  int64_t left = node->devices[d].left;
  *ret = (struct card){.on = on};
  for (size_t i = 0; i < m->room->count; i++) {
    int64_t amount = amount_on(node, m->pods[i], d);
    on[i] = amount > 0;
    ret->count += on[i];
    left += amount;
  }
  return left == node->devices[d].size;
}

static int compare_cards(const void *a, const void *b) {
  const struct card *x = a, *y = b;
  return (x->count > y->count) - (x->count < y->count);
}

/* `wanted` more of the cards from `from` on. */
static void pick_cards(struct making *m, size_t from, size_t wanted, const bool *gone,
                       size_t gone_count) {
  size_t count = m->room->count, cost = 1 + count / WORD_BITS;
  if (wanted == 0) {
    fill_up(m, gone, gone_count);
    return;
  }
  bool *with = arena_array(m->arena, count + 1, sizeof(*with));
  for (size_t c = from; c + wanted <= m->card_count; c++) {
    /* What else is lacking everybody together gives back or does not, whichever the cards. */
    if (m->is_hopeless || (m->steps == 0 && m->size != SIZE_MAX))
      return;
    spend(m, cost);
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
      size += with[i] = gone[i] || m->cards[c].on[i];
    /* More of them go if anything does: it gets no better. */
    if (m->size != SIZE_MAX && !room_is_better(with, size, m->best, m->size, count))
      continue;
    pick_cards(m, c + 1, wanted - 1, with, size);
  }
}

static void by_cards(struct making *m, const struct pack_form *form) {
  const struct pack_node *node = m->room->node;
  size_t wanted = form->count;
  bool *nobody = arena_array(m->arena, m->room->count + 1, sizeof(*nobody));
  memset(nobody, 0, (m->room->count + 1) * sizeof(*nobody));
  m->cards = arena_array(m->arena, node->device_count + 1, sizeof(*m->cards));
  m->card_count = 0;
  m->is_hopeless = false;
  for (size_t d = 0; d < node->device_count; d++) {
    struct card card;
    if (!suits(m, form, d) || !read_card(m, d, &card))
      continue;
    if (card.count)
      m->cards[m->card_count++] = card;
    else if (wanted)
      wanted--; /* an idle one is as good as any */
  }
  qsort(m->cards, m->card_count, sizeof(*m->cards), compare_cards);
  pick_cards(m, 0, wanted, nobody, 0);
}

/* ---- all ways ---------------------------------------------------------------------------- */

static void try_form(struct making *m, const struct pack_form *form) {
  m->needs[OF_DEVICE] = 0;
  if (form->kind == PACK_CPU)
    fill_up(m, NULL, 0);
  else if (m->room->node->counter_count)
    by_count(m, form);
  else if (form->kind == PACK_WHOLE)
    by_cards(m, form);
  else if (form->kind != PACK_SLICES)
    by_part(m, form);
}

/* MIG instances that are ours to place: no live node has them, since a plugin counts them. */
static bool is_sure(const struct making *m) {
  const struct pack_request *request = &m->room->asked->request;
  for (size_t f = 0; f < request->form_count; f++)
    if (request->forms[f].kind == PACK_SLICES && m->room->node->counter_count == 0 &&
        m->room->node->device_count)
      return false;
  return m->steps > 0;
}

static void read_host(struct making *m) {
  const struct pack_node *node = m->room->node;
  const struct pack_request *request = &m->room->asked->request;
  m->needs[OF_PODS] = node->pods_max ? (int64_t)node->pod_count + 1 - node->pods_max : 0;
  m->needs[OF_CPU] = request->cpu_milli > 0 ? request->cpu_milli - node->cpu_left : 0;
  m->needs[OF_MEMORY] = request->mem_bytes > 0 ? request->mem_bytes - node->mem_left : 0;
  for (size_t i = 0; i < m->room->count; i++) {
    m->pods[i] = NULL;
    m->items[i] = (struct fewest_item){0};
    for (size_t p = 0; p < node->pod_count && !m->pods[i]; p++)
      if (node->pods[p].uid == m->room->numbers[i])
        m->pods[i] = &node->pods[p];
    if (!m->pods[i])
      continue;
    m->items[i].gives[OF_PODS] = 1;
    m->items[i].gives[OF_CPU] = m->pods[i]->cpu_milli;
    m->items[i].gives[OF_MEMORY] = m->pods[i]->mem_bytes;
  }
}

enum room_found room_make(const struct room *room, struct arena *arena, bool *is_in,
                          size_t *ret_size) {
  const struct pack_request *request = &room->asked->request;
  size_t count = room->count + 1;
  struct making m = {.room = room,
                     .arena = arena,
                     .pods = arena_array(arena, count, sizeof(*m.pods)),
                     .items = arena_array(arena, count, sizeof(*m.items)),
                     .scratch = arena_array(arena, count, sizeof(*m.scratch)),
                     .steps = STEPS_MAX,
                     .size = SIZE_MAX,
                     .best = is_in,
                     .tried = arena_array(arena, count, sizeof(*m.tried))};
  memset(is_in, 0, room->count * sizeof(*is_in));
  memset(m.tried, 0, count * sizeof(*m.tried));
  read_host(&m);
  bool is_for_it = (room->node->traits & request->needs) == request->needs &&
                   !(room->node->traits & request->shuns) &&
                   (room->node->counter_count == 0 || !request->products ||
                    (request->products & room->node->products));
  for (size_t f = 0; is_for_it && f < request->form_count; f++)
    try_form(&m, &request->forms[f]);
  *ret_size = m.size;
  return !is_sure(&m) ? ROOM_UNSURE : m.size == SIZE_MAX ? ROOM_NONE : ROOM_FOUND;
}
