/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/kube/differences.h"

#include <stdarg.h>
#include <stdio.h>

/* Where in an object something is, and whether all was alike so far. */
struct comparison {
  char path[128];
  bool is_same;
};

static void differ(struct comparison *c, const char *field, const char *fmt, ...) SG_PRINTF(3, 4);
static void differ(struct comparison *c, const char *field, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  (void)fprintf(stderr, "%s.%s differs: ", c->path, field);
  (void)vfprintf(stderr, fmt, args);
  (void)fputc('\n', stderr);
  va_end(args);
  c->is_same = false;
}

static struct comparison item(const struct comparison *in, const char *list, size_t index) {
  struct comparison c = {.is_same = true};
  (void)snprintf(c.path, sizeof(c.path), "%.80s.%s[%zu]", in->path, list, index);
  return c;
}

static void texts(struct comparison *c, const char *field, struct str a, struct str b) {
  if (!str_eq(a, b))
    differ(c, field, "\"%.*s\", \"%.*s\"", STR_FMT(a), STR_FMT(b));
}

static void numbers(struct comparison *c, const char *field, int64_t a, int64_t b) {
  if (a != b)
    differ(c, field, "%lld, %lld", (long long)a, (long long)b);
}

static void amounts(struct comparison *c, const char *field, struct quantity a, struct quantity b) {
  if (qty_cmp(a, b) != 0)
    differ(c, field, "%lld.%09d, %lld.%09d", (long long)a.units, a.nano, (long long)b.units,
           b.nano);
}

/* Calls `each` on the items of both, which are as many. */
#define LISTS(c, a, b, list, count, each)                                                          \
  do {                                                                                             \
    numbers(c, #count, (int64_t)(a)->count, (int64_t)(b)->count);                                  \
    for (size_t i = 0; (a)->count == (b)->count && i < (a)->count; i++) {                          \
      struct comparison inner = item(c, #list, i);                                                 \
      each(&inner, &(a)->list[i], &(b)->list[i]);                                                  \
      (c)->is_same &= inner.is_same;                                                               \
    }                                                                                              \
  } while (0)

static void strings(struct comparison *c, const struct str *a, const struct str *b) {
  texts(c, "text", *a, *b);
}

static void pairs(struct comparison *c, const struct key_value *a, const struct key_value *b) {
  texts(c, "key", a->key, b->key);
  texts(c, "value", a->value, b->value);
}

/* ---- pods -------------------------------------------------------------------------------- */

static void devices(struct comparison *c, const struct pod_device *a, const struct pod_device *b) {
  texts(c, "resource", a->resource, b->resource);
  texts(c, "id", a->id, b->id);
  numbers(c, "index", a->index, b->index);
  numbers(c, "amount", a->amount, b->amount);
  numbers(c, "cores", a->cores, b->cores);
}

static void requests(struct comparison *c, const struct resource_request *a,
                     const struct resource_request *b) {
  texts(c, "name", a->name, b->name);
  amounts(c, "amount", a->amount, b->amount);
}

static void requirements(struct comparison *c, const struct node_requirement *a,
                         const struct node_requirement *b) {
  texts(c, "key", a->key, b->key);
  numbers(c, "op", a->op, b->op);
  LISTS(c, a, b, values, value_count, strings);
}

static void terms(struct comparison *c, const struct node_selector_term *a,
                  const struct node_selector_term *b) {
  LISTS(c, a, b, requirements, requirement_count, requirements);
  LISTS(c, a, b, fields, field_count, requirements);
}

static void tolerations(struct comparison *c, const struct toleration *a,
                        const struct toleration *b) {
  texts(c, "key", a->key, b->key);
  texts(c, "value", a->value, b->value);
  numbers(c, "is_exists", a->is_exists, b->is_exists);
  numbers(c, "effect", a->effect, b->effect);
}

static void constraints(struct comparison *c, const struct pod_constraints *a,
                        const struct pod_constraints *b) {
  texts(c, "node_name", a->node_name, b->node_name);
  LISTS(c, a, b, node_selector, node_selector_count, pairs);
  LISTS(c, a, b, affinity_terms, affinity_term_count, terms);
  LISTS(c, a, b, tolerations, toleration_count, tolerations);
}

bool is_same_pod(const struct pod *a, const struct pod *b) {
  struct comparison c = {.is_same = true};
  (void)snprintf(c.path, sizeof(c.path), "pod %.*s", STR_FMT(a->name));
  texts(&c, "ns", a->ns, b->ns);
  texts(&c, "name", a->name, b->name);
  texts(&c, "uid", a->uid, b->uid);
  texts(&c, "resource_version", a->resource_version, b->resource_version);
  texts(&c, "scheduler_name", a->scheduler_name, b->scheduler_name);
  texts(&c, "nominated_node", a->nominated_node, b->nominated_node);
  numbers(&c, "created", a->created, b->created);
  numbers(&c, "traits", a->traits, b->traits);
  numbers(&c, "phase", a->phase, b->phase);
  texts(&c, "controller", a->controller, b->controller);
  numbers(&c, "priority", a->priority, b->priority);
  numbers(&c, "has_claims", a->has_claims, b->has_claims);
  numbers(&c, "gpu_memory", a->gpu_memory, b->gpu_memory);
  texts(&c, "absurd", a->absurd, b->absurd);
  LISTS(&c, a, b, devices, device_count, devices);
  LISTS(&c, a, b, requests, request_count, requests);
  numbers(&c, "overhead.cpu_milli", a->overhead.cpu_milli, b->overhead.cpu_milli);
  numbers(&c, "overhead.mem_bytes", a->overhead.mem_bytes, b->overhead.mem_bytes);
  constraints(&c, &a->constraints, &b->constraints);
  return c.is_same;
}

/* ---- nodes and namespaces ---------------------------------------------------------------- */

static void taints(struct comparison *c, const struct taint *a, const struct taint *b) {
  texts(c, "key", a->key, b->key);
  texts(c, "value", a->value, b->value);
  numbers(c, "effect", a->effect, b->effect);
}

static void allocatable(struct comparison *c, const struct resource_amount *a,
                        const struct resource_amount *b) {
  texts(c, "name", a->name, b->name);
  texts(c, "text", a->text, b->text);
  amounts(c, "amount", a->amount, b->amount);
  numbers(c, "is_valid", a->is_valid, b->is_valid);
}

static void cards(struct comparison *c, const struct hami_card *a, const struct hami_card *b) {
  texts(c, "id", a->id, b->id);
  numbers(c, "memory_mib", a->memory_mib, b->memory_mib);
  numbers(c, "sharers", a->sharers, b->sharers);
  numbers(c, "cores", a->cores, b->cores);
  numbers(c, "is_given", a->is_given, b->is_given);
}

bool is_same_node(const struct node *a, const struct node *b) {
  struct comparison c = {.is_same = true};
  (void)snprintf(c.path, sizeof(c.path), "node %.*s", STR_FMT(a->name));
  texts(&c, "name", a->name, b->name);
  LISTS(&c, a, b, labels, label_count, pairs);
  LISTS(&c, a, b, taints, taint_count, taints);
  LISTS(&c, a, b, allocatable, allocatable_count, allocatable);
  numbers(&c, "is_unschedulable", a->is_unschedulable, b->is_unschedulable);
  numbers(&c, "has_hami", a->has_hami, b->has_hami);
  numbers(&c, "has_dra", a->has_dra, b->has_dra);
  LISTS(&c, a, b, cards, card_count, cards);
  return c.is_same;
}

bool is_same_namespace(const struct k8s_namespace *a, const struct k8s_namespace *b) {
  struct comparison c = {.is_same = true};
  (void)snprintf(c.path, sizeof(c.path), "namespace %.*s", STR_FMT(a->name));
  texts(&c, "name", a->name, b->name);
  LISTS(&c, a, b, labels, label_count, pairs);
  return c.is_same;
}
