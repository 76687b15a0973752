/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a command's flags by its table. The text of --help is made in help.c. */
#include "src/cli/cli_internal.h"
#include "src/cli/help.h"

#include <stdlib.h>

struct flag_reader {
  const struct flag *flags;
  size_t flag_count;
  const struct command_help *help;
  FILE *err;
  int argc;
  char **argv;
  int next; /* the argument to look at next */
};

static void list_add(struct flag_list *list, const char *item) {
  /* Command lines are short: growing one by one costs nothing that shows. */
  list->items = mem_realloc(list->items, (list->count + 1) * sizeof(*list->items));
  list->items[list->count++] = item;
}

void flag_list_done(struct flag_list *list) {
  if (!list)
    return;
  free(list->items);
  *list = (struct flag_list){0};
}

/* ---- what can be wrong ------------------------------------------------------------ */

static enum flags_result wrong(const struct flag_reader *r, const char *fmt, ...) SG_PRINTF(2, 3);

/* The first line says what is wrong, the second where to read what is right. */
static enum flags_result wrong(const struct flag_reader *r, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  (void)fputs("slicegate: ", r->err);
  (void)vfprintf(r->err, fmt, args);
  va_end(args);
  (void)fprintf(r->err, "\nusage: %s\n", r->help->usage);
  return FLAGS_WRONG;
}

static enum flags_result unknown_flag(const struct flag_reader *r, struct str name) {
  enum { NAMES_MAX = 64 };
  struct str names[NAMES_MAX];
  size_t count = 0;
  for (; count < r->flag_count && count < NAMES_MAX - 1; count++)
    names[count] = str_of(r->flags[count].name);
  names[count++] = STR_LIT("help");
  struct str nearest = str_nearest(name, names, count);
  if (nearest.len)
    return wrong(r, "unknown flag --%.*s, did you mean --%.*s?", STR_FMT(name), STR_FMT(nearest));
  return wrong(r, "unknown flag --%.*s", STR_FMT(name));
}

/* ---- values ------------------------------------------------------------------------ */

static enum flags_result set_bool(const struct flag_reader *r, const struct flag *flag,
                                  const char *value) {
  bool *target = flag->value;
  if (!value || strcmp(value, "true") == 0)
    *target = true;
  else if (strcmp(value, "false") == 0)
    *target = false;
  else
    return wrong(r, "--%s is true or false, not \"%s\"", flag->name, value);
  return FLAGS_OK;
}

static enum flags_result set_int(const struct flag_reader *r, const struct flag *flag,
                                 const char *value) {
  int64_t number;
  if (!i64_parse(str_of(value), &number) || number < flag->minimum || number > flag->maximum)
    return wrong(r, "--%s is a whole number from %lld to %lld, not \"%s\"", flag->name,
                 (long long)flag->minimum, (long long)flag->maximum, value);
  *(int64_t *)flag->value = number;
  return FLAGS_OK;
}

static enum flags_result set_value(const struct flag_reader *r, const struct flag *flag,
                                   const char *value) {
  switch (flag->type) {
  case FLAG_BOOL:
    return set_bool(r, flag, value);
  case FLAG_INT:
    return set_int(r, flag, value);
  case FLAG_LIST:
    list_add(flag->value, value);
    return FLAGS_OK;
  case FLAG_STRING:
    *(const char **)flag->value = value;
    return FLAGS_OK;
  }
  return FLAGS_WRONG;
}

/* The value that stands in the next argument. */
static const char *take_next(struct flag_reader *r) {
  return r->next < r->argc ? r->argv[r->next++] : NULL;
}

/* ---- the two spellings ---------------------------------------------------------------- */

static enum flags_result read_long(struct flag_reader *r, const char *text, FILE *out) {
  size_t len = strcspn(text, "=");
  struct str name = {text, len};
  const char *value = text[len] == '=' ? text + len + 1 : NULL;
  if (str_is(name, "help")) {
    help_print_command(r->help, r->flags, r->flag_count, out);
    return FLAGS_HELP_SHOWN;
  }
  for (size_t i = 0; i < r->flag_count; i++) {
    const struct flag *flag = &r->flags[i];
    if (!str_is(name, flag->name))
      continue;
    if (!value && flag->type != FLAG_BOOL && !(value = take_next(r)))
      return wrong(r, "--%s needs a value: --%s %s", flag->name, flag->name, flag->argument);
    return set_value(r, flag, value);
  }
  return unknown_flag(r, name);
}

/* "-v", "-vf FILE", "-fFILE": letters without a value may stand together. */
static enum flags_result read_short(struct flag_reader *r, const char *letters, FILE *out) {
  for (const char *at = letters; *at; at++) {
    const struct flag *flag = NULL;
    for (size_t i = 0; i < r->flag_count && !flag; i++) {
      if (r->flags[i].letter && r->flags[i].letter == *at)
        flag = &r->flags[i];
    }
    if (!flag && *at == 'h') {
      help_print_command(r->help, r->flags, r->flag_count, out);
      return FLAGS_HELP_SHOWN;
    }
    if (!flag)
      return wrong(r, "unknown flag -%c", *at);
    if (flag->type == FLAG_BOOL) {
      (void)set_bool(r, flag, NULL);
      continue;
    }
    const char *value = at[1] ? at + 1 : take_next(r);
    if (!value)
      return wrong(r, "-%c needs a value: -%c %s", *at, *at, flag->argument);
    if (*value == '=') /* kubectl's users write -n=NAME too */
      value++;
    return set_value(r, flag, value);
  }
  return FLAGS_OK;
}

enum flags_result flags_parse(int argc, char **argv, const struct flag *flags, size_t flag_count,
                              const struct command_help *help, struct flag_list *ret_rest,
                              FILE *out, FILE *err) {
  struct flag_reader r = {.flags = flags,
                          .flag_count = flag_count,
                          .help = help,
                          .err = err,
                          .argc = argc,
                          .argv = argv,
                          .next = 1};
  bool has_ended = false;
  while (r.next < argc) {
    const char *argument = argv[r.next++];
    enum flags_result result = FLAGS_OK;
    bool is_flag = !has_ended && argument[0] == '-' && argument[1] != '\0';
    if (is_flag && strcmp(argument, "--") == 0)
      has_ended = true;
    else if (is_flag && argument[1] == '-')
      result = read_long(&r, argument + 2, out);
    else if (is_flag)
      result = read_short(&r, argument + 1, out);
    else if (ret_rest)
      list_add(ret_rest, argument);
    else
      result = wrong(&r, "unexpected argument \"%s\"", argument);
    if (result != FLAGS_OK)
      return result;
  }
  return FLAGS_OK;
}
