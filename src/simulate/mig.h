/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of suite B (`simulate mig`): nodes with one MIG GPU each, CPU and memory
 * abundant, and pods that ask for one instance.
 *
 * Profiles are indices in pack_mig.profiles unless said otherwise. A mix *wants* the profiles
 * of positive weight; arrays over those are in the order of `wanted`.
 */
#ifndef SLICEGATE_SIMULATE_MIG_H
#define SLICEGATE_SIMULATE_MIG_H

#include "src/simulate/simulate_internal.h"

enum {
  MIG_WANTED_MAX = 16,     /* profiles of one mix */
  MIG_MIX_NAME_MAX = 32,   /* bytes of a mix's name */
  MIG_MIX_TEXT_MAX = 4096, /* bytes of a mix that a user wrote */
};

#define MIG_USUAL_PRODUCT "h100-80gb"

/* ---- mixes (mig_mix.c) ---------------------------------------------------------------------- */

struct mig_mix {
  char name[MIG_MIX_NAME_MAX + 1];
  size_t wanted_count;
  uint16_t wanted[MIG_WANTED_MAX];
  uint8_t sizes[MIG_WANTED_MAX];  /* memory slices */
  double weights[MIG_WANTED_MAX]; /* > 0, sum 1 */
  double mean_size;               /* of an arriving pod, in slices */
};

/* The four mixes of the suite for any product: "uniform", "skew-small", "skew-big", "bimodal".
 * Profiles with attributes (+me, +gfx) are left out. */
enum { MIG_FAMILIES = 4 };
bool mig_mix_family(const struct gpu_product *product, const struct pack_mig *mig, size_t family,
                    struct mig_mix *ret, struct err *reterr) SG_MUST_CHECK;
/*
 * "1g.10gb=0.3,7g.80gb=0.7": weights of any scale, separated by commas or ends of lines; what
 * stands behind # is a comment. Errors carry line and column.
 */
bool mig_mix_parse(const struct gpu_product *product, const struct pack_mig *mig, struct str name,
                   struct str text, struct mig_mix *ret, struct err *reterr) SG_MUST_CHECK;
/* What the options ask for: one of the four by its name alone, or a name and a text. */
bool mig_mix_wished(const struct gpu_product *product, const struct pack_mig *mig,
                    const struct sim_mix *wish, struct mig_mix *ret,
                    struct err *reterr) SG_MUST_CHECK;
const char *mig_family_name(size_t family);
/* A mix that nobody has seen: "random-<number>". */
bool mig_mix_random(const struct gpu_product *product, const struct pack_mig *mig, uint64_t seed,
                    size_t number, struct mig_mix *ret, struct err *reterr) SG_MUST_CHECK;

/* ---- bounds and oracles --------------------------------------------------------------------- */

/* What one GPU can hold at once: counts of the wanted profiles (mig_multisets.c). */
struct mig_multisets {
  uint8_t (*counts)[MIG_WANTED_MAX];
  size_t count, room;
};
/* All of them, the empty one first. Own it: mig_multisets_done. */
struct mig_multisets mig_multisets_of(const struct pack_mig *mig, const uint16_t *wanted,
                                      size_t wanted_count);
void mig_multisets_done(struct mig_multisets *sets);
/* Drops those that another one contains. */
void mig_multisets_keep_maximal(struct mig_multisets *sets, size_t wanted_count);

/* The most slices that any policy can have placed of these arrivals when nothing departs
 * (mig_bound.c). */
double mig_bound(const struct mig_multisets *maximal, const uint8_t *sizes, const uint32_t *arrived,
                 size_t wanted_count, uint32_t gpus);

/* A short story for exact search: an arrival, or the departure of an earlier one. */
enum { MIG_STORY_MAX = 12, MIG_STORY_GPUS_MAX = 3 };
struct mig_story_event {
  bool is_departure;
  uint8_t arrival; /* number of the arrival that comes or goes, from 0 */
  uint16_t profile;
};
struct mig_story {
  uint32_t gpus;
  size_t count;
  struct mig_story_event events[MIG_STORY_MAX];
};
/*
 * The most slices that can be accepted by who knows the whole story: every placement is tried,
 * nothing moves (mig_exact.c). `may_refuse`: also of what would fit; without it the best of
 * those policies that place whatever fits.
 */
uint32_t mig_exact(const struct pack_mig *mig, const struct mig_story *story, bool may_refuse);
/* The same without departures, by trying all subsets against pack_mig_can_hold. */
uint32_t mig_exact_subsets(const struct pack_mig *mig, const struct mig_story *story);

/* A story with what can be made of it (mig_stories.c). */
enum { MIG_STORIES = 500 }; /* of one seed */
struct mig_told_story {
  struct mig_story story;
  size_t mix; /* of the bed */
  bool has_departures;
  uint32_t offered, best, best_accepting; /* slices; the last: of who places whatever fits */
};

/* ---- where it is played (mig_bed.c) --------------------------------------------------------- */

/* One mix on one number of GPUs: what all runs of it start from. Read only once made. */
struct mig_ground {
  const struct mig_mix *mix;
  uint32_t gpus;
  struct pack_cluster *cluster;       /* empty */
  struct pack_tables_ref *mix_tables; /* the mix and nothing else: what baselines may know */
  /* With the mix as history; NULL when ours does not take part. */
  struct pricing_learner *learner;
  struct pack_tables_ref *tables;
};

struct mig_bed {
  bool has_ours;
  struct pack_catalog *catalog;
  const struct gpu_product *product;
  uint16_t product_number;
  const struct pack_mig *mig;
  struct pack_request *requests; /* [profile] */
  struct mig_mix *mixes;
  size_t mix_count;
  uint32_t *gpus; /* numbers of GPUs of saturation and churn */
  size_t gpu_count;
  struct mig_multisets *maximal;    /* [mix] */
  double **fragments;               /* [mix][layout]: stranded slices, F(mask) of FGD */
  struct mig_ground *grounds;       /* [mix * gpu_count + number] */
  size_t exact_mixes;               /* the first mixes, which exact stories are drawn from */
  struct mig_ground *exact_grounds; /* [mix * MIG_STORY_GPUS_MAX + gpus - 1] */
  size_t seed_count;
  const uint64_t *seeds;          /* borrowed from the options */
  struct mig_told_story *stories; /* [seed][MIG_STORIES] */
};
/* An empty cluster of so many nodes. */
struct pack_cluster *mig_cluster(const struct mig_bed *bed, uint32_t gpus,
                                 struct err *reterr) SG_MUST_CHECK;
bool mig_has_part(const struct sim_options *options, enum sim_mig_part part);
/* NULL: no such product, a mix that is wrong. `env` may lend threads. */
struct mig_bed *mig_bed_new(const struct sim_results *results, const struct sim_env *env,
                            struct err *reterr) SG_MUST_CHECK;
void mig_bed_free(struct mig_bed *bed);

/* Who plays: a policy with so many moves for a refusal, or an oracle. */
struct mig_player {
  const struct pack_policy *policy; /* NULL: moves are free, and whatever can be held is taken */
  bool is_ours;
  uint32_t moves_per_refusal;
};

/* ---- a game: one player on one ground (mig_game.c) ------------------------------------------ */

struct mig_game {
  const struct mig_bed *bed;
  const struct mig_ground *ground;
  const double *fragments;
  struct sim_world world; /* policies only */
  bool is_oracle;
  struct pricing_learner *learner; /* a copy of the ground's */
  uint32_t *counts;                /* oracle: live instances [profile] */
  uint64_t arrived;                /* the next pod's number */
  uint16_t *layouts;               /* [node] as last seen */
  uint32_t in_use;                 /* GPUs that are not empty; policies only */
  int64_t used;                    /* slices */
  double fragmented;               /* sum of `fragments` over the GPUs; policies only */
  uint64_t moves;
};
void mig_game_init(struct mig_game *game, const struct mig_bed *bed,
                   const struct mig_ground *ground, const struct mig_player *player,
                   const struct sim_run *run);
/* False: a choice of the policy could not be carried out. */
bool mig_game_done(struct mig_game *game, struct sim_run *run, struct err *reterr) SG_MUST_CHECK;
/* The next pod asks for one instance of wanted[w]; true: it got it. */
bool mig_game_arrive(struct mig_game *game, size_t w);
/* A pod that was accepted leaves. */
void mig_game_depart(struct mig_game *game, uint64_t pod, size_t w);

/* ---- the parts of the suite ----------------------------------------------------------------- */

enum {
  MIG_DEMANDS = 3, /* 80, 100, 120 % */
  MIG_LOADS = 3,   /* 0.8, 1.0, 1.2 */
  MIG_LISTS = 4,
};

/* What is measured for each mix and number of GPUs (mig_metrics.c). */
enum { MIG_METRICS = 22, MIG_STORY_METRICS = 4 };
extern const struct mig_metric {
  enum sim_mig_part part;
  const char *name, *title;
  uint8_t decimals;
  bool is_detail;
} mig_metrics[MIG_METRICS];
const struct sim_metric *mig_metrics_make(struct arena *arena, const struct sim_options *options,
                                          size_t *ret_count);
size_t mig_count_mixes(const struct sim_options *options);
/* Baselines against figures of theirs, ours against them (mig_reference.c). */
bool mig_check(const struct sim_results *results, struct buf *out);
/* Acceptance by mix (mig_chart.c). */
void mig_draw_chart(const struct sim_results *results, struct buf *out);
bool mig_check_chart(const struct sim_options *options, struct err *reterr);

/* What is not known of a player stays as it was. */
struct mig_saturation {
  double accepted_pct[MIG_DEMANDS], slices_pct[MIG_DEMANDS];
  double gpus_in_use; /* at the first demand */
};
/* These return false when mig_game_done does. */
bool mig_play_saturation(const struct mig_bed *bed, const struct mig_ground *ground,
                         const struct mig_player *player, struct sim_run *run,
                         struct mig_saturation *ret, struct err *reterr) SG_MUST_CHECK;
void mig_play_bound(const struct mig_bed *bed, const struct mig_ground *ground,
                    const struct sim_run *run, struct mig_saturation *ret);

struct mig_churn {
  double slices_pct, accepted_pct;    /* of what was offered */
  double gpus_in_use, fragmented_pct; /* means over time; the latter of capacity */
  double moves;                       /* per accepted pod */
};
bool mig_play_churn(const struct mig_bed *bed, const struct mig_ground *ground,
                    const struct mig_player *player, struct sim_run *run, double load,
                    struct mig_churn *ret, struct err *reterr) SG_MUST_CHECK;

void mig_stories_draw(const struct mig_bed *bed, uint64_t seed,
                      struct mig_told_story ret[MIG_STORIES]);
struct mig_exactness {
  double slices_pct;          /* accepted, of what the optimum accepts */
  double equal_pct;           /* of the stories: as much as the optimum */
  double all_pct;             /* all accepted, of the stories where that can be done */
  double equal_accepting_pct; /* as much as who knows the story and places whatever fits */
};
/* ret[0]: stories without departures, ret[1]: with. */
bool mig_play_stories(const struct mig_bed *bed, const struct mig_told_story *stories,
                      const struct mig_player *player, struct sim_run *run,
                      struct mig_exactness ret[2], struct err *reterr) SG_MUST_CHECK;

const char *mig_list_name(size_t list);
/* Accepted of what the list asks for last, in %; NAN: not for this product or mix. */
bool mig_play_list(const struct mig_bed *bed, const struct mig_ground *ground, size_t list,
                   const struct mig_player *player, struct sim_run *run, double *ret,
                   struct err *reterr) SG_MUST_CHECK;

#endif
