/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/explain_live.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
  MAX_AGE_MS = 1000, /* of a copy, when the cluster is another one by now */
  UNUSED_MS = 5000,  /* then it is dropped */
  FIRST_BYTES = 1 << 20,
};

struct explain_live {
  struct live *live;
  atomic_int inside;    /* who ask, or wait for their turn */
  pthread_mutex_t turn; /* guards what follows */
  struct arena *arena;  /* of the copy; NULL: there is none */
  struct cluster cluster;
  struct explain_scene *scene;
  uint64_t generation;
  int64_t made_ms, used_ms;
};

struct explain_live *explain_live_new(struct live *live) {
  struct explain_live *made = mem_zalloc(sizeof(*made));
  made->live = live;
  (void)pthread_mutex_init(&made->turn, NULL);
  return made;
}

static void drop(struct explain_live *of) {
  explain_scene_free(of->scene);
  arena_free(of->arena);
  of->scene = NULL;
  of->arena = NULL;
}

void explain_live_free(struct explain_live *of) {
  if (!of)
    return;
  drop(of);
  (void)pthread_mutex_destroy(&of->turn);
  free(of);
}

/* ---- the copy -------------------------------------------------------------------------------- */

static bool is_recorded(const struct explain_live *of) {
  return live_client(of->live) == NULL;
}

/* As `slicegate explain` lists a live cluster: what is over holds nothing, and may be plenty. */
static void leave_out_over(struct arena *arena, struct cluster *cluster) {
  struct pod *kept = arena_array(arena, cluster->pod_count, sizeof(*kept));
  size_t count = 0;
  for (size_t i = 0; i < cluster->pod_count; i++)
    if (!pod_is_over(&cluster->pods[i]))
      kept[count++] = cluster->pods[i];
  cluster->pods = kept;
  cluster->pod_count = count;
}

static bool is_fresh(const struct explain_live *of) {
  struct state_stats stats;
  if (!of->scene)
    return false;
  state_get_stats(live_state(of->live), &stats);
  return stats.generation == of->generation || live_now_ms() - of->made_ms < MAX_AGE_MS;
}

static bool make(struct explain_live *of, struct err *reterr) {
  struct state *state = live_state(of->live);
  struct state_stats stats;
  drop(of);
  of->arena = arena_new(FIRST_BYTES);
  of->made_ms = live_now_ms();
  state_get_stats(state, &stats); /* before the copy: what comes in between makes it old */
  of->generation = stats.generation;
  state_record(state, of->arena, &of->cluster);
  if (!is_recorded(of))
    leave_out_over(of->arena, &of->cluster);
  of->scene = explain_scene_new(&of->cluster, products_builtin(), reterr);
  if (!of->scene)
    drop(of);
  return of->scene != NULL;
}

/* ---- turns ----------------------------------------------------------------------------------- */

bool explain_live_enter(struct explain_live *of, int most, struct explain_view *ret,
                        struct err *reterr) {
  if (!state_is_synced(live_state(of->live)))
    return err_set(reterr, ERR_UNAVAILABLE, "the cluster has not been listed yet: ask again");
  int inside = atomic_fetch_add(&of->inside, 1) + 1;
  if (most && inside > most) {
    atomic_fetch_sub(&of->inside, 1);
    return err_set(reterr, ERR_UNAVAILABLE,
                   "%d questions are being answered at this moment: ask again", inside - 1);
  }
  (void)pthread_mutex_lock(&of->turn);
  if (!is_fresh(of) && !make(of, reterr)) {
    explain_live_leave(of);
    return false;
  }
  *ret = (struct explain_view){&of->cluster, of->scene, of->generation};
  return true;
}

void explain_live_leave(struct explain_live *of) {
  of->used_ms = live_now_ms();
  (void)pthread_mutex_unlock(&of->turn);
  atomic_fetch_sub(&of->inside, 1);
}

void explain_live_tidy(struct explain_live *of) {
  if (pthread_mutex_trylock(&of->turn) != 0)
    return;
  if (live_now_ms() - of->used_ms >= UNUSED_MS)
    drop(of);
  (void)pthread_mutex_unlock(&of->turn);
}

/* ---- pods ------------------------------------------------------------------------------------ */

const struct pod *explain_live_find(struct explain_live *of, const struct explain_view *view,
                                    struct arena *arena, struct str ns, struct str name) {
  for (size_t i = 0; i < view->cluster->pod_count; i++) {
    const struct pod *pod = &view->cluster->pods[i];
    if (str_eq(pod->name, name) && str_eq(pod->ns, ns))
      return pod;
  }
  struct pod *pod = arena_alloc(arena, sizeof(*pod));
  return state_find_pod(live_state(of->live), arena, ns, name, (struct str){NULL, 0}, pod) ? pod
                                                                                           : NULL;
}

struct explain_question explain_live_question(const struct pod *pod) {
  return (struct explain_question){.pod = pod, .no_moves = true};
}
