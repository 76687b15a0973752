/* SPDX-License-Identifier: Apache-2.0 */
/* Means over seeds and how far they can be trusted. */
#include "src/simulate/simulate_internal.h"

#include <math.h>

double sim_student_95(size_t degrees_of_freedom) {
  static const double table[] = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060,
                                 2.2622,  2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199,
                                 2.1098,  2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
                                 2.0595,  2.0555, 2.0518, 2.0484, 2.0452, 2.0423};
  if (degrees_of_freedom == 0)
    return NAN;
  if (degrees_of_freedom <= SG_ARRAY_LEN(table))
    return table[degrees_of_freedom - 1];
  /* Expansion around the normal quantile: good to four places from 30 on. */
  const double z = 1.959964, z3 = z * z * z, z5 = z3 * z * z;
  double n = (double)degrees_of_freedom;
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n);
}

/* Of a[i] - b[i], or of a[i] when b is NULL. */
static struct sim_stat stat_of(const double *a, const double *b, size_t count) {
  struct sim_stat stat = {0, NAN, NAN};
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++) {
    double value = b ? a[i] - b[i] : a[i];
    if (isnan(value))
      continue;
    sum += value;
    stat.count++;
  }
  if (stat.count == 0)
    return stat;
  stat.mean = sum / (double)stat.count;
  if (stat.count == 1)
    return stat;
  for (size_t i = 0; i < count; i++) {
    double value = b ? a[i] - b[i] : a[i];
    if (!isnan(value))
      squares += (value - stat.mean) * (value - stat.mean);
  }
  double degrees = (double)stat.count - 1;
  stat.ci95 = sim_student_95(stat.count - 1) * sqrt(squares / degrees / (double)stat.count);
  return stat;
}

struct sim_stat sim_stat_of(const double *values, size_t count) {
  return stat_of(values, NULL, count);
}

struct sim_stat sim_stat_paired(const double *a, const double *b, size_t count) {
  return stat_of(a, b, count);
}
