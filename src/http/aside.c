/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers that wait for others run on threads aside: a worker has many connections, and all of
 * them would wait. The connection is suspended meanwhile, which only its worker does and undoes.
 */
#include "http_internal.h"

#include <assert.h>
#include <stdlib.h>

enum { ARENA_FIRST_BYTES = 64 << 10, THREADS = 4 };

struct aside_job {
  struct aside_job *next; /* in the queue, then in its worker's list */
  struct conn *conn;
  struct http_request request; /* without an arena */
  struct http_response response;
  int64_t handler_us;
};

/* ---- the threads --------------------------------------------------------------------------- */

static struct aside_job *next_job(struct aside *aside) {
  (void)pthread_mutex_lock(&aside->mutex);
  while (!aside->first && !atomic_load(&aside->is_ending))
    (void)pthread_cond_wait(&aside->come, &aside->mutex);
  struct aside_job *job = aside->first;
  if (job)
    aside->first = job->next;
  (void)pthread_mutex_unlock(&aside->mutex);
  return job;
}

static void run(struct aside_job *job, struct arena *arena) {
  const struct http_route *route = &job->conn->exchange.route->def;
  struct sys_mono began = sys_mono_now();
  job->request.arena = arena;
  job->request.is_aside = true;
  route->handler(route->ctx, &job->request, &job->response);
  assert(!job->response.is_for_aside);
  job->handler_us = sys_mono_us_between(began, sys_mono_now());
  arena_reset(arena);
}

static void give_back(struct aside_job *job) {
  struct worker *worker = job->conn->worker;
  (void)pthread_mutex_lock(&worker->mutex);
  job->next = worker->done;
  worker->done = job;
  (void)pthread_mutex_unlock(&worker->mutex);
  event_signal(worker->event_fd);
}

static void *aside_main(void *ctx) {
  struct aside *aside = ctx;
  struct arena *arena = arena_new(ARENA_FIRST_BYTES);
  for (struct aside_job *job; (job = next_job(aside)) != NULL;) {
    if (atomic_load(&aside->is_ending))
      http_response_error(&job->response, 503, "the server ends");
    else
      run(job, arena);
    give_back(job);
  }
  arena_free(arena);
  return NULL;
}

bool aside_start(struct aside *aside, unsigned threads, struct err *reterr) {
  size_t count = threads ? threads : THREADS;
  aside->threads = mem_zalloc(count * sizeof(*aside->threads));
  for (; aside->count < count; aside->count++) {
    int failed = pthread_create(&aside->threads[aside->count], NULL, aside_main, aside);
    if (failed)
      return err_set(reterr, ERR_UNAVAILABLE, "cannot start an HTTP thread: %s", strerror(failed));
    (void)pthread_setname_np(aside->threads[aside->count], "http-aside");
  }
  return true;
}

void aside_init(struct aside *aside) {
  (void)pthread_mutex_init(&aside->mutex, NULL);
  (void)pthread_cond_init(&aside->come, NULL);
}

void aside_done(struct aside *aside) {
  (void)pthread_mutex_lock(&aside->mutex);
  atomic_store(&aside->is_ending, true);
  (void)pthread_cond_broadcast(&aside->come);
  (void)pthread_mutex_unlock(&aside->mutex);
  for (size_t i = 0; i < aside->count; i++)
    (void)pthread_join(aside->threads[i], NULL);
  free(aside->threads);
  (void)pthread_mutex_destroy(&aside->mutex);
  (void)pthread_cond_destroy(&aside->come);
}

/* ---- a worker's side ------------------------------------------------------------------------ */

void aside_ask(struct conn *conn, const struct http_request *request,
               const struct http_response *response) {
  struct http_server *server = conn->worker->server;
  bool is_brief = conn->exchange.route->def.waiting == HTTP_MAY_WAIT;
  struct aside *aside = is_brief ? &server->aside_briefly : &server->aside;
  struct aside_job *job = mem_zalloc(sizeof(*job));
  *job = (struct aside_job){.conn = conn, .request = *request, .response = *response};
  MHD_suspend_connection(request->transport);
  (void)pthread_mutex_lock(&aside->mutex);
  struct aside_job **at = &aside->first;
  while (*at)
    at = &(*at)->next;
  *at = job;
  (void)pthread_cond_signal(&aside->come);
  (void)pthread_mutex_unlock(&aside->mutex);
}

void aside_take_done(struct worker *worker) {
  (void)pthread_mutex_lock(&worker->mutex);
  struct aside_job *job = worker->done;
  worker->done = NULL;
  (void)pthread_mutex_unlock(&worker->mutex);
  while (job) {
    struct aside_job *next = job->next;
    assert(job->conn->magic == CONN_MAGIC);
    job->conn->exchange.answered = job;
    MHD_resume_connection(job->request.transport);
    job = next;
  }
}

struct http_response aside_finish(struct exchange *exchange) {
  struct aside_job *job = exchange->answered;
  struct http_response response = job->response;
  exchange->handler_us += job->handler_us;
  exchange->answered = NULL;
  free(job);
  return response;
}

void aside_drop(struct exchange *exchange) {
  if (!exchange->answered)
    return;
  struct http_response response = aside_finish(exchange);
  buf_done(&response.body);
}
