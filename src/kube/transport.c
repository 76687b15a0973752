/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange at a time on libcurl: HTTP/1.1, so that a call and a connection are one and a
 * stalled one harms no other. The handle and its connections are kept between exchanges. libcurl
 * sends a request again by itself when a kept connection ends before the first byte of an answer.
 */
#include "kube_internal.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

enum {
  LOOK_MS = 1000, /* at deadlines, at least so often */
  PIECE_BYTES = 64 << 10,
  KEEPALIVE_IDLE_S = 30,
  KEEPALIVE_INTERVAL_S = 10,
  UNACKED_MS = 60000, /* sent bytes that nobody confirms: the connection is dead */
};

struct transport {
  CURL *easy;
  CURLM *multi;
  const struct kube_config *config;
  char *user_agent;
  char *base;                    /* what paths are put behind */
  char *host_header;             /* NULL: libcurl's own */
  struct curl_slist *connect_to; /* NULL: where the URL says */
  int64_t connect_timeout_ms;
};

/* What callbacks of one exchange need. */
struct run {
  struct transport *transport;
  struct exchange *exchange;
  size_t header_bytes;
  struct sys_mono heard;
  bool is_refused; /* by us: *reterr is filled */
  struct err *reterr;
};

/* ---- life -------------------------------------------------------------------------------- */

static void init_curl(void) {
  (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/*
 * A certificate is checked against the name in the URL. So when it is to be checked against
 * another one, that goes into the URL, and the connection is steered to the server.
 */
static bool steer(struct transport *transport, const char *server, const char *name) {
  CURLU *url = curl_url();
  char *host = NULL, *port = NULL, *base = NULL;
  bool ok = !curl_url_set(url, CURLUPART_URL, server, 0) &&
            !curl_url_get(url, CURLUPART_HOST, &host, 0) &&
            !curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
            !curl_url_set(url, CURLUPART_HOST, name, 0) &&
            !curl_url_set(url, CURLUPART_PORT, port, 0) &&
            !curl_url_get(url, CURLUPART_URL, &base, 0);
  if (ok) {
    CLEANUP_BUF struct buf text;
    buf_init(&text, 4096);
    buf_printf(&text, "%s:%s:%s:%s", name, port, host, port);
    transport->connect_to = curl_slist_append(NULL, text.ptr);
    buf_clear(&text);
    buf_printf(&text, "Host: %s:%s", host, port);
    transport->host_header = mem_strndup(text.ptr, text.len);
    size_t length = strlen(base);
    transport->base = mem_strndup(base, base[length - 1] == '/' ? length - 1 : length);
  }
  curl_free(host);
  curl_free(port);
  curl_free(base);
  curl_url_cleanup(url);
  return ok;
}

struct transport *transport_new(const struct kube_config *config, const char *user_agent,
                                int64_t connect_timeout_ms, struct err *reterr) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, init_curl);
  struct transport *transport = mem_zalloc(sizeof(*transport));
  transport->config = config;
  transport->connect_timeout_ms = connect_timeout_ms;
  transport->user_agent = mem_strndup(user_agent, strlen(user_agent));
  transport->easy = curl_easy_init();
  transport->multi = curl_multi_init();
  if (!transport->easy || !transport->multi) {
    err_set(reterr, ERR_INTERNAL, "libcurl cannot make a handle");
  } else if (!config->tls_server_name) {
    transport->base = mem_strndup(config->server.ptr, config->server.len);
    return transport;
  } else if (steer(transport, config->server.ptr, config->tls_server_name)) {
    return transport;
  } else {
    err_set(reterr, ERR_INVALID, "tls-server-name \"%s\" is no name of a server",
            config->tls_server_name);
  }
  transport_free(transport);
  return NULL;
}

void transport_free(struct transport *transport) {
  if (!transport)
    return;
  curl_easy_cleanup(transport->easy);
  (void)curl_multi_cleanup(transport->multi);
  curl_slist_free_all(transport->connect_to);
  free(transport->host_header);
  free(transport->base);
  free(transport->user_agent);
  free(transport);
}

void exchange_done(struct exchange *exchange) {
  buf_done(&exchange->failure);
}

/* ---- what comes -------------------------------------------------------------------------- */

static void note_heard(struct run *run) {
  run->heard = sys_mono_coarse();
  if (run->exchange->heard_ns)
    atomic_store(run->exchange->heard_ns, run->heard.ns);
}

static bool says_protobuf(struct str value) {
  static const char type[] = "application/vnd.kubernetes.protobuf";
  while (value.len > 0 && scan_is_space(value.ptr[0]))
    value = str_skip(value, 1);
  return value.len >= sizeof(type) - 1 && strncasecmp(value.ptr, type, sizeof(type) - 1) == 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx) {
  static const char retry_after[] = "retry-after:", content_type[] = "content-type:";
  struct run *run = ctx;
  size_t length = size * count;
  note_heard(run);
  run->header_bytes += length;
  if (run->header_bytes > RESPONSE_HEADERS_MAX_BYTES) {
    run->is_refused = true;
    err_set(run->reterr, ERR_LIMIT, "the answer's headers are longer than %d bytes",
            RESPONSE_HEADERS_MAX_BYTES);
    return 0;
  }
  if (length > sizeof(retry_after) && strncasecmp(line, retry_after, sizeof(retry_after) - 1) == 0)
    run->exchange->retry_after_ms = 0; /* how long, libcurl knows */
  if (length > sizeof(content_type) &&
      strncasecmp(line, content_type, sizeof(content_type) - 1) == 0)
    run->exchange->is_protobuf =
        says_protobuf(str_skip((struct str){line, length}, sizeof(content_type) - 1));
  return length;
}

static unsigned status_now(const struct transport *transport) {
  long status = 0;
  (void)curl_easy_getinfo(transport->easy, CURLINFO_RESPONSE_CODE, &status);
  return status > 0 && status < 1000 ? (unsigned)status : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx) {
  struct run *run = ctx;
  struct exchange *exchange = run->exchange;
  struct str piece = {bytes, size * count};
  unsigned status = status_now(run->transport);
  note_heard(run);
  if (status < 200 || status > 299) {
    size_t room = exchange->failure.max - exchange->failure.len;
    buf_append(&exchange->failure, piece.ptr, piece.len < room ? piece.len : room);
    return piece.len;
  }
  if (exchange->body_piece(exchange->ctx, piece, run->reterr)) {
    run->heard = sys_mono_coarse(); /* the receiver's time is not the server's silence */
    return piece.len;
  }
  run->is_refused = true;
  return 0;
}

static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose) {
  (void)ctx;
  (void)purpose;
  unsigned unacked_ms = UNACKED_MS;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof(unacked_ms));
  return CURL_SOCKOPT_OK;
}

/* ---- what is asked ----------------------------------------------------------------------- */

#define SET(option, value) (void)curl_easy_setopt(easy, (option), (value))

static void set_blob(CURL *easy, CURLoption option, struct str bytes) {
  /* Not copied: credentials outlive the exchange. */
  struct curl_blob blob = {.data = (void *)bytes.ptr, .len = bytes.len, .flags = CURL_BLOB_NOCOPY};
  if (bytes.len > 0)
    SET(option, &blob);
}

static void set_trust(CURL *easy, const struct kube_config *config,
                      const struct identity *identity) {
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_VERIFYPEER, config->skip_tls_verify ? 0L : 1L);
  SET(CURLOPT_SSL_VERIFYHOST, config->skip_tls_verify ? 0L : 2L);
  if (identity->ca_pem.len > 0) {
    set_blob(easy, CURLOPT_CAINFO_BLOB, identity->ca_pem);
    SET(CURLOPT_CAPATH, NULL); /* this authority, not the system's besides */
  }
  if (identity->cert_pem.len > 0) {
    SET(CURLOPT_SSLCERTTYPE, "PEM");
    SET(CURLOPT_SSLKEYTYPE, "PEM");
    SET(CURLOPT_KEYPASSWD, ""); /* nobody is asked for one */
    set_blob(easy, CURLOPT_SSLCERT_BLOB, identity->cert_pem);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, identity->key_pem);
  }
}

static void set_connection(CURL *easy, const struct transport *transport,
                           const struct exchange *exchange) {
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)transport->connect_timeout_ms);
  SET(CURLOPT_TIMEOUT_MS, (long)exchange->timeout_ms);
  SET(CURLOPT_BUFFERSIZE, (long)PIECE_BYTES);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
  SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
  SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (transport->connect_to)
    SET(CURLOPT_CONNECT_TO, transport->connect_to);
  if (transport->config->proxy_url) {
    SET(CURLOPT_PROXY, transport->config->proxy_url);
    SET(CURLOPT_NOPROXY, "");
  }
}

static void set_method(CURL *easy, const struct exchange *exchange) {
  static const char *const names[] = {[KUBE_GET] = "GET",
                                      [KUBE_POST] = "POST",
                                      [KUBE_PUT] = "PUT",
                                      [KUBE_PATCH] = "PATCH",
                                      [KUBE_DELETE] = "DELETE"};
  bool has_body = exchange->method != KUBE_GET && exchange->body.len > 0;
  if (has_body || exchange->method == KUBE_POST || exchange->method == KUBE_PUT) {
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.len);
    SET(CURLOPT_POSTFIELDS, exchange->body.ptr ? exchange->body.ptr : "");
  }
  SET(CURLOPT_CUSTOMREQUEST, names[exchange->method]);
}

static struct curl_slist *make_headers(const struct transport *transport,
                                       const struct identity *identity,
                                       const struct exchange *exchange) {
  struct curl_slist *list =
      curl_slist_append(NULL, exchange->may_be_protobuf
                                  ? "Accept: application/vnd.kubernetes.protobuf,application/json"
                                  : "Accept: application/json");
  list = curl_slist_append(list, "Expect:"); /* bodies are small: no asking first */
  if (identity->authorization.len > 0)
    list = curl_slist_append(list, identity->authorization.ptr);
  if (transport->host_header)
    list = curl_slist_append(list, transport->host_header);
  if (exchange->body.len > 0) {
    CLEANUP_BUF struct buf line;
    buf_init(&line, 256);
    buf_printf(&line, "Content-Type: %s",
               exchange->content_type ? exchange->content_type : "application/json");
    list = curl_slist_append(list, line.ptr);
  }
  return list;
}

/* ---- the exchange ------------------------------------------------------------------------ */

static bool is_stopped(const struct exchange *exchange) {
  return kube_stop_is_raised(exchange->stops[0]) || kube_stop_is_raised(exchange->stops[1]);
}

static int64_t silent_ms(const struct run *run) {
  return sys_mono_us_between(run->heard, sys_mono_coarse()) / 1000;
}

static int wait_ms(const struct run *run) {
  int64_t idle_ms = run->exchange->idle_ms;
  if (idle_ms == 0)
    return LOOK_MS;
  int64_t left = idle_ms - silent_ms(run) + 5; /* the coarse clock's grain */
  return left < 1 ? 1 : left > LOOK_MS ? LOOK_MS : (int)left;
}

static bool wait_for_something(const struct run *run, struct err *reterr) {
  struct exchange *exchange = run->exchange;
  struct curl_waitfd fds[2];
  unsigned count = 0;
  for (size_t i = 0; i < SG_ARRAY_LEN(exchange->stops); i++) {
    if (exchange->stops[i])
      fds[count++] =
          (struct curl_waitfd){.fd = exchange->stops[i]->event_fd, .events = CURL_WAIT_POLLIN};
  }
  CURLMcode failed = curl_multi_poll(run->transport->multi, fds, count, wait_ms(run), NULL);
  if (failed)
    return err_set(reterr, ERR_INTERNAL, "%s", curl_multi_strerror(failed));
  if (is_stopped(exchange))
    return err_set(reterr, ERR_UNAVAILABLE, "stopped");
  exchange->was_idle = exchange->idle_ms > 0 && silent_ms(run) >= exchange->idle_ms;
  if (exchange->was_idle)
    return err_set(reterr, ERR_UNAVAILABLE, "no byte came for %lld ms: the connection is dead",
                   (long long)exchange->idle_ms);
  return true;
}

static CURLcode result_of(const struct transport *transport) {
  int left;
  const CURLMsg *message = curl_multi_info_read(transport->multi, &left);
  return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
}

/* Until the exchange is over; false when it was not let end. */
static bool drive(struct run *run, CURLcode *ret, struct err *reterr) {
  int running = 1;
  for (;;) {
    CURLMcode failed = curl_multi_perform(run->transport->multi, &running);
    if (failed)
      return err_set(reterr, ERR_INTERNAL, "%s", curl_multi_strerror(failed));
    if (running == 0) {
      *ret = result_of(run->transport);
      return true;
    }
    if (!wait_for_something(run, reterr))
      return false;
  }
}

static bool judge(const struct run *run, CURLcode result, const char *details, struct err *reterr) {
  if (result == CURLE_OK || run->is_refused)
    return result == CURLE_OK;
  bool is_ours = result == CURLE_SSL_CERTPROBLEM || result == CURLE_PEER_FAILED_VERIFICATION ||
                 result == CURLE_SSL_CACERT_BADFILE || result == CURLE_URL_MALFORMAT;
  return err_set(reterr, is_ours ? ERR_INVALID : ERR_UNAVAILABLE, "%.*s: %s",
                 STR_FMT(run->transport->config->server),
                 *details ? details : curl_easy_strerror(result));
}

static void fill_retry_after(const struct transport *transport, struct exchange *exchange) {
  curl_off_t seconds = 0;
  if (exchange->retry_after_ms >= 0 &&
      curl_easy_getinfo(transport->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK)
    exchange->retry_after_ms = i64_mul_sat(seconds > 0 ? seconds : 0, 1000);
}

bool transport_run(struct transport *transport, const struct identity *identity,
                   struct exchange *exchange, struct err *reterr) {
  CURL *easy = transport->easy;
  char details[CURL_ERROR_SIZE] = "";
  struct run run = {
      .transport = transport, .exchange = exchange, .heard = sys_mono_coarse(), .reterr = reterr};
  CLEANUP_BUF struct buf url;
  buf_init(&url, 64 << 10);
  buf_printf(&url, "%s%s", transport->base, exchange->url);
  if (url.truncated)
    return err_set(reterr, ERR_LIMIT, "the path is too long");
  exchange->status = 0;
  exchange->was_idle = false;
  exchange->is_protobuf = false;
  exchange->retry_after_ms = -1;
  buf_done(&exchange->failure);
  buf_init(&exchange->failure, FAILURE_MAX_BYTES);

  curl_easy_reset(easy); /* options only, not connections */
  struct curl_slist *headers = make_headers(transport, identity, exchange);
  SET(CURLOPT_URL, url.ptr);
  SET(CURLOPT_HTTPHEADER, headers);
  SET(CURLOPT_USERAGENT, transport->user_agent);
  SET(CURLOPT_ERRORBUFFER, details);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, &run);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, &run);
  if (exchange->is_unpacked)
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
  set_connection(easy, transport, exchange);
  set_trust(easy, transport->config, identity);
  set_method(easy, exchange);

  CURLcode result = CURLE_FAILED_INIT;
  (void)curl_multi_add_handle(transport->multi, easy);
  bool ok = drive(&run, &result, reterr) && judge(&run, result, details, reterr);
  exchange->status = status_now(transport);
  fill_retry_after(transport, exchange);
  (void)curl_multi_remove_handle(transport->multi, easy);
  curl_easy_reset(easy); /* it points to this frame */
  curl_slist_free_all(headers);
  return ok;
}
