/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a quantity: what is read has its parts in range and reads back from its text. */
#include "slicegate/model.h"
#include "tests/support/fuzz_main.h"

static void demand(bool holds) {
  if (!holds)
    __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_ARENA struct arena *arena = arena_new(256);
  struct quantity q, back;
  struct mig_name name;
  struct str text = {(const char *)data, size};
  if (mig_name_parse(text, &name))
    demand(name.compute > 0);
  if (!qty_parse(text, &q))
    return 0;
  demand(q.nano > -1000000000 && q.nano < 1000000000);
  demand(q.units == 0 || q.nano == 0 || (q.units > 0) == (q.nano > 0));
  demand(q.units >= -INT64_MAX);
  demand(qty_parse(qty_text(arena, q), &back) && qty_cmp(q, back) == 0);
  demand(qty_units_ceil(q) >= q.units);
  demand(qty_is_zero(qty_add(q, (struct quantity){-q.units, -q.nano})) || q.units == INT64_MAX ||
         q.units == -INT64_MAX);
  (void)qty_milli_ceil(q);
  return 0;
}
