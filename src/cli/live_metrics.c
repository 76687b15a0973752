/* SPDX-License-Identifier: Apache-2.0 */
/* Every figure is set when the page is asked for: the parts keep their own counts, and those of one
 * part are of one instant. */
#include "src/cli/live_metrics.h"

#include <stdlib.h>

enum figure {
  STATE_OBJECTS,
  FEED_INTERRUPTED,
  FEED_STORIES,
  FEED_AGE,
  SYNCED,
  WAITING_PODS,
  HOMELESS_PODS,
  EXCESS_NODES,
  UNREADABLE_NODES,
  CONTRADICTING_NODES,
  STATE_BYTES,
  GENERATION,
  DRIFT,
  HOLDS,
  EXPIRED_HOLDS,
  DECISIONS,
  TABLES_VERSION,
  NOMINATIONS,
  NOMINATION_ENDS,
  NOMINATION_HIT_PERCENT,
  NOMINATOR_PAUSED,
  NOMINATIONS_AWAITED,
  PODS_WOKEN,
  POD_EVENTS,
  API_REVIEWS,
  LEASE_HOLDER,
  FIGURES
};

static const struct sys_metric_desc descriptions[FIGURES] = {
    [STATE_OBJECTS] = {.name = "state_objects",
                       .help = "Objects of the cluster that are known, by kind.",
                       .labels = {"kind"}},
    [FEED_INTERRUPTED] = {.name = "feed_interrupted",
                          .help = "1 while the API server cannot be followed, by kind.",
                          .labels = {"kind"}},
    [FEED_STORIES] =
        {.name = "feed_stories_total",
         .help = "What came of the API server since the start, by kind and story: "
                 "listed (complete lists), watched (watches begun), event, lost (objects left "
                 "out), failed.",
         .labels = {"kind", "story"}},
    [FEED_AGE] = {.name = "feed_age_seconds",
                  .help = "Since the API server was last heard of on a feed that is not well; 0: "
                          "all are; -1: not listed yet."},
    [SYNCED] = {.name = "state_synced", .help = "1 once every kind has been listed."},
    [WAITING_PODS] = {.name = "waiting_pods", .help = "GPU pods without a node."},
    [HOMELESS_PODS] = {.name = "homeless_pods", .help = "Pods bound to a node that is not known."},
    [EXCESS_NODES] = {.name = "excess_nodes",
                      .help = "Nodes whose pods hold more than they have, such as while a device "
                              "plugin restarts."},
    [UNREADABLE_NODES] = {.name = "unreadable_nodes",
                          .help = "Nodes with GPUs that allocatable does not list."},
    [CONTRADICTING_NODES] = {.name = "contradicting_nodes",
                             .help = "Nodes whose labels and allocatable cannot both be right."},
    [STATE_BYTES] = {.name = "state_bytes", .help = "Memory that known objects take, about."},
    [GENERATION] = {.name = "state_generation", .help = "Changes of the state since the start."},
    [DRIFT] = {.name = "state_drift",
               .help = "Nodes that were not what their pods make them and had to be mended, since "
                       "the start: 0 unless there is a defect."},
    [HOLDS] = {.name = "holds",
               .help = "Reservations for pods that are not bound yet, by kind.",
               .labels = {"kind"}},
    [EXPIRED_HOLDS] = {.name = "holds_expired_total",
                       .help = "Reservations ended by their deadline, since the start."},
    [DECISIONS] = {.name = "decisions_total", .help = "Decisions since the start, of all doors."},
    [TABLES_VERSION] = {.name = "tables_version",
                        .help = "Of what was learnt of the pods that come; 0: nothing yet."},
    [NOMINATIONS] = {.name = "nominations_total",
                     .help = "Writes of status.nominatedNodeName since the start, by result: made, "
                             "cleared (taken back), lost (somebody changed the pod), failed.",
                     .labels = {"result"}},
    [NOMINATION_ENDS] = {.name = "nominated_pods_bound_total",
                         .help = "Nominated pods that were bound since the start: hit (where "
                                 "nominated) or miss.",
                         .labels = {"result"}},
    [NOMINATION_HIT_PERCENT] = {.name = "nominations_hit_percent",
                                .help = "Of the last nominated pods, those bound where they were "
                                        "nominated; -1: too few to say."},
    [NOMINATOR_PAUSED] = {.name = "nominator_paused",
                          .help = "1 while the nominator keeps quiet because too few hit."},
    [NOMINATIONS_AWAITED] = {.name = "nominations_awaited_total",
                             .help = "Answers of filter since the start that waited until the "
                                     "nominator had caught up with the queue."},
    [PODS_WOKEN] = {.name = "pods_woken_total",
                    .help = "Waiting pods that were touched since the start, so that "
                            "kube-scheduler tries them again, by result: woken, failed.",
                    .labels = {"result"}},
    [POD_EVENTS] = {.name = "pod_events_total",
                    .help = "Events on waiting pods since the start, by result: posted, failed, "
                            "same (looked at, nothing new to say), limited (had to wait).",
                    .labels = {"result"}},
    [API_REVIEWS] = {.name = "api_reviews_total",
                     .help = "Readers of /api/v1 since the start: asked (calls to the API server), "
                             "kept (known from before), busy (told to come back).",
                     .labels = {"result"}},
    [LEASE_HOLDER] = {.name = "lease_holder",
                      .help = "1 while this replica answers kube-scheduler."},
};

/* They only ever grow, as their names say. */
static bool is_count(enum figure figure) {
  return str_ends_with(str_of(descriptions[figure].name), STR_LIT("_total"));
}

struct live_metrics {
  struct sys_metric *metrics[FIGURES];
};

struct live_metrics *live_metrics_new(struct sys_metrics *registry) {
  struct live_metrics *made = mem_zalloc(sizeof(*made));
  for (size_t i = 0; i < FIGURES; i++)
    made->metrics[i] = is_count((enum figure)i) ? sys_counter_new(registry, &descriptions[i])
                                                : sys_gauge_new(registry, &descriptions[i]);
  return made;
}

void live_metrics_free(struct live_metrics *metrics) {
  free(metrics);
}

static void put(struct live_metrics *m, enum figure figure, const struct str *labels,
                int64_t value) {
  struct sys_series *series = sys_series_get(m->metrics[figure], labels);
  if (is_count(figure))
    sys_counter_set(series, value);
  else
    sys_gauge_set(series, value);
}

static void set(struct live_metrics *m, enum figure figure, int64_t value) {
  put(m, figure, NULL, value);
}

static void set_of(struct live_metrics *m, enum figure figure, const char *label, int64_t value) {
  const struct str labels[] = {str_of(label)};
  put(m, figure, labels, value);
}

static void set_feeds(struct live_metrics *m, const struct live_metrics_of *of,
                      const struct state_stats *state) {
  struct live_feed feeds[STATE_KINDS];
  live_get_feeds(of->live, feeds);
  for (size_t i = 0; i < STATE_KINDS; i++) {
    const struct kube_watch_stats *stats = &feeds[i].stats;
    const struct {
      const char *story;
      int64_t count;
    } stories[] = {{"listed", stats->lists},
                   {"watched", stats->connections},
                   {"event", stats->events},
                   {"lost", stats->lost},
                   {"failed", stats->failures}};
    set_of(m, STATE_OBJECTS, feeds[i].kind, (int64_t)state->objects[i]);
    set_of(m, FEED_INTERRUPTED, feeds[i].kind, feeds[i].error[0] != '\0');
    for (size_t k = 0; k < SG_ARRAY_LEN(stories); k++) {
      const struct str labels[] = {str_of(feeds[i].kind), str_of(stories[k].story)};
      put(m, FEED_STORIES, labels, stories[k].count);
    }
  }
  set(m, FEED_AGE, live_age_seconds(of->live));
  set(m, SYNCED, state_is_synced(live_state(of->live)));
}

static void set_state(struct live_metrics *m, const struct state_stats *state) {
  static const char *const kinds[] = {
      [STATE_TENTATIVE] = "tentative", [STATE_NOMINATED] = "nominated", [STATE_FIRM] = "firm"};
  for (size_t i = 0; i < SG_ARRAY_LEN(kinds); i++)
    set_of(m, HOLDS, kinds[i], (int64_t)state->holds[i]);
  set(m, WAITING_PODS, (int64_t)state->waiting_pods);
  set(m, HOMELESS_PODS, (int64_t)state->homeless_pods);
  set(m, EXCESS_NODES, (int64_t)state->excess_nodes);
  set(m, UNREADABLE_NODES, (int64_t)state->unreadable_nodes);
  set(m, CONTRADICTING_NODES, (int64_t)state->contradictions);
  set(m, STATE_BYTES, (int64_t)state->bytes);
  set(m, GENERATION, (int64_t)state->generation);
  set(m, DRIFT, (int64_t)state->drift);
  set(m, EXPIRED_HOLDS, (int64_t)state->expired_holds);
}

static void set_nominator(struct live_metrics *m, struct nominator *nominator) {
  struct nominator_stats stats = {.hit_percent = -1};
  if (nominator)
    nominator_get_stats(nominator, &stats);
  set_of(m, NOMINATIONS, "made", stats.made);
  set_of(m, NOMINATIONS, "cleared", stats.cleared);
  set_of(m, NOMINATIONS, "lost", stats.lost);
  set_of(m, NOMINATIONS, "failed", stats.failed);
  set_of(m, NOMINATION_ENDS, "hit", stats.hits);
  set_of(m, NOMINATION_ENDS, "miss", stats.misses);
  set(m, NOMINATION_HIT_PERCENT, stats.hit_percent);
  set(m, NOMINATOR_PAUSED, stats.is_paused);
  set(m, NOMINATIONS_AWAITED, stats.awaited);
}

static void set_waker(struct live_metrics *m, struct waker *waker) {
  struct waker_stats stats = {0};
  if (waker)
    waker_get_stats(waker, &stats);
  set_of(m, PODS_WOKEN, "woken", stats.woken);
  set_of(m, PODS_WOKEN, "failed", stats.failed);
}

static void set_reasons(struct live_metrics *m, struct reasons *reasons) {
  struct reasons_stats stats = {0};
  if (reasons)
    reasons_get_stats(reasons, &stats);
  set_of(m, POD_EVENTS, "posted", stats.posted);
  set_of(m, POD_EVENTS, "failed", stats.failed);
  set_of(m, POD_EVENTS, "same", stats.same);
  set_of(m, POD_EVENTS, "limited", stats.limited);
}

static void set_api(struct live_metrics *m, struct api_auth *auth) {
  struct api_auth_stats stats = {0};
  if (auth)
    api_auth_get_stats(auth, &stats);
  set_of(m, API_REVIEWS, "asked", stats.reviews);
  set_of(m, API_REVIEWS, "kept", stats.hits);
  set_of(m, API_REVIEWS, "busy", stats.busy);
}

void live_metrics_refresh(struct live_metrics *m, const struct live_metrics_of *of) {
  struct state_stats state;
  struct placer_stats placer;
  state_get_stats(live_state(of->live), &state);
  placer_get_stats(of->placer, &placer);
  set_feeds(m, of, &state);
  set_state(m, &state);
  set_nominator(m, of->nominator);
  set_waker(m, of->waker);
  set_reasons(m, of->reasons);
  set_api(m, of->api_auth);
  set(m, DECISIONS, placer.decisions);
  set(m, TABLES_VERSION, (int64_t)placer.tables_version);
  set(m, LEASE_HOLDER, !of->leader || leader_is_holder(of->leader));
}
