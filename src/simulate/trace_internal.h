/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that read traces. */
#ifndef SLICEGATE_SIMULATE_TRACE_INTERNAL_H
#define SLICEGATE_SIMULATE_TRACE_INTERNAL_H

#include "src/simulate/simulate_internal.h"

/* ---- lines (csv.c) -------------------------------------------------------------------------- */

enum { CSV_FIELDS_MAX = 64 };

struct csv_field {
  struct str text;
  unsigned column; /* where it begins, 1-based, in bytes */
};

/*
 * Splits one line (without its end) at commas. Fields may stand in double quotes, a quote in
 * them written twice; they are unquoted in place. No field goes on in the next line.
 */
bool csv_split(char *line, size_t len, unsigned line_number, struct csv_field *ret,
               size_t *ret_count, struct err *reterr) SG_MUST_CHECK;
/* A value for an error message: one line, cut, nothing that a terminal would obey. */
#define CSV_SHOWN_SIZE 48
void csv_show(struct str value, char ret[CSV_SHOWN_SIZE]);

/* ---- rows (list_reader.c) ------------------------------------------------------------------- */

enum { LIST_COLUMNS_MAX = 16 };

/* A column of a list. Every one that is read must be there. */
struct list_column {
  const char *name;
  enum { LIST_TEXT, LIST_NUMBER, LIST_NOT_READ } kind;
  int64_t minimum, maximum; /* LIST_NUMBER */
  bool may_lack;            /* a list without this column has nothing in it */
};

struct list_row {
  unsigned line;
  struct str texts[LIST_COLUMNS_MAX]; /* borrowed until the row is done */
  int64_t numbers[LIST_COLUMNS_MAX];
  unsigned columns[LIST_COLUMNS_MAX]; /* where they stand in the line */
};

struct list_format {
  const char *rows; /* "nodes": for messages */
  const struct list_column *columns;
  size_t column_count;
  bool (*add_row)(struct sim_trace *trace, const struct list_row *row, struct err *reterr);
};

extern const struct list_format list_nodes, list_pods;

/* The failure path of one field of a row: "cpu_milli: ...". Returns false. */
bool list_fail(const struct list_format *format, const struct list_row *row, size_t column,
               struct err *reterr, const char *fmt, ...) SG_PRINTF(5, 6);

#endif
