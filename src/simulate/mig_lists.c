/* SPDX-License-Identifier: Apache-2.0 */
/*
 * B4: four fixed lists, each made to catch a habit. What is counted is the share accepted of
 * what comes last; somebody who may move everything accepts all of it in every list but the
 * first.
 */
#include "src/simulate/mig.h"

#include <math.h>

/* The parts that profiles have in the lists. */
enum role { ONE, ONE_DOUBLE, TWO, THREE, FOUR, WHOLE };

static const struct {
  unsigned compute; /* slices; 0: all of the GPU */
  bool is_second;   /* of that many compute slices the one with more memory */
} roles[] = {
    [ONE] = {1, false},   [ONE_DOUBLE] = {1, true}, [TWO] = {2, false},
    [THREE] = {3, false}, [FOUR] = {4, false},      [WHOLE] = {0, false},
};

static bool has_role(const struct mig_bed *bed, uint16_t profile, enum role role) {
  return roles[role].compute == 0
             ? bed->mig->profiles[profile].size == bed->mig->axis
             : bed->product->profiles[profile].compute_slices == roles[role].compute;
}

/* The index in the mix's `wanted`, or SIZE_MAX. */
static size_t find_role(const struct mig_bed *bed, const struct mig_mix *mix, enum role role) {
  size_t least = SIZE_MAX;
  size_t second = SIZE_MAX;
  for (size_t w = 0; w < mix->wanted_count; w++) {
    if (!has_role(bed, mix->wanted[w], role))
      continue;
    if (least == SIZE_MAX || mix->sizes[w] < mix->sizes[least]) {
      second = least;
      least = w;
    } else if (second == SIZE_MAX || mix->sizes[w] < mix->sizes[second]) {
      second = w;
    }
  }
  return roles[role].is_second ? second : least;
}

/* Pods that come one after another. */
struct phase {
  enum role role;
  enum { ONE_A_GPU, FULL, HALF_FULL } amount; /* full: as many as the GPUs hold of this profile */
  bool free_every_second;                     /* of the pods before this phase */
};

enum { PHASES_MAX = 4 };
static const struct {
  const char *name;
  struct phase phases[PHASES_MAX];
  size_t phase_count;
} lists[MIG_LISTS] = {
    {"one-then-whole", {{ONE, ONE_A_GPU, false}, {WHOLE, ONE_A_GPU, false}}, 2},
    {"every-second-leaves", {{ONE, FULL, false}, {TWO, HALF_FULL, true}}, 2},
    {"three-before-four", {{THREE, ONE_A_GPU, false}, {FOUR, ONE_A_GPU, false}}, 2},
    {"tail-pair",
     {{FOUR, ONE_A_GPU, false},
      {ONE, ONE_A_GPU, false},
      {ONE_DOUBLE, ONE_A_GPU, false},
      {ONE, ONE_A_GPU, false}},
     4},
};

const char *mig_list_name(size_t list) {
  return lists[list].name;
}

static uint32_t count_pods(const struct mig_bed *bed, const struct mig_ground *ground, size_t w,
                           const struct phase *phase) {
  uint32_t full = ground->gpus * bed->product->profiles[ground->mix->wanted[w]].max_instances;
  return phase->amount == ONE_A_GPU ? ground->gpus : phase->amount == FULL ? full : full / 2;
}

/* Accepted of the phase, in %. */
static double play_phase(struct mig_game *game, size_t w, uint32_t pods, uint8_t *present) {
  uint32_t accepted = 0;
  for (uint32_t i = 0; i < pods; i++) {
    present[game->arrived] = 0;
    uint64_t pod = game->arrived;
    if (mig_game_arrive(game, w)) {
      present[pod] = (uint8_t)(w + 1);
      accepted++;
    }
  }
  return pods ? 100.0 * accepted / pods : NAN;
}

static void free_every_second(struct mig_game *game, const uint8_t *present) {
  bool is_second = false;
  uint64_t arrived = game->arrived;
  for (uint64_t pod = 0; pod < arrived; pod++) {
    if (!present[pod])
      continue;
    if (is_second)
      mig_game_depart(game, pod, present[pod] - 1u);
    is_second = !is_second;
  }
}

bool mig_play_list(const struct mig_bed *bed, const struct mig_ground *ground, size_t list,
                   const struct mig_player *player, struct sim_run *run, double *ret,
                   struct err *reterr) {
  *ret = NAN;
  size_t roles_found[PHASES_MAX] = {0};
  size_t pods = 0;
  for (size_t i = 0; i < lists[list].phase_count; i++) {
    roles_found[i] = find_role(bed, ground->mix, lists[list].phases[i].role);
    if (roles_found[i] == SIZE_MAX)
      return true; /* a product of another kind */
    pods += count_pods(bed, ground, roles_found[i], &lists[list].phases[i]);
  }
  CLEANUP_FREE uint8_t *present = mem_zalloc(pods + 1); /* [pod]: w + 1 while it is there */
  struct mig_game game;
  mig_game_init(&game, bed, ground, player, run);
  for (size_t i = 0; i < lists[list].phase_count; i++) {
    const struct phase *phase = &lists[list].phases[i];
    if (phase->free_every_second)
      free_every_second(&game, present);
    *ret =
        play_phase(&game, roles_found[i], count_pods(bed, ground, roles_found[i], phase), present);
  }
  return mig_game_done(&game, run, reterr);
}
