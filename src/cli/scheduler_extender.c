/* SPDX-License-Identifier: Apache-2.0 */
/* What kube-scheduler is told of slicegate: one extender, or two where not all pods may go on
 * without it. */
#include "src/cli/scheduler_config.h"

#include "slicegate/packing.h"
#include "src/cli/output_json.h"

static void put_tls(json_t *extender, const struct scheduler_options *o, struct notes *notes) {
  bool uses_tls = scheduler_url_uses_tls(o->url);
  notes_put(extender, "enableHTTPS", json_boolean(uses_tls), notes, NULL);
  if (!uses_tls)
    return;
  json_t *tls = json_object();
  notes_put(
      extender, "tlsConfig", tls, notes,
      o->cert_file
          ? "Files as kube-scheduler sees them: mount them into its pod. Without caFile it would "
            "not verify whom it talks to. The certificate is how slicegate knows kube-scheduler: "
            "whoever may call bind borrows slicegate's right to bind."
          : "Files as kube-scheduler sees them. Without caFile it would not verify whom it talks "
            "to.");
  if (o->server_name)
    notes_put(tls, "serverName", json_string(o->server_name), notes,
              "The name in slicegate's certificate, where the URL has an address.");
  notes_put(tls, "caFile", json_string(o->ca_file), notes, NULL);
  if (o->cert_file) {
    notes_put(tls, "certFile", json_string(o->cert_file), notes, NULL);
    notes_put(tls, "keyFile", json_string(o->key_file), notes, NULL);
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
  notes_put(extender, "filterVerb", json_string("filter"), notes, NULL);
  notes_put(extender, "prioritizeVerb", json_string("prioritize"), notes, NULL);
  notes_put(extender, "weight", json_integer(o->weight), notes, why_weight(o->weight));
  if (o->preempts)
    notes_put(extender, "preemptVerb", json_string("preempt"), notes,
              "kube-scheduler's own choice of victims does not see slices and cards.");
}

/* ---- the names ---------------------------------------------------------------------------- */

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

/* A sum that kube-scheduler counts as well is worth saying; it does not count all of them. */
static struct str why_group(const struct managed_names *names, size_t first, struct arena *arena) {
  const char *group = names->items[first].group, *counts = "";
  size_t count = 0, ignored = 0;
  for (size_t i = first; i < names->count && names->items[i].group == group; i++, count++)
    ignored += names->items[i].is_ignored;
  if (!pack_is_card_name(names->items[first].name) || ignored == count)
    return str_of(group);
  counts = ignored ? " Where ignoredByScheduler is not set kube-scheduler counts that sum as well:"
                   : " kube-scheduler counts that sum as well:";
  return str_printf(arena, "%s%s a safety net, and its preemption knows what a victim gives back.",
                    group, counts);
}

static json_t *names_json(const struct scheduler_options *o, const struct managed_names *names,
                          struct notes *notes) {
  json_t *list = json_array();
  const char *group = NULL;
  for (size_t i = 0; i < names->count; i++) {
    const struct managed_name *managed = &names->items[i];
    json_t *item = json_object();
    json_object_set_new(item, "name", output_json_text(managed->name));
    if (managed->group != group)
      notes_add(notes, str_printf(notes->arena, "- name: %.*s", STR_FMT(managed->name)).ptr,
                why_group(names, i, notes->arena));
    if (managed->is_ignored)
      notes_put(item, "ignoredByScheduler", json_true(), notes,
                o->preempts ? "slicegate alone counts it. kube-scheduler 1.36 finds no victims for "
                              "what it does not count: pods preempt nobody for want of it."
                            : "slicegate alone counts it.");
    group = managed->group;
    json_array_append_new(list, item);
  }
  return list;
}

/* ---- one extender ------------------------------------------------------------------------- */

static const char *why_ignorable(const struct scheduler_options *o) {
  if (o->is_for_all_pods)
    return "While slicegate does not answer, pods are placed without it. There are no "
           "managedResources: every pod comes to slicegate.";
  if (o->is_ignorable)
    return "While slicegate does not answer, pods are placed without it, by kube-scheduler's count "
           "alone.";
  return "While slicegate does not answer, GPU pods wait; pods without a GPU do not notice.";
}

/* `general` is for the notes on what every extender of ours has; NULL for the second. */
static json_t *extender_json(const struct scheduler_options *o, const struct managed_names *names,
                             struct notes *general, struct notes *notes) {
  json_t *extender = json_object();
  json_object_set_new(extender, "urlPrefix",
                      output_json_text(str_printf(notes->arena, "%s/scheduler", o->url)));
  put_verbs(extender, o, general);
  if (o->binds)
    notes_put(extender, "bindVerb", json_string("bind"), notes,
              "Tells device plugins that obey an annotation which card to give; plain pods are "
              "bound as ever. One extender in all may have it.");
  put_tls(extender, o, general);
  notes_put(extender, "httpTimeout", json_string("2s"), general,
            "For a whole call, which takes milliseconds; when it is over the pod is tried again.");
  notes_put(extender, "nodeCacheCapable", json_true(), general,
            "Names of nodes go over, not the nodes: slicegate watches them itself.");
  notes_put(extender, "ignorable", json_boolean(o->is_ignorable), notes,
            general ? why_ignorable(o) : "While slicegate does not answer, these pods wait.");
  if (o->is_for_all_pods)
    return extender;
  if (general)
    notes_add(notes, "managedResources:", why_names(names, notes->arena));
  json_object_set_new(extender, "managedResources", names_json(o, names, notes));
  return extender;
}

/* ---- one or two --------------------------------------------------------------------------- */

/*
 * Without slicegate nobody chooses cards: kube-scheduler counts their sum at most, and with
 * `ignorable` it binds by itself when our bind fails, be it for a card that is full. So where pods
 * shall go on without us, those that ask for cards are an extender's that is not ignorable.
 */
json_t *scheduler_extenders(const struct scheduler_options *o, const struct managed_names *names,
                            struct notes *notes) {
  json_t *list = json_array();
  struct scheduler_options for_rest = *o, for_cards = *o;
  struct managed_names rest = *names, cards = *names;
  rest.count = 0;
  while (rest.count < names->count && !pack_is_card_name(names->items[rest.count].name))
    rest.count++;
  cards.items += rest.count;
  cards.count -= rest.count;
  if (!o->is_ignorable || cards.count == 0) {
    json_array_append_new(list, extender_json(o, names, notes, notes));
    return list;
  }
  for_rest.binds = false;
  for_cards.is_ignorable = for_cards.is_for_all_pods = false;
  bool has_rest = rest.count || o->is_for_all_pods; /* an empty list would be every pod */
  if (has_rest)
    json_array_append_new(list, extender_json(&for_rest, &rest, notes, notes));
  notes_add(notes, "- urlPrefix:",
            STR_LIT("Cards that slicegate chooses have an extender of their own, which is not "
                    "ignorable: kube-scheduler counts their sum at most, and nobody else would "
                    "choose a card and tell the plugin."));
  json_array_append_new(list, extender_json(&for_cards, &cards, has_rest ? NULL : notes, notes));
  return list;
}
