/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/nominations.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 1024 };

struct nomination {
  struct nomination *next; /* of its bucket */
  struct nomination_due is;
  int64_t looked_at_ms;
  char text[]; /* of the strings */
};

struct nominations {
  pthread_mutex_t lock;
  struct nomination *buckets[BUCKETS];
  int64_t hits, misses;
  bool last[NOMINATIONS_SCORED]; /* a ring: was it followed? */
  size_t last_count, last_next;
};

static size_t bucket_of(struct str uid) {
  return hash_bytes(HASH_START, uid.ptr, uid.len) % BUCKETS;
}

struct nominations *nominations_new(void) {
  struct nominations *nominations = mem_zalloc(sizeof(*nominations));
  pthread_mutex_init(&nominations->lock, NULL);
  return nominations;
}

void nominations_free(struct nominations *nominations) {
  if (!nominations)
    return;
  for (size_t b = 0; b < BUCKETS; b++)
    for (struct nomination *at = nominations->buckets[b], *next; at; at = next) {
      next = at->next;
      free(at);
    }
  pthread_mutex_destroy(&nominations->lock);
  free(nominations);
}

static struct nomination **find(struct nominations *nominations, struct str uid) {
  struct nomination **at = &nominations->buckets[bucket_of(uid)];
  while (*at && !str_eq((*at)->is.uid, uid))
    at = &(*at)->next;
  return at;
}

static void take_out(struct nomination **at) {
  struct nomination *gone = *at;
  *at = gone->next;
  free(gone);
}

void nominations_add(struct nominations *nominations, const struct pod *pod, struct str node,
                     int64_t now_ms) {
  size_t bytes = pod->ns.len + pod->name.len + pod->uid.len + node.len;
  struct nomination *made = mem_zalloc(sizeof(*made) + bytes);
  char *text = made->text;
  made->is = (struct nomination_due){str_put(&text, pod->ns), str_put(&text, pod->name),
                                     str_put(&text, pod->uid), str_put(&text, node)};
  made->looked_at_ms = now_ms;
  (void)pthread_mutex_lock(&nominations->lock);
  struct nomination **at = find(nominations, pod->uid);
  if (*at)
    take_out(at);
  made->next = *at;
  *at = made;
  (void)pthread_mutex_unlock(&nominations->lock);
}

bool nominations_has(struct nominations *nominations, struct str uid) {
  (void)pthread_mutex_lock(&nominations->lock);
  bool has = *find(nominations, uid) != NULL;
  (void)pthread_mutex_unlock(&nominations->lock);
  return has;
}

void nominations_forget(struct nominations *nominations, struct str uid) {
  (void)pthread_mutex_lock(&nominations->lock);
  struct nomination **at = find(nominations, uid);
  if (*at)
    take_out(at);
  (void)pthread_mutex_unlock(&nominations->lock);
}

size_t nominations_due(struct nominations *nominations, int64_t before_ms, struct arena *arena,
                       struct nomination_due *ret, size_t max) {
  size_t count = 0;
  (void)pthread_mutex_lock(&nominations->lock);
  for (size_t b = 0; b < BUCKETS; b++)
    for (struct nomination *at = nominations->buckets[b]; at && count < max; at = at->next) {
      if (at->looked_at_ms > before_ms)
        continue;
      /* A second later again: those that are left for the next call come before them. */
      at->looked_at_ms = before_ms + 1000;
      ret[count++] =
          (struct nomination_due){str_copy(arena, at->is.ns), str_copy(arena, at->is.name),
                                  str_copy(arena, at->is.uid), str_copy(arena, at->is.node)};
    }
  (void)pthread_mutex_unlock(&nominations->lock);
  return count;
}

/* ---- the score ------------------------------------------------------------------------------- */

static void score(struct nominations *nominations, bool is_hit) {
  nominations->hits += is_hit;
  nominations->misses += !is_hit;
  nominations->last[nominations->last_next] = is_hit;
  nominations->last_next = (nominations->last_next + 1) % NOMINATIONS_SCORED;
  if (nominations->last_count < NOMINATIONS_SCORED)
    nominations->last_count++;
}

void nominations_settle(struct nominations *nominations, nomination_fn *where, void *ctx) {
  (void)pthread_mutex_lock(&nominations->lock);
  for (size_t b = 0; b < BUCKETS; b++)
    for (struct nomination **at = &nominations->buckets[b]; *at;) {
      struct str node = {NULL, 0};
      bool is_there = where(ctx, &(*at)->is, &node);
      if (is_there && node.len == 0) {
        at = &(*at)->next;
        continue;
      }
      if (is_there)
        score(nominations, str_eq(node, (*at)->is.node));
      take_out(at);
    }
  (void)pthread_mutex_unlock(&nominations->lock);
}

static int64_t percent(const struct nominations *nominations) {
  int64_t hits = 0;
  if (nominations->last_count < NOMINATIONS_SCORED_LEAST)
    return -1;
  for (size_t i = 0; i < nominations->last_count; i++)
    hits += nominations->last[i];
  return hits * 100 / (int64_t)nominations->last_count;
}

bool nominations_are_ignored(struct nominations *nominations) {
  (void)pthread_mutex_lock(&nominations->lock);
  int64_t now = percent(nominations);
  (void)pthread_mutex_unlock(&nominations->lock);
  return now >= 0 && now < NOMINATIONS_HITS_LEAST;
}

void nominations_reset_score(struct nominations *nominations) {
  (void)pthread_mutex_lock(&nominations->lock);
  nominations->last_count = nominations->last_next = 0;
  (void)pthread_mutex_unlock(&nominations->lock);
}

void nominations_get_score(struct nominations *nominations, int64_t *ret_hits, int64_t *ret_misses,
                           int64_t *ret_percent) {
  (void)pthread_mutex_lock(&nominations->lock);
  *ret_hits = nominations->hits;
  *ret_misses = nominations->misses;
  *ret_percent = percent(nominations);
  (void)pthread_mutex_unlock(&nominations->lock);
}
