/* SPDX-License-Identifier: Apache-2.0 */
/* The election's loop: look, take or renew, lose, give back. */
#include "leader.h"

#include "leader_labels.h"
#include "slicegate/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEASE_MS = 15000, RENEW_DEADLINE_MS = 10000, RETRY_MS = 2000, LOG_AGAIN_MS = 60000 };

struct leader {
  struct leader_config config; /* its texts are our own */
  struct kube_stop *stop;
  pthread_t thread;
  _Atomic int64_t holds_until_ns; /* of the monotonic clock; 0: does not hold */

  pthread_mutex_t mutex; /* guards what follows */
  pthread_cond_t ended;
  bool is_ended;
  struct leader_status status; /* what does not depend on the time of asking */
  struct sys_mono renewed_at;  /* 0: never */

  /* Of the thread alone. */
  bool is_leading; /* `gained` has been called, `lost` not yet */
  bool is_unsure;  /* a write got no answer: the Lease may be ours without our knowing */
  struct kube_lease seen;
  struct sys_mono seen_at; /* its resource version for the first time */
  struct leader_labels labels;
  uint64_t random;
  char logged[512]; /* the last failure that was logged */
  struct sys_mono logged_at;
};

static int64_t ms_since(struct sys_mono when) {
  return (sys_mono_now().ns - when.ns) / 1000000;
}

/* ---- what others may ask ----------------------------------------------------------------- */

bool leader_is_holder(const struct leader *leader) {
  int64_t until_ns = atomic_load(&leader->holds_until_ns);
  return until_ns != 0 && sys_mono_now().ns < until_ns;
}

void leader_get_status(struct leader *leader, struct leader_status *ret) {
  (void)pthread_mutex_lock(&leader->mutex);
  *ret = leader->status;
  ret->renewed_ms_ago = leader->renewed_at.ns ? ms_since(leader->renewed_at) : -1;
  (void)pthread_mutex_unlock(&leader->mutex);
  ret->is_holder = leader_is_holder(leader);
}

static void tell_seen(struct leader *leader) {
  (void)pthread_mutex_lock(&leader->mutex);
  leader->status.transitions = leader->seen.transitions;
  memcpy(leader->status.holder, leader->seen.holder, sizeof(leader->status.holder));
  (void)pthread_mutex_unlock(&leader->mutex);
}

/* NULL: it went well. */
static void tell_attempt(struct leader *leader, const struct err *err) {
  (void)pthread_mutex_lock(&leader->mutex);
  leader->status.failures += err != NULL;
  (void)snprintf(leader->status.error, sizeof(leader->status.error), "%s", err ? err->text : "");
  (void)pthread_mutex_unlock(&leader->mutex);
  if (!err) {
    leader->logged[0] = '\0';
    return;
  }
  if (strcmp(leader->logged, err->text) == 0 && ms_since(leader->logged_at) < LOG_AGAIN_MS)
    return;
  (void)snprintf(leader->logged, sizeof(leader->logged), "%s", err->text);
  leader->logged_at = sys_mono_now();
  sys_log(SYS_WARN, "the lease cannot be read or written", sys_str("lease", leader->config.name),
          sys_bool("holder", leader_is_holder(leader)), sys_err(err));
}

/* ---- gaining and losing ------------------------------------------------------------------ */

static void gain(struct leader *leader) {
  leader->is_leading = true;
  (void)pthread_mutex_lock(&leader->mutex);
  leader->status.gained++;
  (void)pthread_mutex_unlock(&leader->mutex);
  sys_log(SYS_INFO, "holds the lease", sys_str("lease", leader->config.name),
          sys_str("identity", leader->config.identity),
          sys_int("transitions", leader->seen.transitions));
  leader_labels_want(&leader->labels, true);
  if (leader->config.gained)
    leader->config.gained(leader->config.ctx);
}

static void lose(struct leader *leader, const char *why) {
  if (!leader->is_leading)
    return;
  atomic_store(&leader->holds_until_ns, 0);
  leader->is_leading = false;
  (void)pthread_mutex_lock(&leader->mutex);
  leader->status.lost++;
  (void)pthread_mutex_unlock(&leader->mutex);
  sys_log(SYS_INFO, "no longer holds the lease", sys_str("lease", leader->config.name),
          sys_str("identity", leader->config.identity), sys_cstr("why", why));
  leader_labels_want(&leader->labels, false);
  if (leader->config.lost)
    leader->config.lost(leader->config.ctx);
}

/* ---- one attempt --------------------------------------------------------------------------- */

/* What a call may take: half of the deadline, so that another connection can be tried, and never
 * longer than we hold. */
static int64_t call_ms(const struct leader *leader) {
  int64_t ms = leader->config.renew_deadline_ms / 2;
  if (leader->is_leading) {
    int64_t left_ns = atomic_load(&leader->holds_until_ns) - sys_mono_now().ns;
    if (left_ns / 1000000 < ms)
      ms = left_ns / 1000000;
  }
  return ms > 1 ? ms : 1;
}

static bool is_ours(const struct leader *leader) {
  return str_is(leader->config.identity, leader->seen.holder);
}

static bool is_held_by_another(const struct leader *leader) {
  int64_t seconds = leader->seen.duration_seconds;
  int64_t ms = seconds > 0 ? i64_mul_sat(seconds, 1000) : leader->config.lease_ms;
  return leader->seen.holder[0] && !is_ours(leader) && ms_since(leader->seen_at) < ms;
}

/* A Lease that is not there is one that nobody holds. */
static bool look(struct leader *leader, struct err *reterr) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  const struct leader_config *config = &leader->config;
  struct kube_lease lease = {0};
  bool is_there = kube_lease_get(config->client, config->ns, config->name, leader->stop,
                                 call_ms(leader), &lease, &response, reterr);
  if (!is_there && response.status != 404)
    return false;
  if (!is_there)
    lease = (struct kube_lease){0};
  if (strcmp(lease.resource_version, leader->seen.resource_version) != 0)
    leader->seen_at = sys_mono_now(); /* not earlier: the answer may have been long on its way */
  leader->seen = lease;
  tell_seen(leader);
  if (!is_ours(leader))
    lose(leader, lease.holder[0] ? "another replica has it" : "it was taken away");
  return true;
}

/* Takes or renews what has been seen. On success our time counts from before the call: nobody
 * can have seen the change earlier. */
static bool write_ours(struct leader *leader, unsigned *ret_status, struct err *reterr) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  const struct leader_config *config = &leader->config;
  struct kube_lease lease = leader->seen;
  lease.renew_us = sys_wall_now().ns / 1000;
  lease.duration_seconds = (config->lease_ms + 999) / 1000;
  if (!is_ours(leader)) {
    (void)snprintf(lease.holder, sizeof(lease.holder), "%.*s", STR_FMT(config->identity));
    lease.acquire_us = lease.renew_us;
    lease.transitions += lease.resource_version[0] != '\0';
  }
  struct sys_mono before = sys_mono_now();
  bool is_written = kube_lease_put(config->client, config->ns, config->name, &lease, leader->stop,
                                   call_ms(leader), &response, reterr);
  *ret_status = response.status;
  leader->is_unsure = !is_written && response.status == 0;
  if (!is_written)
    return false;
  leader->seen = lease;
  leader->seen_at = before;
  (void)pthread_mutex_lock(&leader->mutex);
  leader->renewed_at = before;
  (void)pthread_mutex_unlock(&leader->mutex);
  tell_seen(leader);
  atomic_store(&leader->holds_until_ns, sys_mono_add_ms(before, config->renew_deadline_ms).ns);
  return true;
}

/* False: something failed. Who holds is another matter. */
static bool attempt(struct leader *leader, struct err *reterr) {
  unsigned status = 0;
  if (leader->is_leading && write_ours(leader, &status, reterr))
    return true;
  /* Somebody else wrote, or it was us and the answer got lost. */
  if (leader->is_leading && status != 409 && status != 404)
    return false;
  if (!look(leader, reterr))
    return false;
  if (is_held_by_another(leader))
    return true;
  if (!write_ours(leader, &status, reterr))
    return status == 409; /* somebody was faster */
  if (!leader->is_leading)
    gain(leader);
  return true;
}

/* ---- the loop ---------------------------------------------------------------------------- */

/* False: the leader is to end. */
static bool sleep_ms(struct leader *leader, int64_t ms) {
  struct timespec until;
  int64_t ns = sys_mono_add_ms(sys_mono_now(), ms).ns;
  until = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  (void)pthread_mutex_lock(&leader->mutex);
  int failed = 0;
  while (!leader->is_ended && !failed)
    failed = pthread_cond_timedwait(&leader->ended, &leader->mutex, &until);
  bool goes_on = !leader->is_ended;
  (void)pthread_mutex_unlock(&leader->mutex);
  return goes_on;
}

/* Candidates come apart: up to 2.2 times the period. */
static int64_t jittered(struct leader *leader) {
  leader->random ^= leader->random << 13;
  leader->random ^= leader->random >> 7;
  leader->random ^= leader->random << 17;
  int64_t retry_ms = leader->config.retry_ms;
  return retry_ms + (int64_t)(leader->random % (uint64_t)(retry_ms * 6 / 5 + 1));
}

/* Until the next attempt; a holder that cannot renew wakes to lose in time. */
static int64_t pause_ms(struct leader *leader, struct sys_mono began) {
  if (!leader->is_leading)
    return jittered(leader);
  int64_t ms = leader->config.retry_ms - ms_since(began);
  int64_t left_ms = (atomic_load(&leader->holds_until_ns) - sys_mono_now().ns) / 1000000 + 1;
  return ms < left_ms ? ms : left_ms;
}

static void elect(struct leader *leader) {
  struct sys_mono began;
  do {
    struct err err;
    began = sys_mono_now();
    if (!leader_is_holder(leader))
      lose(leader, "it could not be renewed in time"); /* or the process has been asleep */
    bool is_well = attempt(leader, &err);
    if (kube_stop_is_raised(leader->stop))
      break;
    tell_attempt(leader, is_well ? NULL : &err);
    leader_labels_step(&leader->labels, leader->stop, leader->config.retry_ms);
  } while (sleep_ms(leader, pause_ms(leader, began)));
}

static void hold_always(struct leader *leader) {
  gain(leader);
  do {
    leader_labels_step(&leader->labels, leader->stop, leader->config.retry_ms);
  } while (sleep_ms(leader, leader->config.retry_ms));
}

static bool put_nobody(struct leader *leader, unsigned *ret_status, struct err *reterr) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  const struct leader_config *config = &leader->config;
  struct kube_lease lease = leader->seen;
  lease.holder[0] = '\0';
  lease.duration_seconds = 1;
  lease.renew_us = lease.acquire_us = sys_wall_now().ns / 1000;
  bool is_written = kube_lease_put(config->client, config->ns, config->name, &lease, NULL,
                                   config->renew_deadline_ms / 4 + 1, &response, reterr);
  *ret_status = response.status;
  return is_written;
}

/* Not as `look`: the stop has been raised, and there is nothing more to lose. */
static bool look_last(struct leader *leader, struct err *reterr) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  const struct leader_config *config = &leader->config;
  return kube_lease_get(config->client, config->ns, config->name, NULL,
                        config->renew_deadline_ms / 4 + 1, &leader->seen, &response, reterr);
}

static void give_back(struct leader *leader) {
  struct err err;
  bool is_well = !leader->is_unsure || look_last(leader, &err);
  for (int round = 0; round < 2 && is_well && is_ours(leader); round++) {
    unsigned status;
    if (put_nobody(leader, &status, &err)) {
      sys_log(SYS_INFO, "gave the lease back", sys_str("lease", leader->config.name));
      return;
    }
    is_well = status == 409 && look_last(leader, &err);
  }
  if (!is_well)
    sys_log(SYS_WARN, "the lease is not given back; it ends by itself",
            sys_str("lease", leader->config.name), sys_err(&err));
}

static void *leader_main(void *arg) {
  struct leader *leader = arg;
  bool is_elected = leader->config.name.len > 0;
  if (is_elected)
    elect(leader);
  else
    hold_always(leader);
  lose(leader, "it ends");
  if (is_elected)
    give_back(leader);
  leader->labels.not_before = (struct sys_mono){0};
  leader_labels_step(&leader->labels, NULL, leader->config.renew_deadline_ms / 4);
  return NULL;
}

/* ---- start and stop ------------------------------------------------------------------------ */

static bool check_config(const struct leader_config *c, struct err *reterr) {
  bool needs_server = c->name.len > 0 || (c->pod_name && c->pod_name[0]);
  if (needs_server && (!c->client || c->ns.len == 0))
    return err_set(reterr, ERR_INVALID, "the lease and its holder's label need a namespace");
  if (c->name.len == 0)
    return true;
  if (c->identity.len == 0 || c->identity.len > KUBE_LEASE_HOLDER_MAX)
    return err_set(reterr, ERR_INVALID, "the identity for the lease must have 1 to %d bytes",
                   KUBE_LEASE_HOLDER_MAX);
  if (c->retry_ms < 1 || c->renew_deadline_ms <= c->retry_ms * 6 / 5 ||
      c->lease_ms <= c->renew_deadline_ms)
    return err_set(reterr, ERR_INVALID,
                   "the lease's times must be retry x 1.2 < renew deadline < duration, not %lld, "
                   "%lld and %lld ms",
                   (long long)c->retry_ms, (long long)c->renew_deadline_ms, (long long)c->lease_ms);
  return true;
}

static struct str copy(struct str text) {
  return (struct str){mem_strndup(text.len ? text.ptr : "", text.len), text.len};
}

static void free_leader(struct leader *leader) {
  free((char *)leader->config.ns.ptr);
  free((char *)leader->config.name.ptr);
  free((char *)leader->config.identity.ptr);
  free((char *)leader->config.pod_selector.ptr);
  free((char *)leader->labels.pod_name.ptr);
  (void)pthread_mutex_destroy(&leader->mutex);
  (void)pthread_cond_destroy(&leader->ended);
  kube_stop_free(leader->stop);
  free(leader);
}

static struct leader *new_leader(const struct leader_config *config) {
  struct leader *leader = mem_zalloc(sizeof(*leader));
  leader->config = *config;
  leader->config.ns = copy(config->ns);
  leader->config.name = copy(config->name);
  leader->config.identity = copy(config->identity);
  leader->config.pod_selector = copy(config->pod_selector);
  leader->labels = (struct leader_labels){.client = config->client,
                                          .ns = leader->config.ns,
                                          .pod_name = copy(str_of(config->pod_name)),
                                          .pod_selector = leader->config.pod_selector,
                                          .retry_ms = config->retry_ms};
  /* A container that starts again finds the label of its predecessor on its pod. */
  leader_labels_want(&leader->labels, false);
  leader->random = (uint64_t)sys_wall_now().ns | 1;
  leader->status.is_elected = config->name.len > 0;
  atomic_init(&leader->holds_until_ns, config->name.len > 0 ? 0 : INT64_MAX);
  pthread_condattr_t monotonic;
  (void)pthread_condattr_init(&monotonic);
  (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  (void)pthread_mutex_init(&leader->mutex, NULL);
  (void)pthread_cond_init(&leader->ended, &monotonic);
  (void)pthread_condattr_destroy(&monotonic);
  return leader;
}

struct leader *leader_start(const struct leader_config *given, struct err *reterr) {
  struct leader_config config = *given;
  config.lease_ms = config.lease_ms ? config.lease_ms : LEASE_MS;
  config.renew_deadline_ms =
      config.renew_deadline_ms ? config.renew_deadline_ms : RENEW_DEADLINE_MS;
  config.retry_ms = config.retry_ms ? config.retry_ms : RETRY_MS;
  if (!check_config(&config, reterr))
    return NULL;
  struct leader *leader = new_leader(&config);
  leader->stop = kube_stop_new(reterr);
  if (!leader->stop) {
    free_leader(leader);
    return NULL;
  }
  if (pthread_create(&leader->thread, NULL, leader_main, leader) != 0) {
    err_set(reterr, ERR_UNAVAILABLE, "cannot start a thread for the lease");
    free_leader(leader);
    return NULL;
  }
  return leader;
}

void leader_stop(struct leader *leader) {
  if (!leader)
    return;
  (void)pthread_mutex_lock(&leader->mutex);
  leader->is_ended = true;
  (void)pthread_cond_broadcast(&leader->ended);
  (void)pthread_mutex_unlock(&leader->mutex);
  kube_stop_raise(leader->stop);
  (void)pthread_join(leader->thread, NULL);
  free_leader(leader);
}
