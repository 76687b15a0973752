/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that a policy has learnt: immutable, counted. And small helpers of requests. */
#include "src/packing/packing_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

struct pack_tables_ref {
  _Atomic uint32_t refs;
  struct arena *arena;
  struct pack_tables tables;
};

struct pack_tables_ref *pack_tables_new(struct arena *owned, const struct pack_tables *tables) {
  struct pack_tables_ref *ref = mem_zalloc(sizeof(*ref));
  atomic_init(&ref->refs, 1);
  ref->arena = owned;
  ref->tables = *tables;
  return ref;
}

const struct pack_tables *pack_tables_get(const struct pack_tables_ref *ref) {
  return &ref->tables;
}

struct pack_tables_ref *pack_tables_ref(struct pack_tables_ref *ref) {
  atomic_fetch_add_explicit(&ref->refs, 1, memory_order_relaxed);
  return ref;
}

void pack_tables_unref(struct pack_tables_ref *ref) {
  if (!ref || atomic_fetch_sub_explicit(&ref->refs, 1, memory_order_acq_rel) != 1)
    return;
  arena_free(ref->arena);
  free(ref);
}

struct pack_request pack_request_of(int64_t cpu_milli, int64_t mem_bytes, enum pack_kind kind,
                                    uint16_t count, uint16_t amount) {
  return (struct pack_request){
      .cpu_milli = cpu_milli,
      .mem_bytes = mem_bytes,
      .form_count = 1,
      .forms = {{.kind = (uint8_t)kind, .count = count, .amount = amount}}};
}

static int64_t slices_milli(const struct pack_catalog *catalog, const struct pack_form *form) {
  for (size_t product = 0; product < pack_catalog_count(catalog); product++) {
    const struct pack_mig *mig = pack_catalog_mig(catalog, (uint16_t)product);
    uint16_t p = mig ? pack_mig_find(mig, form->amount) : PACK_NONE;
    if (p != PACK_NONE)
      return (int64_t)form->count * mig->profiles[p].size * PACK_MILLI / mig->axis;
  }
  return 0;
}

int64_t pack_request_milli(const struct pack_catalog *catalog, const struct pack_request *request,
                           uint16_t replicas_per_gpu) {
  const struct pack_form *form = &request->forms[0];
  switch ((enum pack_kind)form->kind) {
  case PACK_CPU:
    return 0;
  case PACK_WHOLE:
    return (int64_t)form->count * PACK_MILLI;
  case PACK_FRACTION:
    return form->amount;
  case PACK_SLICES:
    return slices_milli(catalog, form);
  case PACK_REPLICAS:
    return replicas_per_gpu ? (int64_t)form->amount * PACK_MILLI / replicas_per_gpu : 0;
  }
  return 0;
}
