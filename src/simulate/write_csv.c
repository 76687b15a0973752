/* SPDX-License-Identifier: Apache-2.0 */
/* Results for spreadsheets: one row a figure. Names have no commas and no quotes. */
#include "src/simulate/simulate_internal.h"

#include <math.h>

static void write_rows(const struct sim_results *results, size_t contender, const char *metric,
                       const double *values, struct buf *out) {
  for (size_t s = 0; s < results->options.seed_count; s++) {
    if (isnan(values[s]))
      continue;
    buf_printf(out, "%s,%s,%s,%llu,%.6f\n", results->suite->name,
               results->contenders[contender].name, metric,
               (unsigned long long)results->options.seeds[s], values[s]);
  }
}

void sim_write_csv(const struct sim_results *results, struct buf *out) {
  buf_append_cstr(out, "suite,policy,metric,seed,value\n");
  for (size_t c = 0; c < results->contender_count; c++) {
    for (size_t m = 0; m < results->metric_count; m++)
      write_rows(results, c, results->metrics[m].name, sim_results_values(results, c, m), out);
    write_rows(results, c, "seconds", sim_results_seconds(results, c), out);
  }
}
