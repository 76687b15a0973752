/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One decision at a time: the scorer belongs to whoever is between enter and leave. Apart from
 * that a thread learns the mix of pods, makes tables of it and hands them over whole.
 */
#include "src/cli/live.h"

#include "slicegate/pricing.h"
#include "slicegate/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
  LEARN_MS = 500, /* between looks at what has happened */
  BEGIN_MS = 20,  /* before there is anything to look at */
  NEWS_AT_ONCE = 1024,
  HISTORY_KINDS = 512, /* distinct requests of pods that were there when we came */
};

struct placer {
  struct state *state;
  size_t best;
  pthread_mutex_t deciding; /* of the scorer and what belongs to it */
  struct pack_scorer *scorer;
  size_t products, profiles; /* of the catalog when the scorer was made */
  struct pack_tables_ref *tables;
  struct pack_traffic traffic;
  uint64_t since_conditions; /* decisions */
  atomic_llong decisions, scorers;
  atomic_ullong tables_version;
  /* Of the learning thread alone. */
  struct pricing_learner *learner;
  struct state_news *news;
  struct pack_request *history;
  uint32_t *history_counts;
  size_t history_count;
  size_t nodes;  /* when their kinds were last looked at */
  int64_t milli; /* of all their devices, then */
  bool has_begun;
  pthread_t thread;
  bool has_thread;
  struct sys_rest rest; /* between looks at what has happened */
};

/* ---- decisions ------------------------------------------------------------------------------- */

/* Products that appear later have no place in what a scorer keeps: it is made anew. */
static void renew_scorer(struct placer *placer) {
  const struct pack_catalog *catalog = state_catalog(placer->state);
  size_t products = pack_catalog_count(catalog), profiles = pack_catalog_profile_count(catalog);
  if (placer->scorer && products == placer->products && profiles == placer->profiles)
    return;
  pack_scorer_free(placer->scorer);
  placer->scorer = pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), catalog, 0);
  placer->products = products;
  placer->profiles = profiles;
  placer->since_conditions = 0;
  atomic_fetch_add(&placer->scorers, 1);
  if (placer->tables)
    pack_scorer_set_tables(placer->scorer, placer->tables);
}

void placer_enter(struct placer *placer) {
  (void)pthread_mutex_lock(&placer->deciding);
}

void placer_look(struct placer *placer, struct ext_view *ret) {
  *ret = (struct ext_view){.snapshot = state_snapshot(placer->state), .best = placer->best};
  renew_scorer(placer);
  if (placer->since_conditions++ % PACK_CONDITIONS_EVERY == 0)
    pack_scorer_set_conditions(placer->scorer, state_snapshot_cluster(ret->snapshot),
                               &placer->traffic);
  ret->scorer = placer->scorer;
  atomic_fetch_add_explicit(&placer->decisions, 1, memory_order_relaxed);
}

void placer_leave(struct placer *placer, struct ext_view *view) {
  state_snapshot_unref(view->snapshot);
  view->snapshot = NULL;
  (void)pthread_mutex_unlock(&placer->deciding);
}

/* ---- learning -------------------------------------------------------------------------------- */

static bool has_history(const struct placer *placer, const struct pack_request *request) {
  for (size_t i = 0; i < placer->history_count; i++)
    if (memcmp(&placer->history[i], request, sizeof(*request)) == 0)
      return true;
  return false;
}

static void add_history(struct placer *placer, const struct pack_request *request) {
  size_t i = 0;
  while (i < placer->history_count && memcmp(&placer->history[i], request, sizeof(*request)) != 0)
    i++;
  if (i == HISTORY_KINDS)
    return;
  if (i == placer->history_count) {
    placer->history[placer->history_count++] = *request;
    placer->history_counts[i] = 0;
  }
  placer->history_counts[i]++;
}

/*
 * What a cluster that has not been seen at work may be asked for: of every name that its nodes
 * count, small and large requests alike. Without it all places would be worth the same, and no
 * room be kept together for pods with several GPUs.
 */
static bool add_prior(struct placer *placer, const struct pack_cluster *cluster) {
  static const uint16_t sizes[] = {1, 2, 4, 8};
  bool is_new = false;
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    for (uint16_t c = 0; c < node->counter_count; c++) {
      const struct pack_counter *counter = &node->counters[c];
      bool is_whole = counter->kind == PACK_WHOLE;
      for (size_t i = 0; i < (is_whole ? SG_ARRAY_LEN(sizes) : 1); i++) {
        struct pack_request request =
            pack_request_of(0, 0, (enum pack_kind)counter->kind, sizes[i],
                            counter->kind == PACK_REPLICAS ? 1 : counter->profile);
        request.forms[0].name = counter->name;
        if (sizes[i] > counter->total || has_history(placer, &request))
          continue;
        add_history(placer, &request);
        is_new = true;
        if (placer->has_begun)
          pricing_learner_arrived(placer->learner, &request);
      }
    }
  }
  return is_new;
}

/* Nodes have come or gone, or count other devices: true when among them are new kinds. */
static bool has_new_kinds(struct placer *placer) {
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(placer->state);
  const struct pack_cluster *cluster = state_snapshot_cluster(snapshot);
  size_t nodes = pack_cluster_count(cluster);
  int64_t milli = pack_cluster_totals(cluster)->milli;
  if (placer->has_begun && nodes == placer->nodes && milli == placer->milli)
    return false;
  placer->nodes = nodes;
  placer->milli = milli;
  return add_prior(placer, cluster);
}

static void learn_news(struct placer *placer, const struct state_news *news) {
  switch (news->story) {
  case STATE_FOUND:
    if (!placer->has_begun)
      add_history(placer, &news->request);
    break;
  case STATE_ARRIVED:
    pricing_learner_arrived(placer->learner, &news->request);
    break;
  case STATE_PLACED:
    pricing_learner_judged(placer->learner, &news->request, true);
    break;
  case STATE_DEPARTED:
    pricing_learner_departed(placer->learner, &news->request);
    break;
  }
}

/* Tables take up to a second to make; nobody waits for them. */
static void make_tables(struct placer *placer) {
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(placer->state);
  const struct pack_cluster *cluster = state_snapshot_cluster(snapshot);
  struct pack_tables_ref *made = pricing_learner_tables(placer->learner, cluster);
  struct pack_traffic traffic = pricing_learner_traffic(placer->learner, cluster);
  (void)pthread_mutex_lock(&placer->deciding);
  struct pack_tables_ref *old = placer->tables;
  placer->tables = made;
  placer->traffic = traffic;
  placer->since_conditions = 0;
  if (placer->scorer)
    pack_scorer_set_tables(placer->scorer, made);
  (void)pthread_mutex_unlock(&placer->deciding);
  pack_tables_unref(old);
  atomic_store(&placer->tables_version, pack_tables_get(made)->version);
}

static void learn(struct placer *placer) {
  size_t count;
  while ((count = state_take_news(placer->state, placer->news, NEWS_AT_ONCE)) > 0)
    for (size_t i = 0; i < count; i++)
      learn_news(placer, &placer->news[i]);
  if (!state_is_synced(placer->state))
    return;
  bool is_new = has_new_kinds(placer);
  if (!placer->has_begun)
    pricing_learner_history(placer->learner, placer->history, placer->history_counts,
                            placer->history_count);
  if (!placer->has_begun || is_new || pricing_learner_is_due(placer->learner))
    make_tables(placer);
  placer->has_begun = true;
}

static void *learn_for_ever(void *ctx) {
  struct placer *placer = ctx;
  do
    learn(placer);
  while (sys_rest(&placer->rest, placer->has_begun ? LEARN_MS : BEGIN_MS));
  return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct placer *placer_new(struct state *state, size_t best) {
  struct placer *placer = mem_zalloc(sizeof(*placer));
  placer->state = state;
  placer->best = best;
  placer->learner = pricing_learner_new(state_catalog(state));
  placer->news = mem_zalloc(NEWS_AT_ONCE * sizeof(*placer->news));
  placer->history = mem_zalloc(HISTORY_KINDS * sizeof(*placer->history));
  placer->history_counts = mem_zalloc(HISTORY_KINDS * sizeof(*placer->history_counts));
  pthread_mutex_init(&placer->deciding, NULL);
  sys_rest_init(&placer->rest);
  return placer;
}

bool placer_start(struct placer *placer, struct err *reterr) {
  int failed = pthread_create(&placer->thread, NULL, learn_for_ever, placer);
  if (failed)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(failed));
  placer->has_thread = true;
  return true;
}

void placer_stop(struct placer *placer) {
  if (!placer->has_thread)
    return;
  sys_rest_end(&placer->rest);
  (void)pthread_join(placer->thread, NULL);
  placer->has_thread = false;
}

void placer_free(struct placer *placer) {
  if (!placer)
    return;
  placer_stop(placer);
  pack_scorer_free(placer->scorer);
  pack_tables_unref(placer->tables);
  pricing_learner_free(placer->learner);
  pthread_mutex_destroy(&placer->deciding);
  sys_rest_done(&placer->rest);
  free(placer->news);
  free(placer->history);
  free(placer->history_counts);
  free(placer);
}

bool placer_is_ready(struct placer *placer) {
  return atomic_load(&placer->tables_version) != 0;
}

void placer_get_stats(struct placer *placer, struct placer_stats *ret) {
  *ret = (struct placer_stats){.tables_version = atomic_load(&placer->tables_version),
                               .decisions = atomic_load(&placer->decisions),
                               .scorers = atomic_load(&placer->scorers)};
}
