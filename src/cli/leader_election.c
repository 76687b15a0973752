/* SPDX-License-Identifier: Apache-2.0 */
/* The election's loop: look, take or renew, lose, give back. */
#include "leader_internal.h"

#include <stdio.h>

enum { LOG_AGAIN_MS = 60000 };

static int64_t ms_since(struct sys_mono when) {
  return (sys_mono_now().ns - when.ns) / 1000000;
}

/* ---- what is told ------------------------------------------------------------------------ */

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
  if (leader->config.name.len)
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
  if (leader->config.name.len)
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
  } while (sys_rest(&leader->rest, pause_ms(leader, began)));
}

static void hold_always(struct leader *leader) {
  gain(leader);
  do {
    leader_labels_step(&leader->labels, leader->stop, leader->config.retry_ms);
  } while (sys_rest(&leader->rest, leader->config.retry_ms));
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

void *leader_main(void *arg) {
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
