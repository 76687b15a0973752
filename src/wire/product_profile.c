/* SPDX-License-Identifier: Apache-2.0 */
/* One MIG profile of a products file: its name, and where on the GPU it may be placed. */
#include "wire_internal.h"

static const struct wire_field profile_fields[] = {
    {.name = "name", .is_read = true, .is_required = true, .kind = DOC_STRING},
    {.name = "compute_slices", .is_read = true, .kind = DOC_NUMBER},
    {.name = "memory_slices", .is_read = true, .kind = DOC_NUMBER},
    {.name = "max_instances", .is_read = true, .is_required = true, .kind = DOC_NUMBER},
    {.name = "placement_starts", .is_read = true, .kind = DOC_SEQUENCE},
    {.name = "placement_size", .is_read = true, .kind = DOC_NUMBER},
    {.name = "resource_mixed", .is_read = true, .kind = DOC_STRING},
    {.name = "gi_profile_id_nvidia_smi"},
    {.name = "inferred_from"},
    {.name = "memory_mib"},
    {.name = "multiprocessors"},
    {.name = "name_source"},
    {.name = "source"},
};

/* Of a resource name in Kubernetes. */
enum { RESOURCE_LEN_MAX = 63 };

/* ---- names --------------------------------------------------------------------------- */

/* "1g.10gb+me" is nvidia.com/mig-1g.10gb.me. */
static struct str resource_of(struct arena *arena, struct str name) {
  struct str resource = str_printf(arena, "nvidia.com/mig-%.*s", STR_FMT(name));
  char *end = (char *)resource.ptr + resource.len;
  for (char *c = end - name.len; c < end; c++) {
    if (*c == '+' || *c == ',')
      *c = '.';
  }
  return resource;
}

/* Profiles are named as nvidia-smi names them, not as resources do. */
static bool is_profile_name(struct str text, struct mig_name *ret) {
  size_t digits = 0;
  while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
    digits++;
  bool is_compute_instance = digits < text.len && text.ptr[digits] == 'c';
  if (is_compute_instance || !mig_name_parse(text, ret))
    return false;
  return ret->attributes.len == 0 || text.ptr[text.len - ret->attributes.len - 1] != '.';
}

static bool read_name(struct arena *arena, const struct doc_node *node, const struct trail *trail,
                      struct mig_profile *ret, struct err *reterr) {
  const struct doc_node *written = doc_get_lit(node, "name");
  struct trail here = {trail, STR_LIT("name"), 0};
  struct mig_name name;
  if (!is_profile_name(written->text, &name))
    return wire_invalid(&here, written, reterr,
                        "a profile name such as \"3g.40gb\" or \"1g.10gb+me\" was expected");
  ret->name = str_copy(arena, written->text);
  ret->resource = resource_of(arena, ret->name);
  if (ret->resource.len > RESOURCE_LEN_MAX)
    return wire_invalid(&here, written, reterr, "is too long for a resource name: %d at most",
                        RESOURCE_LEN_MAX);
  ret->memory_gib = (uint16_t)name.memory_gib;
  int64_t compute = name.compute;
  if (!wire_child_number(node, "compute_slices", trail, 1, MIG_AXIS_MAX, &compute, reterr))
    return false;
  if (compute != name.compute) {
    struct trail slices = {trail, STR_LIT("compute_slices"), 0};
    return wire_invalid(&slices, doc_get_lit(node, "compute_slices"), reterr,
                        "is %d, the name says %u", (int)compute, name.compute);
  }
  if (compute > MIG_AXIS_MAX)
    return wire_invalid(&here, written, reterr, "at most %dg was expected", MIG_AXIS_MAX);
  ret->compute_slices = (uint8_t)compute;
  const struct doc_node *resource = doc_get_lit(node, "resource_mixed");
  if (!doc_is(resource, DOC_STRING) || str_eq(resource->text, ret->resource))
    return true;
  struct trail mixed = {trail, STR_LIT("resource_mixed"), 0};
  return wire_invalid(&mixed, resource, reterr,
                      "does not follow from the name: \"%.*s\" was expected; or leave it out",
                      STR_FMT(ret->resource));
}

/* ---- placements ------------------------------------------------------------------------ */

static bool read_starts(struct arena *arena, const struct doc_node *list, unsigned axis,
                        const struct trail *trail, struct mig_profile *ret, struct err *reterr) {
  if (list->count == 0 || list->count > MIG_STARTS_MAX)
    return wire_invalid(trail, list, reterr,
                        list->count ? "has %u starts, at most %d are possible"
                                    : "is empty; null says that placements are not known",
                        list->count, MIG_STARTS_MAX);
  uint8_t *starts = arena_array(arena, list->count, sizeof(*starts));
  for (uint32_t i = 0; i < list->count; i++) {
    const struct doc_node *item = &list->items[i];
    struct trail here = {trail, (struct str){NULL, 0}, i};
    int64_t start;
    if (item->kind != DOC_NUMBER)
      return wire_wrong_type(&here, item, "a number", reterr);
    if (!doc_int(item, &start) || start < 0)
      return wire_invalid(&here, item, reterr, "is %.*s, a memory slice was expected",
                          STR_FMT(wire_shown(item)));
    if (start >= axis || start + ret->memory_slices > axis)
      return wire_invalid(
          &here, item, reterr,
          "is %.*s: with placement_size %d that ends beyond the product's %u slices",
          STR_FMT(wire_shown(item)), ret->memory_slices, axis);
    if (i > 0 && start <= starts[i - 1])
      return wire_invalid(&here, item, reterr, "is %.*s after %d: starts must ascend",
                          STR_FMT(wire_shown(item)), starts[i - 1]);
    starts[i] = (uint8_t)start;
  }
  ret->starts = starts;
  ret->start_count = (uint8_t)list->count;
  return true;
}

static bool read_size(const struct doc_node *node, unsigned axis, const struct trail *trail,
                      int64_t *ret, struct err *reterr) {
  int64_t max = axis ? axis : MIG_AXIS_MAX;
  int64_t memory = 0;
  if (!wire_child_number(node, "placement_size", trail, 1, max, ret, reterr) ||
      !wire_child_number(node, "memory_slices", trail, 1, max, &memory, reterr))
    return false;
  if (memory == 0 || *ret == 0 || memory == *ret)
    return true;
  struct trail here = {trail, STR_LIT("memory_slices"), 0};
  return wire_invalid(&here, doc_get_lit(node, "memory_slices"), reterr,
                      "is %d, placement_size is %d: they are the same", (int)memory, (int)*ret);
}

static bool read_placements(struct arena *arena, const struct doc_node *node, unsigned axis,
                            const struct trail *trail, struct mig_profile *ret,
                            struct err *reterr) {
  const struct doc_node *list;
  int64_t size = 0;
  if (!wire_child(node, "placement_starts", DOC_SEQUENCE, trail, &list, reterr) ||
      !read_size(node, axis, trail, &size, reterr))
    return false;
  if (!list && size == 0)
    return true;
  if (!list || size == 0)
    return wire_invalid(trail, node, reterr, "%s is given and %s is not: both, or neither",
                        list ? "placement_starts" : "placement_size",
                        list ? "placement_size" : "placement_starts");
  if (axis == 0)
    return wire_invalid(trail, node, reterr,
                        "has placements, but \"memory_slices\" of the product is missing");
  ret->memory_slices = (uint8_t)size;
  struct trail here = {trail, STR_LIT("placement_starts"), 0};
  return read_starts(arena, list, axis, &here, ret, reterr);
}

bool wire_mig_profile_decode(struct arena *arena, const struct doc_node *node, unsigned axis,
                             const struct trail *trail, struct mig_profile *ret,
                             struct err *reterr) {
  int64_t instances = 0;
  *ret = (struct mig_profile){0};
  if (!wire_fields_check(node, profile_fields, SG_ARRAY_LEN(profile_fields), trail, reterr) ||
      !read_name(arena, node, trail, ret, reterr) ||
      !read_placements(arena, node, axis, trail, ret, reterr) ||
      !wire_child_number(node, "max_instances", trail, 1, MIG_AXIS_MAX, &instances, reterr))
    return false;
  unsigned places = mig_profile_places(ret);
  if (places > 0 && instances > places) {
    struct trail here = {trail, STR_LIT("max_instances"), 0};
    return wire_invalid(&here, doc_get_lit(node, "max_instances"), reterr,
                        "is %d, but only %u fit at once where placements allow", (int)instances,
                        places);
  }
  ret->max_instances = (uint8_t)instances;
  return true;
}
