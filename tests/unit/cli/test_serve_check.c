/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the flags of `serve`: names that can be, addresses that do not meet. */
#include "src/cli/cli_internal.h"
#include "src/cli/listen.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

static const struct {
  const char *flag, *says; /* NULL: taken, and the certificate is asked for next */
} names[] = {
    {"--scheduler-name=gpu-scheduler", NULL},
    {"--scheduler-name=My Scheduler", "--scheduler-name is lower case letters, digits, '-' and "
                                      "'.', not \"My Scheduler\""},
    {"--lease-name=lease.of.ours", NULL},
    {"--lease-name=A/B", "--lease-name is lower case"},
    {"--lease-namespace=ml", NULL},
    {"--lease-namespace=m.l", "--lease-namespace is up to 63 lower case letters"},
    {"--lease-namespace=", "--lease-namespace is up to 63"},
    {"--pod-name=slicegate-7f9-x", NULL},
    {"--pod-name=p\n", "--pod-name is lower case"},
    {"--pod-selector=app=slicegate,!old,tier in (a, b),x!=y", NULL},
    {"--pod-selector=", NULL},
    {"--pod-selector=app;rm", "--pod-selector is a label selector"},
    {"--pod-selector=app!!", "--pod-selector is a label selector"},
};

START_TEST(names_must_be_such) {
  struct run run = RUN(cli_serve, "--live", "--lease-name=l", "--tls-cert=nowhere", names[_i].flag);
  assert_code(&run, 2);
  assert_contains(run.err, names[_i].says ? names[_i].says : "serve needs --tls-cert FILE");
  run_done(&run);
}
END_TEST

static const struct {
  const char *a, *b;
  bool meet;
} addresses[] = {
    {"127.0.0.1:8443", "127.0.0.1:8443", true},
    {"127.0.0.1:8443", "127.0.0.1:8444", false},
    {"127.0.0.1:8443", "127.0.0.2:8443", false},
    {":8443", "127.0.0.1:8443", true},
    {":8443", "[::1]:8443", true},
    {"[::]:8443", "10.0.0.1:8443", true},
    {"0.0.0.0:8443", "127.0.0.1:8443", true},
    {"0.0.0.0:8443", "[::1]:8443", false},
    {"0.0.0.0:8443", ":8443", true},
    {"[::ffff:127.0.0.1]:1", "127.0.0.1:1", true},
    {"[::1]:8443", "[0:0::1]:8443", true},
    {"127.0.0.1:0", "127.0.0.1:0", false},
};

START_TEST(addresses_meet_or_do_not) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct listen_address a, b;
  struct err err;
  ck_assert(listen_address_parse(arena, "a", addresses[_i].a, &a, &err));
  ck_assert(listen_address_parse(arena, "b", addresses[_i].b, &b, &err));
  ck_assert_int_eq(listen_address_meets(&a, &b), addresses[_i].meet);
  ck_assert_int_eq(listen_address_meets(&b, &a), addresses[_i].meet);
}
END_TEST

TCase *tcase_serve_check(void) {
  TCase *tcase = tcase_create("serve_check");
  tcase_add_loop_test(tcase, names_must_be_such, 0, SG_ARRAY_LEN(names));
  tcase_add_loop_test(tcase, addresses_meet_or_do_not, 0, SG_ARRAY_LEN(addresses));
  return tcase;
}
