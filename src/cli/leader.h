/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One of several replicas decides: the one that holds a Lease. The rules are those of client-go,
 * so that what operators know of controllers holds here: who has the Lease renews it every
 * `retry`, gives up when it could not for `renew_deadline`, and another one takes it when it has
 * not changed for the duration that it names. How long that is each judges by its own monotonic
 * clock since it saw the Lease change; times in the Lease are for people.
 *
 * No two replicas hold at one time as long as their clocks run at about the same speed: a holder's
 * time counts from before its last write that succeeded was sent, and ends at the renew deadline,
 * when others still wait for the Lease's end. Two processes of one identity are one replica to the
 * Lease: an identity must not be used twice.
 *
 * A Service can select the holder by the label slicegate.dev/lease-holder: "true" of its pod. The
 * label follows the Lease within seconds and is no proof; whoever answers asks leader_is_holder.
 */
#ifndef SLICEGATE_CLI_LEADER_H
#define SLICEGATE_CLI_LEADER_H

#include "slicegate/kube.h"

/* 0 means the value in brackets. Texts are copied. */
struct leader_config {
  struct kube_client *client; /* borrowed */
  struct str ns;              /* of the Lease, and of the pod */
  struct str name;            /* of the Lease; empty: no election, this one holds always */
  struct str identity;        /* unique: the pod's name and something random */
  int64_t lease_ms;           /* others take it after so long without a change [15,000] */
  int64_t renew_deadline_ms;  /* the holder gives up; shorter than lease_ms [10,000] */
  int64_t retry_ms;           /* between attempts; shorter than renew_deadline_ms / 1.2 [2,000] */
  const char *pod_name;       /* our pod, to be labelled; NULL: no labels */
  struct str pod_selector; /* our fellow replicas, "app=slicegate"; empty: all of the namespace */
  /*
   * Called in turns from the leader's thread, which renews nothing meanwhile: they only start or
   * stop what others do. May be NULL. leader_is_holder is true before `gained` and false before
   * `lost`; and it may be false within `gained`, when the process has been asleep.
   */
  void (*gained)(void *ctx);
  void (*lost)(void *ctx);
  void *ctx;
};

struct leader;
/* NULL with *reterr filled when the configuration cannot work. Nothing is called yet: a server
 * that cannot be reached is tried again. */
struct leader *leader_start(const struct leader_config *config, struct err *reterr) SG_MUST_CHECK;
/* Calls `lost` if it holds, then gives the Lease back, so that a successor need not wait for its
 * end, takes the label away, and ends. Takes 3/2 of renew_deadline_ms at most, when the server
 * hangs. NULL is accepted. */
void leader_stop(struct leader *leader);

/* Lock-free, from any thread; false as soon as the renew deadline has passed, whatever the
 * leader's thread does. */
bool leader_is_holder(const struct leader *leader);

/* Why this replica does not decide, for whoever asked it to. */
void leader_say_why_not(struct leader *leader, struct err *ret);

struct leader_status {
  bool is_holder;
  bool is_elected;                        /* false: there is no election */
  int64_t gained, lost;                   /* by this replica, since the start */
  int64_t transitions;                    /* of the Lease, as last seen */
  int64_t renewed_ms_ago;                 /* by this replica; -1: never */
  int64_t failures;                       /* attempts, since the start */
  char holder[KUBE_LEASE_HOLDER_MAX + 1]; /* as last seen; empty: nobody */
  char error[512];                        /* of the last attempt; empty when it went well */
};
void leader_get_status(struct leader *leader, struct leader_status *ret);

#endif
