/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `simulate mig`, suite B: MIG instances on GPUs that nothing else uses. B1 fills without
 * departures, B2 churns, B3 holds short stories against the exact optimum, B4 plays fixed lists.
 *
 * Names of metrics: what belongs to one mix has its name in front ("skew-big/slices_pct@100");
 * without a name it is the mean over all mixes of the run. When more than one number of GPUs is
 * asked for, that stands in front of both ("n1000/skew-big/slices_pct@100").
 */
#include "src/simulate/mig.h"

#include <math.h>

static const char *const contenders[] = {"slicegate",  "slicegate+1move", "slicegate+2moves",
                                         "firstfit",   "bestfit",         "worstfit",
                                         "roundrobin", "random",          "mfi",
                                         "fgd-masks",  "oracle",          "lp",
                                         NULL};

static struct mig_player player_of(const struct sim_contender *contender) {
  struct str name = str_of(contender->name);
  size_t plus = str_find_char(name, '+');
  struct mig_player player = {.policy = pack_policy_find((struct str){name.ptr, plus})};
  if (plus < name.len)
    player.moves_per_refusal = (uint32_t)(name.ptr[plus + 1] - '0');
  return player;
}

/* ---- metrics ----------------------------------------------------------------------------------
 */

/* What is measured for each mix and number of GPUs, in this order. */
static const struct ground_metric {
  enum sim_mig_part part;
  const char *name, *title, *column;
  uint8_t decimals;
} ground_metrics[] = {
    {SIM_MIG_SATURATION, "slices_pct@80", "slices placed at demand, % of all", "80", 2},
    {SIM_MIG_SATURATION, "slices_pct@100", "slices placed at demand, % of all", "100", 2},
    {SIM_MIG_SATURATION, "slices_pct@120", "slices placed at demand, % of all", "120", 2},
    {SIM_MIG_SATURATION, "accepted_pct@80", "pods placed at demand, %", "80", 2},
    {SIM_MIG_SATURATION, "accepted_pct@100", "pods placed at demand, %", "100", 2},
    {SIM_MIG_SATURATION, "accepted_pct@120", "pods placed at demand, %", "120", 2},
    {SIM_MIG_SATURATION, "gpus_in_use@80", "GPUs in use at demand 80 %", "80", 1},
    {SIM_MIG_CHURN, "acceptance_slice_weighted@0.8", "slices accepted at load, %", "0.8", 2},
    {SIM_MIG_CHURN, "acceptance_slice_weighted@1.0", "slices accepted at load, %", "1.0", 2},
    {SIM_MIG_CHURN, "acceptance_slice_weighted@1.2", "slices accepted at load, %", "1.2", 2},
    {SIM_MIG_CHURN, "acceptance@0.8", "pods accepted at load, %", "0.8", 2},
    {SIM_MIG_CHURN, "acceptance@1.0", "pods accepted at load, %", "1.0", 2},
    {SIM_MIG_CHURN, "acceptance@1.2", "pods accepted at load, %", "1.2", 2},
    {SIM_MIG_CHURN, "gpus_in_use@0.8", "GPUs in use at load", "0.8", 1},
    {SIM_MIG_CHURN, "gpus_in_use@1.0", "GPUs in use at load", "1.0", 1},
    {SIM_MIG_CHURN, "gpus_in_use@1.2", "GPUs in use at load", "1.2", 1},
    {SIM_MIG_CHURN, "frag_pct@0.8", "fragmentation at load, % of all slices", "0.8", 2},
    {SIM_MIG_CHURN, "frag_pct@1.0", "fragmentation at load, % of all slices", "1.0", 2},
    {SIM_MIG_CHURN, "frag_pct@1.2", "fragmentation at load, % of all slices", "1.2", 2},
    {SIM_MIG_CHURN, "moves_per_accepted@0.8", "moves per accepted pod at load", "0.8", 3},
    {SIM_MIG_CHURN, "moves_per_accepted@1.0", "moves per accepted pod at load", "1.0", 3},
    {SIM_MIG_CHURN, "moves_per_accepted@1.2", "moves per accepted pod at load", "1.2", 3},
};
enum { GROUND_METRICS = SG_ARRAY_LEN(ground_metrics), CHURN_AT = 7 };

/* [kind of story][metric] */
static const char *const exact_names[2][3] = {
    {"exact_slices_pct@arrivals", "exact_equal_pct@arrivals", "exact_equal_accepting_pct@arrivals"},
    {"exact_slices_pct@departures", "exact_equal_pct@departures",
     "exact_equal_accepting_pct@departures"},
};
static const char *const exact_titles[3] = {
    "short stories: slices accepted, % of the optimum's",
    "short stories: as much as the optimum, % of stories",
    "short stories: as much as the best who place whatever fits, %",
};
static const char *const exact_columns[2] = {"arrivals only", "with departures"};
enum { STORY_METRICS = 6 };

struct names {
  struct arena *arena;
  struct sim_metric *metrics;
  size_t count;
};

static void add(struct names *names, struct str name, struct str block, const char *column,
                uint8_t decimals) {
  names->metrics[names->count++] = (struct sim_metric){name.ptr, block.ptr, column, decimals};
}

/* "n1000/" when there are several, and its words for a heading. */
static struct str gpus_prefix(struct arena *arena, const struct sim_options *options, size_t g) {
  return options->mig.gpu_count > 1 ? str_printf(arena, "n%u/", options->mig.gpus[g]) : STR_LIT("");
}

static struct str mix_name(struct arena *arena, const struct sim_options *options, size_t m) {
  const struct sim_mig_options *mig = &options->mig;
  if (mig->mix_count + mig->random_mixes == 0)
    return str_of(mig_family_name(m));
  if (m < mig->mix_count)
    return mig->mixes[m].name;
  return str_printf(arena, "random-%zu", m - mig->mix_count);
}

static size_t count_mixes(const struct sim_options *options) {
  size_t count = options->mig.mix_count + options->mig.random_mixes;
  return count ? count : MIG_FAMILIES;
}

static size_t count_gpus(const struct sim_options *options) {
  return options->mig.gpu_count ? options->mig.gpu_count : 1;
}

static void add_ground(struct names *names, const struct sim_options *options, struct str prefix,
                       struct str heading) {
  for (size_t i = 0; i < GROUND_METRICS; i++) {
    const struct ground_metric *metric = &ground_metrics[i];
    if (mig_has_part(options, metric->part))
      add(names, str_printf(names->arena, "%.*s%s", STR_FMT(prefix), metric->name),
          str_printf(names->arena, "%.*s%s", STR_FMT(heading), metric->title), metric->column,
          metric->decimals);
  }
}

/* For each number of GPUs: the mean over the mixes, then every mix; then stories and lists. */
static const struct sim_metric *make_metrics(struct arena *arena, const struct sim_options *options,
                                             size_t *ret_count) {
  size_t mixes = count_mixes(options);
  size_t most = count_gpus(options) * (mixes + 1) * GROUND_METRICS + STORY_METRICS + MIG_LISTS;
  struct names names = {arena, arena_array(arena, most, sizeof(struct sim_metric)), 0};
  for (size_t g = 0; g < count_gpus(options); g++) {
    struct str gpus = gpus_prefix(arena, options, g);
    struct str heading = gpus.len ? str_printf(arena, "%u GPUs, ", options->mig.gpus[g]) : gpus;
    add_ground(&names, options, gpus, str_printf(arena, "%.*sall mixes: ", STR_FMT(heading)));
    for (size_t m = 0; m < mixes; m++) {
      struct str mix = mix_name(arena, options, m);
      add_ground(&names, options, str_printf(arena, "%.*s%.*s/", STR_FMT(gpus), STR_FMT(mix)),
                 str_printf(arena, "%.*s%.*s: ", STR_FMT(heading), STR_FMT(mix)));
    }
  }
  if (mig_has_part(options, SIM_MIG_EXACT))
    for (size_t i = 0; i < 3; i++)
      for (size_t kind = 0; kind < 2; kind++)
        add(&names, str_of(exact_names[kind][i]), str_of(exact_titles[i]), exact_columns[kind], 2);
  if (mig_has_part(options, SIM_MIG_LISTS))
    for (size_t list = 0; list < MIG_LISTS; list++)
      add(&names, str_printf(arena, "list_pct@%s", mig_list_name(list)),
          STR_LIT("fixed lists: accepted of what comes last, %"), mig_list_name(list), 1);
  *ret_count = names.count;
  return names.metrics;
}

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

/* Writes the metrics that are asked for to `values`. */
static bool play_ground(const struct mig_bed *bed, const struct mig_ground *ground,
                        const struct mig_player *player, struct sim_run *run, double *values,
                        struct err *reterr) {
  double all[GROUND_METRICS] = {0};
  if (mig_has_part(run->options, SIM_MIG_SATURATION) &&
      !play_saturation(bed, ground, player, run, all, reterr))
    return false;
  if (mig_has_part(run->options, SIM_MIG_CHURN) &&
      !play_churn(bed, ground, player, run, all + CHURN_AT, reterr))
    return false;
  for (size_t i = 0; i < GROUND_METRICS; i++)
    if (mig_has_part(run->options, ground_metrics[i].part))
      *values++ = all[i];
  return true;
}

/* All mixes on one number of GPUs: the means, then each mix with `each` values. */
static bool play_mixes(const struct mig_bed *bed, size_t g, const struct mig_player *player,
                       struct sim_run *run, double *values, size_t each, struct err *reterr) {
  for (size_t i = 0; i < each; i++)
    values[i] = 0;
  for (size_t m = 0; m < bed->mix_count; m++) {
    double *of_mix = values + (m + 1) * each;
    if (!play_ground(bed, &bed->grounds[m * bed->gpu_count + g], player, run, of_mix, reterr))
      return false;
    for (size_t i = 0; i < each; i++)
      values[i] += of_mix[i] / (double)bed->mix_count;
  }
  return true;
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
  }
  return true;
}

static bool run_mig(struct sim_run *run, struct err *reterr) {
  const struct mig_bed *bed = run->shared;
  struct mig_player player = player_of(&run->contender);
  double *values = run->values;
  size_t each = 0;
  for (size_t i = 0; i < GROUND_METRICS; i++)
    each += mig_has_part(run->options, ground_metrics[i].part);
  for (size_t g = 0; g < bed->gpu_count; g++) {
    if (!play_mixes(bed, g, &player, run, values, each, reterr))
      return false;
    values += (bed->mix_count + 1) * each;
  }
  if (mig_has_part(run->options, SIM_MIG_EXACT)) {
    if (player.policy && !player.moves_per_refusal &&
        !play_stories(bed, &player, run, values, reterr))
      return false;
    values += STORY_METRICS;
  }
  if (mig_has_part(run->options, SIM_MIG_LISTS) && !is_bound(run))
    for (size_t list = 0; list < MIG_LISTS; list++)
      if (!mig_play_list(bed, &bed->grounds[0], list, &player, run, &values[list], reterr))
        return false;
  return true;
}

static bool prepare(const struct sim_options *options, const struct sim_env *env, void **ret,
                    struct err *reterr) {
  *ret = mig_bed_new(options, env, reterr);
  return *ret != NULL;
}

static void release(void *shared) {
  mig_bed_free(shared);
}

const struct sim_suite sim_suite_mig = {
    .name = "mig",
    .summary = "MIG instances: saturation, churn, exact optima of short stories, fixed lists",
    .contenders = contenders,
    .metrics = make_metrics,
    .prepare = prepare,
    .release = release,
    .run = run_mig,
};
