/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/http_server/hammer.h"

#include "tests/integration/http_server/client.h"

#include <check.h>

static void note_failure(struct hammer *hammer, const char *what) {
  const char *none = NULL;
  (void)atomic_compare_exchange_strong(&hammer->first_failure, &none, what);
  (void)atomic_fetch_add(&hammer->failures, 1);
}

/* One call; false when the connection is not to be used again. */
static bool call(struct hammer *hammer, struct client *client) {
  CLEANUP_REPLY struct reply reply = {0};
  if (!client_call(client, "POST", "/echo", "{\"kind\":\"AdmissionReview\"}", &reply)) {
    note_failure(hammer, reply.head[0] ? "the rest of an answer" : "an answer");
    return false;
  }
  (void)atomic_fetch_add(&hammer->calls, 1);
  if (reply.status != 200 || strcmp(reply.body, "{\"kind\":\"AdmissionReview\"}") != 0) {
    note_failure(hammer, "the answer's content");
    return false;
  }
  return hammer->keeps_connections && !reply_has(&reply, "Connection: close");
}

static void *hammer_main(void *arg) {
  struct hammer *hammer = arg;
  while (!atomic_load(&hammer->stop)) {
    CLEANUP_CLIENT struct client client;
    (void)atomic_fetch_add(&hammer->connections, 1);
    if (!client_open_with(&client, hammer->port, hammer->options)) {
      note_failure(hammer, client.fd < 0 ? "connecting" : "the handshake");
      continue;
    }
    while (call(hammer, &client) && !atomic_load(&hammer->stop))
      ;
  }
  return NULL;
}

void hammer_start(struct hammer *hammer, uint16_t port, int threads, bool keeps_connections) {
  hammer_start_with(hammer, port, threads, keeps_connections, NULL);
}

void hammer_start_with(struct hammer *hammer, uint16_t port, int threads, bool keeps_connections,
                       const struct client_options *options) {
  *hammer = (struct hammer){
      .count = threads, .port = port, .keeps_connections = keeps_connections, .options = options};
  for (int i = 0; i < threads; i++)
    ck_assert_int_eq(pthread_create(&hammer->threads[i], NULL, hammer_main, hammer), 0);
}

void hammer_stop(struct hammer *hammer) {
  atomic_store(&hammer->stop, true);
  for (int i = 0; i < hammer->count; i++)
    (void)pthread_join(hammer->threads[i], NULL);
}
