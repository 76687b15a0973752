/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scores of one request: a cell a node. A cell says which node value it was computed for; a
 * column is brought up to date by comparing ids, run by run of nodes.
 */
#ifndef SLICEGATE_PACKING_COLUMN_H
#define SLICEGATE_PACKING_COLUMN_H

#include "src/packing/cluster.h"

enum {
  UNFIT = INT32_MIN, /* a score: the node cannot take the request */
  MEMOS = 256,       /* for nodes that are alike; a power of two */
};

/* The score of one node, good for all that are alike while one column is brought up to date. */
struct memo {
  uint64_t likeness;
  uint64_t refresh; /* which one */
  int32_t score;
  uint16_t charge;
};

/* Who scores, and what of it still holds. */
struct judge {
  const struct pack_policy *policy;
  struct pack_view view;
  uint64_t epoch;       /* counts what makes all cells void; never 0 */
  uint64_t price_epoch; /* counts what makes all totals void; never 0 */
  uint64_t refreshes;
  struct memo memos[MEMOS]; /* [likeness % MEMOS] */
};

struct column {
  struct pack_request request;
  struct column *next_in_bucket;
  uint64_t hash;
  uint64_t last_use;
  uint64_t epoch;       /* of the judge when the cells were valid */
  uint64_t price_epoch; /* of the judge when upkeep priced all runs */
  size_t cap;           /* cells, in whole runs */
  void *block;          /* what all that follows is part of */
  uint32_t *ids;        /* [node]: the value that the cell is of; 0: none */
  int32_t *scores;      /* [node] */
  uint16_t *charges;    /* [node] */
  uint32_t *runs;       /* [run]: of the cluster when it was last looked at; 0: never */
  int32_t *bounds;      /* [run]: the largest of its scores; no total is more */
  uint64_t *priced;     /* [run]: price epoch of the judge when `most` was valid; 0: never */
  int32_t *most;        /* [run]: the largest of its totals: scores less what charges cost */
};

static inline size_t column_runs(size_t nodes) {
  return (nodes + CLUSTER_RUN - 1) / CLUSTER_RUN;
}
/* What the prices of charges leave of a score. Both are below 2^30, and what is unfit has no
 * charge. */
static inline int32_t column_total(const struct column *column, const int32_t *prices, size_t i) {
  return column->scores[i] - prices[column->charges[i]];
}

struct column *column_new(const struct pack_request *request, uint64_t hash) SG_MUST_CHECK;
void column_free(struct column *column);
/* Room for that many nodes; nothing in it that is void. */
void column_size(const struct judge *judge, struct column *column, size_t nodes);
/* Scores what has changed; with prices, makes totals of it too, and of all when prices moved. */
void column_refresh(struct judge *judge, struct column *column, const struct pack_cluster *cluster,
                    const int32_t *prices);
/* The largest total of a run, made when somebody asks: most runs promise too little. */
int32_t column_most(const struct judge *judge, struct column *column, const int32_t *prices,
                    size_t run);

#endif
