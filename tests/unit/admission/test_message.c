/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as people read them. */
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

static struct arena *arena;
static struct buf out;

static void setup(void) {
  arena = arena_new(4096);
  buf_init(&out, 1 << 20);
}

static void teardown(void) {
  buf_done(&out);
  arena_free(arena);
}

static const struct finding two[] = {
    {RULE_GPU_LIMITS, SEVERITY_DENY, STR_LIT("spec.containers[0].resources.limits[nvidia.com/gpu]"),
     STR_LIT("0.5 is no whole number of GPUs"), STR_LIT("ask for 1")},
    {RULE_SPOT, SEVERITY_WARN, STR_LIT("spec.tolerations[0]"), STR_LIT("may land on spot"),
     STR_LIT("drop the toleration")},
};

/* `count` findings whose lines have `length` bytes each. */
static struct finding *many(size_t count, enum severity severity, size_t length) {
  struct finding *made = arena_array(arena, count, sizeof(*made));
  for (size_t i = 0; i < count; i++) {
    size_t frame = strlen("[spot] f0000: ; r");
    char *message = arena_alloc(arena, length - frame + 1);
    memset(message, 'm', length - frame);
    made[i] = (struct finding){RULE_SPOT,
                               severity,
                               str_printf(arena, "f%04zu", i),
                               {message, length - frame},
                               STR_LIT("r")};
  }
  return made;
}

START_TEST(one_line_for_each_finding) {
  adm_message(two, 2, SEVERITY_WARN, 4096, &out);
  ck_assert_str_eq(out.ptr, "[gpu-limits] spec.containers[0].resources.limits[nvidia.com/gpu]: 0.5 "
                            "is no whole number of GPUs; ask for 1\n"
                            "[spot] spec.tolerations[0]: may land on spot; drop the toleration");
}
END_TEST

START_TEST(less_grave_findings_are_left_out) {
  adm_message(two, 2, SEVERITY_DENY, 4096, &out);
  ck_assert_str_eq(out.ptr, "[gpu-limits] spec.containers[0].resources.limits[nvidia.com/gpu]: 0.5 "
                            "is no whole number of GPUs; ask for 1");
}
END_TEST

START_TEST(a_refusal_names_the_object) {
  const struct workload pod = {
      .kind = STR_LIT("Pod"), .ns = STR_LIT("default"), .name = STR_LIT("train")};
  adm_refusal(&pod, two, 2, 4096, &out);
  ck_assert(
      str_starts_with(buf_str(&out), STR_LIT("1 finding for Pod default/train:\n[gpu-limits")));
  ck_assert(str_ends_with(buf_str(&out), STR_LIT("; ask for 1")));
}
END_TEST

START_TEST(an_object_without_a_name_is_named_by_its_pattern) {
  const struct finding *findings = many(2, SEVERITY_DENY, 40);
  const struct workload job = {.kind = STR_LIT("Job"), .generate_name = STR_LIT("train-")};
  adm_refusal(&job, findings, 2, 4096, &out);
  ck_assert(str_starts_with(buf_str(&out), STR_LIT("2 findings for Job train-*:\n")));
}
END_TEST

/* From too short for one line to long enough for all. */
START_TEST(only_whole_lines_fit) {
  enum { COUNT = 20, LINE = 100 };
  const struct finding *findings = many(COUNT, SEVERITY_DENY, LINE);
  for (size_t max = 0; max < COUNT * (LINE + 1) + 50; max++) {
    buf_clear(&out);
    adm_message(findings, COUNT, SEVERITY_DENY, max, &out);
    size_t said = 0;
    for (struct str rest = buf_str(&out); rest.len;) {
      size_t end = str_find_char(rest, '\n');
      struct str line = {rest.ptr, end};
      if (str_starts_with(line, STR_LIT("[spot]"))) {
        ck_assert_uint_eq(line.len, LINE);
        said++;
      } else {
        struct str expected = said ? str_printf(arena, "and %zu more", COUNT - said)
                                   : str_printf(arena, "%d findings, too long to show", COUNT);
        ck_assert_msg(str_eq(line, expected), "max %zu: %.*s", max, STR_FMT(line));
      }
      rest = str_skip(rest, end < rest.len ? end + 1 : end);
    }
    ck_assert_msg(said == 0 || out.len <= max, "max %zu: %zu bytes", max, out.len);
    ck_assert_msg(max < COUNT * (LINE + 1) || said == COUNT, "max %zu: %zu lines", max, said);
  }
}
END_TEST

static size_t total_bytes(struct strings warnings) {
  size_t total = 0;
  for (size_t i = 0; i < warnings.count; i++)
    total += warnings.items[i].len;
  return total;
}

START_TEST(warnings_are_the_findings_that_warn) {
  struct strings warnings = adm_warnings(two, 2, arena);
  ck_assert_uint_eq(warnings.count, 1);
  ck_assert(str_is(warnings.items[0],
                   "[spot] spec.tolerations[0]: may land on spot; drop the toleration"));
  ck_assert_uint_eq(adm_warnings(two, 1, arena).count, 0);
  ck_assert_uint_eq(adm_warnings(NULL, 0, arena).count, 0);
}
END_TEST

START_TEST(warnings_stay_within_what_the_api_server_keeps) {
  for (size_t length = 20; length < 1500; length += 13) {
    const struct finding *findings = many(500, SEVERITY_WARN, length);
    struct strings warnings = adm_warnings(findings, 500, arena);
    ck_assert_uint_le(total_bytes(warnings), 4096);
    struct str last = warnings.items[warnings.count - 1];
    struct str expected = str_printf(arena, "and %zu more", 500 - (warnings.count - 1));
    ck_assert_msg(str_eq(last, expected), "%zu: %.*s", length, STR_FMT(last));
    for (size_t i = 0; i + 1 < warnings.count; i++)
      ck_assert(str_ends_with(warnings.items[i], STR_LIT("; r")));
    /* No more than one line and the closing remark are left unused. */
    ck_assert_uint_ge(total_bytes(warnings) + length + 32, 4096);
  }
}
END_TEST

START_TEST(warnings_that_just_fit_are_all_there) {
  struct strings warnings = adm_warnings(many(32, SEVERITY_WARN, 128), 32, arena);
  ck_assert_uint_eq(warnings.count, 32);
  ck_assert_uint_eq(total_bytes(warnings), 4096);
  warnings = adm_warnings(many(33, SEVERITY_WARN, 128), 33, arena);
  ck_assert(str_is(warnings.items[warnings.count - 1], "and 2 more"));
}
END_TEST

START_TEST(no_control_character_gets_through) {
  const struct finding bad[] = {{RULE_SPOT, SEVERITY_WARN, STR_LIT("a\nb"), STR_LIT("c\x1b[1md"),
                                 STR_LIT("e\xc2\x85"
                                         "f")}};
  struct strings warnings = adm_warnings(bad, 1, arena);
  ck_assert(str_is(warnings.items[0], "[spot] a?b: c?[1md; e?f"));
  adm_message(bad, 1, SEVERITY_WARN, 4096, &out);
  ck_assert_str_eq(out.ptr, "[spot] a?b: c?[1md; e?f");
}
END_TEST

START_TEST(a_giant_field_path_is_cut) {
  char path[5000];
  memset(path, 'p', sizeof(path));
  const struct finding bad[] = {
      {RULE_SPOT, SEVERITY_WARN, {path, sizeof(path)}, STR_LIT("m"), STR_LIT("r")}};
  struct strings warnings = adm_warnings(bad, 1, arena);
  ck_assert_uint_eq(warnings.count, 1);
  ck_assert_uint_lt(warnings.items[0].len, 300);
  ck_assert(str_ends_with(warnings.items[0], STR_LIT("...: m; r")));
}
END_TEST

TCase *tcase_message(void) {
  TCase *tcase = tcase_create("message");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, one_line_for_each_finding);
  tcase_add_test(tcase, less_grave_findings_are_left_out);
  tcase_add_test(tcase, a_refusal_names_the_object);
  tcase_add_test(tcase, an_object_without_a_name_is_named_by_its_pattern);
  tcase_add_test(tcase, only_whole_lines_fit);
  tcase_add_test(tcase, warnings_are_the_findings_that_warn);
  tcase_add_test(tcase, warnings_stay_within_what_the_api_server_keeps);
  tcase_add_test(tcase, warnings_that_just_fit_are_all_there);
  tcase_add_test(tcase, no_control_character_gets_through);
  tcase_add_test(tcase, a_giant_field_path_is_cut);
  return tcase;
}
