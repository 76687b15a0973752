/* SPDX-License-Identifier: Apache-2.0 */
/* A KubeSchedulerConfiguration as a tree, around the extender, and why each line is as it is. */
#include "src/cli/scheduler_config.h"

static json_t *election_json(const struct scheduler_options *o, struct notes *notes) {
  json_t *election = json_object();
  json_object_set_new(election, "leaderElect", json_boolean(o->leads));
  /* Two schedulers with one Lease would wait for each other. */
  if (o->leads && strcmp(o->scheduler_name, K8S_DEFAULT_SCHEDULER) != 0)
    notes_put(
        election, "resourceName", json_string(o->scheduler_name), notes,
        "A Lease of its own (in kube-system): with that of the first scheduler it would never "
        "begin. Its role must allow it.");
  return election;
}

json_t *scheduler_tree(const struct scheduler_options *o, const struct managed_names *names,
                       struct notes *notes) {
  json_t *root = json_object(), *profiles = json_array();
  json_t *profile = json_object();
  notes_add(notes, "apiVersion:", o->command);
  json_object_set_new(root, "apiVersion", json_string("kubescheduler.config.k8s.io/v1"));
  json_object_set_new(root, "kind", json_string("KubeSchedulerConfiguration"));
  if (o->kubeconfig) {
    json_t *connection = json_object();
    json_object_set_new(connection, "kubeconfig", json_string(o->kubeconfig));
    json_object_set_new(root, "clientConnection", connection);
  } else {
    notes_add(notes, "leaderElection:",
              STR_LIT("Without clientConnection.kubeconfig kube-scheduler is the ServiceAccount of "
                      "its pod, and does not look at its flag --kubeconfig. A static pod (kubeadm) "
                      "has none: print this with --kubeconfig /etc/kubernetes/scheduler.conf."));
  }
  json_object_set_new(root, "leaderElection", election_json(o, notes));
  notes_put(
      root, "percentageOfNodesToScore", json_integer(100), notes,
      "All nodes are offered. By default kube-scheduler stops looking early in clusters of more "
      "than 100 nodes: a pod would wait though a node that was not looked at has room, and packing "
      "would choose among a sample.");
  notes_put(
      root, "podInitialBackoffSeconds", json_integer(1), notes,
      "A pod that did not fit is tried again when something changes, but not within its back-off: "
      "at the default of up to 10 s a GPU that has become free stands idle that long.");
  notes_put(root, "podMaxBackoffSeconds", json_integer(o->max_backoff_seconds), notes, NULL);
  json_object_set_new(profile, "schedulerName", json_string(o->scheduler_name));
  json_array_append_new(profiles, profile);
  json_object_set_new(root, "profiles", profiles);
  notes_add(
      notes, "extenders:",
      STR_LIT("Extenders serve all profiles. Let slicegate be the last: it narrows to the best "
              "few nodes, and others should not choose among those alone."));
  json_object_set_new(root, "extenders", scheduler_extenders(o, names, notes));
  return root;
}
