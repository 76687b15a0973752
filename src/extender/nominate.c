/* SPDX-License-Identifier: Apache-2.0 */
/* The nominator's decision: a queue of waiting pods packed as a whole, on a copy of the cluster. */
#include "extender_internal.h"

#include <stdlib.h>

const char *ext_not_nominated(const struct pod *pod, struct str scheduler_name) {
  if (!str_eq(pod_scheduler_of(pod), scheduler_name))
    return "another scheduler's";
  if (pod->constraints.node_name.len)
    return "bound";
  if (pod->nominated_node.len)
    return "nominated already";
  if (pod->has_claims)
    return "resource claims";
  static const struct {
    uint32_t trait;
    const char *text;
  } traits[] = {{POD_IS_DELETING, "being deleted"},
                {POD_IS_GATED, "scheduling gates"},
                {POD_HAS_POD_AFFINITY, "affinity to other pods"},
                {POD_HAS_HARD_SPREAD, "topology spread"},
                {POD_HAS_VOLUME_CLAIMS, "volume claims"},
                {POD_HAS_HOST_PORTS, "host ports"},
                /* A nominated node is taken without asking the plugins that know them. */
                {POD_HAS_PREFERENCES, "preferences"}};
  for (size_t i = 0; i < SG_ARRAY_LEN(traits); i++)
    if (pod->traits & traits[i].trait)
      return traits[i].text;
  return NULL;
}

/* ---- the order ------------------------------------------------------------------------------- */

struct place {
  struct ext_candidate candidate;
  int64_t milli;
};

static int compare_numbers(int64_t a, int64_t b) {
  return (a > b) - (a < b);
}

static int compare(const void *a, const void *b) {
  const struct place *left = a, *right = b;
  const struct pod *x = left->candidate.pod, *y = right->candidate.pod;
  int order = compare_numbers(y->priority, x->priority);
  order = order ? order : compare_numbers(right->milli, left->milli);
  order = order ? order : compare_numbers(x->created, y->created);
  order = order ? order : str_cmp(x->ns, y->ns);
  return order ? order : str_cmp(x->name, y->name);
}

void ext_put_in_order(const struct pack_catalog *catalog, struct ext_candidate *candidates,
                      size_t count, struct arena *arena) {
  struct place *order = arena_array(arena, count + 1, sizeof(*order));
  for (size_t i = 0; i < count; i++)
    order[i] = (struct place){candidates[i],
                              pack_request_milli(catalog, &candidates[i].asked->request, 1)};
  if (count)
    qsort(order, count, sizeof(*order), compare);
  for (size_t i = 0; i < count; i++)
    candidates[i] = order[i].candidate;
}

/* ---- where a pod may go ---------------------------------------------------------------------- */

struct eligible {
  const struct pod_constraints *of; /* whom the bits were made for; NULL: nobody */
  struct str device;
  int64_t count; /* of it: what counts of HAMi's cards */
  uint64_t *bits;
};

static void find_eligible(const struct ext_view *view, size_t nodes,
                          const struct ext_candidate *candidate, struct eligible *ret) {
  const struct state_snapshot *snapshot = view->snapshot;
  const struct pod_constraints *constraints = &candidate->pod->constraints;
  if (ret->of && pack_equal_constraints(ret->of, constraints) &&
      str_eq(ret->device, candidate->asked->device) &&
      (ret->count == candidate->asked->device_count || !pack_is_hami_memory(ret->device)))
    return;
  const uint64_t *listing = state_snapshot_listing(snapshot, candidate->asked->device);
  memset(ret->bits, 0, (nodes / WORD_BITS + 1) * sizeof(*ret->bits));
  ret->of = constraints;
  ret->device = candidate->asked->device;
  ret->count = candidate->asked->device_count;
  for (size_t i = 0; listing && i < nodes; i++) {
    const struct state_node *node = state_snapshot_node(snapshot, i);
    if (bit_get(listing, i) && !node->takes_no_pods && pod_selects_node(constraints, &node->node) &&
        !pod_find_barrier(constraints, &node->node) &&
        ext_hami_shortage(view, candidate->asked, i) == PACK_FITS)
      bit_set(ret->bits, i);
  }
}

size_t ext_nominate(const struct ext_view *view, const struct ext_candidate *candidates,
                    size_t count, struct arena *arena, struct ext_advice *ret) {
  struct pack_cluster *cluster = pack_cluster_copy(state_snapshot_cluster(view->snapshot));
  size_t nodes = pack_cluster_count(cluster), made = 0;
  struct eligible eligible = {
      .bits = arena_array(arena, nodes / WORD_BITS + 1, sizeof(*eligible.bits))};
  for (size_t i = 0; i < count; i++) {
    const struct ext_candidate *candidate = &candidates[i];
    struct pack_choice choice;
    find_eligible(view, nodes, candidate, &eligible);
    if (pack_choose_among(view->scorer, cluster, &candidate->asked->request, eligible.bits, &choice,
                          1) == 0 ||
        /* The state numbers its pods from below. */
        !pack_commit(cluster, UINT64_MAX - 1 - i, &candidate->asked->request, &choice.placement))
      continue;
    ret[made++] = (struct ext_advice){(uint32_t)i, choice.placement.node, choice.placement};
  }
  pack_cluster_free(cluster);
  return made;
}
