/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baselines of suite B against an independent implementation of them, and ours against the best
 * of them, mix by mix.
 */
#include "src/simulate/mig.h"

#include <math.h>

/* ---- are the baselines what they should be? ----------------------------------------------------
 */

enum { METRICS = 4 };
static const char *const metrics[METRICS] = {"slices_pct@100", "acceptance_slice_weighted@0.8",
                                             "acceptance_slice_weighted@1.0",
                                             "acceptance_slice_weighted@1.2"};

/* Means of 20 seeds on 100 H100 80GB, of another program with other random numbers. */
static const struct {
  const char *mix, *policy;
  double values[METRICS];
} measured[] = {
    {"uniform", "firstfit", {97.88, 98.27, 87.26, 74.90}},
    {"uniform", "bestfit", {97.97, 99.18, 89.36, 76.22}},
    {"uniform", "worstfit", {68.41, 68.51, 62.88, 58.01}},
    {"uniform", "mfi", {97.59, 99.38, 89.85, 76.23}},
    {"uniform", "fgd-masks", {97.88, 99.54, 91.27, 77.99}},
    {"uniform", "oracle", {99.78, 99.87, 94.04, 81.06}},
    {"skew-small", "firstfit", {96.59, 99.09, 89.17, 76.93}},
    {"skew-small", "bestfit", {96.66, 99.66, 90.41, 77.49}},
    {"skew-small", "mfi", {95.97, 99.61, 89.25, 75.34}},
    {"skew-small", "fgd-masks", {96.26, 98.23, 89.33, 77.97}},
    {"skew-small", "oracle", {99.79, 99.98, 95.03, 81.76}},
    {"skew-big", "firstfit", {97.74, 97.65, 85.72, 73.67}},
    {"skew-big", "bestfit", {97.65, 98.67, 88.02, 75.75}},
    {"skew-big", "mfi", {97.77, 99.36, 90.32, 77.42}},
    {"skew-big", "fgd-masks", {97.94, 99.42, 90.63, 77.86}},
    {"skew-big", "oracle", {99.37, 99.78, 93.30, 80.88}},
    {"bimodal", "firstfit", {97.40, 97.59, 85.31, 72.64}},
    {"bimodal", "bestfit", {97.47, 98.93, 88.68, 75.66}},
    {"bimodal", "mfi", {97.14, 99.01, 88.90, 75.56}},
    {"bimodal", "fgd-masks", {97.96, 99.20, 89.80, 76.75}},
    {"bimodal", "oracle", {99.42, 99.77, 93.29, 80.67}},
};

/* Three standard errors of the difference of two means of 20 seeds, where it is largest. */
static const double tolerance_of_20 = 1.2;

static double mean_of(const struct sim_results *results, size_t contender, size_t metric) {
  return sim_stat_of(sim_results_values(results, contender, metric), results->options.seed_count)
      .mean;
}

static bool is_reference(const struct sim_options *options) {
  const struct sim_mig_options *mig = &options->mig;
  bool is_usual_product = mig->product.len == 0 || str_is(mig->product, MIG_USUAL_PRODUCT);
  bool is_usual_size = mig->gpu_count == 0 || (mig->gpu_count == 1 && mig->gpus[0] == 100);
  return is_usual_product && is_usual_size && mig->mix_count == 0 && mig->random_mixes == 0;
}

static bool check_baselines(const struct sim_results *results, struct buf *out) {
  double seeds = (double)results->options.seed_count;
  double tolerance = tolerance_of_20 * sqrt(fmax(20 / seeds, 1));
  size_t compared = 0;
  size_t off_count = 0;
  for (size_t i = 0; i < SG_ARRAY_LEN(measured); i++) {
    size_t contender = sim_results_find_contender(results, measured[i].policy);
    for (size_t j = 0; j < METRICS && contender != SIZE_MAX; j++) {
      CLEANUP_BUF struct buf name;
      buf_init(&name, 100);
      buf_printf(&name, "%s/%s", measured[i].mix, metrics[j]);
      size_t metric = sim_results_find_metric(results, name.ptr);
      if (metric == SIZE_MAX)
        continue;
      double off = mean_of(results, contender, metric) - measured[i].values[j];
      compared++;
      if (fabs(off) <= tolerance)
        continue;
      off_count++;
      buf_printf(out, "reference: %s %s is off by %+.2f, tolerance %.2f\n", measured[i].policy,
                 name.ptr, off, tolerance);
    }
  }
  if (compared && !off_count)
    buf_printf(out,
               "reference: %zu figure%s of baselines %s within %.2f of an independent "
               "implementation\n",
               compared, compared == 1 ? "" : "s", compared == 1 ? "is" : "are", tolerance);
  return off_count == 0;
}

/* ---- ours against the best of them -------------------------------------------------------------
 */

static const char *const rivals[] = {"bestfit", "mfi", "fgd-masks"};

/* The best rival's mean; NAN: none takes part. */
static double best_rival(const struct sim_results *results, size_t metric) {
  double best = NAN;
  for (size_t i = 0; i < SG_ARRAY_LEN(rivals); i++) {
    size_t contender = sim_results_find_contender(results, rivals[i]);
    if (contender != SIZE_MAX)
      best = fmax(best, mean_of(results, contender, metric));
  }
  return best;
}

/* "the best of bestfit, mfi": those that take part. */
static void print_rivals(const struct sim_results *results, struct buf *out) {
  const char *names[SG_ARRAY_LEN(rivals)];
  size_t count = 0;
  for (size_t i = 0; i < SG_ARRAY_LEN(rivals); i++)
    if (sim_results_find_contender(results, rivals[i]) != SIZE_MAX)
      names[count++] = rivals[i];
  for (size_t i = 0; i < count; i++)
    buf_printf(out, "%s%s", i ? ", " : count > 1 ? "the best of " : "", names[i]);
}

/* Over all mixes of this metric, which stand side by side behind their mean. */
static void compare(const struct sim_results *results, size_t ours, size_t mean, struct buf *out) {
  size_t mixes = mig_count_mixes(&results->options);
  double sum = 0;
  double least = INFINITY;
  const char *where = "";
  for (size_t metric = mean + 1; metric <= mean + mixes; metric++) {
    double gain = mean_of(results, ours, metric) - best_rival(results, metric);
    sum += gain;
    if (gain < least) {
      least = gain;
      where = results->metrics[metric].column;
    }
  }
  if (isnan(sum))
    return;
  buf_printf(out, "%s: slicegate is %+.2f above ", results->metrics[mean].name,
             sum / (double)mixes);
  print_rivals(results, out);
  buf_printf(out, " for each mix in the mean of %zu mix%s; least %+.2f (%s)\n", mixes,
             mixes == 1 ? "" : "es", least, where);
}

static bool ends_with(const char *name, const char *end) {
  size_t len = strlen(name);
  size_t want = strlen(end);
  return len >= want && strcmp(name + len - want, end) == 0;
}

static void compare_all(const struct sim_results *results, struct buf *out) {
  size_t ours = sim_results_find_contender(results, "slicegate");
  size_t mixes = mig_count_mixes(&results->options);
  for (size_t metric = 0; metric < results->metric_count && ours != SIZE_MAX; metric++)
    for (size_t j = 0; j < METRICS; j++)
      if (ends_with(results->metrics[metric].name, metrics[j])) {
        compare(results, ours, metric, out);
        metric += mixes;
        break;
      }
}

bool mig_check(const struct sim_results *results, struct buf *out) {
  bool is_good = !is_reference(&results->options) || check_baselines(results, out);
  compare_all(results, out);
  return is_good;
}
