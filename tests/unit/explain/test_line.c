/* SPDX-License-Identifier: Apache-2.0 */
/* The line of an Event, and when there is something new to say. */
#include "tests/unit/explain/asked.h"

#include <check.h>

TCase *tcase_line(void);

static const struct {
  const char *cluster, *line;
} rows[] = {
    {NODE("a", "nvidia.com/gpu: 4") POD("x", ON("a"), "nvidia.com/gpu: 3")
         POD("p", "", "nvidia.com/gpu: 2"),
     "0/1 nodes fit: 1 Insufficient nvidia.com/gpu; smallest change: ask for fewer nvidia.com/gpu"},
    {NODE("a", "cpu: 4") NODE("b", "nvidia.com/gpu: 1") POD("p", "", "nvidia.com/gpu: 2"),
     "0/2 nodes fit: 1 fewer than 2 nvidia.com/gpu in all, 1 no nvidia.com/gpu; smallest change: "
     "ask for fewer nvidia.com/gpu"},
    {NODE("a", "cpu: 4") POD("p", "", "nvidia.com/gpu: 2"),
     "0/1 nodes fit: 1 no nvidia.com/gpu; no node lists nvidia.com/gpu"},
    {NODE("a", "cpu: 4") POD("p", "", "cpu: 1"), "it fits on a and is not placed yet"},
    {NODE("a", "cpu: 4") POD("p", ON("a"), "cpu: 1"), ""},
};

START_TEST(lines_say_it_all) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, rows[_i].cluster);
  struct str line = explain_reason_line(asked_about(&asked, "p"), asked.arena, 1024);
  ck_assert_msg(str_is(line, rows[_i].line), "%.*s", STR_FMT(line));
}
END_TEST

/* Whole items only, however little room there is. */
START_TEST(lines_keep_their_limit) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, NODE("a", "cpu: 4") NODE("b", "nvidia.com/gpu: 1")
                         TAINTED("c", "{key: k, value: \"v\\e[0m\", effect: NoSchedule}",
                                 "nvidia.com/gpu: 9") POD("p", "", "nvidia.com/gpu: 2"));
  const struct explain_answer *answer = asked_about(&asked, "p");
  for (size_t max = 40; max < 400; max++) {
    struct str line = explain_reason_line(answer, asked.arena, max);
    ck_assert_uint_le(line.len, max);
    ck_assert(str_starts_with(line, STR_LIT("0/3 nodes fit")));
    ck_assert(memchr(line.ptr, '\x1b', line.len) == NULL);
  }
}
END_TEST

static uint64_t key_of(const char *cluster) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, cluster);
  return explain_reason_key(asked_about(&asked, "p"));
}

START_TEST(numbers_alone_are_no_news) {
  uint64_t key = key_of(NODE("a", "nvidia.com/gpu: 4") POD("x", ON("a"), "nvidia.com/gpu: 3")
                            POD("p", "", "nvidia.com/gpu: 3"));
  ck_assert(key == key_of(NODE("a", "nvidia.com/gpu: 4") NODE("b", "nvidia.com/gpu: 4") POD(
                       "x", ON("a"), "nvidia.com/gpu: 2") POD("y", ON("b"), "nvidia.com/gpu: 3")
                              POD("p", "", "nvidia.com/gpu: 3")));
  ck_assert(key != key_of(NODE("a", "nvidia.com/gpu: 4") NODE("b", "cpu: 1") POD(
                       "x", ON("a"), "nvidia.com/gpu: 3") POD("p", "", "nvidia.com/gpu: 3")));
  ck_assert(key != key_of(NODE("a", "nvidia.com/gpu: 4") POD("p", "", "nvidia.com/gpu: 3")));
  ck_assert(key != key_of(NODE("a", "nvidia.com/gpu: 4") POD("x", ON("a"), "nvidia.com/gpu: 4")
                              POD("p", "", "nvidia.com/gpu: 3")));
}
END_TEST

TCase *tcase_line(void) {
  TCase *tcase = tcase_create("line");
  tcase_add_loop_test(tcase, lines_say_it_all, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, lines_keep_their_limit);
  tcase_add_test(tcase, numbers_alone_are_no_news);
  return tcase;
}
