/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what arrives, by kind of pod, and says when tables are due. */
#include "src/pricing/learner.h"

#include <stdlib.h>

enum {
  KINDS_MAX = 4096, /* kinds of pod that are told apart; then the rarer half is forgotten */
  SLOTS = 8192,     /* > KINDS_MAX, a power of two */
  /* When more than this has been counted, all counts are halved: the mix of long ago fades. */
  COUNTED_MAX = 30000,
  DRIFT_PERCENT = 10, /* of the pods, in total variation */
};

struct pricing_learner {
  const struct pack_catalog *catalog;
  struct kind *kinds;
  size_t kind_count;
  uint16_t slots[SLOTS]; /* index + 1 */
  double counted;        /* sum of all counts */
  uint64_t arrivals;
  bool is_new_level; /* a kind with several GPUs that the tables do not know */
  uint32_t version;
  struct traffic traffic;
};

struct pricing_learner *pricing_learner_new(const struct pack_catalog *catalog) {
  struct pricing_learner *learner = mem_zalloc(sizeof(*learner));
  learner->catalog = catalog;
  learner->kinds = mem_zalloc(KINDS_MAX * sizeof(*learner->kinds));
  traffic_init(&learner->traffic);
  return learner;
}

void pricing_learner_free(struct pricing_learner *learner) {
  if (!learner)
    return;
  free(learner->kinds);
  free(learner);
}

struct pricing_learner *pricing_learner_copy(const struct pricing_learner *learner) {
  struct pricing_learner *copy = mem_zalloc(sizeof(*copy));
  *copy = *learner;
  copy->kinds = mem_zalloc(KINDS_MAX * sizeof(*copy->kinds));
  memcpy(copy->kinds, learner->kinds, learner->kind_count * sizeof(*copy->kinds));
  return copy;
}

/* ---- kinds of pod -----------------------------------------------------------------------------
 */

static size_t hash(const struct pack_request *request) {
  uint64_t sum = hash_bytes(HASH_START, request, sizeof(*request));
  return (size_t)(sum ^ sum >> 32) % SLOTS;
}

/* The slot of this request, free when it is new. */
static uint16_t *find_slot(struct pricing_learner *learner, const struct pack_request *request) {
  size_t at = hash(request);
  for (; learner->slots[at]; at = (at + 1) % SLOTS)
    if (memcmp(&learner->kinds[learner->slots[at] - 1].request, request, sizeof(*request)) == 0)
      break;
  return &learner->slots[at];
}

/* Rarest first, of equally rare ones those that were seen first. */
static int compare_counts(const void *a, const void *b) {
  const struct kind *x = *(struct kind *const *)a, *y = *(struct kind *const *)b;
  return x->count != y->count ? (x->count > y->count ? 1 : -1) : (x > y) - (x < y);
}

static void forget_rarest(struct pricing_learner *learner) {
  CLEANUP_FREE struct kind **order = mem_zalloc(KINDS_MAX * sizeof(struct kind *));
  size_t kept = 0;
  for (size_t i = 0; i < learner->kind_count; i++)
    order[i] = &learner->kinds[i];
  qsort(order, learner->kind_count, sizeof(struct kind *), compare_counts);
  for (size_t i = 0; i < learner->kind_count / 2; i++) {
    learner->counted -= order[i]->count;
    order[i]->request.form_count = 0; /* no request has none */
  }
  memset(learner->slots, 0, sizeof(learner->slots));
  for (size_t i = 0; i < learner->kind_count; i++)
    if (learner->kinds[i].request.form_count) {
      learner->kinds[kept] = learner->kinds[i];
      *find_slot(learner, &learner->kinds[kept].request) = (uint16_t)(kept + 1);
      kept++;
    }
  learner->kind_count = kept;
}

/* The kind of this request, made when it is new. */
static struct kind *find_kind(struct pricing_learner *learner, const struct pack_request *request) {
  uint16_t *slot = find_slot(learner, request);
  if (*slot)
    return &learner->kinds[*slot - 1];
  if (learner->kind_count == KINDS_MAX) {
    forget_rarest(learner);
    slot = find_slot(learner, request);
  }
  struct kind *kind = &learner->kinds[learner->kind_count++];
  *slot = (uint16_t)learner->kind_count;
  *kind = (struct kind){.request = *request};
  return kind;
}

static void count(struct pricing_learner *learner, const struct pack_request *request,
                  double times) {
  struct kind *kind = find_kind(learner, request);
  const struct pack_form *form = &request->forms[0];
  if (!kind->is_in_tables && form->kind == PACK_WHOLE && form->count > 1)
    learner->is_new_level = true;
  kind->count += times;
  learner->counted += times;
}

void pricing_learner_history(struct pricing_learner *learner, const struct pack_request *requests,
                             const uint32_t *counts, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += counts[i];
  if (sum <= 0)
    return;
  for (size_t i = 0; i < n; i++)
    count(learner, &requests[i], PRICING_HISTORY_PODS * counts[i] / sum);
}

void pricing_learner_arrived(struct pricing_learner *learner, const struct pack_request *request) {
  count(learner, request, 1);
  learner->arrivals++;
  traffic_arrived(&learner->traffic, request);
  if (learner->counted > COUNTED_MAX) {
    for (size_t i = 0; i < learner->kind_count; i++)
      learner->kinds[i].count /= 2;
    learner->counted /= 2;
  }
}

void pricing_learner_departed(struct pricing_learner *learner, const struct pack_request *request) {
  traffic_departed(&learner->traffic, request);
}

void pricing_learner_judged(struct pricing_learner *learner, const struct pack_request *request,
                            bool is_accepted) {
  traffic_judged(&learner->traffic, learner->catalog, request, is_accepted);
}

struct pack_traffic pricing_learner_traffic(const struct pricing_learner *learner,
                                            const struct pack_cluster *cluster) {
  return traffic_get(&learner->traffic, cluster);
}

/* ---- when, and what -----------------------------------------------------------------------------
 */

static bool has_drifted(const struct pricing_learner *learner) {
  double moved = 0;
  for (size_t i = 0; i < learner->kind_count; i++) {
    double share = learner->kinds[i].count / learner->counted;
    double more = share - learner->kinds[i].share_in_tables;
    moved += more > 0 ? more : 0;
  }
  return moved * 100 > DRIFT_PERCENT;
}

static bool is_stated_count(uint64_t arrivals) {
  return arrivals == 100 || arrivals == 300 || arrivals == 1000 ||
         (arrivals > 0 && arrivals % 3000 == 0);
}

bool pricing_learner_is_due(const struct pricing_learner *learner) {
  if (learner->version == 0 || learner->is_new_level)
    return true;
  return is_stated_count(learner->arrivals) && has_drifted(learner);
}

struct pack_tables_ref *pricing_learner_tables(struct pricing_learner *learner,
                                               const struct pack_cluster *cluster) {
  learner->is_new_level = false;
  for (size_t i = 0; i < learner->kind_count; i++) {
    struct kind *kind = &learner->kinds[i];
    kind->share_in_tables = learner->counted > 0 ? kind->count / learner->counted : 0;
    kind->is_in_tables = true;
  }
  traffic_set_window(&learner->traffic, cluster,
                     mig_milli_per_pod(learner->catalog, learner->kinds, learner->kind_count));
  return build_tables(learner->catalog, cluster, learner->kinds, learner->kind_count,
                      learner->counted, ++learner->version);
}
