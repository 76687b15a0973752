/* SPDX-License-Identifier: Apache-2.0 */
/* A KubeSchedulerConfiguration as a tree, and why each line is as it is. */
#include "src/cli/scheduler_config.h"

#include "src/cli/output_json.h"

static void note_add(struct notes *notes, const char *line, struct str text) {
  enum { NOTES_MAX = 64 };
  if (!notes->items)
    notes->items = arena_array(notes->arena, NOTES_MAX, sizeof(*notes->items));
  if (notes->count < NOTES_MAX)
    notes->items[notes->count++] = (struct note){str_copy(notes->arena, str_of(line)), text};
}

/* Sets a key; `why` (NULL: it speaks for itself) goes above its line. */
static void put(json_t *object, const char *key, json_t *value, struct notes *notes,
                const char *why) {
  json_object_set_new(object, key, value);
  if (why)
    note_add(notes, str_printf(notes->arena, "%s:", key).ptr, str_of(why));
}

/* ---- the extender -------------------------------------------------------------------------- */

static void put_tls(json_t *extender, const struct scheduler_options *o, struct notes *notes) {
  bool uses_tls = strncmp(o->url, "https:", strlen("https:")) == 0;
  put(extender, "enableHTTPS", json_boolean(uses_tls), notes, NULL);
  if (!uses_tls)
    return;
  json_t *tls = json_object();
  put(extender, "tlsConfig", tls, notes,
      o->cert_file
          ? "Files as kube-scheduler sees them: mount them into its pod. Without caFile it would "
            "not verify whom it talks to. The certificate is how slicegate knows kube-scheduler: "
            "whoever may call bind borrows slicegate's right to bind."
          : "Files as kube-scheduler sees them. Without caFile it would not verify whom it talks "
            "to.");
  if (o->server_name)
    put(tls, "serverName", json_string(o->server_name), notes,
        "The name in slicegate's certificate, where the URL has an address.");
  put(tls, "caFile", json_string(o->ca_file), notes, NULL);
  if (o->cert_file) {
    put(tls, "certFile", json_string(o->cert_file), notes, NULL);
    put(tls, "keyFile", json_string(o->key_file), notes, NULL);
  }
}

static const char *why_weight(int64_t weight) {
  enum { DECIDES = 120 }; /* one rank is 1,200 points */
  if (weight >= DECIDES)
    return "Ranks are 10, 9, 8 ...; kube-scheduler adds rank x weight x 10 to what its own plugins "
           "give, about 1,200 points at most. Neighbours in rank differ by as much as that: the "
           "packing decides.";
  return "Ranks are 10, 9, 8 ...; kube-scheduler adds rank x weight x 10 to what its own plugins "
         "give, about 1,200 points at most. They can overrule neighbours in rank: the packing "
         "advises.";
}

static void put_verbs(json_t *extender, const struct scheduler_options *o, struct notes *notes) {
  put(extender, "filterVerb", json_string("filter"), notes, NULL);
  put(extender, "prioritizeVerb", json_string("prioritize"), notes, NULL);
  put(extender, "weight", json_integer(o->weight), notes, why_weight(o->weight));
  if (o->preempts)
    put(extender, "preemptVerb", json_string("preempt"), notes,
        "kube-scheduler's own choice of victims does not see slices and cards.");
  if (o->binds)
    put(extender, "bindVerb", json_string("bind"), notes,
        "Tells device plugins that obey an annotation which card to give; plain pods are bound "
        "as ever. One extender in all may have it.");
}

static struct str why_names(const struct managed_names *names, struct arena *arena) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 16);
  buf_append_cstr(&text, "Pods that ask for one of these come to slicegate, in names of their own: "
                         "there are no wildcards. Print this file again when a new GPU product "
                         "comes. ");
  if (names->has_every_product) {
    buf_append_cstr(&text, "MIG profiles of every known product, for want of a recorded cluster in "
                           "which all GPU nodes name theirs.");
  } else if (names->products.count == 0) {
    buf_append_cstr(&text, "No product here or in nodePools has MIG.");
  } else {
    buf_append_cstr(&text, "MIG profiles of ");
    for (size_t i = 0; i < names->products.count; i++)
      buf_printf(&text, "%s%.*s", i ? ", " : "", STR_FMT(names->products.items[i]));
    buf_append_char(&text, '.');
  }
  return str_copy(arena, buf_str(&text));
}

static json_t *names_json(const struct managed_names *names, struct notes *notes) {
  json_t *list = json_array();
  const char *group = NULL;
  for (size_t i = 0; i < names->count; i++) {
    const struct managed_name *managed = &names->items[i];
    json_t *item = json_object();
    json_object_set_new(item, "name", output_json_text(managed->name));
    if (managed->group != group)
      note_add(notes, str_printf(notes->arena, "- name: %.*s", STR_FMT(managed->name)).ptr,
               str_of(managed->group));
    if (managed->is_ignored)
      put(item, "ignoredByScheduler", json_true(), notes,
          "As asked for: slicegate alone counts it.");
    group = managed->group;
    json_array_append_new(list, item);
  }
  return list;
}

json_t *scheduler_extender(const struct scheduler_options *o, const struct managed_names *names,
                           struct notes *notes) {
  json_t *extender = json_object();
  put(extender, "urlPrefix", output_json_text(str_printf(notes->arena, "%s/scheduler", o->url)),
      notes, NULL);
  put_verbs(extender, o, notes);
  put_tls(extender, o, notes);
  put(extender, "httpTimeout", json_string("2s"), notes,
      "For a whole call, which takes milliseconds; when it is over the pod is tried again.");
  put(extender, "nodeCacheCapable", json_true(), notes,
      "Names of nodes go over, not the nodes: slicegate watches them itself.");
  put(extender, "ignorable", json_boolean(o->is_ignorable), notes,
      o->is_for_all_pods
          ? "While slicegate does not answer, pods are placed without it. There are no "
            "managedResources: every pod comes to slicegate."
      : o->is_ignorable
          ? "While slicegate does not answer, pods are placed without it."
          : "While slicegate does not answer, GPU pods wait; pods without a GPU do not notice.");
  if (o->is_for_all_pods)
    return extender;
  note_add(notes, "managedResources:", why_names(names, notes->arena));
  json_object_set_new(extender, "managedResources", names_json(names, notes));
  return extender;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static json_t *election_json(const struct scheduler_options *o, struct notes *notes) {
  json_t *election = json_object();
  json_object_set_new(election, "leaderElect", json_boolean(o->leads));
  /* Two schedulers with one Lease would wait for each other. */
  if (o->leads && strcmp(o->scheduler_name, K8S_DEFAULT_SCHEDULER) != 0)
    put(election, "resourceName", json_string(o->scheduler_name), notes,
        "A Lease of its own (in kube-system): with that of the first scheduler it would never "
        "begin. Its role must allow it.");
  return election;
}

json_t *scheduler_tree(const struct scheduler_options *o, const struct managed_names *names,
                       struct notes *notes) {
  json_t *root = json_object(), *extenders = json_array(), *profiles = json_array();
  json_t *profile = json_object();
  note_add(notes, "apiVersion:", o->command);
  json_object_set_new(root, "apiVersion", json_string("kubescheduler.config.k8s.io/v1"));
  json_object_set_new(root, "kind", json_string("KubeSchedulerConfiguration"));
  if (o->kubeconfig) {
    json_t *connection = json_object();
    json_object_set_new(connection, "kubeconfig", json_string(o->kubeconfig));
    json_object_set_new(root, "clientConnection", connection);
  } else {
    note_add(notes, "leaderElection:",
             STR_LIT("Without clientConnection.kubeconfig kube-scheduler is the ServiceAccount of "
                     "its pod, and does not look at its flag --kubeconfig. A static pod (kubeadm) "
                     "has none: print this with --kubeconfig /etc/kubernetes/scheduler.conf."));
  }
  json_object_set_new(root, "leaderElection", election_json(o, notes));
  put(root, "percentageOfNodesToScore", json_integer(100), notes,
      "All nodes are offered. By default kube-scheduler stops looking early in clusters of more "
      "than 100 nodes: a pod would wait though a node that was not looked at has room, and packing "
      "would choose among a sample.");
  put(root, "podInitialBackoffSeconds", json_integer(1), notes,
      "A pod that did not fit is tried again when something changes, but not within its back-off: "
      "at the default of up to 10 s a GPU that has become free stands idle that long.");
  put(root, "podMaxBackoffSeconds", json_integer(o->max_backoff_seconds), notes, NULL);
  json_object_set_new(profile, "schedulerName", json_string(o->scheduler_name));
  json_array_append_new(profiles, profile);
  json_object_set_new(root, "profiles", profiles);
  note_add(notes, "extenders:",
           STR_LIT("Extenders serve all profiles. Let this one be the last: it narrows to the best "
                   "few nodes, and others should not choose among those alone."));
  json_array_append_new(extenders, scheduler_extender(o, names, notes));
  json_object_set_new(root, "extenders", extenders);
  return root;
}
