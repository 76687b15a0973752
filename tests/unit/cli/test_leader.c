/* SPDX-License-Identifier: Apache-2.0 */
/* Replicas that compete for a Lease: who holds it when, and what the others see of it. */
#include "src/cli/leader.h"

#include "slicegate/sys.h"
#include "tests/support/random.h"
#include "tests/support/sleep.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/lease_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* The shortest that a Lease can say is a second. */
enum { LEASE_MS = 1000, DEADLINE_MS = 600, RETRY_MS = 40, PATIENCE_MS = 8000 };

static struct lease_server *server;

struct replica {
  struct leader *leader;
  atomic_int gained, lost;
  atomic_int block_ms; /* in `gained` */
};

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  server = lease_server_start();
}

static void teardown(void) {
  lease_server_stop(server);
}

static int64_t now_ms(void) {
  return sys_mono_now().ns / 1000000;
}

static void on_gained(void *ctx) {
  struct replica *replica = ctx;
  atomic_fetch_add(&replica->gained, 1);
  sleep_for(atomic_load(&replica->block_ms));
}

static void on_lost(void *ctx) {
  atomic_fetch_add(&((struct replica *)ctx)->lost, 1);
}

static struct leader_config config_of(int index, struct replica *replica) {
  static const char *const names[] = {"a", "b", "c"};
  return (struct leader_config){.client = lease_server_client(server, index),
                                .ns = STR_LIT("ns"),
                                .name = STR_LIT("l"),
                                .identity = str_of(names[index]),
                                .lease_ms = LEASE_MS,
                                .renew_deadline_ms = DEADLINE_MS,
                                .retry_ms = RETRY_MS,
                                .gained = on_gained,
                                .lost = on_lost,
                                .ctx = replica};
}

/* Times that a busy machine does not break, for what is not about how long things take. */
enum { PATIENT_MS = 4000 };

static struct leader_config patient(int index, struct replica *replica) {
  struct leader_config config = config_of(index, replica);
  config.lease_ms = 2 * PATIENT_MS;
  config.renew_deadline_ms = PATIENT_MS;
  return config;
}

static void start_with(const struct leader_config *config, struct replica *replica) {
  struct err err;
  replica->leader = leader_start(config, &err);
  ck_assert_msg(replica->leader != NULL, "%s", err.text);
}

static void start(int index, struct replica *replica) {
  struct leader_config config = config_of(index, replica);
  start_with(&config, replica);
}

static void start_patient(int index, struct replica *replica) {
  struct leader_config config = patient(index, replica);
  start_with(&config, replica);
}

#define WAIT_UNTIL(condition)                                                                      \
  do {                                                                                             \
    int64_t until_ms_ = now_ms() + PATIENCE_MS;                                                    \
    while (!(condition) && now_ms() < until_ms_)                                                   \
      sleep_for(2);                                                                                \
    ck_assert_msg(condition, "waited in vain for " #condition);                                    \
  } while (0)

static bool holds(const struct replica *replica) {
  return leader_is_holder(replica->leader);
}

static struct leader_status status_of(const struct replica *replica) {
  struct leader_status status;
  leader_get_status(replica->leader, &status);
  return status;
}

/* ---- gaining ----------------------------------------------------------------------------- */

START_TEST(takes_a_lease_that_is_not_there_and_renews_it) {
  struct replica a = {0};
  start_patient(0, &a);
  WAIT_UNTIL(atomic_load(&a.gained) == 1);
  ck_assert(holds(&a));
  struct lease_record first = lease_server_get(server);
  ck_assert_str_eq(first.holder, "a");
  ck_assert_int_eq(first.duration_seconds, 8);
  ck_assert_int_eq(first.transitions, 0);
  if (first.writes == 1) /* on a busy machine it may have been renewed by now */
    ck_assert_str_eq(first.acquire_time, first.renew_time);
  WAIT_UNTIL(lease_server_get(server).writes >= first.writes + 5);
  struct lease_record later = lease_server_get(server);
  ck_assert_str_ne(later.renew_time, first.renew_time);
  ck_assert_str_eq(later.acquire_time, first.acquire_time);
  ck_assert_int_eq(later.transitions, 0);
  ck_assert_int_eq(later.conflicts, 0);
  /* A holder writes without looking first. */
  ck_assert_int_le(later.requests, later.writes + 1);
  struct leader_status status = status_of(&a);
  ck_assert(status.is_holder && status.is_elected);
  ck_assert_str_eq(status.holder, "a");
  ck_assert_str_eq(status.error, "");
  ck_assert_int_ge(status.renewed_ms_ago, 0);
  ck_assert_int_lt(status.renewed_ms_ago, PATIENT_MS);
  ck_assert(holds(&a));
  leader_stop(a.leader);
  ck_assert_int_eq(atomic_load(&a.gained), 1);
  ck_assert_int_eq(atomic_load(&a.lost), 1);
}
END_TEST

/* Three at once: conflicts when it is created, one holder. */
START_TEST(one_of_three_takes_it) {
  struct replica replicas[3] = {0};
  for (int i = 0; i < 3; i++)
    start_patient(i, &replicas[i]);
  WAIT_UNTIL(holds(&replicas[0]) || holds(&replicas[1]) || holds(&replicas[2]));
  sleep_for(LEASE_MS);
  ck_assert_int_eq(holds(&replicas[0]) + holds(&replicas[1]) + holds(&replicas[2]), 1);
  int gained = 0;
  for (int i = 0; i < 3; i++) {
    gained += atomic_load(&replicas[i].gained);
    ck_assert_str_eq(status_of(&replicas[i]).error, "");
    ck_assert_str_eq(status_of(&replicas[i]).holder, lease_server_get(server).holder);
  }
  ck_assert_int_eq(gained, 1);
  ck_assert_int_eq(lease_server_get(server).transitions, 0);
  for (int i = 0; i < 3; i++)
    leader_stop(replicas[i].leader);
}
END_TEST

/* ---- who holds is judged by the own clock ------------------------------------------------- */

static const char *const renew_times[] = {"2000-01-01T00:00:00.000000Z",
                                          "2100-01-01T00:00:00.000000Z", ""};

/* Of its time, only how long it has not changed counts. */
START_TEST(takes_over_from_one_that_stopped_renewing) {
  struct replica a = {0};
  lease_server_put(server, "other", 1, renew_times[_i]);
  int64_t began_ms = now_ms();
  start(0, &a);
  WAIT_UNTIL(holds(&a));
  int64_t took_ms = now_ms() - began_ms;
  ck_assert_msg(took_ms >= LEASE_MS, "after %lld ms", (long long)took_ms);
  ck_assert_msg(took_ms < LEASE_MS + 1000, "after %lld ms", (long long)took_ms);
  ck_assert_int_eq(lease_server_get(server).transitions, 1);
  leader_stop(a.leader);
}
END_TEST

/* Its clock stands still, and yet it renews. */
START_TEST(does_not_take_over_from_one_that_renews) {
  struct replica a = {0};
  lease_server_put(server, "other", 1, renew_times[_i]);
  start(0, &a);
  for (int i = 0; i < 5; i++) {
    sleep_for(LEASE_MS / 2);
    ck_assert(!holds(&a));
    lease_server_put(server, "other", 1, renew_times[_i]);
  }
  ck_assert_int_eq(atomic_load(&a.gained), 0);
  ck_assert_str_eq(status_of(&a).holder, "other");
  leader_stop(a.leader);
  ck_assert_str_eq(lease_server_get(server).holder, "other");
  ck_assert_int_eq(lease_server_get(server).writes, 0);
}
END_TEST

static struct err why_not(const struct replica *replica) {
  struct err err = {0};
  leader_say_why_not(replica->leader, &err);
  return err;
}

/* What kube-scheduler is told must not name a holder that there is not. */
START_TEST(says_why_it_does_not_decide) {
  struct replica a = {0}, b = {0};
  lease_server_fault(server, 0, false, FAULT_REFUSED);
  start_patient(0, &a);
  WAIT_UNTIL(status_of(&a).error[0]);
  ck_assert_ptr_nonnull(strstr(why_not(&a).text, "nobody holds the Lease: "));
  start_patient(1, &b);
  WAIT_UNTIL(holds(&b));
  ck_assert_ptr_nonnull(strstr(why_not(&b).text, "what its predecessor has bound"));
  lease_server_fault(server, 0, false, FAULT_NONE);
  WAIT_UNTIL(!status_of(&a).error[0]);
  ck_assert_str_eq(why_not(&a).text, "another replica, b, holds the Lease and keeps the ledger");
  leader_stop(a.leader);
  leader_stop(b.leader);
}
END_TEST

/* The holder said itself how long it may be silent. */
START_TEST(respects_the_duration_in_the_lease) {
  struct replica a = {0};
  lease_server_put(server, "other", 3, renew_times[0]);
  start(0, &a);
  sleep_for(2 * LEASE_MS);
  ck_assert(!holds(&a));
  WAIT_UNTIL(holds(&a));
  leader_stop(a.leader);
}
END_TEST

/* ---- losing ------------------------------------------------------------------------------ */

START_TEST(loses_when_renewals_fail) {
  struct replica a = {0};
  start(0, &a);
  WAIT_UNTIL(holds(&a));
  int64_t began_ms = now_ms();
  lease_server_fault(server, 0, false, (enum lease_fault)_i);
  WAIT_UNTIL(!holds(&a));
  WAIT_UNTIL(atomic_load(&a.lost) == 1);
  int64_t took_ms = now_ms() - began_ms;
  ck_assert_msg(took_ms >= DEADLINE_MS - 2 * RETRY_MS - 50, "after %lld ms", (long long)took_ms);
  ck_assert_msg(took_ms < LEASE_MS, "after %lld ms", (long long)took_ms);
  WAIT_UNTIL(status_of(&a).error[0]);
  ck_assert_int_gt(status_of(&a).failures, 0);
  lease_server_fault(server, 0, false, FAULT_NONE);
  WAIT_UNTIL(atomic_load(&a.gained) == 2);
  ck_assert(holds(&a));
  WAIT_UNTIL(!status_of(&a).error[0]);
  leader_stop(a.leader);
  ck_assert_int_eq(atomic_load(&a.lost), 2);
}
END_TEST

/* A thread that does not come back cannot say that it lost: the clock does. */
START_TEST(does_not_hold_while_its_thread_is_stuck) {
  struct replica a = {.block_ms = LEASE_MS};
  start(0, &a);
  WAIT_UNTIL(holds(&a));
  sleep_for(DEADLINE_MS + 50);
  ck_assert(!holds(&a));
  ck_assert(!status_of(&a).is_holder);
  ck_assert_int_eq(atomic_load(&a.lost), 0);
  WAIT_UNTIL(atomic_load(&a.lost) == 1);
  atomic_store(&a.block_ms, 0);
  leader_stop(a.leader);
}
END_TEST

START_TEST(loses_at_once_when_another_has_it) {
  struct replica a = {0};
  start_patient(0, &a);
  WAIT_UNTIL(holds(&a));
  int64_t began_ms = now_ms();
  lease_server_put(server, "other", 1, renew_times[1]);
  WAIT_UNTIL(atomic_load(&a.lost) == 1);
  ck_assert_int_lt(now_ms() - began_ms, PATIENT_MS / 2);
  ck_assert(!holds(&a));
  WAIT_UNTIL(atomic_load(&a.gained) == 2); /* which never renews */
  leader_stop(a.leader);
}
END_TEST

START_TEST(takes_a_deleted_lease_again) {
  struct replica a = {0};
  start_patient(0, &a);
  WAIT_UNTIL(holds(&a));
  lease_server_delete(server);
  WAIT_UNTIL(atomic_load(&a.gained) == 2);
  ck_assert_int_eq(atomic_load(&a.lost), 1);
  ck_assert(holds(&a));
  leader_stop(a.leader);
}
END_TEST

/* ---- giving back ------------------------------------------------------------------------- */

START_TEST(gives_it_back_to_a_successor) {
  struct replica a = {0}, b = {0};
  start_patient(0, &a);
  WAIT_UNTIL(holds(&a));
  start_patient(1, &b);
  sleep_for(4 * RETRY_MS);
  ck_assert(!holds(&b));
  leader_stop(a.leader);
  int64_t began_ms = now_ms();
  WAIT_UNTIL(holds(&b));
  ck_assert_int_lt(now_ms() - began_ms, PATIENT_MS / 2);
  ck_assert_int_eq(lease_server_get(server).transitions, 1);
  leader_stop(b.leader);
  struct lease_record record = lease_server_get(server);
  ck_assert_str_eq(record.holder, "");
  ck_assert_int_eq(record.duration_seconds, 1);
  ck_assert_int_eq(record.transitions, 1);
}
END_TEST

/* The write that took it was made, its answer lost, and then comes the stop. */
START_TEST(gives_back_what_it_does_not_know_it_has) {
  struct replica a = {0};
  lease_server_fault(server, 0, false, FAULT_LOST_ANSWER);
  start(0, &a);
  WAIT_UNTIL(lease_server_get(server).writes > 0);
  lease_server_fault(server, 0, false, FAULT_NONE);
  leader_stop(a.leader);
  ck_assert_int_eq(atomic_load(&a.gained), 0);
  ck_assert_str_eq(lease_server_get(server).holder, "");
}
END_TEST

START_TEST(leaves_the_lease_of_another_alone_when_it_ends) {
  struct replica a = {0};
  start_patient(0, &a);
  WAIT_UNTIL(holds(&a));
  lease_server_put(server, "other", 1, renew_times[1]);
  leader_stop(a.leader);
  ck_assert_str_eq(lease_server_get(server).holder, "other");
}
END_TEST

/* Bounded, whatever the server does. */
START_TEST(ends_although_the_server_hangs) {
  struct replica a = {0};
  start(0, &a);
  WAIT_UNTIL(holds(&a));
  lease_server_fault(server, 0, false, FAULT_HANGS);
  sleep_for(2 * RETRY_MS);
  int64_t began_ms = now_ms();
  leader_stop(a.leader);
  ck_assert_int_lt(now_ms() - began_ms, DEADLINE_MS * 3 / 2 + 500);
  ck_assert_int_eq(atomic_load(&a.lost), 1);
}
END_TEST

/* ---- without an election ----------------------------------------------------------------- */

START_TEST(holds_always_without_a_lease) {
  struct replica a = {0};
  struct leader_config config = {.gained = on_gained, .lost = on_lost, .ctx = &a, .retry_ms = 20};
  start_with(&config, &a);
  ck_assert(holds(&a));
  WAIT_UNTIL(atomic_load(&a.gained) == 1);
  struct leader_status status = status_of(&a);
  ck_assert(status.is_holder && !status.is_elected);
  ck_assert_int_eq(status.renewed_ms_ago, -1);
  leader_stop(a.leader);
  ck_assert_int_eq(atomic_load(&a.lost), 1);
  ck_assert_int_eq(lease_server_get(server).requests, 0);
}
END_TEST

START_TEST(refuses_times_that_cannot_work) {
  struct replica a = {0};
  struct err err;
  struct leader_config long_deadline = config_of(0, &a), long_retry = config_of(0, &a),
                       nobody = config_of(0, &a), nowhere = config_of(0, &a);
  long_deadline.renew_deadline_ms = LEASE_MS;
  long_retry.retry_ms = DEADLINE_MS;
  nobody.identity = (struct str){0};
  nowhere.ns = (struct str){0};
  ck_assert_ptr_null(leader_start(&long_deadline, &err));
  ck_assert_str_eq(err.text, "the lease's times must be retry x 1.2 < renew deadline < duration, "
                             "not 40, 1000 and 1000 ms");
  ck_assert_ptr_null(leader_start(&long_retry, &err));
  ck_assert_ptr_null(leader_start(&nobody, &err));
  ck_assert_ptr_null(leader_start(&nowhere, &err));
  leader_stop(NULL);
}
END_TEST

/* ---- labels ------------------------------------------------------------------------------ */

static bool is_labelled(int pod) {
  return lease_server_get(server).is_labelled[pod];
}

START_TEST(labels_the_holders_pod_only) {
  struct replica a = {0}, b = {0};
  struct leader_config of_a = patient(0, &a), of_b = patient(1, &b);
  of_a.pod_name = "pod-0";
  of_b.pod_name = "pod-1";
  lease_server_label(server, 1, true); /* left by former lives */
  lease_server_label(server, 2, true);
  start_with(&of_a, &a);
  WAIT_UNTIL(is_labelled(0) && !is_labelled(1) && !is_labelled(2));
  start_with(&of_b, &b);
  sleep_for(4 * RETRY_MS);
  ck_assert(is_labelled(0) && !is_labelled(1));
  leader_stop(a.leader);
  ck_assert(!is_labelled(0));
  WAIT_UNTIL(is_labelled(1));
  lease_server_put(server, "other", 1, renew_times[0]);
  WAIT_UNTIL(!is_labelled(1));
  leader_stop(b.leader);
}
END_TEST

START_TEST(a_container_that_starts_again_takes_its_old_label_away) {
  struct replica a = {0};
  struct leader_config config = config_of(0, &a);
  config.pod_name = "pod-0";
  lease_server_put(server, "other", 30, renew_times[0]);
  lease_server_label(server, 0, true);
  start_with(&config, &a);
  WAIT_UNTIL(!is_labelled(0));
  ck_assert(!holds(&a));
  leader_stop(a.leader);
}
END_TEST

/* Neither refused nor hanging calls for labels cost the Lease. */
START_TEST(labels_that_fail_do_not_stop_it) {
  struct replica a = {0};
  struct leader_config config = patient(0, &a);
  config.pod_name = "pod-0";
  lease_server_fault(server, 0, true, (enum lease_fault)_i);
  start_with(&config, &a);
  WAIT_UNTIL(holds(&a));
  for (int i = 0; i < 20; i++) {
    sleep_for(LEASE_MS / 10);
    ck_assert(holds(&a));
  }
  lease_server_fault(server, 0, true, FAULT_NONE);
  WAIT_UNTIL(is_labelled(0));
  ck_assert_int_eq(atomic_load(&a.gained), 1);
  leader_stop(a.leader);
}
END_TEST

START_TEST(labels_without_an_election) {
  struct replica a = {0};
  struct leader_config config = config_of(0, &a);
  config.name = (struct str){0};
  config.pod_name = "pod-0";
  start_with(&config, &a);
  WAIT_UNTIL(is_labelled(0));
  leader_stop(a.leader);
  ck_assert(!is_labelled(0));
  ck_assert_int_eq(lease_server_get(server).writes, 0);
}
END_TEST

/* ---- never two --------------------------------------------------------------------------- */

struct sampler {
  const struct replica *a, *b;
  atomic_bool is_ended;
  int64_t samples, both, of_a, of_b;
};

/* A before and after B: A held all the time in between. */
static void *sample(void *ctx) {
  struct sampler *sampler = ctx;
  while (!atomic_load(&sampler->is_ended)) {
    bool before = holds(sampler->a), b = holds(sampler->b), after = holds(sampler->a);
    sampler->samples++;
    sampler->of_a += before;
    sampler->of_b += b;
    sampler->both += before && b && after;
  }
  return NULL;
}

START_TEST(two_never_hold_at_one_time) {
  struct replica a = {0}, b = {0};
  struct random random;
  struct sampler sampler = {.a = &a, .b = &b};
  pthread_t thread;
  random_init(&random, random_seed());
  start(0, &a);
  start(1, &b);
  ck_assert_int_eq(pthread_create(&thread, NULL, sample, &sampler), 0);
  struct replica *replicas[] = {&a, &b};
  for (int round = 0; round < 5; round++) {
    WAIT_UNTIL(holds(&a) || holds(&b));
    int victim = holds(&b);
    const struct replica *heir = replicas[!victim];
    enum lease_fault fault = (enum lease_fault)(1 + random_below(&random, FAULT_KINDS - 1));
    sleep_for((int64_t)random_below(&random, 3 * RETRY_MS));
    lease_server_fault(server, victim, false, fault);
    /* The heir has its own troubles now and then. */
    for (int64_t until_ms = now_ms() + 4 * LEASE_MS; !holds(heir) && now_ms() < until_ms;) {
      lease_server_fault(server, !victim, false,
                         random_one_in(&random, 4) ? FAULT_LOST_ANSWER : FAULT_NONE);
      sleep_for((int64_t)random_below(&random, 4 * RETRY_MS));
    }
    lease_server_fault(server, !victim, false, FAULT_NONE);
    lease_server_fault(server, victim, false, FAULT_NONE);
  }
  atomic_store(&sampler.is_ended, true);
  (void)pthread_join(thread, NULL);
  ck_assert_int_eq(sampler.both, 0);
  ck_assert_int_gt(sampler.of_a + sampler.of_b, sampler.samples / 200);
  ck_assert_int_ge(atomic_load(&a.gained) + atomic_load(&b.gained), 5);
  lease_server_fault(server, 0, false, FAULT_NONE);
  lease_server_fault(server, 1, false, FAULT_NONE);
  leader_stop(a.leader);
  leader_stop(b.leader);
}
END_TEST

TCase *tcase_leader(void) {
  TCase *tcase = tcase_create("leader");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, takes_a_lease_that_is_not_there_and_renews_it);
  tcase_add_test(tcase, one_of_three_takes_it);
  tcase_add_loop_test(tcase, takes_over_from_one_that_stopped_renewing, 0, 3);
  tcase_add_test(tcase, says_why_it_does_not_decide);
  tcase_add_loop_test(tcase, does_not_take_over_from_one_that_renews, 0, 2);
  tcase_add_test(tcase, respects_the_duration_in_the_lease);
  tcase_add_loop_test(tcase, loses_when_renewals_fail, FAULT_REFUSED, FAULT_HANGS + 1);
  tcase_add_test(tcase, does_not_hold_while_its_thread_is_stuck);
  tcase_add_test(tcase, loses_at_once_when_another_has_it);
  tcase_add_test(tcase, takes_a_deleted_lease_again);
  tcase_add_test(tcase, gives_it_back_to_a_successor);
  tcase_add_test(tcase, gives_back_what_it_does_not_know_it_has);
  tcase_add_test(tcase, leaves_the_lease_of_another_alone_when_it_ends);
  tcase_add_test(tcase, ends_although_the_server_hangs);
  tcase_add_test(tcase, holds_always_without_a_lease);
  tcase_add_test(tcase, refuses_times_that_cannot_work);
  tcase_add_test(tcase, labels_the_holders_pod_only);
  tcase_add_test(tcase, a_container_that_starts_again_takes_its_old_label_away);
  tcase_add_loop_test(tcase, labels_that_fail_do_not_stop_it, FAULT_REFUSED, FAULT_HANGS + 1);
  tcase_add_test(tcase, labels_without_an_election);
  tcase_add_test(tcase, two_never_hold_at_one_time);
  return tcase;
}
