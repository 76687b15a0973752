/* SPDX-License-Identifier: Apache-2.0 */
/* Why a node cannot take a pod, in few words that are the same for all nodes of that kind. */
#include "extender_internal.h"

static struct str busy(const struct pack_catalog *catalog, const struct pack_asked *asked,
                       struct arena *arena) {
  const struct pack_form *form = &asked->request.forms[0];
  if (form->kind == PACK_SLICES && asked->request.form_count == 1)
    return str_printf(arena, "no slice %.*s left on any GPU",
                      STR_FMT(pack_catalog_profile_name(catalog, form->amount)));
  return str_printf(arena, "Insufficient %.*s", STR_FMT(asked->device));
}

struct str ext_reason(const struct pack_catalog *catalog, enum pack_reason reason,
                      const struct pack_asked *asked, struct arena *arena) {
  switch (reason) {
  case PACK_NO_PODS:
    return STR_LIT("Too many pods");
  case PACK_NO_CPU:
    return STR_LIT("Insufficient cpu");
  case PACK_NO_MEMORY:
    return STR_LIT("Insufficient memory");
  case PACK_DEVICES_BUSY:
    return busy(catalog, asked, arena);
  case PACK_TOO_MANY:
    return str_printf(arena, "fewer %.*s in all than asked for", STR_FMT(asked->device));
  case PACK_FRAGMENTED:
    return str_printf(arena, "%.*s left only in pieces on several GPUs", STR_FMT(asked->device));
  case PACK_NO_GPU:
  case PACK_WRONG_MODE:
  case PACK_NO_PROFILE:
    return str_printf(arena, "no %.*s on the node", STR_FMT(asked->device));
  default:
    return str_of(pack_reason_text(reason));
  }
}
