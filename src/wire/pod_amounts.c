/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amounts that kube-apiserver lets no pod have. It sees to that for whatever it stores; who sends
 * a pod to the extender may have made it up.
 */
#include "wire_internal.h"

enum { SHOWN_MAX = 40 };

bool wire_is_extended(struct str resource) {
  return str_find_char(resource, '/') < resource.len &&
         !str_starts_with(resource, STR_LIT("kubernetes.io/"));
}

/* What to write instead; NULL: the amount is one. */
static const char *find_advice(const struct resource_amount *amount) {
  bool is_counted = wire_is_extended(amount->name);
  if (!amount->is_valid)
    return is_counted
               ? "is no quantity; write a whole number, as in \"1\""
               : "is no quantity; write a number with a unit or none, as in \"2\" or \"1Gi\"";
  if (qty_is_negative(amount->amount))
    return "is less than nothing; write 0 or more, or leave the resource out";
  if (!is_counted)
    return NULL;
  if (qty_units_ceil(amount->amount) == INT64_MAX)
    return "is more than there can be; write how many there are to be, as in \"1\"";
  return qty_is_whole(amount->amount) ? NULL
                                      : "is not whole; write a whole number, as in \"1\", for such "
                                        "a resource is not divided";
}

/* `path`: "spec.containers" with an index, or a whole path without one (SIZE_MAX). */
struct amount_list {
  const char *path, *field;
  size_t index;
  const struct resource_amount *amounts;
  size_t count;
};

static struct str say(struct arena *arena, const struct amount_list *list,
                      const struct resource_amount *amount, const char *advice) {
  struct str index = {NULL, 0};
  if (list->index != SIZE_MAX)
    index = str_printf(arena, "[%zu]", list->index);
  return str_printf(arena, "%s%.*s%s[%.*s]: \"%.*s\" %s", list->path, STR_FMT(index), list->field,
                    STR_FMT(str_printable(arena, amount->name, 2 * SHOWN_MAX)),
                    STR_FMT(str_printable(arena, amount->text, SHOWN_MAX)), advice);
}

static struct str check_list(struct arena *arena, struct amount_list list) {
  for (size_t i = 0; i < list.count; i++) {
    const char *advice = find_advice(&list.amounts[i]);
    if (advice)
      return say(arena, &list, &list.amounts[i], advice);
  }
  return (struct str){NULL, 0};
}

static struct str check_container(struct arena *arena, const struct container *container) {
  static const char *const paths[] = {[CONTAINER_INIT] = "spec.initContainers",
                                      [CONTAINER_SIDECAR] = "spec.initContainers",
                                      [CONTAINER_APP] = "spec.containers",
                                      [CONTAINER_EPHEMERAL] = "spec.ephemeralContainers"};
  const char *path = paths[container->role];
  struct str wrong =
      check_list(arena, (struct amount_list){path, ".resources.limits", container->index,
                                             container->limits, container->limit_count});
  return wrong.len ? wrong
                   : check_list(arena, (struct amount_list){path, ".resources.requests",
                                                            container->index, container->requests,
                                                            container->request_count});
}

struct str wire_absurd_amount(struct arena *scratch, const struct pod_spec *spec) {
  const struct amount_list lists[] = {
      {"spec.resources.limits", "", SIZE_MAX, spec->pod_limits, spec->pod_limit_count},
      {"spec.resources.requests", "", SIZE_MAX, spec->pod_requests, spec->pod_request_count},
      {"spec.overhead", "", SIZE_MAX, spec->overhead, spec->overhead_count}};
  struct str wrong = {NULL, 0};
  for (size_t i = 0; i < spec->container_count && !wrong.len; i++)
    wrong = check_container(scratch, &spec->containers[i]);
  for (size_t i = 0; i < SG_ARRAY_LEN(lists) && !wrong.len; i++)
    wrong = check_list(scratch, lists[i]);
  return wrong;
}
