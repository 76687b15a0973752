/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pods of a list become in suites C and D. Pods with whole GPUs and without GPU stay what
 * they are. Who asks for a part of a GPU becomes, by a drawn lot, a MIG pod (45 %), a
 * time-sliced one (25 %), or one that takes either (30 %). Models of the list are left out:
 * there is one product here.
 */
#include "src/simulate/mixed.h"

#include <stdlib.h>

const char *const mixed_kind_names[MIXED_KINDS] = {"cpu", "whole", "mig", "shared", "flexible"};

enum variant { VARIANT_MIG, VARIANT_SHARED, VARIANT_FLEXIBLE, VARIANTS };
static const uint32_t percents[VARIANTS] = {45, 25, 30};

/* The least profile that has the share: of compute slices, or of memory for 1g.20gb. */
static const struct {
  uint16_t milli;
  const char *profile;
} profiles[] = {
    {143, "1g.10gb"}, {250, "1g.20gb"}, {286, "2g.20gb"},
    {429, "3g.40gb"}, {571, "4g.40gb"}, {PACK_MILLI, "7g.80gb"},
};

static struct pack_form slices_for(const struct pack_catalog *catalog, uint16_t milli) {
  size_t i = 0;
  while (i + 1 < SG_ARRAY_LEN(profiles) && milli > profiles[i].milli)
    i++;
  return (struct pack_form){.kind = PACK_SLICES,
                            .count = 1,
                            .amount =
                                pack_catalog_find_profile(catalog, str_of(profiles[i].profile))};
}

static struct pack_form replicas_for(uint16_t milli) {
  enum { MILLI_PER_REPLICA = PACK_MILLI / MIXED_REPLICAS };
  uint16_t replicas = (uint16_t)((milli + MILLI_PER_REPLICA - 1) / MILLI_PER_REPLICA);
  return (struct pack_form){.kind = PACK_REPLICAS, .count = 1, .amount = replicas};
}

static struct pack_request become(const struct pack_catalog *catalog,
                                  const struct pack_request *class, enum variant variant) {
  struct pack_request request = *class;
  request.products = 0;
  uint16_t milli = class->forms[0].amount;
  if (class->forms[0].kind != PACK_FRACTION)
    return request;
  memset(request.forms, 0, sizeof(request.forms));
  request.form_count = 0;
  if (variant != VARIANT_SHARED)
    request.forms[request.form_count++] = slices_for(catalog, milli);
  if (variant != VARIANT_MIG)
    request.forms[request.form_count++] = replicas_for(milli);
  return request;
}

enum mixed_kind mixed_kind_of(const struct pack_request *request) {
  if (request->form_count > 1)
    return MIXED_FLEXIBLE;
  switch (request->forms[0].kind) {
  case PACK_SLICES:
    return MIXED_SLICES;
  case PACK_REPLICAS:
    return MIXED_REPLICA;
  case PACK_CPU:
    return MIXED_CPU;
  default:
    return MIXED_GPUS;
  }
}

int64_t mixed_milli(const struct mixed_pods *pods, const struct pack_request *request) {
  return pack_request_milli(pods->catalog, request, MIXED_REPLICAS);
}

static int compare_cpu(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a;
  int64_t y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* False: no pod has a GPU. */
static bool find_median(struct mixed_pods *pods) {
  const struct sim_trace *trace = pods->trace;
  CLEANUP_FREE int64_t *cpu = mem_zalloc(trace->facts.pods * sizeof(*cpu));
  size_t count = 0;
  for (size_t i = 0; i < trace->facts.pods; i++) {
    const struct pack_request *class = &trace->classes[trace->pods[i]];
    if (class->forms[0].kind != PACK_CPU)
      cpu[count++] = class->cpu_milli;
  }
  if (count == 0)
    return false;
  qsort(cpu, count, sizeof(*cpu), compare_cpu);
  pods->median_cpu_milli = cpu[count / 2];
  return true;
}

bool mixed_pods_init(struct mixed_pods *pods, const struct mixed_catalog *catalog,
                     const struct sim_trace *trace, struct err *reterr) {
  *pods = (struct mixed_pods){.trace = trace, .catalog = catalog->catalog};
  if (!find_median(pods))
    return err_set(reterr, ERR_INVALID, "no pod of the list asks for a GPU");
  pods->count = trace->facts.classes * VARIANTS;
  pods->requests = mem_zalloc(pods->count * sizeof(*pods->requests));
  pods->counts = mem_zalloc(pods->count * sizeof(*pods->counts));
  double sum = 0;
  for (size_t c = 0; c < trace->facts.classes; c++)
    for (size_t v = 0; v < VARIANTS; v++) {
      size_t i = c * VARIANTS + v;
      pods->requests[i] = become(catalog->catalog, &trace->classes[c], (enum variant)v);
      pods->counts[i] = trace->class_counts[c] * percents[v];
      sum += (double)pods->counts[i] * (double)mixed_milli(pods, &pods->requests[i]);
    }
  pods->mean_milli = sum / 100 / (double)trace->facts.pods;
  return true;
}

void mixed_pods_done(struct mixed_pods *pods) {
  free(pods->requests);
  free(pods->counts);
}

const struct pack_request *mixed_pods_draw(const struct mixed_pods *pods, struct sim_random *list,
                                           struct sim_random *forms) {
  size_t class = pods->trace->pods[sim_random_below(list, pods->trace->facts.pods)];
  /* Drawn for every pod, whatever it is: what the next ones become does not depend on it. */
  uint64_t lot = sim_random_below(forms, 100);
  size_t variant = VARIANT_MIG;
  while (variant + 1 < VARIANTS && lot >= percents[variant])
    lot -= percents[variant++];
  return &pods->requests[class * VARIANTS + variant];
}
