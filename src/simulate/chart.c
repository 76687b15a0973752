/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A curve of every contender as an SVG picture. Colours follow the reader's light or dark mode;
 * every line carries its name at its end, so that nobody has to tell colours apart.
 */
#include "src/simulate/simulate_internal.h"

#include <math.h>
#include <stdlib.h>

enum {
  WIDTH = 900,
  HEIGHT = 500,
  LEFT = 62,
  RIGHT = 640, /* of the plot; names stand behind it */
  TOP = 66,
  BOTTOM = 444,
  LABEL_STEP = 18, /* least distance of two names */
  COLOURS = 8,     /* the first is ours alone */
};

struct axis {
  double low, high, step;
};

struct chart {
  const struct sim_results *results;
  const struct sim_curve *curve;
  struct buf *out;
  struct axis x, y;
};

struct label {
  size_t contender;
  double value, at; /* the line's end, and where its name goes */
};

/* ---- scales --------------------------------------------------------------------------------- */

static double x_at(const struct chart *chart, double x) {
  return LEFT + (x - chart->x.low) / (chart->x.high - chart->x.low) * (RIGHT - LEFT);
}

static double y_at(const struct chart *chart, double y) {
  return BOTTOM - (y - chart->y.low) / (chart->y.high - chart->y.low) * (BOTTOM - TOP);
}

/* Ticks at 1, 2 or 5 times a power of ten, about `count` of them. */
static double tick_step(double span, double count) {
  double rough = span / count, power = pow(10, floor(log10(rough)));
  double factor = rough / power;
  return power * (factor < 1.5 ? 1 : factor < 3.5 ? 2 : factor < 7.5 ? 5 : 10);
}

static double mean_at(const struct chart *chart, size_t contender, size_t point) {
  return sim_stat_of(sim_results_points(chart->results, contender, point),
                     chart->results->options.seed_count)
      .mean;
}

static double x_of(const struct chart *chart, size_t point) {
  return chart->curve->x_first + (double)point * chart->curve->x_step;
}

static bool find_axes(struct chart *chart) {
  double low = INFINITY, high = -INFINITY, last = -INFINITY;
  for (size_t c = 0; c < chart->results->contender_count; c++) {
    for (size_t p = 0; p < chart->curve->count; p++) {
      double y = mean_at(chart, c, p);
      if (isnan(y))
        continue;
      low = fmin(low, y);
      high = fmax(high, y);
      last = fmax(last, x_of(chart, p));
    }
  }
  if (!(last > chart->curve->x_first))
    return false;
  chart->x = (struct axis){chart->curve->x_first, last, tick_step(last - chart->curve->x_first, 8)};
  if (chart->curve->y_high > chart->curve->y_low) {
    low = chart->curve->y_low;
    high = chart->curve->y_high;
  }
  double span = high - low > 1e-9 ? high - low : 1;
  double step = tick_step(span, 7);
  /* A little air above the best line. */
  chart->y =
      (struct axis){floor(low / step) * step, ceil((high + span * 0.04) / step) * step, step};
  return true;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static void draw_style(struct buf *out) {
  static const char *const light[COLOURS] = {"#1d6fd6", "#75736d", "#0f8a5f", "#8e44ad",
                                             "#b07d00", "#c2337f", "#0e7c8b", "#d1490c"};
  static const char *const dark[COLOURS] = {"#5aa2ff", "#a3a19a", "#3ecf95", "#c78be6",
                                            "#e0b33c", "#f57bb8", "#45c1d1", "#ff8a4c"};
  buf_append_cstr(out, "<style>\n"
                       "text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,"
                       "sans-serif;font-size:13px;fill:#52514e}\n"
                       ".title{font-size:17px;font-weight:600;fill:#1a1a19}\n"
                       ".ours{font-weight:700;fill:#1a1a19}\n"
                       ".back{fill:#ffffff}.grid{stroke:#e4e3df}.axis{stroke:#a5a49f}\n"
                       ".all{stroke:#a5a49f;stroke-dasharray:2 4;fill:none}\n"
                       ".line{fill:none;stroke-width:1.8;stroke-linejoin:round}"
                       ".wide{stroke-width:3.4}.lead{fill:none;stroke-width:1}\n");
  for (size_t i = 0; i < COLOURS; i++)
    buf_printf(out, ".c%zu{stroke:%s}", i, light[i]);
  buf_append_cstr(out, "\n@media (prefers-color-scheme:dark){\n"
                       "text{fill:#b9b8b2}.title,.ours{fill:#f3f2ee}.back{fill:#161615}"
                       ".grid{stroke:#2f2e2c}.axis,.all{stroke:#6d6c68}\n");
  for (size_t i = 0; i < COLOURS; i++)
    buf_printf(out, ".c%zu{stroke:%s}", i, dark[i]);
  buf_append_cstr(out, "\n}\n</style>\n");
}

static size_t colour_of(size_t contender) {
  return contender == 0 ? 0 : 1 + (contender - 1) % (COLOURS - 1);
}

/* Lines of the same colour differ in their dashes. */
static const char *dashes_of(size_t contender) {
  static const char *const dashes[] = {"", " stroke-dasharray=\"7 4\"",
                                       " stroke-dasharray=\"2 3\""};
  return contender == 0 ? "" : dashes[(contender - 1) / (COLOURS - 1) % SG_ARRAY_LEN(dashes)];
}

static void draw_axes(const struct chart *chart) {
  struct buf *out = chart->out;
  int decimals = chart->y.step < 1 ? 1 : 0;
  int rows = (int)lround((chart->y.high - chart->y.low) / chart->y.step);
  for (int i = 0; i <= rows; i++) {
    double y = chart->y.low + i * chart->y.step, at = y_at(chart, y);
    buf_printf(out,
               "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
               "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*f</text>\n",
               LEFT, RIGHT, at, at, LEFT - 9, at + 4.5, decimals, y);
  }
  double first = ceil(chart->x.low / chart->x.step) * chart->x.step;
  int columns = (int)floor((chart->x.high - first) / chart->x.step + 1e-6);
  for (int i = 0; i <= columns; i++) {
    double x = first + i * chart->x.step, at = x_at(chart, x);
    buf_printf(out,
               "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
               "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
               at, at, BOTTOM, BOTTOM + 5, at, BOTTOM + 21, x);
  }
  buf_printf(out, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", LEFT, RIGHT,
             BOTTOM, BOTTOM);
  buf_printf(out, "<text class=\"title\" x=\"%d\" y=\"28\">%s</text>\n", LEFT - 44,
             chart->curve->title);
  buf_printf(out, "<text x=\"%d\" y=\"%d\">%s</text>\n", LEFT - 44, TOP - 16,
             chart->curve->y_label);
  buf_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", (LEFT + RIGHT) / 2,
             BOTTOM + 44, chart->curve->x_label);
}

static void draw_diagonal(const struct chart *chart) {
  double low = fmax(chart->x.low, chart->y.low);
  double high = fmin(fmin(chart->x.high, chart->y.high), 100);
  if (!chart->curve->has_diagonal || low >= high)
    return;
  buf_printf(chart->out, "<path class=\"all\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", x_at(chart, low),
             y_at(chart, low), x_at(chart, high), y_at(chart, high));
  /* On the left: nothing is above the diagonal, and on its right there may be lines. */
  buf_printf(chart->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">all requests</text>\n",
             x_at(chart, high) - 12, y_at(chart, high) + 2);
}

static void draw_line(const struct chart *chart, size_t contender, bool is_ours) {
  struct buf *out = chart->out;
  buf_printf(out, "<path class=\"line c%zu%s\"%s d=\"", colour_of(contender),
             is_ours ? " wide" : "", dashes_of(contender));
  bool is_drawing = false;
  for (size_t p = 0; p < chart->curve->count; p++) {
    double y = mean_at(chart, contender, p);
    if (!isnan(y))
      buf_printf(out, "%c%.1f %.1f", is_drawing ? 'L' : 'M', x_at(chart, x_of(chart, p)),
                 y_at(chart, y));
    is_drawing = !isnan(y);
  }
  buf_append_cstr(out, "\"/>\n");
}

static int by_height(const void *a, const void *b) {
  const struct label *x = a, *y = b;
  return x->at < y->at   ? -1
         : x->at > y->at ? 1
                         : (x->contender > y->contender) - (x->contender < y->contender);
}

/* Names that would touch are pushed down, and all back up when the last falls off the plot. */
static void spread_labels(struct label *labels, size_t count) {
  qsort(labels, count, sizeof(*labels), by_height);
  for (size_t i = 1; i < count; i++)
    labels[i].at = fmax(labels[i].at, labels[i - 1].at + LABEL_STEP);
  double most = BOTTOM;
  for (size_t i = count; i-- > 0; most -= LABEL_STEP)
    labels[i].at = fmin(labels[i].at, most);
}

static void draw_labels(const struct chart *chart) {
  const struct sim_results *results = chart->results;
  CLEANUP_FREE struct label *labels = mem_zalloc(results->contender_count * sizeof(*labels));
  size_t count = 0;
  for (size_t c = 0; c < results->contender_count; c++) {
    size_t last = chart->curve->count;
    while (last > 0 && isnan(mean_at(chart, c, last - 1)))
      last--;
    if (last == 0)
      continue;
    double value = mean_at(chart, c, last - 1);
    labels[count++] = (struct label){c, value, y_at(chart, value)};
  }
  spread_labels(labels, count);
  for (size_t i = 0; i < count; i++) {
    size_t c = labels[i].contender;
    buf_printf(chart->out, "<path class=\"lead c%zu\" d=\"M%d %.1fL%d %.1fL%d %.1f\"/>",
               colour_of(c), RIGHT + 2, y_at(chart, labels[i].value), RIGHT + 14, labels[i].at,
               RIGHT + 20, labels[i].at);
    buf_printf(chart->out, "<text%s x=\"%d\" y=\"%.1f\">%s %.1f</text>\n",
               c == 0 ? " class=\"ours\"" : "", RIGHT + 24, labels[i].at + 4.5,
               results->contenders[c].name, labels[i].value);
  }
}

static void draw_curve(const struct sim_results *results, struct buf *out) {
  struct chart chart = {.results = results, .curve = results->suite->curve, .out = out};
  if (!find_axes(&chart))
    return;
  buf_printf(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
             "height=\"%d\" role=\"img\">\n<title>%s</title>\n",
             WIDTH, HEIGHT, WIDTH, HEIGHT, chart.curve->title);
  draw_style(out);
  buf_printf(out, "<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", WIDTH, HEIGHT);
  draw_axes(&chart);
  draw_diagonal(&chart);
  /* Ours last: on top of the others. */
  for (size_t c = results->contender_count; c-- > 0;)
    draw_line(&chart, c, c == 0 && results->contender_count > 1);
  draw_labels(&chart);
  buf_append_cstr(out, "</svg>\n");
}

bool sim_suite_check_chart(const struct sim_suite *suite, const struct sim_options *options,
                           struct err *reterr) {
  if (suite->check_chart)
    return suite->check_chart(options, reterr);
  if (!suite->uses_ratio || !suite->curve)
    return true;
  /* A line has two points. */
  double least = suite->curve->x_first + suite->curve->x_step;
  if (100 * options->ratio >= least)
    return true;
  return err_set(reterr, ERR_INVALID,
                 "the chart begins at %.6g %% requested: a ratio below %.2f has nothing to draw",
                 suite->curve->x_first, least / 100);
}

void sim_write_chart(const struct sim_results *results, struct buf *out) {
  if (results->suite->chart)
    results->suite->chart(results, out);
  else if (results->suite->curve)
    draw_curve(results, out);
}
