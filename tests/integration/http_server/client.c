/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/http_server/client.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int tcp_open(uint16_t port, const char *from) {
  static const int on = 1;
  struct timeval patience = {.tv_sec = PATIENCE_S};
  struct sockaddr_in addr = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  bool is_open = fd >= 0;
  if (is_open && from) {
    (void)inet_pton(AF_INET, from, &addr.sin_addr);
    is_open = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
  }
  addr.sin_port = htons(port);
  (void)inet_pton(AF_INET, "127.0.0.1", &addr.sin_addr);
  if (is_open && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
    return fd;
  if (fd >= 0)
    (void)close(fd);
  return -1;
}

/* A certificate and its key, shown whatever CAs the server names. */
static void show_certificate(SSL_CTX *ctx, const struct client_options *options) {
  BIO *cert_bio = BIO_new_mem_buf(options->cert_pem.ptr, (int)options->cert_pem.len);
  BIO *key_bio = BIO_new_mem_buf(options->key_pem.ptr, (int)options->key_pem.len);
  X509 *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
  ck_assert_int_eq(SSL_CTX_use_certificate(ctx, cert), 1);
  ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
  X509_free(cert);
  EVP_PKEY_free(key);
  (void)BIO_free(cert_bio);
  (void)BIO_free(key_bio);
}

static void note_alert(const SSL *ssl, int where, int value) {
  if (where == SSL_CB_READ_ALERT)
    ((struct client *)SSL_get_app_data(ssl))->last_alert = value & 0xff;
}

bool client_open_with(struct client *client, uint16_t port, const struct client_options *options) {
  static const unsigned char alpn[] = "\x08http/1.1";
  const int most = options ? options->most : 0;
  *client = (struct client){.fd = tcp_open(port, NULL)};
  buf_init(&client->in, REPLY_MAX);
  if (client->fd < 0)
    return false;
  if (options && options->plain_http)
    return true;
  client->ctx = SSL_CTX_new(TLS_client_method());
  /* Old versions need the lowest level to be offered at all. */
  if (most != 0 && most < TLS1_2_VERSION)
    SSL_CTX_set_security_level(client->ctx, 0);
  if (options && options->cert_pem.ptr)
    show_certificate(client->ctx, options);
  (void)SSL_CTX_set_min_proto_version(client->ctx, options ? options->least : 0);
  (void)SSL_CTX_set_max_proto_version(client->ctx, most);
  (void)SSL_CTX_set_alpn_protos(client->ctx, alpn, sizeof(alpn) - 1);
  client->ssl = SSL_new(client->ctx);
  (void)SSL_set_app_data(client->ssl, client);
  SSL_set_info_callback(client->ssl, note_alert);
  (void)SSL_set_fd(client->ssl, client->fd);
  (void)SSL_set_tlsext_host_name(client->ssl, "localhost");
  bool is_open = SSL_connect(client->ssl) == 1;
  ERR_clear_error();
  return is_open;
}

bool client_open(struct client *client, uint16_t port) {
  return client_open_with(client, port, NULL);
}

bool client_open_version(struct client *client, uint16_t port, int least, int most) {
  return client_open_with(client, port, &(struct client_options){.least = least, .most = most});
}

void client_close(struct client *client) {
  SSL_free(client->ssl);
  SSL_CTX_free(client->ctx);
  if (client->fd >= 0)
    (void)close(client->fd);
  buf_done(&client->in);
  *client = (struct client){.fd = -1};
}

static int write_some(struct client *client, struct str bytes) {
  int len = bytes.len > 1 << 20 ? 1 << 20 : (int)bytes.len;
  if (!client->ssl)
    return (int)send(client->fd, bytes.ptr, (size_t)len, MSG_NOSIGNAL);
  int n = SSL_write(client->ssl, bytes.ptr, len);
  ERR_clear_error();
  return n;
}

static int read_some(struct client *client, char *bytes, size_t size) {
  if (!client->ssl)
    return (int)recv(client->fd, bytes, size, 0);
  int n = SSL_read(client->ssl, bytes, (int)size);
  ERR_clear_error();
  return n;
}

bool client_send(struct client *client, struct str bytes) {
  while (bytes.len > 0) {
    int n = write_some(client, bytes);
    if (n <= 0)
      return false;
    bytes = str_skip(bytes, (size_t)n);
  }
  return true;
}

bool client_send_text(struct client *client, const char *text) {
  return client_send(client, str_of(text));
}

/* More bytes into client->in; false at the end. */
static bool receive(struct client *client) {
  char chunk[16384];
  int n = read_some(client, chunk, sizeof(chunk));
  if (n > 0)
    buf_append(&client->in, chunk, (size_t)n);
  return n > 0 && !client->in.truncated;
}

static void consume(struct client *client, size_t len) {
  memmove(client->in.ptr, client->in.ptr + len, client->in.len - len);
  client->in.len -= len;
  client->in.ptr[client->in.len] = '\0';
}

/* Answers without a body have Content-Length 0 or none (100). */
static size_t body_len_of(const char *head) {
  const char *line = strcasestr(head, "\r\nContent-Length:");
  return line ? strtoul(line + 17, NULL, 10) : 0;
}

bool client_reply(struct client *client, struct reply *reply) {
  const char *end;
  *reply = (struct reply){0};
  while (client->in.len == 0 || !(end = strstr(client->in.ptr, "\r\n\r\n"))) {
    if (!receive(client))
      return false;
  }
  size_t head_len = (size_t)(end - client->in.ptr) + 4;
  (void)snprintf(reply->head, sizeof(reply->head), "%.*s", (int)head_len, client->in.ptr);
  size_t body_len = body_len_of(reply->head);
  while (client->in.len < head_len + body_len) {
    if (!receive(client))
      return false;
  }
  reply->body = mem_strndup(client->in.ptr + head_len, body_len);
  reply->body_len = body_len;
  consume(client, head_len + body_len);
  reply->status = (int)strtol(reply->head + strlen("HTTP/1.1 "), NULL, 10);
  return true;
}

void reply_done(struct reply *reply) {
  free(reply->body);
  reply->body = NULL;
}

bool client_sees_end(struct client *client) {
  char chunk[16384];
  while (client->ssl && SSL_is_init_finished(client->ssl) &&
         SSL_read(client->ssl, chunk, sizeof(chunk)) > 0)
    ;
  ERR_clear_error();
  /* After TLS's farewell the end of the stream itself; a reset is one too. */
  for (;;) {
    ssize_t n = recv(client->fd, chunk, sizeof(chunk), 0);
    if (n <= 0)
      return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }
}

void client_half_close(struct client *client) {
  if (client->ssl)
    (void)SSL_shutdown(client->ssl);
  (void)shutdown(client->fd, SHUT_WR);
}

bool client_call(struct client *client, const char *method, const char *path, const char *body,
                 struct reply *reply) {
  CLEANUP_BUF struct buf request;
  buf_init(&request, REPLY_MAX);
  buf_printf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
  if (body)
    buf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
  buf_printf(&request, "\r\n%s", body ? body : "");
  *reply = (struct reply){0};
  return client_send(client, buf_str(&request)) && client_reply(client, reply);
}

bool reply_has(const struct reply *reply, const char *header_line) {
  CLEANUP_BUF struct buf wanted;
  buf_init(&wanted, 4096);
  buf_printf(&wanted, "\r\n%s\r\n", header_line);
  return strcasestr(reply->head, wanted.ptr) != NULL;
}

int call_once(uint16_t port, const char *method, const char *path, const char *body) {
  return call_once_with(port, NULL, method, path, body);
}

int call_once_with(uint16_t port, const struct client_options *options, const char *method,
                   const char *path, const char *body) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  if (!client_open_with(&client, port, options) ||
      !client_call(&client, method, path, body, &reply))
    return 0;
  return reply.status;
}

void client_peer_serial(const struct client *client, char ret[64]) {
  X509 *cert = SSL_get1_peer_certificate(client->ssl);
  BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
  char *hex = BN_bn2hex(number);
  (void)snprintf(ret, 64, "%s", hex);
  OPENSSL_free(hex);
  BN_free(number);
  X509_free(cert);
}
