/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tiny API server with one Lease and a few pods, for replicas that compete: writes are
 * conditional on the resource version, as in Kubernetes, and each replica can be cut off.
 */
#ifndef SLICEGATE_TESTS_CLI_LEASE_SERVER_H
#define SLICEGATE_TESTS_CLI_LEASE_SERVER_H

#include "slicegate/kube.h"
#include "tests/support/temp_dir.h"

enum { LEASE_REPLICAS = 3, LEASE_PODS = 3 };

enum lease_fault {
  FAULT_NONE,
  FAULT_REFUSED,     /* 500 */
  FAULT_HANGS,       /* no answer, nothing done */
  FAULT_LOST_ANSWER, /* of writes: done, and no answer */
  FAULT_KINDS
};

/* What the server stores. */
struct lease_record {
  bool is_there;
  char holder[64];
  int64_t duration_seconds, transitions, version;
  char renew_time[64], acquire_time[64];
  int64_t writes; /* that were made */
  int64_t conflicts;
  int64_t requests;
  bool is_labelled[LEASE_PODS]; /* pods "pod-0", "pod-1", ... */
};

struct lease_server;
struct lease_server *lease_server_start(void);
void lease_server_stop(struct lease_server *server);
/* Replica 0, 1, ... has a client of its own. */
struct kube_client *lease_server_client(struct lease_server *server, int replica);
/* Leases only (is_pods false) or pods only. */
void lease_server_fault(struct lease_server *server, int replica, bool is_pods,
                        enum lease_fault fault);
struct lease_record lease_server_get(struct lease_server *server);
/* Somebody from outside writes; the version grows. */
void lease_server_put(struct lease_server *server, const char *holder, int64_t duration_seconds,
                      const char *renew_time);
void lease_server_delete(struct lease_server *server);
void lease_server_label(struct lease_server *server, int pod, bool is_labelled);

#endif
