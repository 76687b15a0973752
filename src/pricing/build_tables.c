/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a mix: what packing's decisions read. */
#include "src/pricing/learner.h"

#include <stdlib.h>

enum {
  COVER_PERCENT = 95, /* of the pods, by the most common kinds: F_n's target workload */
  LEVELS_MAX = 40,
  BOUNDS_MAX = 32,
  SIZES_MAX = 256,  /* distinct sizes that bid prices tell apart; rarer ones are left out */
  REPLICAS_MAX = 8, /* distinct numbers of replicas a GPU has */
};

struct builder {
  struct arena *arena;
  const struct pack_catalog *catalog;
  const struct pack_cluster *cluster;
  const struct kind **order; /* most common first */
  size_t count;
  double counted;
  struct pack_tables tables;
};

static int compare_kinds(const void *a, const void *b) {
  const struct kind *x = *(const struct kind *const *)a, *y = *(const struct kind *const *)b;
  if (x->count != y->count)
    return x->count < y->count ? 1 : -1;
  return memcmp(&x->request, &y->request, sizeof(x->request)); /* the same order everywhere */
}

static double share(const struct builder *b, size_t i) {
  return b->order[i]->count / b->counted;
}

/* Milli-GPU of a pod; replicas by the first shared device of the cluster. */
static double milli_of(const struct builder *b, const struct pack_request *request) {
  uint16_t replicas = b->tables.shared_count ? b->tables.shared[0].replicas : 0;
  return (double)pack_request_milli(b->catalog, request, replicas);
}

/* ---- the target workload -----------------------------------------------------------------------
 */

static void build_classes(struct builder *b) {
  struct pack_class *classes = arena_array(b->arena, b->count, sizeof(*classes));
  double covered = 0;
  size_t n = 0;
  while (n < b->count && covered * 100 < COVER_PERCENT) {
    classes[n].request = b->order[n]->request;
    classes[n].weight = (uint32_t)(share(b, n) * (1 << 20) + 0.5);
    covered += share(b, n++);
  }
  b->tables.classes = classes;
  b->tables.class_count = n;
}

static void build_means(struct builder *b) {
  double cpu = 0, memory = 0, milli = 0;
  for (size_t i = 0; i < b->count; i++) {
    const struct pack_request *request = &b->order[i]->request;
    double here = milli_of(b, request);
    if (here <= 0)
      continue;
    milli += share(b, i) * here;
    cpu += share(b, i) * (double)request->cpu_milli;
    memory += share(b, i) * (double)request->mem_bytes;
  }
  if (milli <= 0)
    return;
  b->tables.milli_per_pod = (uint32_t)(milli * 1024 + 0.5);
  b->tables.cpu_per_gpu = (int64_t)(cpu / milli * PACK_MILLI + 0.5);
  b->tables.mem_per_gpu = (int64_t)(memory / milli * PACK_MILLI + 0.5);
}

/* ---- bid prices
 * ------------------------------------------------------------------------------------- */

/* The sizes that pods ask for of a device of this mode, and how often. */
static size_t collect_sizes(const struct builder *b, enum pack_kind part, uint16_t capacity,
                            uint16_t *sizes, double *weights) {
  size_t n = 0;
  for (size_t i = 0; i < b->count; i++) {
    const struct pack_request *request = &b->order[i]->request;
    for (uint32_t f = 0; f < request->form_count; f++) {
      const struct pack_form *form = &request->forms[f];
      uint16_t size = form->kind == part ? form->amount : 0;
      double times = share(b, i);
      if (form->kind == PACK_WHOLE && part == PACK_FRACTION) {
        size = capacity;
        times *= form->count;
      }
      if (size == 0 || size > capacity || times <= 0)
        continue;
      size_t at = 0;
      while (at < n && sizes[at] != size)
        at++;
      if (at == n && n == SIZES_MAX)
        continue;
      if (at == n)
        weights[n] = 0;
      sizes[at] = size;
      weights[at] += times;
      n = at == n ? n + 1 : n;
    }
  }
  return n;
}

static void build_prices(struct builder *b) {
  uint16_t sizes[SIZES_MAX];
  double weights[SIZES_MAX];
  size_t n = collect_sizes(b, PACK_FRACTION, PACK_MILLI, sizes, weights);
  pricing_bid_prices(sizes, weights, n, PACK_MILLI, b->tables.prices, &b->tables.waste_ppm);
}

static bool has_replicas(const struct builder *b, uint16_t replicas) {
  for (size_t i = 0; i < b->tables.shared_count; i++)
    if (b->tables.shared[i].replicas == replicas)
      return true;
  return false;
}

static void build_shared(struct builder *b) {
  if (pack_cluster_totals(b->cluster)->modes[PACK_MODE_SHARED].devices == 0)
    return;
  struct pack_replica_prices *all = arena_array(b->arena, REPLICAS_MAX, sizeof(*all));
  b->tables.shared = all;
  for (size_t i = 0; i < pack_cluster_count(b->cluster); i++) {
    const struct pack_node *node = pack_cluster_node(b->cluster, i);
    for (uint16_t d = 0; d < node->device_count; d++) {
      uint16_t replicas = node->devices[d].size;
      if (node->devices[d].mode != PACK_MODE_SHARED || has_replicas(b, replicas) ||
          b->tables.shared_count == REPLICAS_MAX)
        continue;
      uint16_t sizes[SIZES_MAX];
      double weights[SIZES_MAX];
      uint32_t waste;
      int32_t *prices = arena_array(b->arena, (size_t)replicas + 1, sizeof(*prices));
      size_t n = collect_sizes(b, PACK_REPLICAS, replicas, sizes, weights);
      pricing_bid_prices(sizes, weights, n, replicas, prices, &waste);
      all[b->tables.shared_count++] = (struct pack_replica_prices){replicas, prices};
    }
  }
}

/* ---- pods with several GPUs
 * ---------------------------------------------------------------------------- */

static uint16_t several_gpus(const struct pack_request *request) {
  const struct pack_form *form = &request->forms[0];
  return form->kind == PACK_WHOLE && form->count > 1 ? form->count : 0;
}

static void build_levels(struct builder *b) {
  struct pack_level *levels = arena_array(b->arena, LEVELS_MAX, sizeof(*levels));
  size_t n = 0;
  for (size_t i = 0; i < b->count && n < LEVELS_MAX; i++) {
    const struct pack_request *request = &b->order[i]->request;
    uint16_t gpus = several_gpus(request);
    if (!gpus)
      continue;
    double demand = 0;
    for (size_t k = 0; k < b->count; k++) {
      const struct pack_request *other = &b->order[k]->request;
      uint16_t more = several_gpus(other);
      bool overlaps =
          !request->products || !other->products || (request->products & other->products);
      if (more >= gpus && overlaps)
        demand += share(b, k) * more / gpus;
    }
    levels[n++] = (struct pack_level){.gpus = gpus,
                                      .cpu_milli = request->cpu_milli,
                                      .mem_bytes = request->mem_bytes,
                                      .products = request->products,
                                      .demand = (uint32_t)(demand * (1 << 20) + 0.5)};
  }
  b->tables.levels = levels;
  b->tables.level_count = n;
}

/* ---- pods bound to products
 * -------------------------------------------------------------------------------- */

static void build_bounds(struct builder *b) {
  struct pack_bound *bounds = arena_array(b->arena, BOUNDS_MAX, sizeof(*bounds));
  double milli[BOUNDS_MAX] = {0};
  size_t n = 0;
  for (size_t i = 0; i < b->count; i++) {
    const struct pack_request *request = &b->order[i]->request;
    if (!request->products || milli_of(b, request) <= 0)
      continue;
    size_t at = 0;
    while (at < n && bounds[at].products != request->products)
      at++;
    if (at == n && n++ == BOUNDS_MAX) {
      n = BOUNDS_MAX;
      continue;
    }
    bounds[at].products = request->products;
    milli[at] += share(b, i) * milli_of(b, request);
  }
  for (size_t i = 0; i < n; i++)
    bounds[i].milli_per_pod = (uint32_t)(milli[i] * 1024 + 0.5);
  b->tables.bounds = bounds;
  b->tables.bound_count = n;
}

/* ---- MIG
 * --------------------------------------------------------------------------------------------------------
 */

/* GPUs in MIG mode by product. */
static void count_gpus(const struct pack_cluster *cluster, uint32_t gpus[PACK_PRODUCTS_MAX]) {
  for (size_t i = 0; i < pack_cluster_count(cluster); i++) {
    const struct pack_node *node = pack_cluster_node(cluster, i);
    for (uint16_t d = 0; d < node->device_count; d++)
      gpus[node->devices[d].product] += node->devices[d].mode == PACK_MODE_MIG;
  }
}

/* Instances of each profile of the product in an arriving pod; without any, one of each: the
 * mix that assumes nothing. */
static void weigh_profiles(const struct builder *b, const struct pack_mig *mig, double *weights) {
  double sum = 0;
  for (size_t i = 0; i < b->count; i++) {
    const struct pack_request *request = &b->order[i]->request;
    for (uint32_t f = 0; f < request->form_count; f++) {
      const struct pack_form *form = &request->forms[f];
      uint16_t p = form->kind == PACK_SLICES ? pack_mig_find(mig, form->amount) : PACK_NONE;
      if (p == PACK_NONE)
        continue;
      weights[p] += share(b, i) * form->count;
      sum += share(b, i) * form->count;
    }
  }
  if (sum > 0)
    return;
  for (uint16_t p = 0; p < mig->profile_count; p++)
    weights[p] = mig->profiles[p].limit ? 0 : 1;
}

static void build_migs(struct builder *b) {
  uint32_t gpus[PACK_PRODUCTS_MAX] = {0};
  count_gpus(b->cluster, gpus);
  struct pack_mig_values *all = arena_array(b->arena, PACK_PRODUCTS_MAX, sizeof(*all));
  size_t n = 0;
  for (size_t product = 0; product < pack_catalog_count(b->catalog); product++) {
    const struct pack_mig *mig =
        gpus[product] ? pack_catalog_mig(b->catalog, (uint16_t)product) : NULL;
    if (!mig)
      continue;
    double *weights = arena_array(b->arena, mig->profile_count, sizeof(*weights));
    int32_t *values[PACK_LOADS];
    for (size_t load = 0; load < PACK_LOADS; load++)
      values[load] = arena_array(b->arena, mig->layout_count, sizeof(*values[load]));
    weigh_profiles(b, mig, weights);
    pricing_mig_values(mig, weights, gpus[product], values);
    all[n].product = (uint16_t)product;
    for (size_t load = 0; load < PACK_LOADS; load++)
      all[n].values[load] = values[load];
    n++;
  }
  b->tables.migs = all;
  b->tables.mig_count = n;
}

/* ---- modes -------------------------------------------------------------------------------- */

static enum pack_mode mode_of(const struct pack_form *form) {
  return form->kind == PACK_SLICES     ? PACK_MODE_MIG
         : form->kind == PACK_REPLICAS ? PACK_MODE_SHARED
                                       : PACK_MODE_WHOLE;
}

static void build_pools(struct builder *b) {
  double milli[PACK_MODES] = {0};
  for (size_t i = 0; i < b->count; i++) {
    const struct pack_request *request = &b->order[i]->request;
    double most[PACK_MODES] = {0};
    for (uint32_t f = 0; f < request->form_count; f++) {
      struct pack_request one = *request;
      one.forms[0] = request->forms[f];
      enum pack_mode mode = mode_of(&request->forms[f]);
      double here = milli_of(b, &one);
      most[mode] = here > most[mode] ? here : most[mode];
    }
    for (size_t mode = 0; mode < PACK_MODES; mode++)
      milli[mode] += share(b, i) * most[mode];
  }
  for (size_t mode = 0; mode < PACK_MODES; mode++)
    b->tables.pools[mode] = (uint32_t)(milli[mode] * 1024 + 0.5);
}

double mig_milli_per_pod(const struct pack_catalog *catalog, const struct kind *kinds,
                         size_t count) {
  double milli = 0, pods = 0;
  for (size_t i = 0; i < count; i++) {
    if (kinds[i].request.forms[0].kind != PACK_SLICES)
      continue;
    milli += kinds[i].count * (double)pack_request_milli(catalog, &kinds[i].request, 0);
    pods += kinds[i].count;
  }
  return pods > 0 ? milli / pods : 0;
}

struct pack_tables_ref *build_tables(const struct pack_catalog *catalog,
                                     const struct pack_cluster *cluster, const struct kind *kinds,
                                     size_t count, double counted, uint32_t version) {
  struct arena *arena = arena_new(256 * 1024);
  struct builder b = {.arena = arena,
                      .catalog = catalog,
                      .cluster = cluster,
                      .order = arena_array(arena, count, sizeof(*b.order)),
                      .count = count,
                      .counted = counted > 0 ? counted : 1,
                      .tables = {.version = version}};
  for (size_t i = 0; i < count; i++)
    b.order[i] = &kinds[i];
  qsort(b.order, count, sizeof(*b.order), compare_kinds);
  build_shared(&b);
  build_classes(&b);
  build_means(&b);
  build_prices(&b);
  build_levels(&b);
  build_bounds(&b);
  build_pools(&b);
  build_migs(&b);
  return pack_tables_new(arena, &b.tables);
}
