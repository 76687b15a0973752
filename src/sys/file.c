/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files in, whole files out. */
#include "slicegate/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err_code code_of_errno(int number) {
  switch (number) {
  case ENOENT:
  case ENOTDIR:
    return ERR_NOT_FOUND;
  case EISDIR:
  case ENAMETOOLONG:
  case ELOOP:
    return ERR_INVALID;
  case EACCES:
  case EPERM:
  case EMFILE:
  case ENFILE:
  case ENOSPC:
  case EDQUOT:
  case EROFS:
    return ERR_UNAVAILABLE;
  default:
    return ERR_INTERNAL;
  }
}

static bool fail_errno(struct err *reterr, const char *what, const char *name) {
  int number = errno;
  return err_set(reterr, code_of_errno(number), "%s: cannot %s: %s", name, what, strerror(number));
}

static bool read_pieces(int fd, const char *name, sys_take_fn *take, void *ctx,
                        struct err *reterr) {
  char chunk[16384];
  for (;;) {
    ssize_t n = read(fd, chunk, sizeof(chunk));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail_errno(reterr, "read", name);
    if (n == 0)
      return true;
    if (!take(ctx, (struct str){chunk, (size_t)n}, reterr))
      return false;
  }
}

struct whole {
  struct buf *into;
  const char *name;
};

static bool keep_piece(void *ctx, struct str piece, struct err *reterr) {
  struct whole *whole = ctx;
  buf_append(whole->into, piece.ptr, piece.len);
  if (whole->into->truncated)
    return err_set(reterr, ERR_LIMIT, "%s: larger than the limit of %zu bytes", whole->name,
                   whole->into->max);
  return true;
}

bool sys_fd_read(int fd, const char *name, size_t max_bytes, struct buf *retbuf,
                 struct err *reterr) {
  struct whole whole = {retbuf, name};
  buf_init(retbuf, max_bytes);
  if (read_pieces(fd, name, keep_piece, &whole, reterr))
    return true;
  buf_done(retbuf);
  return false;
}

static void close_fd(int *fd) {
  if (*fd >= 0)
    (void)close(*fd);
}

/* A descriptor, or -1. */
static int open_to_read(const char *path, struct err *reterr) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0) {
    (void)fail_errno(reterr, "open", path);
    return -1;
  }
  if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
    (void)close(fd);
    errno = EISDIR;
    (void)fail_errno(reterr, "read", path);
    return -1;
  }
  return fd;
}

bool sys_file_read(const char *path, size_t max_bytes, struct buf *retbuf, struct err *reterr) {
  buf_init(retbuf, max_bytes);
  SG_CLEANUP(close_fd) int fd = open_to_read(path, reterr);
  return fd >= 0 && sys_fd_read(fd, path, max_bytes, retbuf, reterr);
}

bool sys_file_stream(const char *path, sys_take_fn *take, void *ctx, struct err *reterr) {
  SG_CLEANUP(close_fd) int fd = open_to_read(path, reterr);
  return fd >= 0 && read_pieces(fd, path, take, ctx, reterr);
}

static bool write_all(int fd, struct str bytes) {
  while (bytes.len > 0) {
    ssize_t n = write(fd, bytes.ptr, bytes.len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    bytes = str_skip(bytes, (size_t)n);
  }
  return true;
}

bool sys_file_write(const char *path, struct str bytes, unsigned mode, struct err *reterr) {
  size_t size = strlen(path) + sizeof(".XXXXXX");
  CLEANUP_FREE char *temp = mem_zalloc(size);
  (void)snprintf(temp, size, "%s.XXXXXX", path);
  SG_CLEANUP(close_fd) int fd = mkostemp(temp, O_CLOEXEC); /* made with mode 0600 */
  if (fd < 0)
    return fail_errno(reterr, "create a file beside it", path);
  if (write_all(fd, bytes) && fchmod(fd, (mode_t)mode) == 0 && fsync(fd) == 0 &&
      rename(temp, path) == 0)
    return true;
  bool failed = fail_errno(reterr, "write", path);
  (void)unlink(temp);
  return failed;
}

int64_t sys_fd_limit_raise(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 0;
  struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0)
    limit = raised;
  return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}
