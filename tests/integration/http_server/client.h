/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client, with TLS or without, that can also misbehave. It blocks, for PATIENCE_S at most; then
 * the call fails, as it does when the peer has gone.
 */
#ifndef SLICEGATE_TESTS_HTTP_CLIENT_H
#define SLICEGATE_TESTS_HTTP_CLIENT_H

#include "slicegate/base.h"

#include <openssl/ssl.h>

enum { PATIENCE_S = 30, REPLY_MAX = 4 << 20 };

struct client {
  int fd; /* -1: not connected */
  SSL_CTX *ctx;
  SSL *ssl;       /* NULL without TLS */
  struct buf in;  /* received, not yet used */
  int last_alert; /* that the server sent, SSL_AD_...; with TLS */
};

struct reply {
  int status;
  char head[4096]; /* status line and headers */
  char *body;      /* heap, NUL-terminated */
  size_t body_len;
};

/* A connected socket with time limits, or -1. `from` is the source address, or NULL. */
int tcp_open(uint16_t port, const char *from);

/* Zeros are the ordinary client. */
struct client_options {
  bool plain_http;
  int least; /* version, TLS1_1_VERSION ...; 0 is no bound */
  int most;
  struct str cert_pem; /* the client's own; NULL: none */
  struct str key_pem;
};

/* Connects and shakes hands; false when either fails. NULL options are the ordinary ones. */
bool client_open(struct client *client, uint16_t port);
bool client_open_with(struct client *client, uint16_t port, const struct client_options *options);
bool client_open_version(struct client *client, uint16_t port, int least, int most);
void client_close(struct client *client);
#define CLEANUP_CLIENT SG_CLEANUP(client_close)

bool client_send(struct client *client, struct str bytes);
bool client_send_text(struct client *client, const char *text);
/* One answer; false when the connection ends before it is complete. */
bool client_reply(struct client *client, struct reply *reply);
void reply_done(struct reply *reply);
#define CLEANUP_REPLY SG_CLEANUP(reply_done)
/* Waits for the end of the connection and throws away what comes before it. */
bool client_sees_end(struct client *client);
/* Nothing more to send (close_notify and FIN), still reading. */
void client_half_close(struct client *client);

/* Sends a request with a body (NULL: none) and reads the answer. */
bool client_call(struct client *client, const char *method, const char *path, const char *body,
                 struct reply *reply);
bool reply_has(const struct reply *reply, const char *header_line);

/* A whole exchange on a connection of its own; the status, or 0. */
int call_once(uint16_t port, const char *method, const char *path, const char *body);
int call_once_with(uint16_t port, const struct client_options *options, const char *method,
                   const char *path, const char *body);

/* The serial number of the certificate that the server showed, as hex. */
void client_peer_serial(const struct client *client, char ret[64]);

#endif
