/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all runs of suite B share: the product, the mixes, and for each mix and number of GPUs
 * the empty cluster and the tables that the mix as history gives.
 */
#include "src/simulate/mig.h"

#include <stdio.h>
#include <stdlib.h>

enum {
  CPU_MILLI = 1000,             /* of a pod */
  NODE_CPU_MILLI = 1000 * 1000, /* abundant */
};
static const int64_t mem_bytes = INT64_C(1) << 30;
static const int64_t node_mem_bytes = INT64_C(1) << 50;

/* ---- product and mixes ------------------------------------------------------------------------
 */

static bool unknown_product(struct gpu_products products, struct str id, struct err *reterr) {
  CLEANUP_BUF struct buf known;
  buf_init(&known, 300); /* a text of errors holds no more */
  for (size_t i = 0; i < products.count; i++)
    if (products.items[i].profile_count)
      buf_printf(&known, " %.*s", STR_FMT(products.items[i].id));
  return err_set(reterr, ERR_NOT_FOUND, "no MIG product is called \"%.*s\"; there are:%.*s",
                 STR_FMT(id), STR_FMT(buf_str(&known)));
}

static bool set_product(struct mig_bed *bed, struct gpu_products products, struct str id,
                        struct err *reterr) {
  if (products.count == 0)
    products = products_builtin();
  bed->product = products_find_id(products.items, products.count, id);
  if (!bed->product)
    return unknown_product(products, id, reterr);
  bed->catalog = pack_catalog_new();
  bed->product_number = pack_catalog_add(bed->catalog, bed->product);
  bed->mig = pack_catalog_mig(bed->catalog, bed->product_number);
  if (!bed->mig)
    return err_set(reterr, ERR_INVALID, "placements of MIG instances on %.*s are not known",
                   STR_FMT(id));
  bed->requests = mem_zalloc(bed->mig->profile_count * sizeof(*bed->requests));
  for (uint16_t p = 0; p < bed->mig->profile_count; p++)
    bed->requests[p] =
        pack_request_of(CPU_MILLI, mem_bytes, PACK_SLICES, 1, bed->mig->profiles[p].profile);
  return true;
}

/* What the user asked for; without a wish the suite's own four. */
static bool set_mixes(struct mig_bed *bed, const struct sim_options *options, struct err *reterr) {
  const struct sim_mig_options *wish = &options->mig;
  bool is_default = wish->mix_count == 0 && wish->random_mixes == 0;
  size_t most = wish->mix_count + wish->random_mixes + MIG_FAMILIES;
  bed->mixes = mem_zalloc(most * sizeof(*bed->mixes));
  struct mig_mix *next = bed->mixes;
  for (size_t family = 0; is_default && family < MIG_FAMILIES; family++)
    if (!mig_mix_family(bed->product, bed->mig, family, next++, reterr))
      return false;
  for (size_t i = 0; i < wish->mix_count; i++)
    if (!mig_mix_wished(bed->product, bed->mig, &wish->mixes[i], next++, reterr))
      return false;
  for (size_t i = 0; i < wish->random_mixes; i++)
    if (!mig_mix_random(bed->product, bed->mig, wish->random_seed, i, next++, reterr))
      return false;
  bed->mix_count = (size_t)(next - bed->mixes);
  for (size_t i = 0; i < bed->mix_count; i++)
    for (size_t j = 0; j < i; j++)
      if (strcmp(bed->mixes[i].name, bed->mixes[j].name) == 0)
        return err_set(reterr, ERR_INVALID, "two mixes are called \"%s\"", bed->mixes[i].name);
  return true;
}

/* ---- per mix ------------------------------------------------------------------------------------
 */

/* The most windows of one profile that the layout still has room for. */
static unsigned count_room(const struct pack_mig *mig, uint16_t layout, uint16_t p, uint8_t from) {
  unsigned most = 0;
  for (uint8_t i = from; i < mig->profiles[p].start_count; i++) {
    uint16_t next = pack_mig_next(mig, layout, p, i);
    if (next == PACK_NONE)
      continue;
    unsigned room = 1 + count_room(mig, next, p, (uint8_t)(i + 1));
    most = room > most ? room : most;
  }
  return most;
}

/* Free slices that a pod of the mix cannot use, in the mean: FGD's measure of one GPU. */
static double *make_fragments(const struct pack_mig *mig, const struct mig_mix *mix) {
  double *fragments = mem_zalloc(mig->layout_count * sizeof(*fragments));
  for (uint16_t layout = 0; layout < mig->layout_count; layout++)
    for (size_t w = 0; w < mix->wanted_count; w++)
      fragments[layout] +=
          mix->weights[w] *
          (mig->free[layout] - (double)mix->sizes[w] * count_room(mig, layout, mix->wanted[w], 0));
  return fragments;
}

/* ---- per mix and number of GPUs
 * ------------------------------------------------------------------- */

struct pack_cluster *mig_cluster(const struct mig_bed *bed, uint32_t gpus, struct err *reterr) {
  struct pack_cluster *cluster = pack_cluster_new(bed->catalog);
  const struct pack_device device = {.mode = PACK_MODE_MIG,
                                     .product = (uint8_t)bed->product_number,
                                     .size = bed->mig->axis,
                                     .left = bed->mig->axis};
  for (uint32_t i = 0; i < gpus; i++) {
    char name[32];
    int len = snprintf(name, sizeof(name), "n%06u", i);
    struct pack_node_spec spec = {.name = {name, (size_t)len},
                                  .cpu_milli = NODE_CPU_MILLI,
                                  .mem_bytes = node_mem_bytes,
                                  .devices = &device,
                                  .device_count = 1};
    if (!pack_cluster_set_node(cluster, &spec, reterr)) {
      pack_cluster_free(cluster);
      return NULL;
    }
  }
  return cluster;
}

static struct pack_tables_ref *make_mix_tables(const struct mig_bed *bed,
                                               const struct mig_mix *mix) {
  enum { WEIGHTS = 1 << 20 };
  struct arena *arena = arena_new(4096);
  struct pack_class *classes = arena_array(arena, mix->wanted_count, sizeof(*classes));
  for (size_t w = 0; w < mix->wanted_count; w++) {
    struct pack_class class = {.request = bed->requests[mix->wanted[w]],
                               .weight = (uint32_t)(mix->weights[w] * WEIGHTS)};
    size_t at = w;
    for (; at && classes[at - 1].weight < class.weight; at--)
      classes[at] = classes[at - 1];
    classes[at] = class;
  }
  struct pack_tables tables = {.version = 1, .classes = classes, .class_count = mix->wanted_count};
  return pack_tables_new(arena, &tables);
}

static bool ground_init(struct mig_ground *ground, const struct mig_bed *bed,
                        const struct mig_mix *mix, uint32_t gpus, struct err *reterr) {
  ground->mix = mix;
  ground->gpus = gpus;
  ground->mix_tables = make_mix_tables(bed, mix);
  ground->cluster = mig_cluster(bed, gpus, reterr);
  return ground->cluster != NULL;
}

static void tell_stories(void *arg, size_t seed) {
  struct mig_bed *bed = arg;
  mig_stories_draw(bed, bed->seeds[seed], &bed->stories[seed * MIG_STORIES]);
}

/* A job: what takes time, about a second each. */
static void ground_learn(void *arg, size_t index) {
  struct mig_bed *bed = arg;
  size_t plain = bed->mix_count * bed->gpu_count;
  struct mig_ground *ground =
      index < plain ? &bed->grounds[index] : &bed->exact_grounds[index - plain];
  enum { HISTORY_PODS = 1 << 20 };
  struct pack_request requests[MIG_WANTED_MAX];
  uint32_t counts[MIG_WANTED_MAX];
  for (size_t w = 0; w < ground->mix->wanted_count; w++) {
    requests[w] = bed->requests[ground->mix->wanted[w]];
    counts[w] = (uint32_t)(ground->mix->weights[w] * HISTORY_PODS + 1);
  }
  ground->learner = pricing_learner_new(bed->catalog);
  pricing_learner_history(ground->learner, requests, counts, ground->mix->wanted_count);
  ground->tables = pricing_learner_tables(ground->learner, ground->cluster);
}

static void run_jobs(const struct sim_env *env, size_t count, void (*job)(void *, size_t),
                     struct mig_bed *bed) {
  if (env->run_jobs)
    env->run_jobs(env->ctx, count, job, bed);
  else
    for (size_t i = 0; i < count; i++)
      job(bed, i);
}

static bool set_grounds(struct mig_bed *bed, const struct sim_env *env, struct err *reterr) {
  size_t plain = bed->mix_count * bed->gpu_count;
  size_t exact = bed->exact_mixes * MIG_STORY_GPUS_MAX;
  bed->grounds = mem_zalloc(plain * sizeof(*bed->grounds));
  bed->exact_grounds = mem_zalloc(exact * sizeof(*bed->exact_grounds));
  for (size_t i = 0; i < plain; i++)
    if (!ground_init(&bed->grounds[i], bed, &bed->mixes[i / bed->gpu_count],
                     bed->gpus[i % bed->gpu_count], reterr))
      return false;
  for (size_t i = 0; i < exact; i++)
    if (!ground_init(&bed->exact_grounds[i], bed, &bed->mixes[i / MIG_STORY_GPUS_MAX],
                     (uint32_t)(i % MIG_STORY_GPUS_MAX + 1), reterr))
      return false;
  if (bed->has_ours)
    run_jobs(env, plain + exact, ground_learn, bed);
  return true;
}

/* ---- the whole
 * ------------------------------------------------------------------------------------ */

static void free_grounds(struct mig_ground *grounds, size_t count) {
  for (size_t i = 0; grounds && i < count; i++) {
    pack_cluster_free(grounds[i].cluster);
    pricing_learner_free(grounds[i].learner);
    pack_tables_unref(grounds[i].tables);
    pack_tables_unref(grounds[i].mix_tables);
  }
  free(grounds);
}

void mig_bed_free(struct mig_bed *bed) {
  if (!bed)
    return;
  free_grounds(bed->grounds, bed->mix_count * bed->gpu_count);
  free_grounds(bed->exact_grounds, bed->exact_mixes * MIG_STORY_GPUS_MAX);
  for (size_t i = 0; i < bed->mix_count; i++) {
    if (bed->maximal)
      mig_multisets_done(&bed->maximal[i]);
    if (bed->fragments)
      free(bed->fragments[i]);
  }
  free(bed->maximal);
  free(bed->fragments);
  free(bed->mixes);
  free(bed->gpus);
  free(bed->stories);
  free(bed->requests);
  pack_catalog_free(bed->catalog);
  free(bed);
}

bool mig_has_part(const struct sim_options *options, enum sim_mig_part part) {
  return options->mig.parts == 0 || (options->mig.parts & part) != 0;
}

static void set_gpus(struct mig_bed *bed, const struct sim_mig_options *wish) {
  static const uint32_t usual[] = {100};
  const uint32_t *gpus = wish->gpu_count ? wish->gpus : usual;
  bed->gpu_count = wish->gpu_count ? wish->gpu_count : SG_ARRAY_LEN(usual);
  bed->gpus = mem_zalloc(bed->gpu_count * sizeof(*bed->gpus));
  memcpy(bed->gpus, gpus, bed->gpu_count * sizeof(*bed->gpus));
}

struct mig_bed *mig_bed_new(const struct sim_results *results, const struct sim_env *env,
                            struct err *reterr) {
  const struct sim_options *options = &results->options;
  struct mig_bed *bed = mem_zalloc(sizeof(*bed));
  const char *ours = results->suite->contenders[0];
  for (size_t c = 0; c < results->contender_count; c++)
    bed->has_ours |= strncmp(results->contenders[c].name, ours, strlen(ours)) == 0;
  struct str product = options->mig.product.len ? options->mig.product : STR_LIT(MIG_USUAL_PRODUCT);
  if (!set_product(bed, options->products, product, reterr) || !set_mixes(bed, options, reterr)) {
    mig_bed_free(bed);
    return NULL;
  }
  set_gpus(bed, &options->mig);
  if (mig_has_part(options, SIM_MIG_EXACT))
    bed->exact_mixes = bed->mix_count < MIG_FAMILIES ? bed->mix_count : MIG_FAMILIES;
  bed->maximal = mem_zalloc(bed->mix_count * sizeof(*bed->maximal));
  bed->fragments = mem_zalloc(bed->mix_count * sizeof(*bed->fragments));
  for (size_t i = 0; i < bed->mix_count; i++) {
    const struct mig_mix *mix = &bed->mixes[i];
    bed->maximal[i] = mig_multisets_of(bed->mig, mix->wanted, mix->wanted_count);
    mig_multisets_keep_maximal(&bed->maximal[i], mix->wanted_count);
    bed->fragments[i] = make_fragments(bed->mig, mix);
  }
  if (!set_grounds(bed, env, reterr)) {
    mig_bed_free(bed);
    return NULL;
  }
  if (bed->exact_mixes) {
    bed->seeds = options->seeds;
    bed->seed_count = options->seed_count;
    bed->stories = mem_zalloc(bed->seed_count * MIG_STORIES * sizeof(*bed->stories));
    run_jobs(env, bed->seed_count, tell_stories, bed);
  }
  return bed;
}
