/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/live_odd.h"

#include "slicegate/sys.h"
#include "tests/support/state_lab.h"
#include "tests/unit/cli/cases.h"

#include <check.h>
#include <stdio.h>
#include <unistd.h>

enum { MINUTE_MS = 60000 };

static FILE *file;

static void setup(void) {
  file = tmpfile();
  ck_assert_ptr_nonnull(file);
  sys_log_setup(SYS_WARN, SYS_LOG_LOGFMT, fileno(file));
}

static void teardown(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, STDERR_FILENO);
  (void)fclose(file);
}

static bool is_logged(const char *text) {
  CLEANUP_BUF struct buf all = {0};
  struct err err;
  ck_assert_int_eq(lseek(fileno(file), 0, SEEK_SET), 0);
  ck_assert(sys_fd_read(fileno(file), "log", 1 << 20, &all, &err));
  return memmem(all.ptr, all.len, text, strlen(text)) != NULL;
}

/* Eight GPUs listed, four labelled. */
static void put(struct state_lab *lab, const char *name, const char *gpus) {
  struct node node = lab_node(lab, name, "nvidia.com/gpu", gpus, NULL);
  lab_label(lab, &node, "nvidia.com/gpu.count", "4", NULL);
  state_put_node(lab->state, &node);
}

START_TEST(nodes_that_contradict_themselves_are_named) {
  CLEANUP_STATE_LAB struct state_lab lab;
  struct contradictions_told told = {0};
  int64_t now = 1000;
  state_lab_init(&lab);
  put(&lab, "well", "4");
  ck_assert(!live_tell_contradictions(lab.state, now, &told, 0));
  put(&lab, "gpu-1", "8");
  ck_assert(live_tell_contradictions(lab.state, now, &told, 1));
  ck_assert(is_logged("node=gpu-1 "));
  ck_assert(is_logged("more GPUs than nvidia.com/gpu.count"));
  ck_assert(!is_logged("well"));
  /* The same again says nothing, and another waits for its minute. */
  put(&lab, "gpu-2", "8");
  ck_assert(!live_tell_contradictions(lab.state, now + MINUTE_MS - 1, &told, 2));
  ck_assert(!is_logged("gpu-2"));
  now += MINUTE_MS;
  ck_assert(live_tell_contradictions(lab.state, now, &told, 2));
  ck_assert(is_logged("node=gpu-2 "));
  now += MINUTE_MS;
  ck_assert(!live_tell_contradictions(lab.state, now, &told, 2));
  /* Mended, and there again. */
  put(&lab, "gpu-1", "4");
  put(&lab, "gpu-2", "4");
  ck_assert(!live_tell_contradictions(lab.state, now, &told, 0));
  put(&lab, "gpu-2", "8");
  ck_assert(live_tell_contradictions(lab.state, now, &told, 1));
  for (int i = 0; i < 10; i++)
    put(&lab, (char[]){'x', (char)('0' + i), 0}, "8");
  now += MINUTE_MS;
  ck_assert(live_tell_contradictions(lab.state, now, &told, 11));
  ck_assert(is_logged("and of more nodes"));
  ck_assert(is_logged("count=3"));
}
END_TEST

TCase *tcase_live_odd(void) {
  TCase *tc = tcase_create("live_odd");
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_add_test(tc, nodes_that_contradict_themselves_are_named);
  return tc;
}
