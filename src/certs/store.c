/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of files, all or nothing: each is written beside its place first; then
 * they are moved in, old ones kept under another name until the last is in.
 */
#include "certs_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct staged {
  char *path;
  char *temp;   /* the new file, until it is moved in; then NULL */
  char *backup; /* another name of the old file, until the set is complete */
  bool is_in;
};

char *certs_path(const char *dir, const char *name) {
  size_t size = strlen(dir) + 1 + strlen(name) + 1;
  char *path = mem_zalloc(size);
  (void)snprintf(path, size, "%s/%s", dir, name);
  return path;
}

static char *hidden_path(const char *dir, const char *name, const char *suffix) {
  size_t size = strlen(name) + strlen(suffix) + 2;
  CLEANUP_FREE char *hidden = mem_zalloc(size);
  (void)snprintf(hidden, size, ".%s%s", name, suffix);
  return certs_path(dir, hidden);
}

static bool fail_errno(struct err *reterr, const char *what, const char *path) {
  int number = errno;
  enum err_code code = number == EEXIST                        ? ERR_EXISTS
                       : number == ENOENT || number == ENOTDIR ? ERR_NOT_FOUND
                                                               : ERR_UNAVAILABLE;
  return err_set(reterr, code, "%s: cannot %s: %s", path, what, strerror(number));
}

static bool write_bytes(int fd, struct str bytes) {
  while (bytes.len > 0) {
    ssize_t n = write(fd, bytes.ptr, bytes.len);
    if (n < 0 && errno != EINTR)
      return false;
    bytes = str_skip(bytes, n > 0 ? (size_t)n : 0);
  }
  return true;
}

static bool stage(const char *dir, const struct certs_file *file, struct staged *staged,
                  struct err *reterr) {
  staged->path = certs_path(dir, file->name);
  staged->temp = hidden_path(dir, file->name, ".new.XXXXXX");
  int fd = mkostemp(staged->temp, O_CLOEXEC); /* mode 0600 from the start */
  if (fd < 0) {
    bool failed = fail_errno(reterr, "write there", dir);
    free(staged->temp);
    staged->temp = NULL;
    return failed;
  }
  bool is_written =
      write_bytes(fd, file->bytes) && fchmod(fd, (mode_t)file->mode) == 0 && fsync(fd) == 0;
  bool failed = !is_written && !fail_errno(reterr, "write", staged->path);
  (void)close(fd);
  return !failed;
}

/* Moves the new file in without replacing one that appeared meanwhile. */
static bool move_in_new(struct staged *staged, struct err *reterr) {
  assert(staged->temp && staged->path);
  if (link(staged->temp, staged->path) != 0) {
    /* Some file systems know no hard links. */
    bool has_links = errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS;
    if (has_links || access(staged->path, F_OK) == 0)
      return fail_errno(reterr, "create", staged->path);
    if (rename(staged->temp, staged->path) != 0)
      return fail_errno(reterr, "create", staged->path);
  } else {
    (void)unlink(staged->temp);
  }
  free(staged->temp);
  staged->temp = NULL;
  staged->is_in = true;
  return true;
}

static bool move_in_over(const char *dir, const char *name, struct staged *staged,
                         struct err *reterr) {
  char *backup = hidden_path(dir, name, ".old");
  (void)unlink(backup); /* of a run that was killed */
  if (link(staged->path, backup) == 0) {
    staged->backup = backup;
  } else {
    free(backup);
    if (errno == ENOENT)
      return move_in_new(staged, reterr);
  }
  if (rename(staged->temp, staged->path) != 0)
    return fail_errno(reterr, "replace", staged->path);
  free(staged->temp);
  staged->temp = NULL;
  staged->is_in = true;
  return true;
}

static void undo(struct staged *staged) {
  if (staged->backup && rename(staged->backup, staged->path) == 0) {
    free(staged->backup);
    staged->backup = NULL;
  } else if (staged->is_in && !staged->backup) {
    (void)unlink(staged->path);
  }
}

static void staged_done(struct staged *staged) {
  if (staged->temp)
    (void)unlink(staged->temp);
  if (staged->backup)
    (void)unlink(staged->backup);
  free(staged->temp);
  free(staged->backup);
  free(staged->path);
}

static bool store_staged(const char *dir, const struct certs_file *files, struct staged *staged,
                         size_t count, bool force, struct err *reterr) {
  for (size_t i = 0; i < count; i++) {
    if (!stage(dir, &files[i], &staged[i], reterr))
      return false;
  }
  for (size_t i = 0; i < count; i++) {
    bool is_in = force ? move_in_over(dir, files[i].name, &staged[i], reterr)
                       : move_in_new(&staged[i], reterr);
    if (!is_in)
      return false;
  }
  return true;
}

/* Renames last once the directory itself is on disk. */
static void sync_dir(const char *dir) {
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  (void)fsync(fd);
  (void)close(fd);
}

static bool check_place(const char *dir, const struct certs_file *files, size_t count, bool force,
                        struct err *reterr) {
  struct stat st;
  if (stat(dir, &st) != 0)
    return fail_errno(reterr, "use this directory", dir);
  if (!S_ISDIR(st.st_mode))
    return err_set(reterr, ERR_INVALID, "%s: not a directory", dir);
  for (size_t i = 0; !force && i < count; i++) {
    CLEANUP_FREE char *path = certs_path(dir, files[i].name);
    if (lstat(path, &st) == 0)
      return err_set(reterr, ERR_EXISTS, "%s: exists already", path);
  }
  return true;
}

bool certs_store(const char *dir, const struct certs_file *files, size_t count, bool force,
                 struct err *reterr) {
  if (!check_place(dir, files, count, force, reterr))
    return false;
  struct staged *staged = mem_zalloc(count * sizeof(*staged));
  bool is_stored = store_staged(dir, files, staged, count, force, reterr);
  for (size_t i = count; i > 0; i--) {
    if (!is_stored)
      undo(&staged[i - 1]);
    staged_done(&staged[i - 1]);
  }
  free(staged);
  sync_dir(dir);
  return is_stored;
}
