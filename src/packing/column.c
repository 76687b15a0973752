/* SPDX-License-Identifier: Apache-2.0 */
#include "src/packing/column.h"

#include <stdlib.h>

struct column *column_new(const struct pack_request *request, uint64_t hash) {
  struct column *column = mem_zalloc(sizeof(*column));
  column->request = *request;
  column->hash = hash;
  return column;
}

void column_free(struct column *column) {
  free(column->block);
  free(column);
}

/* ---- cells ---------------------------------------------------------------------------------- */

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

void column_size(const struct judge *judge, struct column *column, size_t nodes) {
  if (column->cap < nodes) {
    allocate(column, column_runs(nodes));
    column->epoch = judge->epoch;
  }
  if (column->epoch != judge->epoch) {
    memset(column->ids, 0, column->cap * sizeof(*column->ids));
    memset(column->runs, 0, column_runs(column->cap) * sizeof(*column->runs));
    column->epoch = judge->epoch;
  }
}

/* ---- scores --------------------------------------------------------------------------------- */

static void score_alike(struct judge *judge, const struct pack_node *node,
                        const struct pack_request *request, struct memo *memo) {
  struct pack_cell cell = {0};
  bool fits = judge->policy->score(&judge->view, node, request, &cell, NULL);
  *memo = (struct memo){.likeness = node->likeness,
                        .score = fits ? cell.score : UNFIT,
                        .charge = fits ? cell.charge : 0,
                        .refresh = judge->policy->looks_at_pods ? 0 : judge->refreshes};
}

static void set_cell(struct column *column, size_t i, uint32_t id, int32_t score, uint16_t charge) {
  column->ids[i] = id;
  column->scores[i] = score;
  column->charges[i] = charge;
}

static void score_cell(struct judge *judge, struct column *column,
                       const struct pack_cluster *cluster, size_t i) {
  struct cluster_head head = cluster_heads(cluster)[i];
  const struct pack_node *node = pack_cluster_node(cluster, i);
  if (!cluster_has_room(head, &column->request) || /* most nodes of a full cluster end here */
      pack_fit_host(node, &column->request) != PACK_FITS) {
    set_cell(column, i, head.id, UNFIT, 0);
    return;
  }
  struct memo *memo = &judge->memos[node->likeness % MEMOS];
  if (memo->refresh != judge->refreshes || memo->likeness != node->likeness)
    score_alike(judge, node, &column->request, memo);
  set_cell(column, i, head.id, memo->score, memo->charge);
}

/* The cells of one run, and the largest score among them. */
static void refresh_run(struct judge *judge, struct column *column,
                        const struct pack_cluster *cluster, size_t run, size_t count) {
  const struct cluster_head *heads = cluster_heads(cluster);
  size_t first = run * CLUSTER_RUN;
  size_t end = count - first < CLUSTER_RUN ? count : first + CLUSTER_RUN;
  const uint32_t *ids = column->ids;
  for (size_t i = first; i < end; i++)
    if (ids[i] != heads[i].id)
      score_cell(judge, column, cluster, i);
  for (size_t i = end; i < first + CLUSTER_RUN; i++) /* no node, or one of another cluster */
    set_cell(column, i, 0, UNFIT, 0);
  const int32_t *scores = column->scores + first;
  int32_t most = UNFIT;
  for (size_t i = 0; i < CLUSTER_RUN; i++)
    most = scores[i] > most ? scores[i] : most;
  column->bounds[run] = most;
  column->priced[run] = 0;
}

int32_t column_most(const struct judge *judge, struct column *column, const int32_t *prices,
                    size_t run) {
  if (column->priced[run] == judge->price_epoch)
    return column->most[run];
  int32_t most = UNFIT;
  for (size_t i = run * CLUSTER_RUN; i < (run + 1) * CLUSTER_RUN; i++) {
    int32_t total = column_total(column, prices, i);
    most = total > most ? total : most;
  }
  column->priced[run] = judge->price_epoch;
  return column->most[run] = most;
}

void column_refresh(struct judge *judge, struct column *column, const struct pack_cluster *cluster,
                    const int32_t *prices) {
  size_t count = pack_cluster_count(cluster);
  const uint32_t *runs = cluster_runs(cluster);
  bool is_repriced = prices && column->price_epoch != judge->price_epoch;
  judge->refreshes++;
  for (size_t run = 0; run < column_runs(count); run++) {
    bool is_changed = column->runs[run] != runs[run];
    if (is_changed) {
      refresh_run(judge, column, cluster, run, count);
      column->runs[run] = runs[run];
    }
    if (is_repriced || (is_changed && prices))
      (void)column_most(judge, column, prices, run);
  }
  if (prices)
    column->price_epoch = judge->price_epoch;
  /* What was seen of runs that are not there is of another cluster. */
  for (size_t run = column_runs(count); run < column_runs(column->cap); run++)
    column->runs[run] = 0;
}
