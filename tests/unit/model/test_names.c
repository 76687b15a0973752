/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/model.h"
#include "tests/unit/model/cases.h"

START_TEST(every_rule_reads_back) {
  for (enum rule_id rule = 0; rule < RULE_COUNT; rule++) {
    enum rule_id found = RULE_COUNT;
    ck_assert(rule_parse(str_of(rule_name(rule)), &found));
    ck_assert_int_eq(found, rule);
  }
  enum rule_id none;
  ck_assert(!rule_parse(STR_LIT("gpu-limit"), &none));
  ck_assert(!rule_parse(STR_LIT(""), &none));
}
END_TEST

START_TEST(every_severity_reads_back) {
  for (enum severity severity = SEVERITY_OFF; severity <= SEVERITY_DENY; severity++) {
    enum severity found = SEVERITY_OFF;
    ck_assert(severity_parse(str_of(severity_name(severity)), &found));
    ck_assert_int_eq(found, severity);
  }
  enum severity none;
  ck_assert(!severity_parse(STR_LIT("Deny"), &none));
  ck_assert(!severity_parse(STR_LIT("den"), &none));
}
END_TEST

TCase *tcase_names(void) {
  TCase *tc = tcase_create("names");
  tcase_add_test(tc, every_rule_reads_back);
  tcase_add_test(tc, every_severity_reads_back);
  return tc;
}
