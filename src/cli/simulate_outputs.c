/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/simulate_outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether both name one regular file that is there. */
static bool is_same_file(const char *a, const char *b) {
  struct stat x, y;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
         x.st_ino == y.st_ino;
}

bool simulate_outputs_add(struct simulate_outputs *outputs, const char *path,
                          simulate_write_fn *write, const char *const *inputs, size_t input_count,
                          FILE *err) {
  if (!path)
    return true;
  if (strcmp(path, "-") == 0) {
    (void)fputs("slicegate: \"-\" is no file to write; -o json and -o csv go to standard output\n",
                err);
    return false;
  }
  for (size_t i = 0; i < input_count; i++)
    if (inputs[i] && is_same_file(path, inputs[i])) {
      (void)fprintf(err, "slicegate: %s is an input, and would be written over\n", path);
      return false;
    }
  for (size_t i = 0; i < outputs->count; i++)
    if (is_same_file(path, outputs->items[i].path)) {
      (void)fprintf(err, "slicegate: %s is named for two outputs\n", path);
      return false;
    }
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  bool is_new = fd >= 0;
  if (!is_new && errno == EEXIST) /* O_CREAT: a link may lead to what is not there */
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "w"); /* fdopen does not empty it */
  if (!file) {
    (void)fprintf(err, "slicegate: \"%s\" cannot be written: %s\n", path, strerror(errno));
    if (fd >= 0)
      (void)close(fd);
    return false;
  }
  outputs->items[outputs->count++] = (struct simulate_output){path, write, file, is_new};
  return true;
}

static bool write_one(struct simulate_output *output, const struct sim_results *results,
                      FILE *err) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, SIMULATE_OUTPUT_MAX);
  output->write(results, &text);
  if (text.truncated || text.len == 0) {
    (void)fprintf(err, "slicegate: %s: %s\n", output->path,
                  text.len ? "the results are too large" : "these results have nothing to draw");
    return false;
  }
  (void)!ftruncate(fileno(output->file), 0); /* devices and pipes have no length */
  bool is_written = fwrite(text.ptr, 1, text.len, output->file) == text.len;
  is_written &= fclose(output->file) == 0;
  output->file = NULL;
  if (!is_written)
    (void)fprintf(err, "slicegate: \"%s\" could not be written: %s\n", output->path,
                  strerror(errno));
  return is_written;
}

bool simulate_outputs_write(struct simulate_outputs *outputs, const struct sim_results *results,
                            FILE *err) {
  bool is_written = true;
  for (size_t i = 0; i < outputs->count; i++)
    is_written &= write_one(&outputs->items[i], results, err);
  return is_written;
}

void simulate_outputs_done(struct simulate_outputs *outputs) {
  for (size_t i = 0; i < outputs->count; i++)
    if (outputs->items[i].file) {
      (void)fclose(outputs->items[i].file);
      if (outputs->items[i].is_new)
        (void)unlink(outputs->items[i].path);
    }
  outputs->count = 0;
}
