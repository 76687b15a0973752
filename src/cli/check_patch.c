/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patches of /mutate, applied to the value instead of the text: in a cluster /validate
 * sees the Pod with them in it, and `check` must come to the same verdict. Patches are for
 * Pods only, which have one template: the object itself.
 */
#include "src/cli/check.h"

/* A copy of `count` items with room for one more. */
static void *copy_and_one(struct arena *arena, const void *items, size_t count, size_t size) {
  void *copy = arena_array(arena, count + 1, size);
  if (count)
    memcpy(copy, items, count * size);
  return copy;
}

static void add_toleration(struct arena *arena, struct pod_spec *spec,
                           const struct toleration *toleration) {
  struct toleration *list =
      copy_and_one(arena, spec->tolerations, spec->toleration_count, sizeof(*list));
  list[spec->toleration_count++] = *toleration;
  spec->tolerations = list;
}

static void set_deadline(struct arena *arena, struct workload *workload, struct pod_spec *spec,
                         int64_t seconds) {
  struct deadline *list =
      copy_and_one(arena, workload->deadlines, workload->deadline_count, sizeof(*list));
  list[workload->deadline_count++] =
      (struct deadline){STR_LIT("spec.activeDeadlineSeconds"), seconds};
  workload->deadlines = list;
  spec->active_deadline_seconds = seconds;
}

/* A Pod's own labels are its template's labels too. */
static void add_label(struct arena *arena, struct workload *workload, struct pod_template *tmpl,
                      const struct key_value *label) {
  struct key_value *list =
      copy_and_one(arena, workload->labels, workload->label_count, sizeof(*list));
  list[workload->label_count++] = *label;
  workload->labels = list;
  list = copy_and_one(arena, tmpl->labels, tmpl->label_count, sizeof(*list));
  list[tmpl->label_count++] = *label;
  tmpl->labels = list;
}

static const struct resource_amount *replaced(struct arena *arena,
                                              const struct resource_amount *amounts, size_t count,
                                              const struct patch *patch) {
  struct resource_amount *list = copy_and_one(arena, amounts, count, sizeof(*list));
  for (size_t i = 0; i < count; i++) {
    if (!str_eq(list[i].name, patch->from))
      continue;
    list[i].name = patch->to;
    list[i].text = str_printf(arena, "%lld", (long long)patch->count);
    list[i].is_valid = qty_parse(list[i].text, &list[i].amount);
  }
  return list;
}

static void replace_resource(struct arena *arena, struct pod_spec *spec,
                             const struct patch *patch) {
  struct container *list =
      copy_and_one(arena, spec->containers, spec->container_count, sizeof(*list));
  for (size_t i = 0; i < spec->container_count; i++) {
    /* Not by address: an earlier patch may have copied the list already. */
    if (list[i].role != patch->container->role || list[i].index != patch->container->index)
      continue;
    list[i].limits = replaced(arena, list[i].limits, list[i].limit_count, patch);
    list[i].requests = replaced(arena, list[i].requests, list[i].request_count, patch);
  }
  spec->containers = list;
}

void check_apply_patches(struct arena *arena, struct workload *workload,
                         const struct patch *patches, size_t count) {
  if (count == 0 || workload->template_count != 1)
    return;
  struct pod_template *tmpl = arena_alloc(arena, sizeof(*tmpl));
  *tmpl = workload->templates[0];
  for (size_t i = 0; i < count; i++) {
    switch (patches[i].kind) {
    case PATCH_ADD_TOLERATION:
      add_toleration(arena, &tmpl->spec, &patches[i].toleration);
      break;
    case PATCH_SET_DEADLINE:
      set_deadline(arena, workload, &tmpl->spec, patches[i].deadline_seconds);
      break;
    case PATCH_ADD_LABEL:
      add_label(arena, workload, tmpl, &patches[i].label);
      break;
    case PATCH_RESOURCE:
      replace_resource(arena, &tmpl->spec, &patches[i]);
      break;
    }
  }
  workload->templates = tmpl;
}
