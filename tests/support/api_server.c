/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/api_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, HEAD_MAX = 64 << 10, PATIENCE_MS = 10000 };

struct api_server {
  const struct api_step *steps;
  size_t step_count;
  api_decide_fn *decide; /* instead of steps */
  void *decide_ctx;
  int listen_fd, stop_fd;
  uint16_t port;
  SSL_CTX *tls;
  pthread_t thread;
  pthread_mutex_t mutex; /* guards what follows */
  struct api_request *requests;
  size_t count;
  char complaint[1024];
  struct connection *connections[CONNECTIONS_MAX];
  size_t connection_count;
};

struct connection {
  struct api_server *server;
  int fd;
  SSL *ssl;
  pthread_t thread;
  struct buf in;
};

static void demand(bool holds, const char *what) {
  if (!holds) {
    perror(what);
    abort();
  }
}

/* ---- bytes ------------------------------------------------------------------------------- */

/* Waits for bytes, the end of the connection, or of the server (false). */
static bool wait_readable(struct connection *c, int timeout_ms) {
  if (c->ssl && SSL_pending(c->ssl) > 0)
    return true;
  struct pollfd fds[] = {{.fd = c->fd, .events = POLLIN},
                         {.fd = c->server->stop_fd, .events = POLLIN}};
  return poll(fds, 2, timeout_ms) > 0 && !fds[1].revents;
}

static ssize_t receive(struct connection *c, char *bytes, size_t size) {
  if (!wait_readable(c, -1))
    return 0;
  return c->ssl ? SSL_read(c->ssl, bytes, (int)size) : recv(c->fd, bytes, size, 0);
}

static bool send_all(struct connection *c, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n =
        c->ssl ? SSL_write(c->ssl, bytes, (int)length) : send(c->fd, bytes, length, MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    bytes += n;
    length -= (size_t)n;
  }
  return true;
}

static bool send_text(struct connection *c, const char *text) {
  return send_all(c, text, strlen(text));
}

/* True when `ms` have passed, false when the server stops. */
static bool pause_for(struct connection *c, int ms) {
  struct pollfd fd = {.fd = c->server->stop_fd, .events = POLLIN};
  return poll(&fd, 1, ms) == 0;
}

static void hang(struct connection *c) {
  char bytes[1024];
  while (receive(c, bytes, sizeof(bytes)) > 0)
    ;
}

/* ---- requests ---------------------------------------------------------------------------- */

static size_t content_length(const char *head) {
  for (const char *line = head; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncasecmp(line, "content-length:", 15) == 0)
      return (size_t)strtoul(line + 15, NULL, 10);
  }
  return 0;
}

static bool read_request(struct connection *c, struct api_request *ret) {
  char bytes[4096];
  char *end = NULL;
  while (!(c->in.ptr && (end = strstr(c->in.ptr, "\r\n\r\n")))) {
    ssize_t n = receive(c, bytes, sizeof(bytes));
    if (n <= 0 || c->in.truncated)
      return false;
    buf_append(&c->in, bytes, (size_t)n);
  }
  (void)snprintf(ret->head, sizeof(ret->head), "%.*s", (int)(end - c->in.ptr), c->in.ptr);
  size_t head = (size_t)(end - c->in.ptr) + 4, body = content_length(ret->head);
  while (c->in.len < head + body) {
    ssize_t n = receive(c, bytes, sizeof(bytes));
    if (n <= 0 || c->in.truncated)
      return false;
    buf_append(&c->in, bytes, (size_t)n);
  }
  (void)snprintf(ret->body, sizeof(ret->body), "%.*s", (int)body, c->in.ptr + head);
  struct buf rest;
  buf_init(&rest, HEAD_MAX);
  buf_append(&rest, c->in.ptr + head + body, c->in.len - head - body);
  buf_done(&c->in);
  c->in = rest;
  return true;
}

static bool next_step(struct api_server *server, const struct api_request *request,
                      struct api_step *ret) {
  (void)pthread_mutex_lock(&server->mutex);
  size_t index = server->count;
  if (index < API_REQUESTS_MAX)
    server->requests[index] = *request;
  server->count++;
  bool is_there = index < server->step_count;
  if (server->decide)
    is_there = server->decide(server->decide_ctx, request, ret);
  else if (is_there)
    *ret = server->steps[index];
  if (is_there && ret->want && !strstr(request->head, ret->want) && !server->complaint[0])
    (void)snprintf(server->complaint, sizeof(server->complaint),
                   "request %zu: \"%s\" wanted, but it was:\n%.700s", index, ret->want,
                   request->head);
  (void)pthread_mutex_unlock(&server->mutex);
  return is_there;
}

/* ---- answers ----------------------------------------------------------------------------- */

static uint32_t crc32_of(struct str text) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < text.len; i++) {
    crc ^= (unsigned char)text.ptr[i];
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

static void append_le(struct buf *out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; i++)
    buf_append_char(out, (char)(value >> 8 * i & 0xff));
}

/* RFC 1952 with one stored block. */
static void append_gzip(struct buf *out, struct str text) {
  buf_append(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  buf_append_char(out, 1);
  append_le(out, (uint32_t)text.len, 2);
  append_le(out, ~(uint32_t)text.len, 2);
  buf_append_str(out, text);
  append_le(out, crc32_of(text), 4);
  append_le(out, (uint32_t)text.len, 4);
}

static bool send_chunk(struct connection *c, struct str piece) {
  char size[32];
  (void)snprintf(size, sizeof(size), "%zx\r\n", piece.len);
  return piece.len == 0 ||
         (send_text(c, size) && send_all(c, piece.ptr, piece.len) && send_text(c, "\r\n"));
}

static bool send_pieces(struct connection *c, const struct api_step *step, struct str body) {
  if (step->how & API_SPLIT)
    return send_chunk(c, (struct str){body.ptr, step->split}) && pause_for(c, step->pause_ms) &&
           send_chunk(c, str_skip(body, step->split));
  if (!(step->how & API_BYTEWISE))
    return send_chunk(c, body);
  for (size_t i = 0; i < body.len; i++) {
    if (!send_chunk(c, (struct str){body.ptr + i, 1}) || !pause_for(c, step->pause_ms))
      return false;
  }
  return true;
}

static bool send_body(struct connection *c, const struct api_step *step, struct str body) {
  bool is_chunked = step->how & (API_CHUNKED | API_BYTEWISE | API_SPLIT | API_REPEAT);
  if (!is_chunked)
    return send_all(c, body.ptr, body.len);
  do {
    if (!send_pieces(c, step, body))
      return false;
  } while (step->how & API_REPEAT);
  bool is_ended = !(step->how & (API_HANG | API_RESET | API_CUT));
  return !is_ended || send_text(c, "0\r\n\r\n");
}

static bool send_endless_headers(struct connection *c) {
  while (send_text(c, "X-Padding: 0123456789012345678901234567890123456789012345678901\r\n"))
    ;
  return false;
}

static bool send_answer(struct connection *c, const struct api_step *step, bool takes_gzip) {
  CLEANUP_BUF struct buf head, packed;
  buf_init(&head, HEAD_MAX);
  buf_init(&packed, 1 << 20);
  struct str body =
      step->body_len > 0 ? (struct str){step->body, step->body_len} : str_of(step->body);
  const char *header = step->header ? step->header : "";
  bool is_packed = (step->how & API_GZIP) && takes_gzip;
  bool is_chunked = step->how & (API_CHUNKED | API_BYTEWISE | API_SPLIT | API_REPEAT);
  if (is_packed) {
    append_gzip(&packed, body);
    body = buf_str(&packed);
  }
  bool is_short = step->how & (API_HANG | API_RESET | API_CUT);
  buf_printf(&head, "HTTP/1.1 %u Scripted\r\n%s%s%s", step->status ? step->status : 200,
             strstr(header, "Content-Type:") ? "" : "Content-Type: application/json\r\n", header,
             is_packed ? "Content-Encoding: gzip\r\n" : "");
  if (step->how & API_ENDLESS_HEADERS)
    return send_all(c, head.ptr, head.len) && send_endless_headers(c);
  if (is_chunked)
    buf_append_cstr(&head, "Transfer-Encoding: chunked\r\n\r\n");
  else
    buf_printf(&head, "Content-Length: %zu\r\n\r\n", body.len + (is_short ? 1 : 0));
  return send_all(c, head.ptr, head.len) && send_body(c, step, body);
}

static void reset(struct connection *c) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  /* What is on its way should arrive first: a reset would overtake it. */
  (void)pause_for(c, 20);
  (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Whether the connection goes on. */
static bool answer(struct connection *c, const struct api_step *step,
                   const struct api_request *request) {
  bool takes_gzip = strstr(request->head, "Accept-Encoding: gzip") != NULL;
  if (!(step->how & API_NO_ANSWER) && !send_answer(c, step, takes_gzip))
    return false;
  if (step->how & API_HANG)
    hang(c);
  if (step->how & API_RESET)
    reset(c);
  return !(step->how & (API_HANG | API_RESET | API_CUT));
}

/* ---- threads ----------------------------------------------------------------------------- */

static void *connection_main(void *arg) {
  struct connection *c = arg;
  struct api_request request;
  int one = 1;
  (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  bool is_open = !c->ssl || (SSL_set_fd(c->ssl, c->fd) == 1 && SSL_accept(c->ssl) == 1);
  while (is_open && read_request(c, &request)) {
    struct api_step step = {.status = 0};
    is_open = next_step(c->server, &request, &step);
    if (is_open)
      is_open = answer(c, &step, &request);
    else
      hang(c);
  }
  SSL_free(c->ssl);
  (void)close(c->fd);
  buf_done(&c->in);
  return NULL;
}

static void *accept_main(void *arg) {
  struct api_server *server = arg;
  for (;;) {
    struct pollfd fds[] = {{.fd = server->listen_fd, .events = POLLIN},
                           {.fd = server->stop_fd, .events = POLLIN}};
    if (poll(fds, 2, -1) < 0)
      continue;
    if (fds[1].revents)
      return NULL;
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
      continue;
    struct connection *c = mem_zalloc(sizeof(*c));
    c->server = server;
    c->fd = fd;
    c->ssl = server->tls ? SSL_new(server->tls) : NULL;
    buf_init(&c->in, HEAD_MAX);
    (void)pthread_mutex_lock(&server->mutex);
    demand(server->connection_count < CONNECTIONS_MAX, "too many connections");
    server->connections[server->connection_count++] = c;
    (void)pthread_mutex_unlock(&server->mutex);
    demand(pthread_create(&c->thread, NULL, connection_main, c) == 0, "pthread_create");
  }
}

/* ---- start and stop ---------------------------------------------------------------------- */

static SSL_CTX *make_tls(struct str cert_pem, struct str key_pem, struct str ca_pem) {
  SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
  BIO *cert_bio = BIO_new_mem_buf(cert_pem.ptr, (int)cert_pem.len);
  BIO *key_bio = BIO_new_mem_buf(key_pem.ptr, (int)key_pem.len);
  X509 *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
  demand(SSL_CTX_use_certificate(tls, cert) == 1 && SSL_CTX_use_PrivateKey(tls, key) == 1,
         "certificate");
  X509_free(cert);
  EVP_PKEY_free(key);
  (void)BIO_free(cert_bio);
  (void)BIO_free(key_bio);
  if (ca_pem.len > 0) {
    BIO *ca_bio = BIO_new_mem_buf(ca_pem.ptr, (int)ca_pem.len);
    X509 *ca = PEM_read_bio_X509(ca_bio, NULL, NULL, NULL);
    demand(X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), ca) == 1, "authority");
    X509_free(ca);
    (void)BIO_free(ca_bio);
    /* The tests' certificates are for servers. */
    (void)SSL_CTX_set_purpose(tls, X509_PURPOSE_ANY);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  }
  return tls;
}

static struct api_server *start(struct api_server *server) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof(address);
  (void)signal(SIGPIPE, SIG_IGN);
  server->requests = mem_zalloc(API_REQUESTS_MAX * sizeof(*server->requests));
  server->stop_fd = eventfd(0, EFD_CLOEXEC);
  server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  demand(bind(server->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
  demand(listen(server->listen_fd, 64) == 0, "listen");
  demand(getsockname(server->listen_fd, (struct sockaddr *)&address, &length) == 0, "getsockname");
  server->port = ntohs(address.sin_port);
  (void)pthread_mutex_init(&server->mutex, NULL);
  demand(pthread_create(&server->thread, NULL, accept_main, server) == 0, "pthread_create");
  return server;
}

struct api_server *api_server_start(const struct api_step *steps, size_t count, struct str cert_pem,
                                    struct str key_pem, struct str ca_pem) {
  struct api_server *server = mem_zalloc(sizeof(*server));
  server->steps = steps;
  server->step_count = count;
  server->tls = cert_pem.len > 0 ? make_tls(cert_pem, key_pem, ca_pem) : NULL;
  return start(server);
}

struct api_server *api_server_start_deciding(api_decide_fn *decide, void *ctx) {
  struct api_server *server = mem_zalloc(sizeof(*server));
  server->decide = decide;
  server->decide_ctx = ctx;
  return start(server);
}

void api_server_stop(struct api_server *server) {
  uint64_t one = 1;
  demand(write(server->stop_fd, &one, sizeof(one)) == sizeof(one), "write");
  (void)pthread_join(server->thread, NULL);
  for (size_t i = 0; i < server->connection_count; i++) {
    (void)pthread_join(server->connections[i]->thread, NULL);
    free(server->connections[i]);
  }
  (void)close(server->listen_fd);
  (void)close(server->stop_fd);
  SSL_CTX_free(server->tls);
  (void)pthread_mutex_destroy(&server->mutex);
  free(server->requests);
  free(server);
}

uint16_t api_server_port(const struct api_server *server) {
  return server->port;
}

size_t api_server_count(struct api_server *server) {
  (void)pthread_mutex_lock(&server->mutex);
  size_t count = server->count;
  (void)pthread_mutex_unlock(&server->mutex);
  return count;
}

const char *api_server_complaint(struct api_server *server) {
  (void)pthread_mutex_lock(&server->mutex);
  (void)pthread_mutex_unlock(&server->mutex);
  return server->complaint; /* written once */
}

const struct api_request *api_server_request(struct api_server *server, size_t index) {
  demand(index < api_server_count(server) && index < API_REQUESTS_MAX, "no such request");
  return &server->requests[index];
}

bool api_server_wait(struct api_server *server, size_t count) {
  for (int waited = 0; waited < PATIENCE_MS; waited += 5) {
    if (api_server_count(server) >= count)
      return true;
    (void)poll(NULL, 0, 5);
  }
  return false;
}

size_t api_server_connections(struct api_server *server) {
  (void)pthread_mutex_lock(&server->mutex);
  size_t count = server->connection_count;
  (void)pthread_mutex_unlock(&server->mutex);
  return count;
}
