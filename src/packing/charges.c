/* SPDX-License-Identifier: Apache-2.0 */
#include "src/packing/slicegate.h"

#include <stdlib.h>

enum {
  SLOTS = 2 * NUMBERS_MAX, /* open addressing, at most half full */
  PRICE_MAX = 1 << 29,
};

struct charges {
  struct charge *items; /* [number] */
  int32_t *prices;      /* [number] */
  size_t count;         /* numbers given out, 0 among them */
  bool is_exceeded;     /* some charge has no number */
  uint16_t slots[SLOTS];
};

struct charges *charges_new(void) {
  struct charges *charges = mem_zalloc(sizeof(*charges));
  charges->items = mem_zalloc(NUMBERS_MAX * sizeof(*charges->items));
  charges->prices = mem_zalloc((NUMBER_UNKNOWN + 1) * sizeof(*charges->prices));
  charges->prices[NUMBER_UNKNOWN] = PRICE_MAX;
  charges->count = 1;
  return charges;
}

void charges_free(struct charges *charges) {
  if (!charges)
    return;
  free(charges->items);
  free(charges->prices);
  free(charges);
}

void charges_clear(struct charges *charges) {
  memset(charges->slots, 0, sizeof(charges->slots));
  charges->count = 1;
  charges->is_exceeded = false;
}

enum pack_room charges_room(const struct charges *charges) {
  return numbers_room(charges->count, charges->is_exceeded);
}

static int32_t price_of(const struct charge *charge, const struct price_list *list,
                        const struct hosts *hosts) {
  /* Half the scarcity of what is taken: 0.5 * sigma * milli, in micro-GPU. */
  int64_t price =
      (int64_t)charge->milli * list->scarcity[charge->product] * (PACK_MICRO / PACK_MILLI / 2) >>
      20;
  price +=
      (int64_t)charge->pool_milli * list->pools[charge->mode] * (PACK_MICRO / PACK_MILLI) >> 20;
  price += hosts_price(hosts, charge->before) - hosts_price(hosts, charge->after);
  return price > PRICE_MAX ? PRICE_MAX : (int32_t)price;
}

static uint32_t hash(const struct charge *charge) {
  uint64_t sum = (charge->product * 256u + charge->mode) * UINT64_C(0x9e3779b97f4a7c15);
  sum = (sum ^ ((uint64_t)charge->milli << 32 | charge->pool_milli)) * UINT64_C(0xff51afd7ed558ccd);
  sum = (sum ^ sum >> 32 ^ ((uint32_t)charge->before << 16 | charge->after)) *
        UINT64_C(0xff51afd7ed558ccd);
  return (uint32_t)(sum >> 24) % SLOTS;
}

static bool is_same(const struct charge *a, const struct charge *b) {
  return a->product == b->product && a->mode == b->mode && a->milli == b->milli &&
         a->pool_milli == b->pool_milli && a->before == b->before && a->after == b->after;
}

uint16_t charges_number(struct charges *charges, const struct charge *charge,
                        const struct price_list *list, const struct hosts *hosts) {
  static const struct charge nothing;
  if (is_same(charge, &nothing))
    return 0;
  if (charge->before == NUMBER_UNKNOWN || charge->after == NUMBER_UNKNOWN)
    return NUMBER_UNKNOWN;
  uint32_t at = hash(charge);
  for (; charges->slots[at]; at = (at + 1) % SLOTS)
    if (is_same(&charges->items[charges->slots[at]], charge))
      return charges->slots[at];
  if (charges->count >= NUMBERS_MAX) {
    charges->is_exceeded = true;
    return NUMBER_UNKNOWN;
  }
  uint16_t number = (uint16_t)charges->count++;
  charges->slots[at] = number;
  charges->items[number] = *charge;
  charges->prices[number] = price_of(charge, list, hosts);
  return number;
}

void charges_set_prices(struct charges *charges, const struct price_list *list,
                        const struct hosts *hosts) {
  for (size_t i = 1; i < charges->count; i++)
    charges->prices[i] = price_of(&charges->items[i], list, hosts);
}

const int32_t *charges_prices(const struct charges *charges) {
  return charges->prices;
}
