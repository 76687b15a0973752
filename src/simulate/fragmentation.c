/* SPDX-License-Identifier: Apache-2.0 */
/* How much free GPU the next pods could not use: the measure of the FGD paper, both variants. */
#include "src/simulate/simulate_internal.h"

#include <stdlib.h>

static bool is_same_class(const struct pack_request *a, const struct pack_request *b) {
  return a->cpu_milli == b->cpu_milli && a->products == b->products &&
         a->forms[0].kind == b->forms[0].kind && a->forms[0].count == b->forms[0].count &&
         a->forms[0].amount == b->forms[0].amount;
}

struct merged {
  struct pack_request request;
  uint64_t pods;
  uint32_t first; /* class of the trace: breaks ties of popularity */
};

static int by_content(const void *a, const void *b) {
  const struct merged *x = a, *y = b;
  int64_t keys[][2] = {{x->request.cpu_milli, y->request.cpu_milli},
                       {x->request.forms[0].kind, y->request.forms[0].kind},
                       {x->request.forms[0].count, y->request.forms[0].count},
                       {x->request.forms[0].amount, y->request.forms[0].amount}};
  for (size_t i = 0; i < SG_ARRAY_LEN(keys); i++) {
    if (keys[i][0] != keys[i][1])
      return keys[i][0] < keys[i][1] ? -1 : 1;
  }
  return x->request.products < y->request.products   ? -1
         : x->request.products > y->request.products ? 1
         : x->first < y->first                       ? -1
                                                     : x->first > y->first;
}

static int by_popularity(const void *a, const void *b) {
  const struct merged *x = a, *y = b;
  return x->pods != y->pods ? (x->pods > y->pods ? -1 : 1)
                            : (x->first < y->first ? -1 : x->first > y->first);
}

/* Classes that differ in memory only are one: memory is no part of the measure. */
static size_t merge_classes(const struct sim_trace *trace, struct merged *ret) {
  size_t count = trace->facts.classes, kept = 0;
  for (size_t i = 0; i < count; i++) {
    ret[i] = (struct merged){trace->classes[i], trace->class_counts[i], (uint32_t)i};
    ret[i].request.mem_bytes = 0;
  }
  qsort(ret, count, sizeof(*ret), by_content);
  for (size_t i = 0; i < count; i++) {
    if (kept && is_same_class(&ret[kept - 1].request, &ret[i].request))
      ret[kept - 1].pods += ret[i].pods;
    else
      ret[kept++] = ret[i];
  }
  qsort(ret, kept, sizeof(*ret), by_popularity);
  return kept;
}

void sim_target_init(struct sim_target *target, const struct sim_trace *trace) {
  struct merged *merged = mem_zalloc(trace->facts.classes * sizeof(*merged));
  size_t count = merge_classes(trace, merged);
  size_t most = count < SIM_TARGET_MAX ? count : SIM_TARGET_MAX;
  *target = (struct sim_target){.classes = mem_zalloc(most * sizeof(*target->classes)),
                                .shares = mem_zalloc(most * sizeof(*target->shares))};
  uint64_t covered = 0;
  while (target->count < most && covered * 100 < (uint64_t)trace->facts.pods * 95) {
    covered += merged[target->count].pods;
    target->classes[target->count] = merged[target->count].request;
    target->count++;
  }
  for (size_t i = 0; i < target->count; i++)
    target->shares[i] = (double)merged[i].pods / (double)covered;
  free(merged);
}

void sim_target_done(struct sim_target *target) {
  free(target->classes);
  free(target->shares);
  *target = (struct sim_target){0};
}

struct sim_fragments sim_fragments_of(const struct sim_target *target,
                                      const struct pack_cluster *cluster) {
  const struct pack_catalog *catalog = pack_cluster_catalog(cluster);
  struct sim_fragments sum = {0, 0};
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    uint32_t left = 0;
    for (size_t d = 0; d < node->device_count; d++)
      left += node->devices[d].left;
    if (left == 0)
      continue;
    for (size_t c = 0; c < target->count; c++) {
      const struct pack_request *class = &target->classes[c];
      const struct pack_form *form = &class->forms[0];
      uint32_t too_small = left, unusable = left;
      if (form->kind != PACK_CPU && pack_fit(catalog, node, class) == PACK_FITS) {
        uint32_t needed = form->kind == PACK_FRACTION ? form->amount : PACK_MILLI;
        unusable = too_small = 0;
        for (size_t d = 0; d < node->device_count; d++)
          too_small += node->devices[d].left < needed ? node->devices[d].left : 0;
      }
      sum.gradient_milli += target->shares[c] * too_small;
      sum.node_milli += target->shares[c] * unusable;
    }
  }
  return sum;
}
