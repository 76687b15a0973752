/* SPDX-License-Identifier: Apache-2.0 */
/* From the names on the command line to the files that are read. */
#include "src/cli/check.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct folder_id {
  dev_t device;
  ino_t inode;
};

struct walk {
  struct check_report *report;
  struct check_inputs *inputs;
  /* Folders that were walked. A link back to one of them, or a second way into it, ends
   * there: neither loops nor files judged twice. */
  struct folder_id *seen;
  size_t seen_count, seen_cap;
};

static void add_input(struct walk *w, const char *path, struct str shown, bool is_named) {
  struct check_inputs *inputs = w->inputs;
  if (inputs->count == inputs->cap) {
    inputs->cap = inputs->cap ? inputs->cap * 2 : 16;
    inputs->items = mem_realloc(inputs->items, inputs->cap * sizeof(*inputs->items));
  }
  inputs->items[inputs->count++] =
      (struct check_input){.path = path ? str_copy(w->report->arena, str_of(path)).ptr : NULL,
                           .shown = check_report_text(w->report, shown),
                           .is_named = is_named};
}

static void problem(struct walk *w, const char *path, const char *message) {
  check_report_problem(w->report, str_of(path), 0, 0, str_of(message));
}

static bool is_manifest_name(struct str name) {
  return str_ends_with(name, STR_LIT(".yaml")) || str_ends_with(name, STR_LIT(".yml")) ||
         str_ends_with(name, STR_LIT(".json"));
}

static bool is_new_folder(struct walk *w, const struct stat *st) {
  for (size_t i = 0; i < w->seen_count; i++) {
    if (w->seen[i].device == st->st_dev && w->seen[i].inode == st->st_ino)
      return false;
  }
  if (w->seen_count == w->seen_cap) {
    w->seen_cap = w->seen_cap ? w->seen_cap * 2 : 16;
    w->seen = mem_realloc(w->seen, w->seen_cap * sizeof(*w->seen));
  }
  w->seen[w->seen_count++] = (struct folder_id){st->st_dev, st->st_ino};
  return true;
}

static int is_visible(const struct dirent *entry) {
  return entry->d_name[0] != '.';
}

/* Byte order: the same on every machine, whatever its locale. */
static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static void walk_folder(struct walk *w, const char *path, unsigned depth);

static void walk_entry(struct walk *w, const char *path, const char *name, unsigned depth) {
  size_t len = strlen(path);
  while (len > 1 && path[len - 1] == '/')
    len--;
  CLEANUP_BUF struct buf joined;
  buf_init(&joined, 4096);
  buf_append(&joined, path, len);
  if (path[len - 1] != '/')
    buf_append_char(&joined, '/');
  buf_append_cstr(&joined, name);
  if (joined.truncated) {
    problem(w, path, "holds a path longer than 4096 bytes");
    return;
  }
  struct stat st;
  if (stat(joined.ptr, &st) != 0) {
    /* A broken link that is named like a manifest was meant to be one. */
    if (is_manifest_name(str_of(name)))
      problem(w, joined.ptr, strerror(errno));
    return;
  }
  if (S_ISDIR(st.st_mode)) {
    if (is_new_folder(w, &st))
      walk_folder(w, joined.ptr, depth + 1);
  } else if (S_ISREG(st.st_mode) && is_manifest_name(str_of(name))) {
    add_input(w, joined.ptr, buf_str(&joined), false);
  }
}

static void walk_folder(struct walk *w, const char *path, unsigned depth) {
  enum { DEPTH_MAX = 100 };
  if (depth > DEPTH_MAX || w->seen_count > CHECK_FOLDERS_MAX) {
    problem(w, path, depth > DEPTH_MAX ? "folders nested too deeply" : "too many folders");
    return;
  }
  struct dirent **entries;
  int count = scandir(path, &entries, is_visible, by_name);
  if (count < 0) {
    problem(w, path, strerror(errno));
    return;
  }
  for (int i = 0; i < count; i++) {
    if (w->inputs->count < CHECK_FILES_MAX)
      walk_entry(w, path, entries[i]->d_name, depth);
    free(entries[i]);
  }
  free(entries);
}

static void walk_name(struct walk *w, const char *name) {
  if (strcmp(name, "-") == 0) {
    for (size_t i = 0; i < w->inputs->count; i++) {
      if (!w->inputs->items[i].path)
        return; /* it can be read only once */
    }
    add_input(w, NULL, STR_LIT("<stdin>"), true);
    return;
  }
  struct stat st;
  if (stat(name, &st) != 0) {
    problem(w, name, strerror(errno));
    return;
  }
  if (!S_ISDIR(st.st_mode)) {
    add_input(w, name, str_of(name), true);
    return;
  }
  size_t files = w->inputs->count, problems = w->report->problem_count;
  if (!is_new_folder(w, &st))
    return;
  walk_folder(w, name, 0);
  if (w->inputs->count >= CHECK_FILES_MAX)
    problem(w, name, "too many files: only the first 100000 were read");
  if (w->inputs->count == files && w->report->problem_count == problems)
    problem(w, name, "no manifest (.yaml, .yml, .json) in this folder");
}

void check_inputs_find(const char *const *names, size_t count, struct check_report *report,
                       struct check_inputs *ret) {
  struct walk w = {.report = report, .inputs = ret};
  *ret = (struct check_inputs){0};
  for (size_t i = 0; i < count; i++)
    walk_name(&w, names[i]);
  free(w.seen);
}

void check_inputs_done(struct check_inputs *inputs) {
  if (!inputs)
    return;
  free(inputs->items);
  *inputs = (struct check_inputs){0};
}
