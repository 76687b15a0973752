/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/sys.h"
#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

TCase *tcase_file(void);

static struct temp_dir dir;

static void setup(void) {
  dir = temp_dir_make();
}

static void teardown(void) {
  temp_dir_remove(&dir);
}

START_TEST(reads_whole_files) {
  struct err err;
  CLEANUP_BUF struct buf buf;
  struct temp_path path = temp_path(&dir, "f");
  temp_write(path.text, "hello\n");
  ck_assert(sys_file_read(path.text, 6, &buf, &err));
  ck_assert_uint_eq(buf.len, 6);
  ck_assert_str_eq(buf.ptr, "hello\n");
}
END_TEST

START_TEST(reads_empty_files) {
  struct err err;
  CLEANUP_BUF struct buf buf;
  struct temp_path path = temp_path(&dir, "f");
  temp_write(path.text, "");
  ck_assert(sys_file_read(path.text, 0, &buf, &err));
  ck_assert_uint_eq(buf.len, 0);
}
END_TEST

struct pieces {
  struct buf text;
  size_t count, stop_at;
};

static bool take_piece(void *ctx, struct str piece, struct err *reterr) {
  struct pieces *pieces = ctx;
  buf_append_str(&pieces->text, piece);
  if (++pieces->count == pieces->stop_at)
    return err_set(reterr, ERR_LIMIT, "enough");
  return true;
}

START_TEST(hands_files_over_in_pieces) {
  struct err err = {0};
  struct temp_path path = temp_path(&dir, "f");
  static char large[100000];
  memset(large, 'x', sizeof(large) - 1);
  temp_write(path.text, large);
  struct pieces pieces = {.stop_at = SIZE_MAX};
  buf_init(&pieces.text, sizeof(large));
  ck_assert(sys_file_stream(path.text, take_piece, &pieces, &err));
  ck_assert_str_eq(pieces.text.ptr, large);
  ck_assert_uint_gt(pieces.count, 1);
  buf_done(&pieces.text);
}
END_TEST

START_TEST(stops_when_told_to) {
  struct err err = {0};
  struct temp_path path = temp_path(&dir, "f");
  static char large[100000];
  memset(large, 'x', sizeof(large) - 1);
  temp_write(path.text, large);
  struct pieces pieces = {.stop_at = 2};
  buf_init(&pieces.text, sizeof(large));
  ck_assert(!sys_file_stream(path.text, take_piece, &pieces, &err));
  ck_assert_uint_eq(pieces.count, 2);
  ck_assert_str_eq(err.text, "enough");
  ck_assert(!sys_file_stream("/nowhere", take_piece, &pieces, &err));
  ck_assert_int_eq(err.code, ERR_NOT_FOUND);
  ck_assert(!sys_file_stream(dir.path, take_piece, &pieces, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_uint_eq(pieces.count, 2);
  buf_done(&pieces.text);
}
END_TEST

START_TEST(says_what_was_wrong) {
  struct err err = {0};
  struct buf buf;
  struct temp_path path = temp_path(&dir, "f");
  ck_assert(!sys_file_read(path.text, 6, &buf, &err));
  ck_assert_int_eq(err.code, ERR_NOT_FOUND);
  ck_assert_ptr_nonnull(strstr(err.text, path.text));
  temp_write(path.text, "1234567");
  ck_assert(!sys_file_read(path.text, 6, &buf, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  ck_assert_ptr_nonnull(strstr(err.text, path.text));
  ck_assert_ptr_nonnull(strstr(err.text, "6 bytes"));
  ck_assert_ptr_null(buf.ptr);
  ck_assert(!sys_file_read(dir.path, 6, &buf, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_ptr_nonnull(strstr(err.text, dir.path));
}
END_TEST

START_TEST(reads_pipes_to_their_end) {
  struct err err;
  CLEANUP_BUF struct buf buf;
  int ends[2];
  static char large[40000];
  memset(large, 'x', sizeof(large));
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(write(ends[1], large, sizeof(large)), sizeof(large));
  (void)close(ends[1]);
  ck_assert(sys_fd_read(ends[0], "standard input", sizeof(large), &buf, &err));
  ck_assert_uint_eq(buf.len, sizeof(large));
  (void)close(ends[0]);
}
END_TEST

START_TEST(writes_in_one_step_with_the_mode) {
  struct err err = {0};
  struct stat st;
  CLEANUP_BUF struct buf buf;
  struct temp_path path = temp_path(&dir, "f");
  temp_write(path.text, "old");
  int old = open(path.text, O_RDONLY | O_CLOEXEC);
  mode_t mask = umask(0077);
  ck_assert_msg(sys_file_write(path.text, STR_LIT("new!"), 0640, &err), "%s", err.text);
  (void)umask(mask);
  ck_assert(sys_file_read(path.text, 100, &buf, &err));
  ck_assert_str_eq(buf.ptr, "new!");
  ck_assert_int_eq(stat(path.text, &st), 0);
  ck_assert_uint_eq(st.st_mode & 0777, 0640);
  /* Who had the old file open still has it. */
  char bytes[8] = "";
  ck_assert_int_eq(read(old, bytes, sizeof(bytes)), 3);
  ck_assert_str_eq(bytes, "old");
  (void)close(old);
  ck_assert_int_eq(unlink(path.text), 0);
  ck_assert_msg(rmdir(dir.path) == 0, "something was left in the directory");
  ck_assert(!sys_file_write(path.text, STR_LIT("x"), 0600, &err));
  ck_assert_int_eq(err.code, ERR_NOT_FOUND);
}
END_TEST

START_TEST(the_limit_of_descriptors_is_raised_to_the_hard_one) {
  struct rlimit before;
  struct rlimit after;
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit low = {.rlim_cur = 64, .rlim_max = before.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
  int64_t limit = sys_fd_limit_raise();
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &after), 0);
  ck_assert_uint_eq(after.rlim_cur, before.rlim_max);
  ck_assert_uint_eq((uint64_t)limit, after.rlim_cur);
  (void)setrlimit(RLIMIT_NOFILE, &before);
}
END_TEST

TCase *tcase_file(void) {
  TCase *tc = tcase_create("file");
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_add_test(tc, reads_whole_files);
  tcase_add_test(tc, reads_empty_files);
  tcase_add_test(tc, hands_files_over_in_pieces);
  tcase_add_test(tc, stops_when_told_to);
  tcase_add_test(tc, says_what_was_wrong);
  tcase_add_test(tc, reads_pipes_to_their_end);
  tcase_add_test(tc, writes_in_one_step_with_the_mode);
  tcase_add_test(tc, the_limit_of_descriptors_is_raised_to_the_hard_one);
  return tc;
}
