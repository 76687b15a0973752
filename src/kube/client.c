/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: a pool of connections, credentials, and what the server asks to be repeated. */
#include "kube_internal.h"

#include <stdlib.h>

enum {
  CALL_TIMEOUT_MS = 30000,
  CALL_MAX_BYTES = 16 << 20,
  CONNECT_TIMEOUT_MS = 10000,
  REREAD_MS = 30000,
  REPEATS_MAX = 10,
  REPEAT_MIN_MS = 100,
};

/* ---- life -------------------------------------------------------------------------------- */

static int64_t or_default(int64_t value, int64_t otherwise) {
  return value ? value : otherwise;
}

struct kube_client *kube_client_new(const struct kube_config *config,
                                    const struct kube_client_options *options, struct err *reterr) {
  struct kube_client *client = mem_zalloc(sizeof(*client));
  client->config = config;
  const char *agent = options->user_agent ? options->user_agent : "slicegate/" SLICEGATE_VERSION;
  size_t length = strlen(agent);
  memcpy(client->user_agent, agent,
         length < sizeof(client->user_agent) ? length : sizeof(client->user_agent) - 1);
  client->connect_timeout_ms = or_default(options->connect_timeout_ms, CONNECT_TIMEOUT_MS);
  client->random = options->seed;
  (void)pthread_mutex_init(&client->mutex, NULL);
  credentials_init(&client->credentials, config, or_default(options->reread_ms, REREAD_MS));
  client->idle[0] = transport_new(config, client->user_agent, client->connect_timeout_ms, reterr);
  client->idle_count = client->idle[0] ? 1 : 0;
  if (client->idle_count == 1)
    return client;
  kube_client_free(client);
  return NULL;
}

void kube_client_free(struct kube_client *client) {
  if (!client)
    return;
  for (size_t i = 0; i < client->idle_count; i++)
    transport_free(client->idle[i]);
  credentials_done(&client->credentials);
  (void)pthread_mutex_destroy(&client->mutex);
  free(client);
}

static struct transport *take(struct kube_client *client, struct err *reterr) {
  (void)pthread_mutex_lock(&client->mutex);
  struct transport *transport = client->idle_count > 0 ? client->idle[--client->idle_count] : NULL;
  (void)pthread_mutex_unlock(&client->mutex);
  return transport ? transport
                   : transport_new(client->config, client->user_agent, client->connect_timeout_ms,
                                   reterr);
}

static void give_back(struct kube_client *client, struct transport *transport) {
  (void)pthread_mutex_lock(&client->mutex);
  if (client->idle_count < IDLE_TRANSPORTS_MAX) {
    client->idle[client->idle_count++] = transport;
    transport = NULL;
  }
  (void)pthread_mutex_unlock(&client->mutex);
  transport_free(transport);
}

/* ---- one exchange ------------------------------------------------------------------------ */

static bool is_same_identity(const struct identity *a, const struct identity *b) {
  return str_eq(a->authorization, b->authorization) && str_eq(a->cert_pem, b->cert_pem);
}

/* Once more after 401, if there is anything new to show. */
static bool run_as_somebody(struct kube_client *client, struct transport *transport,
                            struct exchange *exchange, struct err *reterr) {
  struct identity *identity =
      credentials_get(&client->credentials, NULL, exchange->stops[0], reterr);
  if (!identity)
    return false;
  bool ok = transport_run(transport, identity, exchange, reterr);
  if (ok && exchange->status == 401) {
    struct err why;
    struct identity *fresh =
        credentials_get(&client->credentials, identity, exchange->stops[0], &why);
    if (fresh && !is_same_identity(identity, fresh))
      ok = transport_run(transport, fresh, exchange, reterr);
    identity_unref(fresh);
  }
  identity_unref(identity);
  return ok;
}

bool client_exchange(struct kube_client *client, struct exchange *exchange, struct err *reterr) {
  exchange->status = 0;
  exchange->retry_after_ms = -1;
  exchange->reason[0] = '\0';
  struct transport *transport = take(client, reterr);
  if (!transport)
    return false;
  bool ok = run_as_somebody(client, transport, exchange, reterr);
  give_back(client, transport);
  if (ok && (exchange->status < 200 || exchange->status > 299))
    return status_error(exchange->status, buf_str(&exchange->failure), exchange->reason, reterr);
  return ok;
}

/* ---- a call
 * -----------------------------------------------------------------------------------------------
 */

static bool keep_piece(void *ctx, struct str piece, struct err *reterr) {
  struct buf *body = ctx;
  buf_append_str(body, piece);
  return !body->truncated ||
         err_set(reterr, ERR_LIMIT, "the answer is longer than %zu bytes", body->max);
}

static int64_t left_ms(struct sys_mono until) {
  return (until.ns - sys_mono_now().ns) / 1000000;
}

static int64_t jitter_ms(struct kube_client *client, int64_t ms) {
  (void)pthread_mutex_lock(&client->mutex);
  uint64_t random = random_step(&client->random);
  (void)pthread_mutex_unlock(&client->mutex);
  return (int64_t)(random % (uint64_t)(ms / 4 + 1));
}

/* Whether the server wants the call again, at a time that is not too late; waits until then. */
static bool wait_to_repeat(struct kube_client *client, const struct exchange *exchange,
                           const struct kube_stop *stop, struct sys_mono until) {
  bool is_asked =
      exchange->retry_after_ms >= 0 && (exchange->status == 429 || exchange->status == 503);
  if (!is_asked)
    return false;
  int64_t wait_ms =
      exchange->retry_after_ms > REPEAT_MIN_MS ? exchange->retry_after_ms : REPEAT_MIN_MS;
  wait_ms = i64_add_sat(wait_ms, jitter_ms(client, REPEAT_MIN_MS * 4));
  return wait_ms < left_ms(until) && stop_sleep(stop, wait_ms);
}

bool kube_call(struct kube_client *client, const struct kube_request *request,
               struct kube_response *ret, struct err *reterr) {
  int64_t timeout_ms = or_default(request->timeout_ms, CALL_TIMEOUT_MS);
  struct sys_mono until = sys_mono_add_ms(sys_mono_now(), timeout_ms);
  CLEANUP_BUF struct buf url;
  buf_init(&url, 64 << 10);
  buf_append_str(&url, request->path);
  *ret = (struct kube_response){.retry_after_ms = -1};
  buf_init(&ret->body, request->max_bytes ? request->max_bytes : CALL_MAX_BYTES);
  struct exchange exchange = {.method = request->method,
                              .url = url.ptr ? url.ptr : "",
                              .content_type = request->content_type,
                              .body = request->body,
                              .is_unpacked = true,
                              .stops = {request->stop},
                              .body_piece = keep_piece,
                              .ctx = &ret->body};
  if (url.truncated || request->path.len == 0 || request->path.ptr[0] != '/')
    return err_set(reterr, ERR_INVALID, "the path of a call is empty, too long, or not absolute");
  bool ok = false;
  for (int i = 0; i < REPEATS_MAX; i++) {
    exchange.timeout_ms = left_ms(until) > 1 ? left_ms(until) : 1;
    buf_clear(&ret->body);
    ok = client_exchange(client, &exchange, reterr);
    if (ok || !wait_to_repeat(client, &exchange, request->stop, until))
      break;
  }
  ret->status = exchange.status;
  ret->retry_after_ms = exchange.retry_after_ms;
  memcpy(ret->reason, exchange.reason, sizeof(ret->reason));
  exchange_done(&exchange);
  return ok;
}

void kube_response_done(struct kube_response *response) {
  buf_done(&response->body);
}
