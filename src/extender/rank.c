/* SPDX-License-Identifier: Apache-2.0 */
/* prioritize: places, not scores: ten steps are too few to spread a value over. */
#include "extender_internal.h"

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
  if (found)
    *ret_choice = choices[0].placement;
  return found > 0;
}
