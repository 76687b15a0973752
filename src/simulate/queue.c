/* SPDX-License-Identifier: Apache-2.0 */
/* Events by time: a binary heap. */
#include "src/simulate/simulate_internal.h"

#include <stdlib.h>

static bool is_before(const struct sim_event *a, const struct sim_event *b) {
  return a->time < b->time || (a->time <= b->time && a->id < b->id);
}

void sim_queue_push(struct sim_queue *queue, double time, uint64_t id) {
  if (queue->count == queue->cap) {
    queue->cap = queue->cap ? queue->cap * 2 : 1024;
    queue->events = mem_realloc(queue->events, queue->cap * sizeof(*queue->events));
  }
  struct sim_event event = {time, id};
  size_t at = queue->count++;
  while (at > 0 && is_before(&event, &queue->events[(at - 1) / 2])) {
    queue->events[at] = queue->events[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  queue->events[at] = event;
}

const struct sim_event *sim_queue_first(const struct sim_queue *queue) {
  return queue->count ? queue->events : NULL;
}

struct sim_event sim_queue_pop(struct sim_queue *queue) {
  struct sim_event first = queue->events[0];
  struct sim_event last = queue->events[--queue->count];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < queue->count; at = child) {
    if (child + 1 < queue->count && is_before(&queue->events[child + 1], &queue->events[child]))
      child++;
    if (!is_before(&queue->events[child], &last))
      break;
    queue->events[at] = queue->events[child];
  }
  /* An empty heap keeps no slot to put it in. */
  if (queue->count)
    queue->events[at] = last;
  return first;
}

void sim_queue_done(struct sim_queue *queue) {
  free(queue->events);
  *queue = (struct sim_queue){0};
}
