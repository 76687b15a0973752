/* SPDX-License-Identifier: Apache-2.0 */
#include "src/simulate/simulate_internal.h"
void sim_write_chart(const struct sim_results *results, struct buf *out) {
  if (results->suite->chart)
    results->suite->chart(results, out);
}
