/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `simulate mig`, suite B: MIG instances on GPUs that nothing else uses. B1 fills without
 * departures, B2 churns, B3 holds short stories against the exact optimum, B4 plays fixed lists.
 */
#include "src/simulate/mig.h"

#include <math.h>
#include <stdlib.h>

static const char *const contenders[] = {"slicegate",  "slicegate+1move", "slicegate+2moves",
                                         "firstfit",   "bestfit",         "worstfit",
                                         "roundrobin", "random",          "mfi",
                                         "fgd-masks",  "oracle",          "lp",
                                         NULL};

static struct mig_player player_of(const struct sim_contender *contender) {
  struct str name = str_of(contender->name);
  size_t plus = str_find_char(name, '+');
  struct mig_player player = {.policy = pack_policy_find((struct str){name.ptr, plus})};
  player.is_ours = player.policy && player.policy == pack_policy_find(str_of(contenders[0]));
  if (plus < name.len)
    player.moves_per_refusal = (uint32_t)(name.ptr[plus + 1] - '0');
  return player;
}

enum { CHURN_AT = 7 }; /* of mig_metrics: what saturation tells comes first */

/* ---- one run ----------------------------------------------------------------------------------
 */

static bool is_bound(const struct sim_run *run) {
  return strcmp(run->contender.name, "lp") == 0;
}

static bool play_saturation(const struct mig_bed *bed, const struct mig_ground *ground,
                            const struct mig_player *player, struct sim_run *run, double *ret,
                            struct err *reterr) {
  struct mig_saturation got;
  for (size_t i = 0; i < MIG_DEMANDS; i++)
    got.slices_pct[i] = got.accepted_pct[i] = NAN;
  got.gpus_in_use = NAN;
  if (is_bound(run))
    mig_play_bound(bed, ground, run, &got);
  else if (!mig_play_saturation(bed, ground, player, run, &got, reterr))
    return false;
  for (size_t i = 0; i < MIG_DEMANDS; i++) {
    ret[i] = got.slices_pct[i];
    ret[MIG_DEMANDS + i] = got.accepted_pct[i];
  }
  ret[2 * MIG_DEMANDS] = got.gpus_in_use;
  return true;
}

static bool play_churn(const struct mig_bed *bed, const struct mig_ground *ground,
                       const struct mig_player *player, struct sim_run *run, double *ret,
                       struct err *reterr) {
  static const double loads[MIG_LOADS] = {0.8, 1.0, 1.2};
  for (size_t i = 0; i < MIG_LOADS; i++) {
    struct mig_churn got = {NAN, NAN, NAN, NAN, NAN};
    if (!is_bound(run) && !mig_play_churn(bed, ground, player, run, loads[i], &got, reterr))
      return false;
    ret[i] = got.slices_pct;
    ret[MIG_LOADS + i] = got.accepted_pct;
    ret[2 * MIG_LOADS + i] = got.gpus_in_use;
    ret[3 * MIG_LOADS + i] = got.fragmented_pct;
    ret[4 * MIG_LOADS + i] = got.moves;
  }
  return true;
}

/* All metrics of one mix on one number of GPUs. */
static bool play_ground(const struct mig_bed *bed, const struct mig_ground *ground,
                        const struct mig_player *player, struct sim_run *run,
                        double ret[MIG_METRICS], struct err *reterr) {
  if (mig_has_part(run->options, SIM_MIG_SATURATION) &&
      !play_saturation(bed, ground, player, run, ret, reterr))
    return false;
  return !mig_has_part(run->options, SIM_MIG_CHURN) ||
         play_churn(bed, ground, player, run, ret + CHURN_AT, reterr);
}

/* All mixes on one number of GPUs. Moves *values behind what was written. */
static bool play_mixes(const struct mig_bed *bed, size_t g, const struct mig_player *player,
                       struct sim_run *run, double **values, struct err *reterr) {
  double(*of_mix)[MIG_METRICS] = mem_zalloc(bed->mix_count * sizeof(*of_mix));
  bool is_good = true;
  for (size_t m = 0; m < bed->mix_count && is_good; m++)
    is_good =
        play_ground(bed, &bed->grounds[m * bed->gpu_count + g], player, run, of_mix[m], reterr);
  for (size_t i = 0; i < MIG_METRICS && is_good; i++) {
    if (!mig_has_part(run->options, mig_metrics[i].part))
      continue;
    double *mean = (*values)++;
    *mean = 0;
    for (size_t m = 0; m < bed->mix_count; m++) {
      *(*values)++ = of_mix[m][i];
      *mean += of_mix[m][i] / (double)bed->mix_count;
    }
  }
  free(of_mix);
  return is_good;
}

static bool play_stories(const struct mig_bed *bed, const struct mig_player *player,
                         struct sim_run *run, double *values, struct err *reterr) {
  size_t seed = 0;
  while (bed->seeds[seed] != run->seed)
    seed++;
  struct mig_exactness got[2];
  if (!mig_play_stories(bed, &bed->stories[seed * MIG_STORIES], player, run, got, reterr))
    return false;
  for (size_t kind = 0; kind < 2; kind++) {
    values[kind] = got[kind].slices_pct;
    values[2 + kind] = got[kind].equal_pct;
    values[4 + kind] = got[kind].equal_accepting_pct;
    values[6 + kind] = got[kind].all_pct;
  }
  return true;
}

static bool run_mig(struct sim_run *run, struct err *reterr) {
  const struct mig_bed *bed = run->shared;
  struct mig_player player = player_of(&run->contender);
  double *values = run->values;
  for (size_t g = 0; g < bed->gpu_count; g++)
    if (!play_mixes(bed, g, &player, run, &values, reterr))
      return false;
  if (mig_has_part(run->options, SIM_MIG_EXACT)) {
    if (player.policy && !player.moves_per_refusal &&
        !play_stories(bed, &player, run, values, reterr))
      return false;
    values += (size_t)MIG_STORY_METRICS * 2;
  }
  if (mig_has_part(run->options, SIM_MIG_LISTS) && !is_bound(run))
    for (size_t list = 0; list < MIG_LISTS; list++)
      if (!mig_play_list(bed, &bed->grounds[0], list, &player, run, &values[list], reterr))
        return false;
  return true;
}

/* ---- the suite --------------------------------------------------------------------------------
 */

static const struct sim_input *make_inputs(struct arena *arena, const struct sim_options *options,
                                           size_t *ret_count) {
  const struct sim_mig_options *mig = &options->mig;
  const char *product = mig->product.len ? str_copy(arena, mig->product).ptr : MIG_USUAL_PRODUCT;
  const struct sim_input inputs[] = {
      {"product", product, 0},
      {"mixes", NULL, (double)mig_count_mixes(options)},
      {"mix_seed", NULL, (double)mig->random_seed},
  };
  *ret_count = mig->random_mixes ? 3 : 2;
  struct sim_input *ret = arena_array(arena, SG_ARRAY_LEN(inputs), sizeof(*ret));
  memcpy(ret, inputs, sizeof(inputs));
  return ret;
}

static bool prepare(const struct sim_results *results, const struct sim_env *env, void **ret,
                    struct err *reterr) {
  bool has_bound_only =
      results->contender_count == 1 && strcmp(results->contenders[0].name, "lp") == 0;
  if (has_bound_only && !mig_has_part(&results->options, SIM_MIG_SATURATION))
    return err_set(reterr, ERR_INVALID,
                   "lp bounds part saturation, and nothing else: it would have no figures");
  *ret = mig_bed_new(results, env, reterr);
  return *ret != NULL;
}

static void release(void *shared) {
  mig_bed_free(shared);
}

const struct sim_suite sim_suite_mig = {
    .name = "mig",
    .summary = "MIG instances: saturation, churn, exact optima of short stories, fixed lists",
    .uses_moves = true,
    .contenders = contenders,
    .metrics = mig_metrics_make,
    .inputs = make_inputs,
    .prepare = prepare,
    .release = release,
    .run = run_mig,
    .check = mig_check,
    .chart = mig_draw_chart,
    .check_chart = mig_check_chart,
};
