/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slicegate beside an API server, and what may go wrong between them. The world does what `serve`
 * does with filter and bind, and kube-scheduler before it; a plant makes it do one thing wrong.
 */
#ifndef SLICEGATE_TESTS_ALLOCATION_WORLD_H
#define SLICEGATE_TESTS_ALLOCATION_WORLD_H

#include "slicegate/extender.h"
#include "tests/property/allocation/server.h"
#include "tests/support/random.h"

/* Bugs planted in the world, for the checker to find. */
enum plant {
  PLANT_NOTHING,
  PLANT_NO_HOLD,         /* bind decides and does not hold */
  PLANT_IGNORES_NO_ROOM, /* bind goes on when its hold is refused */
  PLANT_FREES_UNKNOWN,   /* a Binding without an answer is taken for one that was not written */
  PLANT_BINDS_AGAIN,     /* a second bind forgets what the first may still write */
  PLANT_SHORT_HOLDS,     /* holds of bind end before their Bindings have */
  PLANT_EARLY_SUCCESSOR, /* decides while Bindings of the process before it are under way */
  PLANTS
};

enum {
  WORLD_CALLS = 8,
  WORLD_LETTERS = 16,
  /* How long a Binding is under way at most, on the world's clock: less than a hold lasts. */
  WORLD_LETTER_MS = STATE_HOLD_MS / 2,
};

/* What kube-scheduler is doing about one pod. */
struct world_call {
  bool is_open;
  int pod, node;
  uint64_t uid;
};

/* A Binding under way: it may be written whether or not somebody waits for the answer. */
struct world_letter {
  bool is_under_way, is_waited_for;
  int64_t until;
  struct server_binding binding;
};

struct world {
  struct random random;
  enum plant plant;
  struct arena *arena;
  struct server server;
  struct state *state;
  struct pack_scorer *scorer;
  size_t products, profiles; /* that the scorer knows */
  struct world_call calls[WORLD_CALLS];
  struct world_letter letters[WORLD_LETTERS];
  int64_t now;
  uint64_t decisions, refused, no_room, restarts, relists, timeouts;
};

void world_init(struct world *world, uint64_t seed, enum plant plant);
void world_done(struct world *world);
#define CLEANUP_WORLD SG_CLEANUP(world_done)
/* One thing happens. */
void world_step(struct world *world);

#endif
