/* SPDX-License-Identifier: Apache-2.0 */
/* filter: the best few of the offered nodes, and why others cannot take the pod. */
#include "extender_internal.h"

struct filter {
  const struct ext_view *view;
  const struct ext_question *question;
  const struct pack_cluster *cluster;
  const struct pack_catalog *catalog;
  struct arena *arena;
  struct offer offer;
  struct str reasons[PACK_REASON_COUNT]; /* made when first needed */
  uint32_t *passed;
  struct ext_refusal *refusals;
  struct ext_filter *ret;
};

static void pass(struct filter *f, uint32_t name) {
  f->passed[f->ret->passed_count++] = name;
}

static void refuse(struct filter *f, uint32_t name, bool is_final, struct str reason) {
  f->refusals[f->ret->refusal_count++] = (struct ext_refusal){name, is_final, reason};
}

static struct str reason_text(struct filter *f, enum pack_reason reason) {
  if (f->reasons[reason].len == 0)
    f->reasons[reason] = ext_reason(f->catalog, reason, f->question->asked, f->arena);
  return f->reasons[reason];
}

static void judge_unfit(struct filter *f, size_t node) {
  const uint64_t *pods;
  uint32_t name = f->offer.name_of[node] - 1;
  if (f->ret->passed_count == f->view->best &&
      state_snapshot_holds(f->view->snapshot, node, &pods) > 0)
    return; /* it may fit and would not be among the best: in neither list */
  enum pack_reason reason = offer_fit(f->view, f->question->asked, node);
  if (reason == PACK_FITS) {
    if (f->ret->passed_count < f->view->best)
      pass(f, name);
    return;
  }
  f->ret->is_behind |= offer_is_counted(f->question->asked, reason);
  refuse(f, name, pack_reason_is_final(reason), reason_text(f, reason));
}

static void judge_others(struct filter *f) {
  size_t count = pack_cluster_count(f->cluster), words = (count + WORD_BITS - 1) / WORD_BITS;
  uint64_t *fits = arena_array(f->arena, words + 1, sizeof(*fits));
  pack_fitting(f->view->scorer, f->cluster, &f->question->asked->request, fits);
  for (size_t w = 0; w < words; w++)
    for (uint64_t left = f->offer.among[w] & ~fits[w]; left; left &= left - 1)
      judge_unfit(f, w * WORD_BITS + (size_t)__builtin_ctzll(left));
}

static void choose(struct filter *f) {
  size_t best = f->view->best;
  struct pack_choice *choices = arena_array(f->arena, best, sizeof(*choices));
  size_t found = pack_choose_among(f->view->scorer, f->cluster, &f->question->asked->request,
                                   f->offer.among, choices, best);
  for (size_t i = 0; i < found; i++)
    pass(f, f->offer.name_of[choices[i].placement.node] - 1);
  f->ret->has_choice = found > 0;
  if (found)
    f->ret->choice = choices[0].placement;
  judge_others(f);
}

/* Most of them have no GPU at all, and there may be thousands. */
static void refuse_without(struct filter *f, const uint64_t *by_memory, uint32_t node) {
  const struct state_snapshot *snapshot = f->view->snapshot;
  const struct pack_asked *asked = f->question->asked;
  enum pack_reason reason = ext_hami_shortage(f->view, asked, node);
  reason = reason == PACK_FITS ? PACK_NO_GPU : reason;
  bool is_given_by_memory = by_memory && bit_get(by_memory, node) &&
                            state_snapshot_node(snapshot, node)->node.card_count &&
                            str_is(asked->device, "nvidia.com/gpu");
  refuse(f, f->offer.name_of[node] - 1, pack_reason_is_final(reason),
         is_given_by_memory ? STR_LIT("its cards are HAMi's and given by nvidia.com/gpumem")
                            : reason_text(f, reason));
}

void ext_filter(const struct ext_view *view, const struct ext_question *question,
                struct arena *arena, struct ext_filter *ret) {
  struct filter f = {.view = view, .question = question, .arena = arena, .ret = ret};
  *ret = (struct ext_filter){0};
  f.cluster = state_snapshot_cluster(view->snapshot);
  f.catalog = pack_cluster_catalog(f.cluster);
  f.passed = arena_array(arena, question->count + 1, sizeof(*f.passed));
  f.refusals = arena_array(arena, question->count + 1, sizeof(*f.refusals));
  offer_read(view, question, arena, &f.offer);
  if (question->asked)
    choose(&f);
  for (size_t i = 0; i < f.offer.neutral_count && (!question->asked || i < view->best); i++)
    pass(&f, f.offer.neutral[i]);
  const uint64_t *by_memory = state_snapshot_listing(view->snapshot, STR_LIT("nvidia.com/gpumem"));
  for (size_t i = 0; i < f.offer.without_count; i++)
    refuse_without(&f, by_memory, f.offer.without[i]);
  ret->passed = f.passed;
  ret->refusals = f.refusals;
  ret->is_behind = ret->is_behind && ret->passed_count == 0;
}
