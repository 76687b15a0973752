/* SPDX-License-Identifier: Apache-2.0 */
/* The label by which a Service selects the pod of the replica that holds the Lease. */
#ifndef SLICEGATE_CLI_LEADER_LABELS_H
#define SLICEGATE_CLI_LEADER_LABELS_H

#include "slicegate/kube.h"
#include "slicegate/sys.h"

struct leader_labels {
  struct kube_client *client;
  struct str ns, pod_name, pod_selector; /* borrowed; an empty name: no labels */
  int64_t retry_ms;
  /* What the state is to become, and how far it is. */
  bool is_wanted, is_own_done, are_others_done;
  int64_t backoff_ms;
  struct sys_mono not_before; /* of the next call */
};

/* What the own pod's label is to be from now on. */
void leader_labels_want(struct leader_labels *labels, bool is_wanted);
/* Does what is left to do and due, for about `budget_ms` at most; the rest is for the next time. */
void leader_labels_step(struct leader_labels *labels, const struct kube_stop *stop,
                        int64_t budget_ms);

#endif
