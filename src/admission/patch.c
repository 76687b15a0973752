/* SPDX-License-Identifier: Apache-2.0 */
/* A Pod as it is after its patches, as a value: lists that change are copied, the rest is
 * shared with the original. */
#include "src/admission/admission_internal.h"

/* A copy of a list with one more item at its end. */
static void *with_one_more(struct arena *arena, const void *items, size_t count, size_t size,
                           const void *item) {
  char *copy = arena_array(arena, count + 1, size);
  if (count)
    memcpy(copy, items, count * size);
  memcpy(copy + count * size, item, size);
  return copy;
}

static const struct resource_amount *replaced(struct arena *arena,
                                              const struct resource_amount *amounts, size_t count,
                                              const struct patch *patch) {
  if (!amount_find(amounts, count, patch->from))
    return amounts;
  struct resource_amount *copy = arena_array(arena, count, sizeof(*copy));
  memcpy(copy, amounts, count * sizeof(*copy));
  for (size_t i = 0; i < count; i++)
    if (str_eq(copy[i].name, patch->from))
      copy[i] = (struct resource_amount){
          .name = patch->to,
          .text = str_printf(arena, "%lld", (long long)patch->count),
          .amount = {.units = patch->count},
          .is_valid = true,
      };
  return copy;
}

/* Containers are told apart by list and index: names may be missing or double. */
static bool is_same_container(const struct container *a, const struct container *b) {
  bool a_is_init = a->role == CONTAINER_INIT || a->role == CONTAINER_SIDECAR;
  bool b_is_init = b->role == CONTAINER_INIT || b->role == CONTAINER_SIDECAR;
  return a->index == b->index && a_is_init == b_is_init && (a_is_init || a->role == b->role);
}

static void apply_resource(struct arena *arena, struct pod_spec *spec, const struct patch *patch) {
  struct container *copy = arena_array(arena, spec->container_count, sizeof(*copy));
  memcpy(copy, spec->containers, spec->container_count * sizeof(*copy));
  for (size_t i = 0; i < spec->container_count; i++) {
    if (!is_same_container(&copy[i], patch->container))
      continue;
    copy[i].limits = replaced(arena, copy[i].limits, copy[i].limit_count, patch);
    copy[i].requests = replaced(arena, copy[i].requests, copy[i].request_count, patch);
  }
  spec->containers = copy;
}

static void apply_deadline(struct arena *arena, struct workload *workload, struct pod_spec *spec,
                           int64_t seconds) {
  const struct deadline deadline = {.path = STR_LIT("spec.activeDeadlineSeconds"),
                                    .seconds = seconds};
  workload->deadlines = with_one_more(arena, workload->deadlines, workload->deadline_count,
                                      sizeof(deadline), &deadline);
  workload->deadline_count++;
  spec->active_deadline_seconds = seconds;
}

static void apply_label(struct arena *arena, struct workload *workload, struct pod_template *tmpl,
                        const struct key_value *label) {
  workload->labels =
      with_one_more(arena, workload->labels, workload->label_count++, sizeof(*label), label);
  tmpl->labels = with_one_more(arena, tmpl->labels, tmpl->label_count++, sizeof(*label), label);
}

void adm_apply_patches(struct arena *arena, const struct workload *pod, const struct patch *patches,
                       size_t count, struct workload *ret) {
  *ret = *pod;
  if (count == 0 || pod->template_count == 0)
    return;
  struct pod_template *templates = arena_array(arena, pod->template_count, sizeof(*templates));
  memcpy(templates, pod->templates, pod->template_count * sizeof(*templates));
  ret->templates = templates;
  struct pod_spec *spec = &templates[0].spec;
  for (size_t i = 0; i < count; i++) {
    const struct patch *patch = &patches[i];
    switch (patch->kind) {
    case PATCH_ADD_TOLERATION:
      spec->tolerations = with_one_more(arena, spec->tolerations, spec->toleration_count++,
                                        sizeof(patch->toleration), &patch->toleration);
      break;
    case PATCH_SET_DEADLINE:
      apply_deadline(arena, ret, spec, patch->deadline_seconds);
      break;
    case PATCH_ADD_LABEL:
      apply_label(arena, ret, &templates[0], &patch->label);
      break;
    case PATCH_RESOURCE:
      apply_resource(arena, spec, patch);
      break;
    }
  }
}
