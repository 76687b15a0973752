/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/base.h"

#include <stdio.h>

static void set_text(struct err *err, const char *fmt, va_list args) SG_PRINTF(2, 0);

static void set_text(struct err *err, const char *fmt, va_list args) {
  int need = vsnprintf(err->text, sizeof(err->text), fmt, args);
  if (need < 0)
    err->text[0] = '\0';
  if ((size_t)need >= sizeof(err->text))
    memcpy(err->text + sizeof(err->text) - 4, "...", 4);
  /* Texts quote what users wrote: one event must stay one line. */
  for (char *c = err->text; *c; c++) {
    if (*c == '\n' || *c == '\r')
      *c = ' ';
  }
}

bool err_set(struct err *reterr, enum err_code code, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  reterr->code = code;
  reterr->line = 0;
  reterr->column = 0;
  set_text(reterr, fmt, args);
  va_end(args);
  return false;
}

bool err_set_at(struct err *reterr, enum err_code code, unsigned line, unsigned column,
                const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  reterr->code = code;
  reterr->line = line;
  reterr->column = column;
  set_text(reterr, fmt, args);
  va_end(args);
  return false;
}

bool err_wrap(struct err *reterr, const char *fmt, ...) {
  struct err inner = *reterr;
  char context[sizeof(reterr->text) / 2];
  va_list args;
  va_start(args, fmt);
  if (vsnprintf(context, sizeof(context), fmt, args) < 0)
    context[0] = '\0';
  va_end(args);
  err_set(reterr, inner.code, "%s: %s", context, inner.text);
  reterr->line = inner.line;
  reterr->column = inner.column;
  return false;
}
