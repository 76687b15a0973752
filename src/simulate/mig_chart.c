/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each contender accepts of each mix, as an SVG picture: a row of marks a contender, one
 * band a mix, sorted from best to worst, with the 95 % interval through each mark. Colours follow
 * the reader's light or dark mode.
 */
#include "src/simulate/mig.h"

#include <math.h>
#include <stdlib.h>

enum {
  WIDTH = 900,
  LEFT = 170,
  RIGHT = 800, /* of the plot; figures stand behind it */
  TOP = 84,
  ROW = 18,
  BAND_GAP = 34, /* between two mixes, for the name of the second */
  BANDS_MAX = 6, /* more mixes: only their mean */
};

/* Who is further below the best is drawn at the edge, or all others would stand in one spot. */
static const double span_max = 16;

struct row {
  size_t contender;
  struct sim_stat stat;
};

struct chart {
  const struct sim_results *results;
  struct buf *out;
  double low, high;
  bool is_cut;      /* somebody is below `low` */
  struct row *rows; /* scratch: of one band */
  size_t row_count;
};

static double x_at(const struct chart *chart, double value) {
  double x = LEFT + (value - chart->low) / (chart->high - chart->low) * (RIGHT - LEFT);
  return x < LEFT ? LEFT : x > RIGHT ? RIGHT : x;
}

static int by_mean(const void *a, const void *b) {
  const struct row *x = a;
  const struct row *y = b;
  if (x->stat.mean != y->stat.mean)
    return x->stat.mean > y->stat.mean ? -1 : 1;
  return x->contender < y->contender ? -1 : x->contender > y->contender;
}

/* The contenders that have this metric, best first. */
static void find_rows(struct chart *chart, size_t metric) {
  const struct sim_results *results = chart->results;
  chart->row_count = 0;
  for (size_t c = 0; c < results->contender_count; c++) {
    struct row row = {
        c, sim_stat_of(sim_results_values(results, c, metric), results->options.seed_count)};
    if (row.stat.count)
      chart->rows[chart->row_count++] = row;
  }
  qsort(chart->rows, chart->row_count, sizeof(*chart->rows), by_mean);
}

static bool is_ours(const struct sim_results *results, size_t contender) {
  return strncmp(results->contenders[contender].name, "slicegate", strlen("slicegate")) == 0;
}

static void draw_row(const struct chart *chart, const struct row *row, int y) {
  struct buf *out = chart->out;
  const char *class = is_ours(chart->results, row->contender) ? "ours" : "other";
  double half = isnan(row->stat.ci95) ? 0 : row->stat.ci95;
  buf_printf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", class,
             LEFT - 12, y + 4, chart->results->contenders[row->contender].name);
  buf_printf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", LEFT, RIGHT, y,
             y);
  if (row->stat.mean < chart->low) { /* an arrow: further left than the plot goes */
    buf_printf(out, "<path class=\"%s\" d=\"M%d %dl8 -4v8z\"/>", class, LEFT, y);
  } else {
    buf_printf(out, "<line class=\"%s wide\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", class,
               x_at(chart, row->stat.mean - half), x_at(chart, row->stat.mean + half), y, y);
    buf_printf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%d\" r=\"4.5\"/>", class,
               x_at(chart, row->stat.mean), y);
  }
  buf_printf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\">%.1f</text>\n", class, RIGHT + 14, y + 4,
             row->stat.mean);
}

static void draw_style(struct buf *out) {
  buf_append_cstr(out, "<style>\n"
                       "text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,"
                       "sans-serif;font-size:13px;fill:#52514e}\n"
                       ".title{font-size:17px;font-weight:600;fill:#1a1a19}\n"
                       ".mix{font-weight:600;fill:#1a1a19}\n"
                       ".back{fill:#ffffff}.grid{stroke:#e4e3df}\n"
                       ".wide{stroke-width:3}\n"
                       "text.ours{font-weight:700;fill:#1a1a19}\n"
                       "line.ours{stroke:#1d6fd6}circle.ours,path.ours{fill:#1d6fd6}\n"
                       "line.other{stroke:#a5a49f}circle.other,path.other{fill:#75736d}\n"
                       "@media (prefers-color-scheme:dark){\n"
                       "text{fill:#b9b8b2}.title,.mix,text.ours{fill:#f3f2ee}.back{fill:#161615}"
                       ".grid{stroke:#2f2e2c}\n"
                       "line.ours{stroke:#5aa2ff}circle.ours,path.ours{fill:#5aa2ff}\n"
                       "line.other{stroke:#6d6c68}circle.other,path.other{fill:#a3a19a}\n"
                       "}\n</style>\n");
}

/* The metric to draw, on the first number of GPUs: churn if it was played, else saturation. */
static size_t find_metric(const struct sim_results *results, const char **ret_title) {
  static const struct {
    const char *name, *title;
  } wanted[] = {
      {"acceptance_slice_weighted@1.0", "MIG slices accepted at load 1.0, %"},
      {"slices_pct@100", "MIG slices placed when 100 % were asked for, %"},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(wanted); i++)
    for (size_t m = 0; m < results->metric_count; m++) {
      const char *name = results->metrics[m].name;
      size_t len = strlen(name);
      size_t want = strlen(wanted[i].name);
      if (len >= want && strcmp(name + len - want, wanted[i].name) == 0) {
        *ret_title = wanted[i].title;
        return m;
      }
    }
  return SIZE_MAX;
}

static void find_scale(struct chart *chart, size_t first, size_t bands) {
  double low = INFINITY;
  double high = -INFINITY;
  for (size_t band = 0; band < bands; band++) {
    find_rows(chart, first + band);
    for (size_t i = 0; i < chart->row_count; i++) {
      low = fmin(low, chart->rows[i].stat.mean);
      high = fmax(high, chart->rows[i].stat.mean);
    }
  }
  /* They are shares: there is nothing beyond all, and nothing below none. */
  chart->high = fmin(ceil(high + 0.5), 100);
  chart->low = fmax(floor(fmax(low - 0.5, chart->high - span_max)), 0);
  chart->is_cut = low < chart->low;
}

static void draw_band(struct chart *chart, size_t metric, int *y) {
  find_rows(chart, metric);
  buf_printf(chart->out, "<text class=\"mix\" x=\"%d\" y=\"%d\">%s</text>\n", LEFT, *y - 16,
             chart->results->metrics[metric].column);
  for (size_t i = 0; i < chart->row_count; i++, *y += ROW)
    draw_row(chart, &chart->rows[i], *y);
  *y += BAND_GAP;
}

bool mig_check_chart(const struct sim_options *options, struct err *reterr) {
  if (mig_has_part(options, SIM_MIG_CHURN) || mig_has_part(options, SIM_MIG_SATURATION))
    return true;
  return err_set(reterr, ERR_INVALID,
                 "the chart is of part churn or saturation, and neither is played");
}

void mig_draw_chart(const struct sim_results *results, struct buf *out) {
  const char *what;
  size_t first = find_metric(results, &what);
  if (first == SIZE_MAX)
    return;
  const struct sim_mig_options *mig = &results->options.mig;
  const char *title = mig->gpu_count > 1 ? str_printf(results->arena, "%s, on %u GPU%s", what,
                                                      mig->gpus[0], mig->gpus[0] == 1 ? "" : "s")
                                               .ptr
                                         : what;
  size_t mixes = mig_count_mixes(&results->options);
  size_t bands = mixes <= BANDS_MAX ? mixes + 1 : 1; /* the mean, then each */
  struct chart chart = {.results = results, .out = out};
  chart.rows = mem_zalloc(results->contender_count * sizeof(*chart.rows));
  find_scale(&chart, first, bands);
  find_rows(&chart, first);
  int height = TOP + (int)bands * ((int)chart.row_count * ROW + BAND_GAP) + ROW;
  buf_printf(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
             "height=\"%d\" role=\"img\">\n<title>%s</title>\n",
             WIDTH, height, WIDTH, height, title);
  draw_style(out);
  buf_printf(out, "<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", WIDTH, height);
  buf_printf(out, "<text class=\"title\" x=\"18\" y=\"28\">%s</text>\n", title);
  if (chart.is_cut)
    buf_printf(out,
               "<text x=\"18\" y=\"48\">An arrow: less than %.0f %%, where the axis "
               "begins</text>\n",
               chart.low);
  int y = TOP;
  for (size_t band = 0; band < bands; band++)
    draw_band(&chart, first + band, &y);
  int bottom = y - BAND_GAP + 4;
  for (int tick = (int)chart.low; tick <= (int)chart.high; tick += 2)
    buf_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n",
               x_at(&chart, tick), bottom + ROW, tick);
  buf_append_cstr(out, "</svg>\n");
  free(chart.rows);
}
