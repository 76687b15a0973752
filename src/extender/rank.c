/* SPDX-License-Identifier: Apache-2.0 */
/* prioritize: places, not scores: ten steps are too few to spread a value over. */
#include "extender_internal.h"

/* Behind those that fit now: those that fit once others' tentative holds come to nothing. */
static void rank_held(const struct ext_view *view, const struct ext_question *question,
                      const struct offer *offer, int64_t next, int64_t *scores) {
  size_t nodes = pack_cluster_count(state_snapshot_cluster(view->snapshot));
  for (size_t w = 0; w * WORD_BITS < nodes; w++)
    for (uint64_t left = offer->among[w]; left && next > 0; left &= left - 1) {
      size_t node = w * WORD_BITS + (size_t)__builtin_ctzll(left);
      if (scores[offer->name_of[node] - 1] == 0 &&
          offer_fit(view, question->asked, node) == PACK_FITS)
        scores[offer->name_of[node] - 1] = next--;
    }
}

bool ext_prioritize(const struct ext_view *view, const struct ext_question *question,
                    struct arena *arena, int64_t *scores, struct pack_placement *ret_choice) {
  struct pack_choice choices[EXT_SCORE_MAX];
  struct offer offer;
  for (size_t i = 0; i < question->count; i++)
    scores[i] = 0;
  offer_read(view, question, arena, &offer);
  for (size_t i = 0; i < offer.neutral_count; i++)
    scores[offer.neutral[i]] = EXT_SCORE_NEUTRAL;
  if (!question->asked)
    return false;
  size_t found = pack_choose_among(view->scorer, state_snapshot_cluster(view->snapshot),
                                   &question->asked->request, offer.among, choices, EXT_SCORE_MAX);
  for (size_t i = 0; i < found; i++)
    scores[offer.name_of[choices[i].placement.node] - 1] = EXT_SCORE_MAX - (int64_t)i;
  if (found < EXT_SCORE_MAX)
    rank_held(view, question, &offer, EXT_SCORE_MAX - (int64_t)found, scores);
  if (found)
    *ret_choice = choices[0].placement;
  return found > 0;
}
