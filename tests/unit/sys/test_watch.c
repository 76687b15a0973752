/* SPDX-License-Identifier: Apache-2.0 */
/* Each test waits for the callback it expects, on a semaphore, for seconds if need be. */
#include "slicegate/sys.h"
#include "tests/support/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <time.h>

TCase *tcase_watch(void);

enum { INTERVAL_MS = 10, PATIENCE_S = 20 };

static struct temp_dir dir;
static sem_t calls;

static void changed(void *ctx) {
  (void)sem_post(ctx);
}

static void expect_call(const char *what) {
  struct timespec until;
  (void)clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += PATIENCE_S;
  while (sem_timedwait(&calls, &until) != 0)
    ck_assert_msg(errno == EINTR, "no callback after: %s", what);
}

/* Counts looks: a callback that is not expected would be seen by the time of the next change. */
static int calls_left(void) {
  int value = -1;
  (void)sem_getvalue(&calls, &value);
  return value;
}

static struct sys_watch *watch_one(const char *path) {
  struct err err;
  struct sys_watch *watch = sys_watch_new(INTERVAL_MS);
  sys_watch_add(watch, &path, 1, changed, &calls);
  ck_assert(sys_watch_start(watch, &err));
  return watch;
}

static void setup(void) {
  dir = temp_dir_make();
  (void)sem_init(&calls, 0, 0);
}

static void teardown(void) {
  temp_dir_remove(&dir);
  (void)sem_destroy(&calls);
}

/* In one step, so that exactly one change is there to be seen. */
static void put(const char *path, const char *text) {
  struct temp_path other = temp_path(&dir, "written-beside");
  temp_write(other.text, text);
  ck_assert_int_eq(rename(other.text, path), 0);
}

START_TEST(appearing_changing_and_vanishing) {
  struct temp_path path = temp_path(&dir, "policy.yaml");
  struct sys_watch *watch = watch_one(path.text);
  put(path.text, "one");
  expect_call("the file appeared");
  put(path.text, "three");
  expect_call("another size");
  put(path.text, "seven");
  expect_call("another file of the same size");
  ck_assert_int_eq(unlink(path.text), 0);
  expect_call("the file vanished");
  sys_watch_free(watch);
  ck_assert_int_eq(calls_left(), 0);
}
END_TEST

START_TEST(a_rewrite_in_place) {
  struct temp_path path = temp_path(&dir, "policy.yaml");
  temp_write(path.text, "one");
  struct sys_watch *watch = watch_one(path.text);
  temp_write(path.text, "two");
  expect_call("the file was written again");
  sys_watch_free(watch);
}
END_TEST

START_TEST(same_size_in_the_same_tick_is_seen) {
  struct temp_path path = temp_path(&dir, "f");
  struct timespec then[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  temp_write(path.text, "aaaa");
  ck_assert_int_eq(utimensat(AT_FDCWD, path.text, then, 0), 0);
  struct sys_watch *watch = watch_one(path.text);
  temp_write(path.text, "bbbb");
  /* The writer puts the old time back; the kernel's own time of change remains. */
  ck_assert_int_eq(utimensat(AT_FDCWD, path.text, then, 0), 0);
  expect_call("same size and same mtime");
  sys_watch_free(watch);
}
END_TEST

static void make_version(const char *version, const char *text) {
  struct temp_path folder = temp_path(&dir, version);
  ck_assert_int_eq(mkdir(folder.text, 0700), 0);
  char file[600];
  (void)snprintf(file, sizeof(file), "%s/policy.yaml", folder.text);
  temp_write(file, text);
}

static void remove_version(const char *version) {
  char file[600];
  struct temp_path folder = temp_path(&dir, version);
  (void)snprintf(file, sizeof(file), "%s/policy.yaml", folder.text);
  (void)unlink(file);
  (void)rmdir(folder.text);
}

START_TEST(the_symlink_swap_of_a_configmap_mount) {
  /* policy.yaml -> ..data/policy.yaml, ..data -> ..2026_1, then ..data -> ..2026_2. */
  struct temp_path path = temp_path(&dir, "policy.yaml");
  struct temp_path data = temp_path(&dir, "..data");
  struct temp_path data_new = temp_path(&dir, "..data_tmp");
  make_version("..2026_1", "old text");
  make_version("..2026_2", "new text");
  ck_assert_int_eq(symlink("..2026_1", data.text), 0);
  ck_assert_int_eq(symlink("..data/policy.yaml", path.text), 0);
  struct sys_watch *watch = watch_one(path.text);
  ck_assert_int_eq(symlink("..2026_2", data_new.text), 0);
  ck_assert_int_eq(rename(data_new.text, data.text), 0);
  expect_call("..data was swapped");
  sys_watch_free(watch);
  ck_assert_int_eq(calls_left(), 0);
  remove_version("..2026_1");
  remove_version("..2026_2");
}
END_TEST

START_TEST(a_set_of_files_reports_once) {
  struct err err;
  struct temp_path cert = temp_path(&dir, "tls.crt");
  struct temp_path key = temp_path(&dir, "tls.key");
  struct temp_path last = temp_path(&dir, "last");
  const char *pair[] = {cert.text, key.text};
  const char *single[] = {last.text};
  sem_t last_calls;
  (void)sem_init(&last_calls, 0, 0);
  /* Files are looked at in the order of adding, so after the second set's call the first's is due.
   */
  struct sys_watch *watch = sys_watch_new(INTERVAL_MS * 10);
  sys_watch_add(watch, pair, 2, changed, &calls);
  sys_watch_add(watch, single, 1, changed, &last_calls);
  ck_assert(sys_watch_start(watch, &err));
  temp_write(cert.text, "c");
  temp_write(key.text, "k");
  expect_call("both files of a pair");
  temp_write(last.text, "x");
  while (sem_wait(&last_calls) != 0)
    ;
  sys_watch_free(watch);
  /* One call for both, or two when a look fell between the writes; never more. */
  ck_assert_int_le(calls_left(), 1);
  (void)sem_destroy(&last_calls);
}
END_TEST

START_TEST(free_without_start) {
  const char *path = "/nonexistent";
  struct sys_watch *watch = sys_watch_new(0);
  sys_watch_add(watch, &path, 1, changed, &calls);
  sys_watch_free(watch);
  sys_watch_free(NULL);
  ck_assert_int_eq(calls_left(), 0);
}
END_TEST

TCase *tcase_watch(void) {
  TCase *tc = tcase_create("watch");
  tcase_set_timeout(tc, 60);
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_add_test(tc, appearing_changing_and_vanishing);
  tcase_add_test(tc, a_rewrite_in_place);
  tcase_add_test(tc, same_size_in_the_same_tick_is_seen);
  tcase_add_test(tc, the_symlink_swap_of_a_configmap_mount);
  tcase_add_test(tc, a_set_of_files_reports_once);
  tcase_add_test(tc, free_without_start);
  return tc;
}
