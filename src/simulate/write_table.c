/* SPDX-License-Identifier: Apache-2.0 */
/* Results for eyes: a table for each block of metrics, a row for each policy. */
#include "src/simulate/simulate_internal.h"

#include <stdio.h>

enum { TABLE_WIDTH = 110, CELL_SIZE = 64, COLUMNS_MAX = 32 };

static const struct sim_metric seconds_metric = {"seconds", "In a run", "s deciding", 4, false};

struct table {
  const struct sim_results *results;
  struct buf *out;
  int name_width;
  size_t minuend; /* a contender that the others are subtracted from; SIZE_MAX: plain values */
};

struct cell {
  char text[CELL_SIZE];
  int width; /* as it looks */
};

/* Seconds stand behind the suite's own metrics. */
static size_t column_count(const struct sim_results *results) {
  return results->metric_count + 1;
}

static const struct sim_metric *column_metric(const struct sim_results *results, size_t column) {
  return column < results->metric_count ? &results->metrics[column] : &seconds_metric;
}

static const double *column_values(const struct sim_results *results, size_t contender,
                                   size_t column) {
  return column < results->metric_count ? sim_results_values(results, contender, column)
                                        : sim_results_seconds(results, contender);
}

/* "96.25 ±0.05" */
static struct cell make_cell(const struct table *table, size_t contender, size_t column) {
  const struct sim_results *results = table->results;
  size_t seeds = results->options.seed_count;
  int decimals = column_metric(results, column)->decimals;
  const double *values = column_values(results, contender, column);
  bool is_difference = table->minuend != SIZE_MAX;
  struct sim_stat stat =
      is_difference ? sim_stat_paired(column_values(results, table->minuend, column), values, seeds)
                    : sim_stat_of(values, seeds);
  struct cell cell;
  if (stat.count == 0)
    cell.width = snprintf(cell.text, sizeof(cell.text), "-");
  else if (stat.count == 1)
    cell.width = snprintf(cell.text, sizeof(cell.text), "%s%.*f",
                          is_difference && stat.mean >= 0 ? "+" : "", decimals, stat.mean);
  else /* the sign takes two bytes and one column */
    cell.width = snprintf(cell.text, sizeof(cell.text), "%s%.*f \u00b1%.*f",
                          is_difference && stat.mean >= 0 ? "+" : "", decimals, stat.mean, decimals,
                          stat.ci95) -
                 1;
  return cell;
}

static int column_width(const struct table *table, size_t column) {
  int width = (int)strlen(column_metric(table->results, column)->column);
  for (size_t c = 0; c < table->results->contender_count; c++) {
    struct cell cell = make_cell(table, c, column);
    width = cell.width > width ? cell.width : width;
  }
  return width;
}

static void print_spaces(const struct table *table, int count) {
  buf_printf(table->out, "%*s", count > 0 ? count : 0, "");
}

/* Columns [first, end) below one heading. */
static void print_columns(const struct table *table, size_t first, size_t end, const int *widths,
                          const char *heading) {
  const struct sim_results *results = table->results;
  buf_printf(table->out, "\n%s\n", heading);
  print_spaces(table, table->name_width);
  for (size_t i = first; i < end; i++) {
    const char *text = column_metric(results, i)->column;
    print_spaces(table, 2 + widths[i - first] - (int)strlen(text));
    buf_append_cstr(table->out, text);
  }
  buf_append_char(table->out, '\n');
  for (size_t c = 0; c < results->contender_count; c++) {
    if (c == table->minuend)
      continue;
    const char *name = results->contenders[c].name;
    buf_append_cstr(table->out, name);
    print_spaces(table, table->name_width - (int)strlen(name));
    for (size_t i = first; i < end; i++) {
      struct cell cell = make_cell(table, c, i);
      print_spaces(table, 2 + widths[i - first] - cell.width);
      buf_append_cstr(table->out, cell.text);
    }
    buf_append_char(table->out, '\n');
  }
}

static bool is_shown(const struct sim_results *results, size_t column) {
  return !column_metric(results, column)->is_detail;
}

static size_t block_end(const struct sim_results *results, size_t first) {
  size_t end = first + 1;
  while (end < column_count(results) && is_shown(results, end) &&
         strcmp(column_metric(results, end)->block, column_metric(results, first)->block) == 0)
    end++;
  return end;
}

/* A block that is too wide for a screen goes on in another table. */
static void print_block(const struct table *table, size_t first, size_t end, const char *heading) {
  int widths[COLUMNS_MAX];
  while (first < end) {
    int total = table->name_width;
    size_t next = first;
    for (; next < end && next - first < COLUMNS_MAX; next++) {
      int width = column_width(table, next);
      if (next > first && total + 2 + width > TABLE_WIDTH)
        break;
      widths[next - first] = width;
      total += 2 + width;
    }
    print_columns(table, first, next, widths, heading);
    first = next;
  }
}

static const char *plural(size_t count) {
  return count == 1 ? "" : "s";
}

static void print_list(const struct sim_trace_facts *facts, struct buf *out) {
  buf_printf(out, "a list of %zu pod%s (%zu kind%s)", facts->pods, plural(facts->pods),
             facts->classes, plural(facts->classes));
}

static void print_inputs(const struct sim_results *results, struct buf *out) {
  const struct sim_options *options = &results->options;
  buf_printf(out, "Suite %s", results->suite->name);
  const struct sim_trace_facts *facts = results->suite->needs_trace ? &options->trace->facts : NULL;
  if (facts && results->suite->has_own_cluster) {
    buf_append_cstr(out, ": ");
    print_list(facts, out);
  } else if (facts) {
    buf_printf(out, ": %zu node%s with %zu GPU%s; ", facts->nodes, plural(facts->nodes),
               facts->gpus, plural(facts->gpus));
    print_list(facts, out);
    buf_printf(out, " that asks for %.1f %% of them",
               facts->capacity_milli
                   ? 100 * (double)facts->requested_milli / (double)facts->capacity_milli
                   : 0);
  }
  if (results->suite->uses_ratio)
    buf_printf(out, "; %.6g %% requested in the end", 100 * options->ratio);
  for (size_t i = 0; i < results->input_count; i++) {
    const struct sim_input *input = &results->inputs[i];
    buf_printf(out, "%s%s ", i || results->suite->needs_trace ? "; " : ": ", input->key);
    if (input->text)
      buf_append_cstr(out, input->text);
    else
      buf_printf(out, "%.15g", input->number);
  }
  if (options->moves_per_100)
    buf_printf(out, "; at most %u moves for each 100 pods placed since the beginning",
               options->moves_per_100);
  buf_printf(out, "\nMeans of %zu seed%s", options->seed_count, plural(options->seed_count));
  buf_append_cstr(out,
                  options->seed_count > 1 ? " and half the width of their 95 % intervals\n" : "\n");
}

void sim_write_table(const struct sim_results *results, struct buf *out) {
  struct table table = {.results = results, .out = out, .minuend = SIZE_MAX};
  for (size_t c = 0; c < results->contender_count; c++) {
    int width = (int)strlen(results->contenders[c].name);
    table.name_width = width > table.name_width ? width : table.name_width;
  }
  print_inputs(results, out);
  for (size_t first = 0, end; first < column_count(results); first = end) {
    end = block_end(results, first);
    if (!is_shown(results, first))
      continue;
    print_block(&table, first, end, column_metric(results, first)->block);
    /* What the suite is about, once more as differences: levels move with the seeds, these do
     * not. */
    size_t ours = sim_results_find_contender(results, "slicegate");
    if (first == 0 && ours != SIZE_MAX && results->contender_count > 1) {
      table.minuend = ours;
      print_block(&table, first, end, "The same, slicegate minus the policy on the same arrivals");
      table.minuend = SIZE_MAX;
    }
  }
}
