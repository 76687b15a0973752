/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of suite B's metrics, and where each stands in the values of a run.
 *
 * What belongs to one mix has its name in front ("skew-big/slices_pct@100"); without a name it
 * is the mean over all mixes of the run. When more than one number of GPUs is asked for, that
 * stands in front of both ("n1000/skew-big/slices_pct@100").
 */
#include "src/simulate/mig.h"

const struct mig_metric mig_metrics[MIG_METRICS] = {
    {SIM_MIG_SATURATION, "slices_pct@80", "slices placed when 80 % were asked for, %", 2, true},
    {SIM_MIG_SATURATION, "slices_pct@100", "slices placed when 100 % were asked for, %", 2, false},
    {SIM_MIG_SATURATION, "slices_pct@120", "slices placed when 120 % were asked for, %", 2, true},
    {SIM_MIG_SATURATION, "accepted_pct@80", "pods placed when 80 % were asked for, %", 2, true},
    {SIM_MIG_SATURATION, "accepted_pct@100", "pods placed when 100 % were asked for, %", 2, true},
    {SIM_MIG_SATURATION, "accepted_pct@120", "pods placed when 120 % were asked for, %", 2, true},
    {SIM_MIG_SATURATION, "gpus_in_use@80", "GPUs in use when 80 % were asked for", 1, false},
    {SIM_MIG_CHURN, "acceptance_slice_weighted@0.8", "slices accepted at load 0.8, %", 2, false},
    {SIM_MIG_CHURN, "acceptance_slice_weighted@1.0", "slices accepted at load 1.0, %", 2, false},
    {SIM_MIG_CHURN, "acceptance_slice_weighted@1.2", "slices accepted at load 1.2, %", 2, false},
    {SIM_MIG_CHURN, "acceptance@0.8", "pods accepted at load 0.8, %", 2, true},
    {SIM_MIG_CHURN, "acceptance@1.0", "pods accepted at load 1.0, %", 2, true},
    {SIM_MIG_CHURN, "acceptance@1.2", "pods accepted at load 1.2, %", 2, true},
    {SIM_MIG_CHURN, "gpus_in_use@0.8", "GPUs in use at load 0.8", 1, true},
    {SIM_MIG_CHURN, "gpus_in_use@1.0", "GPUs in use at load 1.0", 1, true},
    {SIM_MIG_CHURN, "gpus_in_use@1.2", "GPUs in use at load 1.2", 1, true},
    {SIM_MIG_CHURN, "frag_pct@0.8", "fragmentation at load 0.8, % of all slices", 2, true},
    {SIM_MIG_CHURN, "frag_pct@1.0", "fragmentation at load 1.0, % of all slices", 2, true},
    {SIM_MIG_CHURN, "frag_pct@1.2", "fragmentation at load 1.2, % of all slices", 2, true},
    {SIM_MIG_CHURN, "moves_per_accepted@0.8", "moves per accepted pod at load 0.8", 3, true},
    {SIM_MIG_CHURN, "moves_per_accepted@1.0", "moves per accepted pod at load 1.0", 3, false},
    {SIM_MIG_CHURN, "moves_per_accepted@1.2", "moves per accepted pod at load 1.2", 3, true},
};

/* [metric][kind of story] */
static const char *const story_names[MIG_STORY_METRICS][2] = {
    {"exact_slices_pct@arrivals", "exact_slices_pct@departures"},
    {"exact_equal_pct@arrivals", "exact_equal_pct@departures"},
    {"exact_equal_accepting_pct@arrivals", "exact_equal_accepting_pct@departures"},
    {"exact_all_pct@arrivals", "exact_all_pct@departures"},
};
static const char *const story_titles[MIG_STORY_METRICS] = {
    "short stories: slices accepted, % of the optimum's",
    "short stories: as much as the optimum, % of stories",
    "short stories: as much as the best who place whatever fits, % of stories",
    "short stories: everything accepted, % of the stories where that can be done",
};
static const char *const story_columns[2] = {"arrivals only", "with departures"};

static struct str mix_name(struct arena *arena, const struct sim_mig_options *mig, size_t m) {
  if (mig->mix_count + mig->random_mixes == 0)
    return str_of(mig_family_name(m));
  if (m < mig->mix_count)
    return mig->mixes[m].name;
  return str_printf(arena, "random-%zu", m - mig->mix_count);
}

size_t mig_count_mixes(const struct sim_options *options) {
  size_t count = options->mig.mix_count + options->mig.random_mixes;
  return count ? count : MIG_FAMILIES;
}

static size_t count_gpus(const struct sim_options *options) {
  return options->mig.gpu_count ? options->mig.gpu_count : 1;
}

struct list {
  struct arena *arena;
  const struct sim_options *options;
  struct sim_metric *items;
  size_t count;
};

/* One metric on one number of GPUs: all mixes, then each. */
static void add_metric(struct list *list, size_t g, const struct mig_metric *metric) {
  enum { SHOWN_MAX = 6 }; /* mixes in a table */
  struct arena *arena = list->arena;
  const struct sim_mig_options *mig = &list->options->mig;
  size_t mixes = mig_count_mixes(list->options);
  bool has_several = mig->gpu_count > 1;
  const char *gpus = has_several ? str_printf(arena, "n%u/", mig->gpus[g]).ptr : "";
  const char *block = has_several
                          ? str_printf(arena, "%u GPUs: %s", mig->gpus[g], metric->title).ptr
                          : metric->title;
  struct sim_metric item = {.block = block, .decimals = metric->decimals};
  item.name = str_printf(arena, "%s%s", gpus, metric->name).ptr;
  item.column = "mean";
  item.is_detail = metric->is_detail;
  list->items[list->count++] = item;
  for (size_t m = 0; m < mixes; m++) {
    struct str mix = mix_name(arena, mig, m);
    item.name = str_printf(arena, "%s%.*s/%s", gpus, STR_FMT(mix), metric->name).ptr;
    item.column = str_printf(arena, "%.*s", STR_FMT(mix)).ptr;
    item.is_detail = metric->is_detail || mixes > SHOWN_MAX;
    list->items[list->count++] = item;
  }
}

static void add_stories(struct list *list) {
  for (size_t i = 0; i < MIG_STORY_METRICS; i++)
    for (size_t kind = 0; kind < 2; kind++)
      list->items[list->count++] = (struct sim_metric){.name = story_names[i][kind],
                                                       .block = story_titles[i],
                                                       .column = story_columns[kind],
                                                       .decimals = 2};
}

static void add_lists(struct list *list) {
  for (size_t i = 0; i < MIG_LISTS; i++)
    list->items[list->count++] =
        (struct sim_metric){.name = str_printf(list->arena, "list_pct@%s", mig_list_name(i)).ptr,
                            .block = "fixed lists: accepted of what comes last, %",
                            .column = mig_list_name(i),
                            .decimals = 1};
}

/* In this order: numbers of GPUs, metrics, mixes; stories; lists. */
const struct sim_metric *mig_metrics_make(struct arena *arena, const struct sim_options *options,
                                          size_t *ret_count) {
  size_t most = count_gpus(options) * (mig_count_mixes(options) + 1) * MIG_METRICS +
                (size_t)MIG_STORY_METRICS * 2 + MIG_LISTS;
  struct list list = {arena, options, arena_array(arena, most, sizeof(struct sim_metric)), 0};
  for (size_t g = 0; g < count_gpus(options); g++)
    for (size_t i = 0; i < MIG_METRICS; i++)
      if (mig_has_part(options, mig_metrics[i].part))
        add_metric(&list, g, &mig_metrics[i]);
  if (mig_has_part(options, SIM_MIG_EXACT))
    add_stories(&list);
  if (mig_has_part(options, SIM_MIG_LISTS))
    add_lists(&list);
  *ret_count = list.count;
  return list.items;
}
