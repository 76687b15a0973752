/* SPDX-License-Identifier: Apache-2.0 */
/* What a resource name says by itself. What it counts on a node, only the node can tell. */
#include "src/packing/intake.h"

static const struct str shared_suffix = {".shared", 7};
static const struct str slice_prefix = {"nvidia.com/mig-", 15};

static bool is_one_of(struct str name, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (str_is(name, names[i]))
      return true;
  return false;
}

/* "amd.com/gpu", "amd.com/cpx_nps4": the whole or a partition, one device either way. */
static bool is_vendor_device(struct str name) {
  static const char *const known[] = {"amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe"};
  static const struct str amd = {"amd.com/", 8};
  if (is_one_of(name, known, SG_ARRAY_LEN(known)))
    return true;
  struct str rest = str_starts_with(name, amd) ? str_skip(name, amd.len) : (struct str){NULL, 0};
  size_t separator = str_find_char(rest, '_');
  return separator < rest.len && str_starts_with(str_skip(rest, separator), STR_LIT("_nps"));
}

/* Cards of HAMi's plugin: what nodes list of them is in an annotation. */
bool pack_is_hami_memory(struct str name) {
  return str_is(name, "nvidia.com/gpumem");
}

struct resource_name resource_name_parse(struct str name) {
  static const char *const host[] = {"cpu", "memory", "pods"};
  static const char *const opaque[] = {"nvidia.com/gpumem", "nvidia.com/gpumem-percentage",
                                       "nvidia.com/gpucores", "nvidia.com/priority",
                                       "aliyun.com/gpu-count"};
  static const char *const cards[] = {"aliyun.com/gpu-mem", GPU_MILLI_NAME};
  struct resource_name made = {.class = NAME_OTHER};
  struct mig_name slice;
  if (is_one_of(name, host, SG_ARRAY_LEN(host))) {
    made.class = NAME_HOST;
    return made;
  }
  if (is_one_of(name, opaque, SG_ARRAY_LEN(opaque))) {
    made.class = NAME_OPAQUE;
    return made;
  }
  if (is_one_of(name, cards, SG_ARRAY_LEN(cards))) {
    made.class = NAME_CARD;
    return made;
  }
  if (str_ends_with(name, shared_suffix)) {
    made.is_shared = true;
    name.len -= shared_suffix.len;
  }
  if (str_is(name, "nvidia.com/gpu")) {
    made.class = NAME_WHOLE;
  } else if (str_starts_with(name, slice_prefix) &&
             mig_name_parse(str_skip(name, slice_prefix.len), &slice)) {
    made.class = NAME_SLICE;
    made.profile = slice.text;
  } else if (is_vendor_device(name)) {
    made.class = NAME_VENDOR;
  }
  return made;
}
