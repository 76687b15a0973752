/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of bytes to lines, a header to columns, lines to rows of checked values. */
#include "src/simulate/trace_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { NO_COLUMN = UINT8_MAX };

struct sim_reader {
  struct sim_trace *trace;
  const struct list_format *format;
  struct buf line;      /* the bytes of a line that has not ended */
  unsigned line_number; /* of that line */
  size_t rows;
  /* From the header; no fields: it has not been read. */
  size_t field_count;
  uint8_t column_of[CSV_FIELDS_MAX]; /* [field]: of the format */
};

struct sim_reader *sim_reader_new(struct sim_trace *trace, enum sim_list list) {
  struct sim_reader *reader = mem_zalloc(sizeof(*reader));
  reader->trace = trace;
  reader->format = list == SIM_NODES ? &list_nodes : &list_pods;
  reader->line_number = 1;
  buf_init(&reader->line, SIM_LINE_MAX);
  return reader;
}

void sim_reader_free(struct sim_reader *reader) {
  if (!reader)
    return;
  buf_done(&reader->line);
  free(reader);
}

bool list_fail(const struct list_format *format, const struct list_row *row, size_t column,
               struct err *reterr, const char *fmt, ...) {
  char text[sizeof(reterr->text)];
  va_list args;
  va_start(args, fmt);
  (void)vsnprintf(text, sizeof(text), fmt, args);
  va_end(args);
  return err_set_at(reterr, ERR_INVALID, row->line, row->columns[column], "%s: %s",
                    format->columns[column].name, text);
}

/* ---- the header ----------------------------------------------------------------------------- */

/* "sn, cpu_milli, memory_mib, gpu, model" */
static void list_columns(const struct list_format *format, struct buf *out) {
  for (size_t i = 0; i < format->column_count; i++) {
    if (format->columns[i].kind != LIST_NOT_READ)
      buf_printf(out, "%s%s", out->len ? ", " : "", format->columns[i].name);
  }
}

static bool unknown_column(const struct sim_reader *reader, const struct csv_field *field,
                           struct err *reterr) {
  const struct list_format *format = reader->format;
  struct str names[LIST_COLUMNS_MAX];
  for (size_t i = 0; i < format->column_count; i++)
    names[i] = str_of(format->columns[i].name);
  char shown[CSV_SHOWN_SIZE];
  csv_show(field->text, shown);
  struct str nearest = str_nearest(field->text, names, format->column_count);
  CLEANUP_BUF struct buf columns;
  buf_init(&columns, 400);
  list_columns(format, &columns);
  if (nearest.len)
    return err_set_at(reterr, ERR_INVALID, reader->line_number, field->column,
                      "unknown column \"%s\", did you mean \"%.*s\"?", shown, STR_FMT(nearest));
  return err_set_at(reterr, ERR_INVALID, reader->line_number, field->column,
                    "unknown column \"%s\": the first line of a list of %s names its columns (%s)",
                    shown, format->rows, columns.ptr);
}

static bool read_header(struct sim_reader *reader, const struct csv_field *fields, size_t count,
                        struct err *reterr) {
  const struct list_format *format = reader->format;
  bool is_there[LIST_COLUMNS_MAX] = {false};
  for (size_t i = 0; i < count; i++) {
    size_t c = 0;
    while (c < format->column_count && !str_is(fields[i].text, format->columns[c].name))
      c++;
    if (c == format->column_count)
      return unknown_column(reader, &fields[i], reterr);
    if (is_there[c])
      return err_set_at(reterr, ERR_INVALID, reader->line_number, fields[i].column,
                        "column \"%s\" is there twice", format->columns[c].name);
    is_there[c] = true;
    reader->column_of[i] = (uint8_t)c;
  }
  for (size_t c = 0; c < format->column_count; c++) {
    if (!is_there[c] && format->columns[c].kind != LIST_NOT_READ && !format->columns[c].may_lack)
      return err_set_at(reterr, ERR_INVALID, reader->line_number, 1, "column \"%s\" is missing",
                        format->columns[c].name);
  }
  reader->field_count = count;
  return true;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool is_printable(struct str text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] < 0x20 || text.ptr[i] >= 0x7f)
      return false;
  }
  return true;
}

static bool read_value(const struct list_format *format, struct list_row *row, size_t column,
                       struct str text, struct err *reterr) {
  enum { TEXT_MAX = 253 }; /* as long as names of Kubernetes may be */
  const struct list_column *as = &format->columns[column];
  char shown[CSV_SHOWN_SIZE];
  csv_show(text, shown);
  if (as->kind == LIST_TEXT) {
    if (text.len > TEXT_MAX)
      return list_fail(format, row, column, reterr, "\"%s\" is longer than %d bytes", shown,
                       (int)TEXT_MAX);
    if (!is_printable(text))
      return list_fail(format, row, column, reterr, "\"%s\" has bytes that are no printable ASCII",
                       shown);
    row->texts[column] = text;
    return true;
  }
  int64_t number;
  if (!i64_parse(text, &number) || number < as->minimum || number > as->maximum)
    return list_fail(format, row, column, reterr, "\"%s\" is no whole number from %lld to %lld",
                     shown, (long long)as->minimum, (long long)as->maximum);
  row->numbers[column] = number;
  return true;
}

static bool read_row(struct sim_reader *reader, const struct csv_field *fields, size_t count,
                     struct err *reterr) {
  const struct list_format *format = reader->format;
  if (count != reader->field_count)
    return err_set_at(reterr, ERR_INVALID, reader->line_number, 1,
                      "%zu fields, where the first line has %zu", count, reader->field_count);
  if (reader->rows == SIM_ROWS_MAX)
    return err_set_at(reterr, ERR_LIMIT, reader->line_number, 1, "more than %d %s",
                      (int)SIM_ROWS_MAX, format->rows);
  struct list_row row = {.line = reader->line_number};
  for (size_t i = 0; i < count; i++) {
    size_t column = reader->column_of[i];
    row.columns[column] = fields[i].column;
    if (format->columns[column].kind != LIST_NOT_READ &&
        !read_value(format, &row, column, fields[i].text, reterr))
      return false;
  }
  reader->rows++;
  return format->add_row(reader->trace, &row, reterr);
}

/* ---- lines --------------------------------------------------------------------------------------
 */

static bool end_line(struct sim_reader *reader, struct err *reterr) {
  static const char mark[] = "\xef\xbb\xbf"; /* UTF-8's byte order mark, as spreadsheets write it */
  char *line = reader->line.ptr;
  size_t len = reader->line.len;
  if (reader->line_number == 1 && len >= 3 && memcmp(line, mark, 3) == 0) {
    line += 3;
    len -= 3;
  }
  if (len && line[len - 1] == '\r')
    len--;
  bool is_good = true;
  if (len) { /* empty lines are nothing */
    struct csv_field fields[CSV_FIELDS_MAX];
    size_t count = 0;
    is_good = csv_split(line, len, reader->line_number, fields, &count, reterr) &&
              (reader->field_count ? read_row(reader, fields, count, reterr)
                                   : read_header(reader, fields, count, reterr));
  }
  buf_clear(&reader->line);
  reader->line_number++;
  return is_good;
}

bool sim_reader_feed(struct sim_reader *reader, struct str bytes, struct err *reterr) {
  while (bytes.len) {
    size_t len = str_find_char(bytes, '\n');
    buf_append(&reader->line, bytes.ptr, len);
    if (reader->line.truncated)
      return err_set_at(reterr, ERR_LIMIT, reader->line_number, 1,
                        "this line is longer than %d bytes", (int)SIM_LINE_MAX);
    if (len == bytes.len)
      return true;
    if (!end_line(reader, reterr))
      return false;
    bytes = str_skip(bytes, len + 1);
  }
  return true;
}

bool sim_reader_end(struct sim_reader *reader, struct err *reterr) {
  if (reader->line.len && !end_line(reader, reterr))
    return false;
  if (reader->field_count == 0) {
    CLEANUP_BUF struct buf columns;
    buf_init(&columns, 400);
    list_columns(reader->format, &columns);
    return err_set_at(reterr, ERR_INVALID, 1, 1,
                      "empty: a list of %s begins with a line that names its columns (%s)",
                      reader->format->rows, columns.ptr);
  }
  if (reader->rows == 0)
    return err_set_at(reterr, ERR_INVALID, reader->line_number, 1,
                      "no %s: there is nothing behind the first line", reader->format->rows);
  reader->trace->facts.is_reference = sim_is_reference(&reader->trace->facts);
  return true;
}
