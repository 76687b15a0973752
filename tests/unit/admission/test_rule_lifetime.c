/* SPDX-License-Identifier: Apache-2.0 */
#include "src/admission/admission_internal.h"
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_LIFETIME, "severity: deny, maximum: {dev: 72h, \"*\": 30d}");
}

static void teardown(void) {
  builder_done(&b);
}

static void gpu_container(void) {
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
}

/* ---- times ----------------------------------------------------------------------------- */

static const struct {
  const char *name, *text;
  bool is_time;
  int64_t seconds;
} time_rows[] = {
    {"the epoch", "1970-01-01T00:00:00Z", true, 0},
    {"the tests' now", "2026-11-21T12:00:00Z", true, BUILDER_NOW},
    {"an offset to the east", "2026-11-21T13:00:00+01:00", true, BUILDER_NOW},
    {"an offset to the west", "2026-11-21T03:30:00-08:30", true, BUILDER_NOW},
    {"a fraction", "2026-11-21T12:00:00.123456789Z", true, BUILDER_NOW},
    {"a leap day", "2028-02-29T00:00:00Z", true, 1835395200},
    {"a century's leap day", "2000-02-29T23:59:59Z", true, 951868799},
    {"the last second", "9999-12-31T23:59:59Z", true, 253402300799},
    {"before the epoch", "1969-12-31T23:59:59Z", true, -1},
    {"the first year", "0000-01-01T00:00:00Z", true, -62167219200},
    {"no leap day", "2027-02-29T00:00:00Z", false, 0},
    {"a century without one", "2100-02-29T00:00:00Z", false, 0},
    {"no such month", "2027-13-01T00:00:00Z", false, 0},
    {"month zero", "2027-00-01T00:00:00Z", false, 0},
    {"no such hour", "2027-01-01T24:00:00Z", false, 0},
    {"a leap second", "2016-12-31T23:59:60Z", false, 0},
    {"a date", "2027-01-01", false, 0},
    {"no zone", "2027-01-01T00:00:00", false, 0},
    {"lower case", "2027-01-01t00:00:00z", false, 0},
    {"a blank for the T", "2027-01-01 00:00:00Z", false, 0},
    {"an empty fraction", "2027-01-01T00:00:00.Z", false, 0},
    {"something behind it", "2027-01-01T00:00:00Z ", false, 0},
    {"an offset without colon", "2027-01-01T00:00:00+0100", false, 0},
    {"an offset of a day", "2027-01-01T00:00:00+24:00", false, 0},
    {"slashes for the date", "2027/01/01T00:00:00Z", false, 0},
    {"one slash", "2027-01/01T00:00:00Z", false, 0},
    {"points for the time", "2027-01-01T00.00.00Z", false, 0},
    {"one point", "2027-01-01T00:00.00Z", false, 0},
    {"no such minute", "2027-01-01T00:60:00Z", false, 0},
    {"no such second", "2027-01-01T00:00:61Z", false, 0},
    {"an offset of a minute too many", "2027-01-01T00:00:00+01:60", false, 0},
    {"an offset of nothing", "1970-01-01T00:00:00+00:00", true, 0},
    {"an offset of minutes", "1970-01-01T00:30:00+00:30", true, 0},
    {"a sign in a number", "2027-+1-01T00:00:00Z", false, 0},
    {"seconds since the epoch", "1795262400", false, 0},
    {"nothing", "", false, 0},
};

START_TEST(times_are_read_strictly) {
  int64_t seconds = 0;
  bool is_time = rfc3339_parse(str_of(time_rows[_i].text), &seconds);
  ck_assert_msg(is_time == time_rows[_i].is_time, "%s", time_rows[_i].name);
  ck_assert_msg(!is_time || seconds == time_rows[_i].seconds, "%s: %lld", time_rows[_i].name,
                (long long)seconds);
}
END_TEST

START_TEST(times_are_written_as_they_are_read) {
  for (int64_t day = 0; day < 3000000; day += 97) {
    int64_t back = -1, seconds = day * 86400 + day % 86400;
    if (seconds > 253402300799)
      break;
    struct str text = rfc3339_text(b.arena, seconds);
    ck_assert(rfc3339_parse(text, &back));
    ck_assert_msg(back == seconds, "%.*s", STR_FMT(text));
  }
  ck_assert(str_is(rfc3339_text(b.arena, INT64_MAX), "9999-12-31T23:59:59Z"));
  ck_assert(str_is(rfc3339_text(b.arena, -5), "1970-01-01T00:00:00Z"));
}
END_TEST

/* ---- one workload -------------------------------------------------------------------------- */

static const char annotation[] = "metadata.annotations[slicegate.dev/expires-at]";

static const struct {
  const char *name;
  const char *group, *kind, *environment;
  const char *deadline_path;
  int64_t deadline;
  const char *expires;
  const char *field; /* NULL: no finding */
  const char *fragment;
} rows[] = {
    {"a bare Pod without an end", "", "Pod", "dev", NULL, 0, NULL, "spec.activeDeadlineSeconds",
     "set spec.activeDeadlineSeconds to at most 259200 (72h)"},
    {"a Pod with a deadline", "", "Pod", "dev", "spec.activeDeadlineSeconds", 3600, NULL, NULL,
     NULL},
    {"a deadline of exactly the maximum", "", "Pod", "dev", "spec.activeDeadlineSeconds", 259200,
     NULL, NULL, NULL},
    {"a deadline beyond the maximum", "", "Pod", "dev", "spec.activeDeadlineSeconds", 259201, NULL,
     "spec.activeDeadlineSeconds", "longer than the 72h that environment dev allows"},
    {"another environment has the maximum of every other one", "", "Pod", "staging",
     "spec.activeDeadlineSeconds", 259201, NULL, NULL, NULL},
    {"no environment has it too", "", "Pod", NULL, "spec.activeDeadlineSeconds", 2592001, NULL,
     "spec.activeDeadlineSeconds", "longer than the 30d that the policy allows"},
    {"a deadline of nothing is none", "", "Pod", "dev", "spec.activeDeadlineSeconds", 0, NULL,
     "spec.activeDeadlineSeconds", "nothing ends this Pod"},
    {"a Pod that expires", "", "Pod", "dev", NULL, 0, "2026-11-22T12:00:00Z", NULL, NULL},
    {"expires exactly at the maximum", "", "Pod", "dev", NULL, 0, "2026-11-24T12:00:00Z", NULL,
     NULL},
    {"expires beyond it", "", "Pod", "dev", NULL, 0, "2026-11-24T12:00:01Z", annotation,
     "set it to 2026-11-24T12:00:00Z or earlier"},
    {"a late expiry does not undo an early deadline", "", "Pod", "dev",
     "spec.activeDeadlineSeconds", 60, "2030-01-01T00:00:00Z", NULL, NULL},
    {"an early expiry does not mind a late deadline", "", "Pod", "dev",
     "spec.activeDeadlineSeconds", 999999, "2026-11-22T12:00:00Z", NULL, NULL},
    {"expired", "", "Pod", "dev", "spec.activeDeadlineSeconds", 60, "2026-11-21T12:00:00Z",
     annotation, "expired already"},
    {"no time", "", "Pod", "dev", "spec.activeDeadlineSeconds", 60, "tomorrow", annotation,
     "write it like 2026-11-22T12:00:00Z"},
    {"one finding for what is no time and no other end", "", "Pod", "dev", NULL, 0, "soon",
     annotation, "no time in RFC 3339"},
    {"a Job without an end", "batch", "Job", "dev", NULL, 0, NULL, "spec.activeDeadlineSeconds",
     "nothing ends this Job"},
    {"a CronJob without an end", "batch", "CronJob", "dev", NULL, 0, NULL,
     "spec.jobTemplate.spec.activeDeadlineSeconds", NULL},
    {"a PyTorchJob without an end", "kubeflow.org", "PyTorchJob", "dev", NULL, 0, NULL,
     "spec.runPolicy.activeDeadlineSeconds", NULL},
    {"a PyTorchJob with a deadline", "kubeflow.org", "PyTorchJob", "dev",
     "spec.runPolicy.activeDeadlineSeconds", 60, NULL, NULL, NULL},
    {"a Volcano job has no deadline of its own", "batch.volcano.sh", "Job", "dev", NULL, 0, NULL,
     annotation, "slicegate.dev/expires-at: 2026-11-22T12:00:00Z"},
    {"a Deployment can only say until when it is needed", "apps", "Deployment", "dev", NULL, 0,
     NULL, annotation, "nothing says until when this Deployment needs its GPUs"},
    {"but what it says must be a time", "apps", "Deployment", "dev", NULL, 0, "soon", annotation,
     "no time in RFC 3339"},
};

START_TEST(every_gpu_workload_ends) {
  given_object(&b, rows[_i].group, rows[_i].kind);
  gpu_container();
  if (rows[_i].environment)
    with_label(&b, "slicegate.dev/environment", rows[_i].environment);
  if (rows[_i].deadline_path)
    with_deadline(&b, rows[_i].deadline_path, rows[_i].deadline);
  if (rows[_i].expires)
    with_object_annotation(&b, "slicegate.dev/expires-at", rows[_i].expires);
  const struct adm_verdict *verdict = judge(&b);
  if (rows[_i].field)
    expect_finding_row(rows[_i].name, verdict, RULE_LIFETIME, SEVERITY_DENY, rows[_i].field,
                       rows[_i].fragment);
  else
    expect_none_row(rows[_i].name, verdict, RULE_LIFETIME);
}
END_TEST

START_TEST(services_unless_the_policy_lets_them_run) {
  given_rule(&b, RULE_LIFETIME, "severity: deny, services: true, maximum: {\"*\": 12h}");
  given_object(&b, "apps", "Deployment");
  gpu_container();
  expect_finding(judge(&b), RULE_LIFETIME, SEVERITY_DENY, annotation,
                 "expires-at: 2026-11-22T00:00:00Z or the like (2026-11-22T00:00:00Z at the");
  with_annotation(&b, "slicegate.dev/expires-at", "2026-11-21T18:00:00Z");
  expect_none(judge(&b), RULE_LIFETIME);
  given_rule(&b, RULE_LIFETIME, "severity: deny, services: false, maximum: {\"*\": 12h}");
  given_object(&b, "apps", "Deployment");
  gpu_container();
  expect_none(judge(&b), RULE_LIFETIME);
}
END_TEST

START_TEST(a_time_to_live_after_the_end_is_no_end) {
  given_object(&b, "batch", "Job");
  gpu_container();
  b.object.ttl_path = STR_LIT("spec.ttlSecondsAfterFinished");
  expect_finding(judge(&b), RULE_LIFETIME, SEVERITY_DENY, "spec.activeDeadlineSeconds",
                 "ttlSecondsAfterFinished counts from the end");
}
END_TEST

START_TEST(without_a_maximum_any_end_will_do) {
  given_rule(&b, RULE_LIFETIME, "severity: deny");
  given_object(&b, "batch", "Job");
  gpu_container();
  expect_finding(judge(&b), RULE_LIFETIME, SEVERITY_DENY, "spec.activeDeadlineSeconds",
                 "set spec.activeDeadlineSeconds, or annotate");
  with_deadline(&b, "spec.activeDeadlineSeconds", 1000000000);
  expect_none(judge(&b), RULE_LIFETIME);
}
END_TEST

/* Each job of a JobSet has its own deadline; one of them ends only its own pods. */
START_TEST(a_deadline_in_a_list_covers_its_item_only) {
  given_object(&b, "jobset.x-k8s.io", "JobSet");
  gpu_container();
  with_deadline(&b, "spec.replicatedJobs[0].template.spec.activeDeadlineSeconds", 60);
  expect_none(judge(&b), RULE_LIFETIME);
  with_template(&b, FORM_TEMPLATE, "spec.replicatedJobs[1].template.spec.template",
                "spec.replicatedJobs[1].template.spec.template.spec");
  with_container(&b, "cpu-only");
  expect_none(judge(&b), RULE_LIFETIME);
  with_template(&b, FORM_TEMPLATE, "spec.replicatedJobs[2].template.spec.template",
                "spec.replicatedJobs[2].template.spec.template.spec");
  gpu_container();
  expect_finding(judge(&b), RULE_LIFETIME, SEVERITY_DENY,
                 "spec.replicatedJobs[2].template.spec.activeDeadlineSeconds", NULL);
  with_deadline(&b, "spec.replicatedJobs[2].template.spec.activeDeadlineSeconds", 9999999);
  expect_finding(judge(&b), RULE_LIFETIME, SEVERITY_DENY,
                 "spec.replicatedJobs[2].template.spec.activeDeadlineSeconds", "longer than");
}
END_TEST

START_TEST(pods_of_a_controller_end_with_it) {
  given_pod(&b);
  gpu_container();
  with_owner(&b, "batch/v1", "Job", true);
  expect_finding(judge(&b), RULE_LIFETIME, SEVERITY_DENY, NULL, NULL);
  given_user(&b, "system:serviceaccount:kube-system:job-controller");
  expect_none(judge(&b), RULE_LIFETIME);
}
END_TEST

TCase *tcase_lifetime(void) {
  TCase *tcase = tcase_create("lifetime");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, times_are_read_strictly, 0, (int)SG_ARRAY_LEN(time_rows));
  tcase_add_test(tcase, times_are_written_as_they_are_read);
  tcase_add_loop_test(tcase, every_gpu_workload_ends, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, services_unless_the_policy_lets_them_run);
  tcase_add_test(tcase, a_time_to_live_after_the_end_is_no_end);
  tcase_add_test(tcase, without_a_maximum_any_end_will_do);
  tcase_add_test(tcase, a_deadline_in_a_list_covers_its_item_only);
  tcase_add_test(tcase, pods_of_a_controller_end_with_it);
  return tcase;
}
