/* SPDX-License-Identifier: Apache-2.0 */
/* The leader from outside: its start and end, and what others may ask. */
#include "leader_internal.h"

#include <stdlib.h>

enum { LEASE_MS = 15000, RENEW_DEADLINE_MS = 10000, RETRY_MS = 2000 };

/* ---- what others may ask ----------------------------------------------------------------- */

bool leader_is_holder(const struct leader *leader) {
  int64_t until_ns = atomic_load(&leader->holds_until_ns);
  return until_ns != 0 && sys_mono_now().ns < until_ns;
}

void leader_get_status(struct leader *leader, struct leader_status *ret) {
  (void)pthread_mutex_lock(&leader->mutex);
  *ret = leader->status;
  ret->renewed_ms_ago =
      leader->renewed_at.ns ? sys_mono_us_between(leader->renewed_at, sys_mono_now()) / 1000 : -1;
  (void)pthread_mutex_unlock(&leader->mutex);
  ret->is_holder = leader_is_holder(leader);
}

void leader_say_why_not(struct leader *leader, struct err *ret) {
  struct leader_status status;
  leader_get_status(leader, &status);
  const char *colon = status.error[0] ? ": " : "";
  if (status.is_holder)
    (void)err_set(ret, ERR_UNAVAILABLE,
                  "this replica does not know yet what its predecessor has bound; ask again");
  else if (status.holder[0] == '\0')
    (void)err_set(ret, ERR_UNAVAILABLE, "nobody holds the Lease%s%s", colon, status.error);
  else if (str_is(leader->config.identity, status.holder))
    (void)err_set(ret, ERR_UNAVAILABLE, "this replica holds the Lease no longer%s%s", colon,
                  status.error);
  else
    (void)err_set(ret, ERR_UNAVAILABLE,
                  "another replica, %s, holds the Lease and keeps the ledger%s%s", status.holder,
                  colon, status.error);
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
  sys_rest_done(&leader->rest);
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
  (void)pthread_mutex_init(&leader->mutex, NULL);
  sys_rest_init(&leader->rest);
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
  sys_rest_end(&leader->rest);
  kube_stop_raise(leader->stop);
  (void)pthread_join(leader->thread, NULL);
  free_leader(leader);
}
