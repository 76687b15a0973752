/* SPDX-License-Identifier: Apache-2.0 */
/* One line of comma-separated values. */
#include "src/simulate/trace_internal.h"

void csv_show(struct str value, char ret[CSV_SHOWN_SIZE]) {
  static const char dots[] = "...";
  size_t room = CSV_SHOWN_SIZE - sizeof(dots), len = 0;
  for (; len < value.len && len < room; len++) {
    char c = value.ptr[len];
    ret[len] = c >= 0x20 && c < 0x7f ? c : '?';
  }
  memcpy(ret + len, len < value.len ? dots : "", len < value.len ? sizeof(dots) : 1);
}

/* Unquotes in place the field that begins with the quote at *at, which is then behind it. */
static bool take_quoted(char *line, size_t len, size_t *at, struct str *ret) {
  char *to = line + *at;
  ret->ptr = to;
  for (size_t i = *at + 1; i < len; i++) {
    if (line[i] == '"') {
      if (i + 1 == len || line[i + 1] != '"') {
        ret->len = (size_t)(to - ret->ptr);
        *at = i + 1;
        return true;
      }
      i++;
    }
    *to++ = line[i];
  }
  return false;
}

bool csv_split(char *line, size_t len, unsigned line_number, struct csv_field *ret,
               size_t *ret_count, struct err *reterr) {
  size_t at = 0, count = 0;
  for (;;) {
    unsigned column = (unsigned)at + 1;
    if (count == CSV_FIELDS_MAX)
      return err_set_at(reterr, ERR_LIMIT, line_number, column, "more than %d fields in a line",
                        (int)CSV_FIELDS_MAX);
    struct csv_field *field = &ret[count++];
    field->column = column;
    if (at < len && line[at] == '"') {
      if (!take_quoted(line, len, &at, &field->text))
        return err_set_at(reterr, ERR_INVALID, line_number, column,
                          "the quote is not closed in this line");
      if (at < len && line[at] != ',')
        return err_set_at(reterr, ERR_INVALID, line_number, (unsigned)at + 1,
                          "a comma is missing after the closing quote");
    } else {
      size_t end = at;
      for (; end < len && line[end] != ','; end++) {
        if (line[end] == '"')
          return err_set_at(reterr, ERR_INVALID, line_number, (unsigned)end + 1,
                            "a quote inside a field that does not begin with one");
      }
      field->text = (struct str){line + at, end - at};
      at = end;
    }
    if (at == len)
      break;
    at++; /* the comma; a line that ends in one has an empty field behind it */
  }
  *ret_count = count;
  return true;
}
