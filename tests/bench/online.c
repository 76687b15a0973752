/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What could anybody do in B3? The stories of `simulate mig` without departures, played by the
 * best policy there is that places what fits and does not know what comes: a dynamic program over
 * all states of up to three GPUs, which knows the mix and even how long the story will be.
 *
 *   online FIRST_SEED SEEDS
 *
 * Prints JSON: its slices in percent of the optimum's that knows the story, and the share of
 * stories in which it has as many as that optimum and as the best that places what fits.
 */
#include "src/simulate/mig.h"

#include <stdio.h>
#include <stdlib.h>

enum { AXIS = 8, FAMILIES = MIG_FAMILIES };

struct table {
  const struct pack_mig *mig;
  const struct mig_mix *mix;
  uint32_t gpus;
  /* [events to come]: by occupied slices, AXIS bits a GPU, GPUs in ascending order; 1 + expected
   * slices, or 0 when not yet known. Pages that nobody reaches take no memory. */
  float *values[MIG_STORY_MAX + 1];
};

static uint32_t in_order(uint32_t state, uint32_t gpus) {
  uint8_t masks[MIG_STORY_GPUS_MAX];
  uint32_t sorted = 0;
  for (uint32_t gpu = 0; gpu < gpus; gpu++) {
    uint8_t mask = (uint8_t)(state >> gpu * AXIS);
    uint32_t at = gpu;
    for (; at && masks[at - 1] > mask; at--)
      masks[at] = masks[at - 1];
    masks[at] = mask;
  }
  for (uint32_t gpu = 0; gpu < gpus; gpu++)
    sorted |= (uint32_t)masks[gpu] << gpu * AXIS;
  return sorted;
}

static double value_of(struct table *table, uint32_t state, size_t left);

/* The best place for a pod of the mix; false: it fits nowhere. */
static bool place(struct table *table, uint32_t state, size_t wanted, size_t left,
                  double *ret_value, uint32_t *ret_state) {
  const struct pack_mig_profile *profile = &table->mig->profiles[table->mix->wanted[wanted]];
  uint32_t window = ((uint32_t)1 << profile->size) - 1;
  bool fits = false;
  for (uint32_t gpu = 0; gpu < table->gpus; gpu++)
    for (uint8_t i = 0; i < profile->start_count; i++) {
      uint32_t taken = window << (gpu * AXIS + profile->starts[i]);
      if (state & taken)
        continue;
      uint32_t next = in_order(state | taken, table->gpus);
      double value = profile->size + value_of(table, next, left - 1);
      if (fits && value <= *ret_value)
        continue;
      fits = true;
      *ret_value = value;
      *ret_state = next;
    }
  return fits;
}

/* Expected slices of `left` more arrivals. Recursion is as deep as the story is long. */
static double value_of(struct table *table, uint32_t state, size_t left) {
  if (left == 0)
    return 0;
  float *known = &table->values[left][state];
  if (*known > 0)
    return *known - 1;
  double sum = 0;
  for (size_t w = 0; w < table->mix->wanted_count; w++) {
    double value;
    uint32_t next;
    if (!place(table, state, w, left, &value, &next))
      value = value_of(table, state, left - 1);
    sum += table->mix->weights[w] * value;
  }
  *known = (float)(sum + 1);
  return sum;
}

static uint32_t play(struct table *table, const struct mig_story *story) {
  uint32_t state = 0, slices = 0;
  for (size_t e = 0; e < story->count; e++) {
    size_t wanted = 0;
    while (table->mix->wanted[wanted] != story->events[e].profile)
      wanted++;
    double value;
    if (place(table, state, wanted, story->count - e, &value, &state))
      slices += table->mix->sizes[wanted];
  }
  return slices;
}

struct sums {
  double stories, slices, best, equal, equal_accepting;
};

static void play_all(struct table *table, const struct mig_told_story *told, size_t count,
                     size_t mix, struct sums *sums) {
  for (size_t left = 1; left <= MIG_STORY_MAX; left++)
    table->values[left] = mem_zalloc(sizeof(float) << AXIS * table->gpus);
  for (size_t i = 0; i < count; i++) {
    if (told[i].has_departures || told[i].mix != mix || told[i].story.gpus != table->gpus)
      continue;
    uint32_t slices = play(table, &told[i].story);
    sums->stories++;
    sums->slices += slices;
    sums->best += told[i].best;
    sums->equal += slices >= told[i].best;
    sums->equal_accepting += slices >= told[i].best_accepting;
  }
  for (size_t left = 1; left <= MIG_STORY_MAX; left++)
    free(table->values[left]);
}

int main(int argc, char **argv) {
  char *end1, *end2;
  uint64_t first = argc == 3 ? strtoull(argv[1], &end1, 10) : 0;
  uint64_t seeds = argc == 3 ? strtoull(argv[2], &end2, 10) : 0;
  if (seeds < 1 || seeds > 1000 || *end1 || *end2) {
    fputs("usage: online FIRST_SEED SEEDS\n", stderr);
    return 2;
  }
  size_t product_count;
  const struct gpu_product *products = products_all(&product_count);
  const struct gpu_product *product =
      products_find_id(products, product_count, STR_LIT("h100-80gb"));
  struct pack_catalog *catalog = pack_catalog_new();
  const struct pack_mig *mig = pack_catalog_mig(catalog, pack_catalog_add(catalog, product));
  struct mig_mix mixes[FAMILIES];
  struct err err;
  for (size_t family = 0; family < FAMILIES; family++)
    if (!mig_mix_family(product, mig, family, &mixes[family], &err))
      abort();
  struct mig_bed bed = {.mig = mig, .mixes = mixes, .exact_mixes = FAMILIES};
  size_t count = (size_t)seeds * MIG_STORIES;
  struct mig_told_story *told = mem_zalloc(count * sizeof(*told));
  for (uint64_t seed = 0; seed < seeds; seed++)
    mig_stories_draw(&bed, first + seed, told + seed * MIG_STORIES);
  struct sums sums = {0};
  for (size_t mix = 0; mix < FAMILIES; mix++)
    for (uint32_t gpus = 1; gpus <= MIG_STORY_GPUS_MAX; gpus++) {
      struct table table = {.mig = mig, .mix = &mixes[mix], .gpus = gpus};
      play_all(&table, told, count, mix, &sums);
    }
  printf("{\"stories\": %.0f, \"slices_pct\": %.2f, \"equal_pct\": %.2f, "
         "\"equal_accepting_pct\": %.2f}\n",
         sums.stories, 100 * sums.slices / sums.best, 100 * sums.equal / sums.stories,
         100 * sums.equal_accepting / sums.stories);
  free(told);
  pack_catalog_free(catalog);
  return 0;
}
