/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores of one policy, cached in columns: one column a request, one cell a node. A cell says
 * which node value it was computed for; a column is brought up to date by comparing ids, so
 * nobody has to tell a scorer what has changed, and it may be used on copies of a cluster.
 */
#include "src/packing/cluster.h"

#include <stdlib.h>

enum {
  COLUMNS_MAX = 1024,
  CELLS_MAX = 7 * 1024 * 1024, /* of all columns: 79 MiB */
  BUCKETS = 2048,              /* of the hash table; > COLUMNS_MAX, a power of two */
  UNFIT = INT32_MIN,           /* a score: the node cannot take the request */
  MEMOS = 256,                 /* for nodes that are alike; a power of two */
};

/* The score of one node, good for all that are alike while one column is brought up to date. */
struct memo {
  uint64_t likeness;
  uint64_t refresh; /* which one */
  int32_t score;
  uint16_t charge;
};

struct column {
  struct pack_request request;
  struct column *next_in_bucket;
  uint64_t hash;
  uint64_t last_use;
  uint64_t epoch;       /* of the scorer when the cells were valid */
  uint64_t price_epoch; /* of the scorer when upkeep priced all runs */
  size_t cap;           /* cells, in whole runs */
  void *block;          /* what all that follows is part of */
  uint32_t *ids;        /* [node]: the value that the cell is of; 0: none */
  int32_t *scores;      /* [node] */
  uint16_t *charges;    /* [node] */
  uint32_t *runs;       /* [run]: of the cluster when it was last looked at; 0: never */
  int32_t *bounds;      /* [run]: the largest of its scores; no total is more */
  uint64_t *priced;     /* [run]: price epoch of the scorer when `most` was valid; 0: never */
  int32_t *most;        /* [run]: the largest of its totals: scores less what charges cost */
};

struct pack_scorer {
  const struct pack_policy *policy;
  struct pack_view view;
  struct pack_tables_ref *tables;
  uint64_t epoch;       /* counts what makes all cells void */
  uint64_t price_epoch; /* counts what makes all totals void */
  uint64_t uses;
  struct column *buckets[BUCKETS];
  size_t column_count, cell_count;
  uint64_t refreshes;
  struct memo memos[MEMOS]; /* [likeness % MEMOS] */
  uint32_t *fits;           /* scratch for `pick` */
  size_t fits_cap;
};

static const struct pack_tables no_tables;

struct pack_scorer *pack_scorer_new(const struct pack_policy *policy,
                                    const struct pack_catalog *catalog, uint64_t seed) {
  struct pack_scorer *scorer = mem_zalloc(sizeof(*scorer));
  scorer->policy = policy;
  scorer->epoch = scorer->price_epoch = 1;
  scorer->view.catalog = catalog;
  scorer->view.tables = &no_tables;
  if (policy->state_new)
    scorer->view.state = policy->state_new(catalog, seed);
  if (policy->set_tables)
    policy->set_tables(scorer->view.state, &scorer->view);
  return scorer;
}

static void column_free(struct pack_scorer *scorer, struct column *column) {
  scorer->cell_count -= column->cap;
  scorer->column_count--;
  free(column->block);
  free(column);
}

void pack_scorer_free(struct pack_scorer *scorer) {
  if (!scorer)
    return;
  for (size_t b = 0; b < BUCKETS; b++)
    for (struct column *column = scorer->buckets[b], *next; column; column = next) {
      next = column->next_in_bucket;
      column_free(scorer, column);
    }
  if (scorer->policy->state_free)
    scorer->policy->state_free(scorer->view.state);
  pack_tables_unref(scorer->tables);
  free(scorer->fits);
  free(scorer);
}

void pack_scorer_set_tables(struct pack_scorer *scorer, struct pack_tables_ref *tables) {
  struct pack_tables_ref *mine = tables ? pack_tables_ref(tables) : NULL;
  pack_tables_unref(scorer->tables);
  scorer->tables = mine;
  scorer->view.tables = mine ? pack_tables_get(mine) : &no_tables;
  if (scorer->policy->set_tables)
    scorer->policy->set_tables(scorer->view.state, &scorer->view);
  scorer->epoch++;
}

void pack_scorer_set_conditions(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                                const struct pack_traffic *traffic) {
  const struct pack_policy *policy = scorer->policy;
  if (policy->set_conditions)
    switch (policy->set_conditions(scorer->view.state, &scorer->view, cluster, traffic)) {
    case PACK_SCORES_VOID:
      scorer->epoch++;
      break;
    case PACK_PRICES_MOVED:
      scorer->price_epoch++;
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
  column_free(scorer, gone);
}

static size_t run_count(size_t nodes) {
  return (nodes + CLUSTER_RUN - 1) / CLUSTER_RUN;
}

/* All arrays are of one block, which begins with a line of the cache: so does every run. */
static void *carve(char **at, size_t count, size_t size) {
  void *here = *at;
  *at += count * size;
  return here;
}

static void allocate(struct column *column, size_t runs) {
  enum { LINE = 64 };
  const size_t cell_size =
      sizeof(*column->ids) + sizeof(*column->scores) + sizeof(*column->charges);
  const size_t run_size = sizeof(*column->priced) + sizeof(*column->runs) +
                          sizeof(*column->bounds) + sizeof(*column->most);
  size_t cells = runs * CLUSTER_RUN;
  free(column->block);
  column->block = mem_zalloc(LINE + cells * cell_size + runs * run_size);
  char *at = column->block;
  at += (LINE - (uintptr_t)at % LINE) % LINE;
  column->ids = carve(&at, cells, sizeof(*column->ids));
  column->scores = carve(&at, cells, sizeof(*column->scores));
  column->charges = carve(&at, cells, sizeof(*column->charges));
  column->priced = carve(&at, runs, sizeof(*column->priced));
  column->runs = carve(&at, runs, sizeof(*column->runs));
  column->bounds = carve(&at, runs, sizeof(*column->bounds));
  column->most = carve(&at, runs, sizeof(*column->most));
  column->cap = cells;
}

static void size_column(struct pack_scorer *scorer, struct column *column, size_t nodes) {
  if (column->cap < nodes) {
    scorer->cell_count -= column->cap;
    allocate(column, run_count(nodes));
    scorer->cell_count += column->cap;
    column->epoch = scorer->epoch;
  }
  if (column->epoch != scorer->epoch) {
    memset(column->ids, 0, column->cap * sizeof(*column->ids));
    memset(column->runs, 0, run_count(column->cap) * sizeof(*column->runs));
    column->epoch = scorer->epoch;
  }
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
    column = mem_zalloc(sizeof(*column));
    column->request = *request;
    column->hash = hash;
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

static void score_alike(struct pack_scorer *scorer, const struct pack_node *node,
                        const struct pack_request *request, struct memo *memo) {
  struct pack_cell cell = {0};
  bool fits = scorer->policy->score(&scorer->view, node, request, &cell, NULL);
  *memo = (struct memo){.likeness = node->likeness,
                        .score = fits ? cell.score : UNFIT,
                        .charge = fits ? cell.charge : 0,
                        .refresh = scorer->policy->looks_at_pods ? 0 : scorer->refreshes};
}

/* Whether what is left of whole GPUs may suffice. */
static bool has_room(struct cluster_head head, const struct pack_request *request) {
  for (uint32_t f = 0; f < request->form_count; f++) {
    const struct pack_form *form = &request->forms[f];
    if (form->kind == PACK_WHOLE      ? form->count <= head.idle
        : form->kind == PACK_FRACTION ? form->amount <= head.most_left
                                      : true)
      return true;
  }
  return false;
}

static void set_cell(struct column *column, size_t i, uint32_t id, int32_t score, uint16_t charge) {
  column->ids[i] = id;
  column->scores[i] = score;
  column->charges[i] = charge;
}

static void score_cell(struct pack_scorer *scorer, struct column *column,
                       const struct pack_cluster *cluster, size_t i) {
  struct cluster_head head = cluster_heads(cluster)[i];
  const struct pack_node *node = pack_cluster_node(cluster, i);
  if (!has_room(head, &column->request) || /* most nodes of a full cluster end here */
      pack_fit_host(node, &column->request) != PACK_FITS) {
    set_cell(column, i, head.id, UNFIT, 0);
    return;
  }
  struct memo *memo = &scorer->memos[node->likeness % MEMOS];
  if (memo->refresh != scorer->refreshes || memo->likeness != node->likeness)
    score_alike(scorer, node, &column->request, memo);
  set_cell(column, i, head.id, memo->score, memo->charge);
}

/* What the prices of charges leave of a score. Both are below 2^30, and what is unfit has no
 * charge. */
static int32_t total_of(const struct column *column, const int32_t *prices, size_t i) {
  return column->scores[i] - prices[column->charges[i]];
}

static const int32_t *charge_prices(struct pack_scorer *scorer, bool *ret_is_full) {
  static const int32_t none[1];
  *ret_is_full = false;
  return scorer->policy->charge_prices
             ? scorer->policy->charge_prices(scorer->view.state, ret_is_full)
             : none;
}

/* Before anything is scored: a charge without room would be none. */
static void make_room_for_charges(struct pack_scorer *scorer) {
  bool is_full;
  (void)charge_prices(scorer, &is_full);
  if (!is_full)
    return;
  scorer->policy->drop_charges(scorer->view.state);
  scorer->epoch++;
}

/* The cells of one run, and the largest score among them. */
static void refresh_run(struct pack_scorer *scorer, struct column *column,
                        const struct pack_cluster *cluster, size_t run, size_t count) {
  const struct cluster_head *heads = cluster_heads(cluster);
  size_t first = run * CLUSTER_RUN;
  size_t end = count - first < CLUSTER_RUN ? count : first + CLUSTER_RUN;
  const uint32_t *ids = column->ids;
  for (size_t i = first; i < end; i++)
    if (ids[i] != heads[i].id)
      score_cell(scorer, column, cluster, i);
  for (size_t i = end; i < first + CLUSTER_RUN; i++) /* no node, or one of another cluster */
    set_cell(column, i, 0, UNFIT, 0);
  const int32_t *scores = column->scores + first;
  int32_t most = UNFIT;
  for (size_t i = 0; i < CLUSTER_RUN; i++)
    most = scores[i] > most ? scores[i] : most;
  column->bounds[run] = most;
  column->priced[run] = 0;
}

/* The largest total of a run, made when somebody asks: most runs promise too little. */
static int32_t most_of_run(const struct pack_scorer *scorer, struct column *column,
                           const int32_t *prices, size_t run) {
  if (column->priced[run] == scorer->price_epoch)
    return column->most[run];
  int32_t most = UNFIT;
  for (size_t i = run * CLUSTER_RUN; i < (run + 1) * CLUSTER_RUN; i++) {
    int32_t total = total_of(column, prices, i);
    most = total > most ? total : most;
  }
  column->priced[run] = scorer->price_epoch;
  return column->most[run] = most;
}

/* Scores what has changed; with prices, makes totals of it too, and of all when prices moved. */
static void refresh(struct pack_scorer *scorer, struct column *column,
                    const struct pack_cluster *cluster, size_t count, const int32_t *prices) {
  const uint32_t *runs = cluster_runs(cluster);
  bool is_repriced = prices && column->price_epoch != scorer->price_epoch;
  scorer->refreshes++;
  for (size_t run = 0; run < run_count(count); run++) {
    bool is_changed = column->runs[run] != runs[run];
    if (is_changed) {
      refresh_run(scorer, column, cluster, run, count);
      column->runs[run] = runs[run];
    }
    if (is_repriced || (is_changed && prices))
      (void)most_of_run(scorer, column, prices, run);
  }
  if (prices)
    column->price_epoch = scorer->price_epoch;
  /* What was seen of runs that are not there is of another cluster. */
  for (size_t run = run_count(count); run < run_count(column->cap); run++)
    column->runs[run] = 0;
}

/* ---- the best
 * --------------------------------------------------------------------------------------- */

/* The first of the largest totals. The run that promises most is looked at first, so that few
 * others need be. */
static size_t find_best(const struct pack_scorer *scorer, struct column *column,
                        const int32_t *prices, size_t count, int32_t *ret_total) {
  size_t best_run = 0;
  for (size_t run = 1; run < run_count(count); run++)
    if (column->bounds[run] > column->bounds[best_run])
      best_run = run;
  int32_t most = most_of_run(scorer, column, prices, best_run);
  for (size_t run = 0; run < run_count(count); run++) {
    if (column->bounds[run] < most)
      continue;
    int32_t here = most_of_run(scorer, column, prices, run);
    if (here > most || (here == most && run < best_run)) {
      most = here;
      best_run = run;
    }
  }
  size_t best = best_run * CLUSTER_RUN;
  while (best < count && total_of(column, prices, best) != most)
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
                           const int32_t *prices, size_t count, struct pack_choice *ret,
                           size_t max) {
  size_t found = 0;
  int32_t least = UNFIT; /* what a node must have more than */
  for (size_t run = 0; run < run_count(count); run++) {
    if (column->bounds[run] <= least || most_of_run(scorer, column, prices, run) <= least)
      continue;
    for (size_t i = run * CLUSTER_RUN; i < (run + 1) * CLUSTER_RUN; i++) {
      int32_t total = total_of(column, prices, i);
      if (total <= least)
        continue;
      found = insert(ret, found, max, total, i);
      least = found == max ? (int32_t)ret[max - 1].score : UNFIT;
    }
  }
  return found;
}

static size_t pick_one(struct pack_scorer *scorer, const struct column *column, size_t count) {
  if (scorer->fits_cap < count) {
    scorer->fits = mem_realloc(scorer->fits, count * sizeof(*scorer->fits));
    scorer->fits_cap = count;
  }
  size_t fits = 0;
  for (size_t i = 0; i < count; i++)
    if (column->scores[i] != UNFIT)
      scorer->fits[fits++] = (uint32_t)i;
  return fits ? scorer->policy->pick(scorer->view.state, scorer->fits, fits, count) : SIZE_MAX;
}

/* The placement that a score stands for; scores are cached, placements are not. */
static void place(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                  const struct pack_request *request, struct pack_choice *choice) {
  struct pack_cell cell;
  (void)scorer->policy->score(&scorer->view, pack_cluster_node(cluster, choice->placement.node),
                              request, &cell, &choice->placement);
}

/* The request's column, up to date. */
static struct column *ready_column(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                                   const struct pack_request *request, size_t count) {
  make_room_for_charges(scorer);
  struct column *column = find_column(scorer, request, count);
  refresh(scorer, column, cluster, count, NULL);
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
  bool is_full;
  make_room_for_charges(scorer);
  const int32_t *prices = charge_prices(scorer, &is_full);
  for (size_t b = 0; b < BUCKETS; b++)
    for (struct column *column = scorer->buckets[b]; column; column = column->next_in_bucket) {
      size_column(scorer, column, count);
      refresh(scorer, column, cluster, count, prices);
    }
}

size_t pack_choose(struct pack_scorer *scorer, const struct pack_cluster *cluster,
                   const struct pack_request *request, struct pack_choice *ret, size_t max) {
  size_t count = pack_cluster_count(cluster);
  if (count == 0 || max == 0)
    return 0;
  struct column *column = ready_column(scorer, cluster, request, count);
  bool is_full;
  const int32_t *prices = charge_prices(scorer, &is_full);
  size_t found;
  if (scorer->policy->pick) {
    size_t picked = pick_one(scorer, column, count);
    found = picked != SIZE_MAX;
    if (found) {
      ret[0].placement.node = (uint32_t)picked;
      ret[0].score = 0;
    }
  } else if (max == 1) {
    int32_t total;
    size_t best = find_best(scorer, column, prices, count, &total);
    found = total != UNFIT;
    ret[0].placement.node = (uint32_t)best;
    ret[0].score = total;
  } else {
    found = find_several(scorer, column, prices, count, ret, max);
  }
  for (size_t i = 0; i < found; i++)
    place(scorer, cluster, request, &ret[i]);
  return found;
}

bool pack_scorer_score_node(struct pack_scorer *scorer, const struct pack_node *node,
                            const struct pack_request *request, int64_t *ret_score,
                            struct pack_placement *placement) {
  struct pack_cell cell = {0};
  bool is_full;
  make_room_for_charges(scorer);
  if (!has_room(cluster_head_of(node), request) || pack_fit_host(node, request) != PACK_FITS ||
      !scorer->policy->score(&scorer->view, node, request, &cell, placement))
    return false;
  *ret_score = (int64_t)cell.score - charge_prices(scorer, &is_full)[cell.charge];
  return true;
}

bool pack_score(struct pack_scorer *scorer, const struct pack_cluster *cluster, size_t index,
                const struct pack_request *request, struct pack_choice *ret) {
  ret->placement.node = (uint32_t)index;
  return pack_scorer_score_node(scorer, pack_cluster_node(cluster, index), request, &ret->score,
                                &ret->placement);
}

int64_t pack_scorer_potential(struct pack_scorer *scorer, const struct pack_node *node) {
  const struct pack_policy *policy = scorer->policy;
  return policy->potential ? policy->potential(&scorer->view, node) : 0;
}
