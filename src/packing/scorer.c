/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores of one policy, cached in columns: one column a request, one cell a node. A cell says
 * which node value it was computed for; a column is brought up to date by comparing ids, so
 * nobody has to tell a scorer what has changed, and it may be used on copies of a cluster.
 */
#include "src/packing/column.h"

#include <stdlib.h>

enum {
  COLUMNS_MAX = 1024,
  CELLS_MAX = 7 * 1024 * 1024, /* of all columns: 79 MiB */
  BUCKETS = 2048,              /* of the hash table; > COLUMNS_MAX, a power of two */
};

struct pack_scorer {
  struct judge judge;
  struct pack_tables_ref *tables;
  uint64_t uses;
  struct column *buckets[BUCKETS];
  size_t column_count, cell_count;
  uint32_t *fits; /* scratch for `pick` */
  size_t fits_cap;
};

static const struct pack_tables no_tables;

struct pack_scorer *pack_scorer_new(const struct pack_policy *policy,
                                    const struct pack_catalog *catalog, uint64_t seed) {
  struct pack_scorer *scorer = mem_zalloc(sizeof(*scorer));
  scorer->judge.policy = policy;
  scorer->judge.epoch = scorer->judge.price_epoch = 1;
  scorer->judge.view.catalog = catalog;
  scorer->judge.view.tables = &no_tables;
  if (policy->state_new)
    scorer->judge.view.state = policy->state_new(catalog, seed);
  if (policy->set_tables)
    policy->set_tables(scorer->judge.view.state, &scorer->judge.view);
  return scorer;
}

static void drop(struct pack_scorer *scorer, struct column *column) {
  scorer->cell_count -= column->cap;
  scorer->column_count--;
  column_free(column);
}

void pack_scorer_free(struct pack_scorer *scorer) {
  if (!scorer)
    return;
  for (size_t b = 0; b < BUCKETS; b++)
    for (struct column *column = scorer->buckets[b], *next; column; column = next) {
      next = column->next_in_bucket;
      drop(scorer, column);
    }
  if (scorer->judge.policy->state_free)
    scorer->judge.policy->state_free(scorer->judge.view.state);
  pack_tables_unref(scorer->tables);
  free(scorer->fits);
  free(scorer);
}

void pack_scorer_set_tables(struct pack_scorer *scorer, struct pack_tables_ref *tables) {
  struct pack_tables_ref *mine = tables ? pack_tables_ref(tables) : NULL;
  pack_tables_unref(scorer->tables);
  scorer->tables = mine;
  scorer->judge.view.tables = mine ? pack_tables_get(mine) : &no_tables;
  if (scorer->judge.policy->set_tables)
    scorer->judge.policy->set_tables(scorer->judge.view.state, &scorer->judge.view);
  scorer->judge.epoch++;
}

void pack_scorer_set_conditions(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                                const struct pack_traffic *traffic) {
  const struct pack_policy *policy = scorer->judge.policy;
  if (policy->set_conditions)
    switch (
        policy->set_conditions(scorer->judge.view.state, &scorer->judge.view, cluster, traffic)) {
    case PACK_SCORES_VOID:
      scorer->judge.epoch++;
      break;
    case PACK_PRICES_MOVED:
      scorer->judge.price_epoch++;
      break;
    case PACK_UNCHANGED:
      break;
    }
}

/* ---- columns --------------------------------------------------------------------------------- */

static uint64_t hash_request(const struct pack_request *request) {
  const char *bytes = (const char *)request;
  uint64_t hash = 0x9e3779b97f4a7c15;
  _Static_assert(sizeof(*request) % sizeof(uint64_t) == 0, "hashed by words");
  for (size_t i = 0; i < sizeof(*request); i += sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, bytes + i, sizeof(word));
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

static void drop_oldest(struct pack_scorer *scorer) {
  struct column **oldest = NULL;
  for (size_t b = 0; b < BUCKETS; b++)
    for (struct column **at = &scorer->buckets[b]; *at; at = &(*at)->next_in_bucket)
      if (!oldest || (*at)->last_use < (*oldest)->last_use)
        oldest = at;
  if (!oldest)
    return;
  struct column *gone = *oldest;
  *oldest = gone->next_in_bucket;
  drop(scorer, gone);
}

static void size_column(struct pack_scorer *scorer, struct column *column, size_t count) {
  scorer->cell_count -= column->cap;
  column_size(&scorer->judge, column, count);
  scorer->cell_count += column->cap;
}

static struct column *find_column(struct pack_scorer *scorer, const struct pack_request *request,
                                  size_t count) {
  uint64_t hash = hash_request(request);
  struct column **bucket = &scorer->buckets[hash % BUCKETS];
  struct column *column = *bucket;
  while (column &&
         (column->hash != hash || memcmp(&column->request, request, sizeof(*request)) != 0))
    column = column->next_in_bucket;
  if (!column) {
    column = column_new(request, hash);
    column->next_in_bucket = *bucket;
    *bucket = column;
    scorer->column_count++;
  }
  column->last_use = ++scorer->uses; /* it is not the oldest */
  size_t more = count > column->cap ? count - column->cap : 0;
  while (scorer->column_count > 1 &&
         (scorer->column_count > COLUMNS_MAX || scorer->cell_count + more > CELLS_MAX))
    drop_oldest(scorer);
  size_column(scorer, column, count);
  return column;
}

static const int32_t *look_at_charges(struct pack_scorer *scorer, enum pack_room *ret_room) {
  static const int32_t none[1];
  *ret_room = PACK_ROOM_ENOUGH;
  return scorer->judge.policy->charge_prices
             ? scorer->judge.policy->charge_prices(scorer->judge.view.state, ret_room)
             : none;
}

static const int32_t *charge_prices(struct pack_scorer *scorer) {
  enum pack_room room;
  return look_at_charges(scorer, &room);
}

/* When things are worse than `most`: before anything is scored little room is too little, and
 * afterwards what had none is to be scored again. True: all scores are void. */
static bool make_room_for_charges(struct pack_scorer *scorer, enum pack_room most) {
  enum pack_room room;
  (void)look_at_charges(scorer, &room);
  if (room <= most)
    return false;
  scorer->judge.policy->drop_charges(scorer->judge.view.state);
  scorer->judge.epoch++;
  return true;
}

/* ---- the best
 * --------------------------------------------------------------------------------------- */

/* Which nodes of a run may be chosen, a bit each. */
static unsigned allowed_of_run(const uint64_t *among, size_t run) {
  enum { WORD = 64 };
  _Static_assert(WORD % CLUSTER_RUN == 0, "a run lies in one word");
  size_t first = run * CLUSTER_RUN;
  return among ? (unsigned)(among[first / WORD] >> first % WORD & ((1U << CLUSTER_RUN) - 1))
               : (1U << CLUSTER_RUN) - 1;
}

/* The first of the largest totals. The run that promises most is looked at first, so that few
 * others need be. */
static size_t find_best(const struct pack_scorer *scorer, struct column *column,
                        const int32_t *prices, size_t count, int32_t *ret_total) {
  size_t best_run = 0;
  for (size_t run = 1; run < column_runs(count); run++)
    if (column->bounds[run] > column->bounds[best_run])
      best_run = run;
  int32_t most = column_most(&scorer->judge, column, prices, best_run);
  for (size_t run = 0; run < column_runs(count); run++) {
    if (column->bounds[run] < most)
      continue;
    int32_t here = column_most(&scorer->judge, column, prices, run);
    if (here > most || (here == most && run < best_run)) {
      most = here;
      best_run = run;
    }
  }
  size_t best = best_run * CLUSTER_RUN;
  while (best < count && column_total(column, prices, best) != most)
    best++;
  *ret_total = most;
  return best;
}

/* Enters a node into the list in descending order, equal ones in order of nodes. */
static size_t insert(struct pack_choice *list, size_t found, size_t max, int32_t total,
                     size_t node) {
  size_t at = found < max ? found++ : max - 1;
  for (; at > 0 && list[at - 1].score < total; at--) {
    list[at].score = list[at - 1].score;
    list[at].placement.node = list[at - 1].placement.node;
  }
  list[at].score = total;
  list[at].placement.node = (uint32_t)node;
  return found;
}

/* The best `max` nodes: a short list, which almost no node enters. */
static size_t find_several(const struct pack_scorer *scorer, struct column *column,
                           const int32_t *prices, size_t count, const uint64_t *among,
                           struct pack_choice *ret, size_t max) {
  size_t found = 0;
  int32_t least = UNFIT; /* what a node must have more than */
  for (size_t run = 0; run < column_runs(count); run++) {
    unsigned allowed = allowed_of_run(among, run);
    if (!allowed || column->bounds[run] <= least ||
        column_most(&scorer->judge, column, prices, run) <= least)
      continue;
    for (unsigned k = 0; k < CLUSTER_RUN; k++) {
      int32_t total = column_total(column, prices, run * CLUSTER_RUN + k);
      if (total <= least || !(allowed >> k & 1))
        continue;
      found = insert(ret, found, max, total, run * CLUSTER_RUN + k);
      least = found == max ? (int32_t)ret[max - 1].score : UNFIT;
    }
  }
  return found;
}

static size_t pick_one(struct pack_scorer *scorer, const struct column *column, size_t count,
                       const uint64_t *among) {
  if (scorer->fits_cap < count) {
    scorer->fits = mem_realloc(scorer->fits, count * sizeof(*scorer->fits));
    scorer->fits_cap = count;
  }
  size_t fits = 0;
  for (size_t i = 0; i < count; i++)
    if (column->scores[i] != UNFIT &&
        (allowed_of_run(among, i / CLUSTER_RUN) >> i % CLUSTER_RUN & 1))
      scorer->fits[fits++] = (uint32_t)i;
  return fits ? scorer->judge.policy->pick(scorer->judge.view.state, scorer->fits, fits, count)
              : SIZE_MAX;
}

/* The placement that a score stands for; scores are cached, placements are not. */
static void place(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                  const struct pack_request *request, struct pack_choice *choice) {
  struct pack_cell cell;
  (void)scorer->judge.policy->score(&scorer->judge.view,
                                    pack_cluster_node(cluster, choice->placement.node), request,
                                    &cell, &choice->placement);
}

/* The request's column, up to date. */
static struct column *ready_column(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                                   const struct pack_request *request, size_t count) {
  (void)make_room_for_charges(scorer, PACK_ROOM_ENOUGH);
  struct column *column = find_column(scorer, request, count);
  column_refresh(&scorer->judge, column, cluster, NULL);
  /* Half of all numbers were not enough; all of them nearly always are. */
  if (make_room_for_charges(scorer, PACK_ROOM_LITTLE)) {
    size_column(scorer, column, count);
    column_refresh(&scorer->judge, column, cluster, NULL);
  }
  return column;
}

void pack_scorer_warm(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                      const struct pack_request *request) {
  size_t count = pack_cluster_count(cluster);
  if (count)
    (void)ready_column(scorer, cluster, request, count);
}

void pack_scorer_upkeep(struct pack_scorer *scorer, const struct pack_cluster *cluster) {
  size_t count = pack_cluster_count(cluster);
  (void)make_room_for_charges(scorer, PACK_ROOM_ENOUGH);
  const int32_t *prices = charge_prices(scorer);
  for (size_t b = 0; b < BUCKETS; b++)
    for (struct column *column = scorer->buckets[b]; column; column = column->next_in_bucket) {
      size_column(scorer, column, count);
      column_refresh(&scorer->judge, column, cluster, prices);
      /* Those before this one are made anew when they are used. */
      (void)make_room_for_charges(scorer, PACK_ROOM_LITTLE);
    }
}

size_t pack_choose_among(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                         const struct pack_request *request, const uint64_t *among,
                         struct pack_choice *ret, size_t max) {
  size_t count = pack_cluster_count(cluster);
  if (count == 0 || max == 0)
    return 0;
  struct column *column = ready_column(scorer, cluster, request, count);
  const int32_t *prices = charge_prices(scorer);
  size_t found;
  if (scorer->judge.policy->pick) {
    size_t picked = pick_one(scorer, column, count, among);
    found = picked != SIZE_MAX;
    if (found) {
      ret[0].placement.node = (uint32_t)picked;
      ret[0].score = 0;
    }
  } else if (max == 1 && !among) {
    int32_t total;
    size_t best = find_best(scorer, column, prices, count, &total);
    found = total != UNFIT;
    ret[0].placement.node = (uint32_t)best;
    ret[0].score = total;
  } else {
    found = find_several(scorer, column, prices, count, among, ret, max);
  }
  for (size_t i = 0; i < found; i++)
    place(scorer, cluster, request, &ret[i]);
  return found;
}

size_t pack_choose(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                   const struct pack_request *request, struct pack_choice *ret, size_t max) {
  return pack_choose_among(scorer, cluster, request, NULL, ret, max);
}

void pack_fitting(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                  const struct pack_request *request, uint64_t *ret) {
  size_t count = pack_cluster_count(cluster);
  memset(ret, 0, (count + 63) / 64 * sizeof(*ret));
  if (count == 0)
    return;
  const struct column *column = ready_column(scorer, cluster, request, count);
  for (size_t i = 0; i < count; i++)
    ret[i / 64] |= (uint64_t)(column->scores[i] != UNFIT) << i % 64;
}

bool pack_scorer_score_node(struct pack_scorer *scorer, const struct pack_node *node,
                            const struct pack_request *request, int64_t *ret_score,
                            struct pack_placement *placement) {
  struct pack_cell cell = {0};
  (void)make_room_for_charges(scorer, PACK_ROOM_ENOUGH);
  if (!cluster_has_room(cluster_head_of(node), request) ||
      pack_fit_host(node, request) != PACK_FITS ||
      !scorer->judge.policy->score(&scorer->judge.view, node, request, &cell, placement))
    return false;
  *ret_score = (int64_t)cell.score - charge_prices(scorer)[cell.charge];
  return true;
}

bool pack_score(struct pack_scorer *scorer, const struct pack_cluster *cluster, size_t index,
                const struct pack_request *request, struct pack_choice *ret) {
  ret->placement.node = (uint32_t)index;
  return pack_scorer_score_node(scorer, pack_cluster_node(cluster, index), request, &ret->score,
                                &ret->placement);
}

int64_t pack_scorer_potential(struct pack_scorer *scorer, const struct pack_node *node) {
  const struct pack_policy *policy = scorer->judge.policy;
  return policy->potential ? policy->potential(&scorer->judge.view, node) : 0;
}
